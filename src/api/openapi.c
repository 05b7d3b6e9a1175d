/* openapi.c -- /openapi.json, written from the tables: routes.def, answers.def, errors.def, matrix.def; the forms of
 * bodies from schemas.json, examples from examples.json.
 *
 * examples.json is a list in the order of a story that tests/scenario/openapi.mjs tells a real server, and holds the
 * answers against. An example: route, name, summary     whose it is, and what it shows path, query, headers, body of
 * the request (raw: a body that is no JSON) status, answer, accept          of the answer, which is JSON, or a part of
 * a text; accept: the media type asked for as, given, within               for the test alone: who asks, of which
 * server, for how many seconds again Its words are those of tests/cases: "@NOW-2H@" an instant, "@TIME@", "@UUID@",
 * "@INT 3@", "@BOOL true@", "@TEXT like this@", "@ANY this or null@" stand for what differs from run to run;
 * "@job=UUID@" keeps it under a name, "@job@" says it again. Here they become plain examples. */
#include "api/accept.h"
#include "api/api_int.h"
#include "api/fhir_search.h"
#include "base/clock.h"
#include "base/json.h"

enum { DESCRIPTION_MAX = 2 << 20, CODES_MAX = 16, HOUR_S = 3600, EXAMPLES_MAX = 64 };
enum { SHARED_MAX = 512, SHARED_SIZE = 64 << 10 };

extern const char schemas_json[], examples_json[];

static const struct {
    const char *handler, *in, *name, *schema, *what;
} inputs[] = {
#define IN(handler, in, name, schema, what) {#handler, in, name, schema, what},
#include "api/answers.def"
};

static const struct {
    const char *handler;
    enum face type;
} searches[] = {
#define SEARCHES(handler, type) {#handler, FACE_##type},
#include "api/answers.def"
};

struct answer {
    const char *handler;
    int status;
    const char *schema, *media, *when;
};
static const struct answer answers[] = {
#define ANSWER(handler, status, schema, media, when) {#handler, status, schema, media, when},
#include "api/answers.def"
};

static const struct {
    const char *handler;
    int status;
    const char *name, *what;
} gives[] = {
#define GIVES(handler, status, name, what) {#handler, status, name, what},
#include "api/answers.def"
};

struct refusal {
    const char *handler;
    enum err_code code;
    const char *when;
};
static const struct refusal refusals[] = {
#define REFUSES(handler, code, when) {#handler, ERR_##code, when},
#include "api/answers.def"
};

static const struct {
    enum entity entity;
    const char *what;
} tags[] = {
#define TAG(entity, what) {ENTITY_##entity, what},
#include "api/answers.def"
};

struct writing {
    struct json_out *o;
    struct arena *a;
    struct json examples;
    const struct api_route *route;
    uint32_t example[EXAMPLES_MAX]; /* of this route */
    int examples_of;
    int64_t now;
    struct shared { /* refusals, each said once: most operations have the same ones */
        const char *name;
        struct slice text;
    } shared[SHARED_MAX];
    int shared_of;
    bool failed;
};

/* --- the words of examples --- */

static const char sample_uuid[] = "019a4c51-6f2b-7c31-9d1e-3b5a7c9e1f20";

/* "NOW-2H", "NOW+1D"; "TODAY+90D", a date */
static bool put_time(struct writing *w, struct slice word)
{
    char text[CLOCK_TEXT];
    int64_t us = w->now, n = 0, unit = 0;
    if (slice_is(word, "TIME"))
        return json_put_str(w->o, clock_text(w->now, text)), true;
    bool day = slice_starts(word, "TODAY");
    if (!day && !slice_starts(word, "NOW"))
        return false;
    for (size_t i = day ? 5 : 3; i < word.n; i = i + 1) {
        bool minus = word.p[i] == '-';
        for (n = 0; i + 1 < word.n && word.p[i + 1] >= '0' && word.p[i + 1] <= '9'; i++)
            n = n * 10 + word.p[i + 1] - '0';
        i++;
        unit = i == word.n ? 0 : word.p[i] == 'D' ? 86400 : word.p[i] == 'H' ? 3600 : word.p[i] == 'M' ? 60 : 1;
        us += (minus ? -n : n) * unit * 1000000;
    }
    clock_text(us, text);
    if (day)
        text[10] = 0;
    return json_put_str(w->o, text), true;
}

/* The word that an answer before keeps as `name`: of "@job=UUID@", UUID. */
static struct slice kept_word(struct slice name, struct arena *a)
{
    const char *key = arena_printf(a, "\"@%.*s=", SLICE_FMT(name)), *at = key ? strstr(examples_json, key) : NULL;
    const char *end = at ? strstr(at, "@\"") : NULL;
    if (!end)
        return SLICE("UUID");
    at += strlen(key);
    return (struct slice){at, (size_t)(end - at)};
}

static void put_word(struct writing *w, struct slice word)
{
    size_t name = strspn(word.p, "abcdefghijklmnopqrstuvwxyz_");
    if (name == word.n)
        word = kept_word(word, w->a);
    else if (word.p[name] == '=')
        word = (struct slice){word.p + name + 1, word.n - name - 1};
    if (slice_starts(word, "INT ") || slice_starts(word, "NEAR ") || slice_starts(word, "BOOL ")) {
        slice_cut(&word, ' ');
        json_put_raw(w->o, word);
    } else if (slice_starts(word, "TEXT ") || slice_starts(word, "ANY ")) {
        slice_cut(&word, ' ');
        json_put(w->o, word);
    } else if (!put_time(w, word)) {
        json_put_str(w->o, sample_uuid);
    }
}

static void put_value(struct writing *w, uint32_t node)
{
    const struct json *j = &w->examples;
    struct slice raw = json_raw(j, node);
    enum json_kind kind = json_kind(j, node);
    if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
        json_open(w->o, kind == JSON_OBJECT ? '{' : '[');
        for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k)) {
            if (kind == JSON_OBJECT)
                json_key(w->o, arena_str(w->a, json_text(j, k, w->a)));
            put_value(w, kind == JSON_OBJECT ? json_value(k) : k);
        }
        json_close(w->o, kind == JSON_OBJECT ? '}' : ']');
    } else if (kind == JSON_STRING && raw.n > 2 && raw.p[0] == '@' && raw.p[raw.n - 1] == '@') {
        put_word(w, (struct slice){raw.p + 1, raw.n - 2});
    } else {
        json_put_raw(w->o, json_span(j, node));
    }
}

/* --- what a route refuses --- */

static bool takes_json(const struct api_route *r)
{
    return strcmp(api_takes(r), "application/json") == 0;
}

/* What follows from the route alone, and its rows of answers.def. */
static int refusals_of(const struct api_route *r, struct refusal *ret)
{
    int n = 0;
    if (policy_view(ROLE_ANONYMOUS, r->entity, r->action) == VIEW_NONE) {
        ret[n++] = (struct refusal){NULL, ERR_NOT_SIGNED_IN, "No API key, or one that is not known"};
        if (policy_view(ROLE_CLIENT, r->entity, r->action) == VIEW_NONE)
            ret[n++] = (struct refusal){NULL, ERR_NOT_ALLOWED, "Not with this key"};
        ret[n++] = (struct refusal){NULL, ERR_RATE, "Too many requests of this client, or too many failed sign-ins"};
        if (policy_view(ROLE_CLIENT, r->entity, r->action) != VIEW_NONE && r->entity != ENTITY_ME)
            ret[n++] = (struct refusal){
                NULL, ERR_SCOPE, "The access token does not cover this; WWW-Authenticate names the scope that does"};
    }
    if (r->body_kib) {
        ret[n++] = (struct refusal){NULL, ERR_TOO_LARGE, "The body is larger than this address accepts"};
        ret[n++] = (struct refusal){NULL, ERR_MEDIA_TYPE, "The body is of another type, or compressed"};
        if (takes_json(r))
            ret[n++] = (struct refusal){NULL, ERR_BAD_JSON, "The body is not valid JSON"};
    }
    if (api_overwrites(r))
        ret[n++] = (struct refusal){NULL, ERR_UNCONDITIONAL,
                                    "Signed in with a browser, or where study.if_match is on: without If-Match"};
    for (size_t i = 0; i < COUNT(refusals) && n < CODES_MAX - 1; i++)
        if (strcmp(refusals[i].handler, r->handler) == 0)
            ret[n++] = refusals[i];
    ret[n++] = (struct refusal){NULL, ERR_BUSY, "The server is busy, or its store or its memory is not available now"};
    return n;
}

/* --- which examples --- */

/* Finds the examples of a route, once. */
static void take_examples(struct writing *w, const struct api_route *r)
{
    const struct json *j = &w->examples;
    const char *text = arena_printf(w->a, "%s %s", r->method_text, r->path);
    w->route = r;
    w->examples_of = 0;
    for (uint32_t k = json_first(j, 0); text && k != json_end(j, 0) && w->examples_of < EXAMPLES_MAX;
         k = json_next(j, k)) {
        uint32_t of = json_get(j, k, "route");
        if (of && json_is(j, of, text))
            w->example[w->examples_of++] = k;
    }
}

static int64_t example_status(const struct writing *w, uint32_t k)
{
    int64_t status = 0;
    uint32_t node = json_get(&w->examples, k, "status");
    return node && slice_int(json_raw(&w->examples, node), 100, 599, &status) ? status : 0;
}

/* "name":{"summary":...,"value":...} */
static void put_example(struct writing *w, uint32_t k, uint32_t value)
{
    const struct json *j = &w->examples;
    uint32_t summary = json_get(j, k, "summary");
    json_key(w->o, arena_str(w->a, json_get_text(j, k, "name", w->a)));
    json_open(w->o, '{');
    if (summary)
        json_pair_raw(w->o, "summary", json_span(j, summary));
    json_key(w->o, "value");
    put_value(w, value);
    json_close(w->o, '}');
}

static void open_examples(struct writing *w, bool *open)
{
    if (*open)
        return;
    json_key(w->o, "examples");
    json_open(w->o, '{');
    *open = true;
}

/* What every route of its kind answers in one sentence. */
static void put_usual_examples(struct writing *w, int status, bool *open)
{
    struct refusal x[CODES_MAX];
    int n = refusals_of(w->route, x);
    for (int i = 0; i < n; i++) {
        if (x[i].handler || err_http(x[i].code) != status || status == 422)
            continue;
        open_examples(w, open);
        json_key(w->o, err_name(x[i].code));
        json_open(w->o, '{');
        json_key(w->o, "value");
        json_open(w->o, '{');
        json_pair_str(w->o, "detail", err_text(x[i].code));
        json_pair_str(w->o, "request_id", sample_uuid);
        json_close(w->o, '}');
        json_close(w->o, '}');
    }
}

/* Of a body: those of requests that have the right form (status 0), or else of answers with this status in this medium.
 */
static void put_examples(struct writing *w, int status, const char *media)
{
    const struct json *j = &w->examples;
    bool open = false;
    if (media && strcmp(media, "application/json") == 0)
        put_usual_examples(w, status, &open);
    for (int i = 0; i < w->examples_of; i++) {
        uint32_t k = w->example[i];
        uint32_t value = json_get(j, k, status ? "answer" : "body"), accept = json_get(j, k, "accept");
        if (!value || (status ? example_status(w, k) != status : example_status(w, k) == 422))
            continue;
        if (media && !(accept ? json_is(j, accept, media) : strcmp(media, "application/json") == 0))
            continue;
        open_examples(w, &open);
        put_example(w, k, value);
    }
    if (open)
        json_close(w->o, '}');
}

/* A parameter's example: of the first request of this route that has it and succeeds. */
static void put_parameter_example(struct writing *w, const char *in, const char *name)
{
    const char *part = strcmp(in, "header") == 0 ? "headers" : in;
    for (int i = 0; i < w->examples_of; i++) {
        uint32_t k = w->example[i];
        uint32_t all = json_get(&w->examples, k, part), value = all ? json_get(&w->examples, all, name) : 0;
        if (!value || example_status(w, k) >= 400)
            continue;
        json_key(w->o, "example");
        put_value(w, value);
        return;
    }
}

/* --- the request --- */

static void put_parameter(struct writing *w, const char *in, const char *name, const char *schema, const char *what)
{
    json_open(w->o, '{');
    json_pair_str(w->o, "name", name);
    json_pair_str(w->o, "in", in);
    if (strcmp(in, "path") == 0)
        json_pair_bool(w->o, "required", true);
    if (*what)
        json_pair_str(w->o, "description", what);
    json_pair_raw(w->o, "schema", slice_of(schema));
    put_parameter_example(w, in, name);
    json_close(w->o, '}');
}

/* A text, where no row says more. */
static void put_path_parameter(struct writing *w, const char *name)
{
    for (size_t i = 0; i < COUNT(inputs); i++)
        if (strcmp(inputs[i].in, "path") == 0 && strcmp(inputs[i].name, name) == 0 &&
            (strcmp(inputs[i].handler, w->route->handler) == 0 || strcmp(inputs[i].handler, "any") == 0)) {
            put_parameter(w, "path", name, inputs[i].schema, inputs[i].what);
            return;
        }
    put_parameter(w, "path", name, "{\"type\":\"string\"}", "");
}

/* By what the resources of a type are searched, and how the answer is to be. */
static void put_search_parameters(struct writing *w, enum face t)
{
    static const char text[] = "{\"type\":\"string\"}";
    bool sorts = false;
    for (int p = 0; p < SEARCH_PARAMS; p++) {
        const struct search_param_row *row = search_param_row((enum search_param)p);
        if (row->type != t)
            continue;
        put_parameter(w, "query", row->name, text,
                      arena_printf(w->a, "%s (%s%s%s)", row->what, search_kind_name(row->kind),
                                   *row->modifiers ? "; modifiers: " : "", row->modifiers));
        sorts |= (row->uses & SORTS) != 0;
    }
    put_parameter(w, "query", "_count", "{\"type\":\"integer\",\"minimum\":0,\"default\":20}",
                  "how many at most; never over 100; 0: the total alone");
    if (sorts)
        put_parameter(w, "query", "_sort", text, "one order, - before it for the other way; metadata says which");
    put_parameter(w, "query", "_total", "{\"type\":\"string\",\"enum\":[\"none\",\"estimate\",\"accurate\"]}",
                  "none: without it");
    put_parameter(w, "query", "_summary", "{\"type\":\"string\",\"enum\":[\"count\",\"false\"]}",
                  "count: the total alone");
}

static void put_parameters(struct writing *w)
{
    json_key(w->o, "parameters");
    json_open(w->o, '[');
    for (const char *at = strpbrk(w->route->path, ":*"); at; at = strpbrk(at + 1, ":*")) {
        const char *name = arena_str(w->a, (struct slice){at + 1, strcspn(at + 1, "/")});
        if (name)
            put_path_parameter(w, name);
    }
    for (size_t i = 0; i < COUNT(inputs); i++)
        if (strcmp(inputs[i].handler, w->route->handler) == 0 && strcmp(inputs[i].in, "path") != 0)
            put_parameter(w, inputs[i].in, inputs[i].name, inputs[i].schema, inputs[i].what);
    for (size_t i = 0; i < COUNT(searches) && w->route->method == HTTP_GET; i++)
        if (strcmp(searches[i].handler, w->route->handler) == 0)
            put_search_parameters(w, searches[i].type);
    json_close(w->o, ']');
}

static void put_schema(struct writing *w, const char *schema)
{
    json_key(w->o, "schema");
    json_open(w->o, '{');
    if (*schema)
        json_pair_str(w->o, "$ref", arena_printf(w->a, "#/components/schemas/%s", schema));
    else
        json_pair_str(w->o, "type", "string");
    json_close(w->o, '}');
}

static void put_request_body(struct writing *w)
{
    json_key(w->o, "requestBody");
    json_open(w->o, '{');
    json_pair_bool(w->o, "required", true);
    if (w->route->body_kib == BODY_STREAMED)
        json_pair_str(w->o, "description", "As large as the setting limit.document_mib says, and read as it comes.");
    else
        json_pair_str(w->o, "description",
                      arena_printf(w->a, "At most %d KiB.%s", w->route->body_kib,
                                   takes_json(w->route) ? " application/fhir+json is taken as well." : ""));
    json_key(w->o, "content");
    json_open(w->o, '{');
    json_key(w->o, api_takes(w->route));
    json_open(w->o, '{');
    put_schema(w, w->route->request_schema);
    put_examples(w, 0, NULL);
    json_close(w->o, '}');
    json_close(w->o, '}');
    json_close(w->o, '}');
}

/* --- the answers --- */

static void put_headers(struct writing *w, int status)
{
    json_key(w->o, "headers");
    json_open(w->o, '{');
    json_pair_raw(w->o, "X-Request-ID", SLICE("{\"$ref\":\"#/components/headers/X-Request-ID\"}"));
    if (policy_view(ROLE_ANONYMOUS, w->route->entity, w->route->action) == VIEW_NONE)
        json_pair_raw(w->o, "Lazaret-Audit", SLICE("{\"$ref\":\"#/components/headers/Lazaret-Audit\"}"));
    for (size_t i = 0; i < COUNT(gives); i++) {
        if (strcmp(gives[i].handler, w->route->handler) != 0 || gives[i].status != status)
            continue;
        json_key(w->o, gives[i].name);
        json_open(w->o, '{');
        json_pair_str(w->o, "description", gives[i].what);
        json_pair_raw(w->o, "schema", SLICE("{\"type\":\"string\"}"));
        json_close(w->o, '}');
    }
    if (status == 429 || status == 503)
        json_pair_raw(w->o, "Retry-After", SLICE("{\"$ref\":\"#/components/headers/Retry-After\"}"));
    json_close(w->o, '}');
}

static void put_media(struct writing *w, const struct answer *x)
{
    const char *media = *x->media ? x->media : "application/json";
    json_key(w->o, media);
    json_open(w->o, '{');
    put_schema(w, x->schema);
    put_examples(w, x->status, media);
    json_close(w->o, '}');
}

static bool is_of(const struct writing *w, const struct answer *x, int status)
{
    return strcmp(x->handler, w->route->handler) == 0 && x->status == status;
}

static void put_success(struct writing *w, int status)
{
    const struct api_route *r = w->route;
    struct answer own = {r->handler, r->status, r->answer_schema, "application/json", r->summary};
    bool any = status == r->status && *own.schema, rows = false;
    const char *when = own.when;
    for (size_t i = 0; i < COUNT(answers); i++) {
        rows |= is_of(w, &answers[i], status);
        if (is_of(w, &answers[i], status) && *answers[i].when)
            when = answers[i].when;
    }
    json_key(w->o, arena_printf(w->a, "%d", status));
    json_open(w->o, '{');
    json_pair_str(w->o, "description", when);
    put_headers(w, status);
    for (size_t i = 0; i < COUNT(answers); i++)
        any |= is_of(w, &answers[i], status) && *answers[i].media;
    if (any) {
        json_key(w->o, "content");
        json_open(w->o, '{');
        if (!rows)
            put_media(w, &own);
        for (size_t i = 0; i < COUNT(answers); i++)
            if (is_of(w, &answers[i], status) && *answers[i].media)
                put_media(w, &answers[i]);
        json_close(w->o, '}');
    }
    json_close(w->o, '}');
}

static const char *error_schema(const struct writing *w, enum err_code code)
{
    return strcmp(w->route->handler, "token") == 0 ? "TokenError"
           : code == ERR_DATA_MISSING              ? "Negotiation"
           : err_http(code) == 422                 ? "FieldErrors"
                                                   : "Error";
}

/* {"anyOf":[...]} of what the refusals with this status answer; the schema itself where that is one. */
static void put_error_schema(struct writing *w, const struct refusal *x, int n, int status)
{
    const char *first = NULL, *other = NULL;
    for (int i = 0; i < n; i++) {
        const char *schema = error_schema(w, x[i].code);
        if (err_http(x[i].code) != status)
            continue;
        if (!first)
            first = schema;
        else if (strcmp(schema, first) != 0)
            other = schema;
    }
    if (!other) {
        put_schema(w, first);
        return;
    }
    json_pair_raw(w->o, "schema",
                  slice_of(arena_printf(w->a,
                                        "{\"anyOf\":[{\"$ref\":\"#/components/schemas/%s\"},{\"$ref\":"
                                        "\"#/components/schemas/%s\"}]}",
                                        first, other)));
}

static void put_refusal(struct writing *w, const struct refusal *x, int n, int status)
{
    struct buf when = buf_in(w->a, 2048);
    for (int i = 0; i < n; i++)
        if (err_http(x[i].code) == status)
            buf_printf(&when, "%s%s", when.n ? ". Or: " : "", x[i].when);
    json_open(w->o, '{');
    json_pair(w->o, "description", buf_text(&when));
    put_headers(w, status);
    json_key(w->o, "content");
    json_open(w->o, '{');
    json_key(w->o, "application/json");
    json_open(w->o, '{');
    put_error_schema(w, x, n, status);
    put_examples(w, status, "application/json");
    json_close(w->o, '}');
    json_key(w->o, "application/problem+json");
    json_open(w->o, '{');
    put_schema(w, "Problem");
    put_examples(w, status, "application/problem+json");
    json_close(w->o, '}');
    json_key(w->o, "application/fhir+json");
    json_open(w->o, '{');
    put_schema(w, "OperationOutcome");
    put_examples(w, status, "application/fhir+json");
    json_close(w->o, '}');
    json_close(w->o, '}');
    json_close(w->o, '}');
}

/* The name, in components, of what is refused with this status. */
static const char *share_refusal(struct writing *w, const struct refusal *x, int n, int status)
{
    struct buf b = buf_in(w->a, SHARED_SIZE);
    struct json_out o = json_out(&b), *to = w->o;
    w->o = &o;
    put_refusal(w, x, n, status);
    w->o = to;
    int like = 0, first = 0;
    while (err_http(x[first].code) != status)
        first++;
    const char *name = err_name(x[first].code);
    for (int i = 0; i < w->shared_of; i++) {
        if (slice_eq(w->shared[i].text, buf_text(&b)))
            return w->shared[i].name;
        like += slice_starts(slice_of(w->shared[i].name), name);
    }
    if (like)
        name = arena_printf(w->a, "%s.%d", name, like + 1);
    if (buf_failed(&b) || !name || w->shared_of == SHARED_MAX)
        return NULL;
    w->shared[w->shared_of++] = (struct shared){name, buf_text(&b)};
    return name;
}

static void put_shared(struct writing *w)
{
    json_key(w->o, "responses");
    json_open(w->o, '{');
    for (int i = 0; i < w->shared_of; i++)
        json_pair_raw(w->o, w->shared[i].name, w->shared[i].text);
    json_close(w->o, '}');
}

static void put_refusal_of(struct writing *w, const struct refusal *x, int n, int status)
{
    const char *name = share_refusal(w, x, n, status);
    json_key(w->o, arena_printf(w->a, "%d", status));
    if (!name) {
        w->failed = true;
        return;
    }
    json_open(w->o, '{');
    json_pair_str(w->o, "$ref", arena_printf(w->a, "#/components/responses/%s", name));
    json_close(w->o, '}');
}

static void put_responses(struct writing *w)
{
    struct refusal x[CODES_MAX];
    int n = refusals_of(w->route, x);
    json_key(w->o, "responses");
    json_open(w->o, '{');
    for (int status = 200; status < 600; status++) {
        bool good = status == w->route->status, bad = false;
        for (size_t i = 0; i < COUNT(answers); i++)
            good |= is_of(w, &answers[i], status);
        for (int i = 0; i < n; i++)
            bad |= err_http(x[i].code) == status;
        if (good)
            put_success(w, status);
        else if (bad)
            put_refusal_of(w, x, n, status);
    }
    json_close(w->o, '}');
}

/* --- the whole --- */

/* "/v1/jobs/:job_id/cancel" as "/v1/jobs/{job_id}/cancel" */
static const char *path_template(const char *path, struct arena *a)
{
    struct buf b = buf_in(a, 512);
    bool inside = false;
    for (const char *p = path; *p; p++) {
        if (inside && *p == '/')
            buf_byte(&b, '}');
        inside = inside && *p != '/';
        bool name = *p == ':' || *p == '*';
        buf_byte(&b, name ? '{' : *p);
        inside |= name;
    }
    if (inside)
        buf_byte(&b, '}');
    buf_byte(&b, 0);
    return buf_failed(&b) ? NULL : b.p;
}

/* "postV1JobsJobIdCancel": a function's name, for whoever makes clients of this. */
static const char *operation_id(const struct api_route *r, const char *method, struct arena *a)
{
    char *id = arena_printf(a, "%s%s", method, r->path);
    size_t n = 0;
    bool begins = false;
    for (char *p = id; p && *p; p++) {
        bool letter = *p >= 'a' && *p <= 'z';
        if (letter || (*p >= '0' && *p <= '9'))
            id[n++] = begins && letter ? (char)(*p - 32) : *p;
        begins = !letter;
    }
    if (id)
        id[n] = 0;
    return id;
}

/* Somebody who may sign in with a browser. */
static bool staff_may(const struct api_route *r)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (role_is_staff((enum role)role) && policy_view((enum role)role, r->entity, r->action) != VIEW_NONE)
            return true;
    return false;
}

static void put_operation(struct writing *w)
{
    const struct api_route *r = w->route;
    char method[8] = {0};
    for (size_t i = 0; r->method_text[i] && i < sizeof method - 1; i++)
        method[i] = (char)(r->method_text[i] + 32);
    json_key(w->o, method);
    json_open(w->o, '{');
    json_pair_str(w->o, "operationId", operation_id(r, method, w->a));
    json_pair_str(w->o, "summary", r->summary);
    json_key(w->o, "tags");
    json_open(w->o, '[');
    json_put_str(w->o, entity_name(r->entity));
    json_close(w->o, ']');
    if (policy_view(ROLE_ANONYMOUS, r->entity, r->action) != VIEW_NONE)
        json_pair_raw(w->o, "security", SLICE("[]"));
    else if (r->entity == ENTITY_CREDENTIAL)
        json_pair_raw(w->o, "security", SLICE("[{\"session\":[]}]"));
    else if (staff_may(r))
        json_pair_raw(w->o, "security", SLICE("[{\"apiKey\":[]},{\"session\":[]}]"));
    put_parameters(w);
    if (r->body_kib)
        put_request_body(w);
    put_responses(w);
    json_close(w->o, '}');
}

static void put_paths(struct writing *w)
{
    json_key(w->o, "paths");
    json_open(w->o, '{');
    for (const struct api_route *r = api_routes(), *last = NULL; r->path; last = r++) {
        bool same = last && strcmp(last->path, r->path) == 0; /* the methods of a path stand together in routes.def */
        take_examples(w, r);
        if (last && !same)
            json_close(w->o, '}');
        if (!same) {
            json_key(w->o, path_template(r->path, w->a));
            json_open(w->o, '{');
        }
        put_operation(w);
    }
    json_close(w->o, '}');
    json_close(w->o, '}');
}

static void put_tags(struct writing *w)
{
    json_key(w->o, "tags");
    json_open(w->o, '[');
    for (size_t i = 0; i < COUNT(tags); i++) {
        json_open(w->o, '{');
        json_pair_str(w->o, "name", entity_name(tags[i].entity));
        json_pair_str(w->o, "description", tags[i].what);
        json_close(w->o, '}');
    }
    json_close(w->o, ']');
}

static void put_components(struct writing *w)
{
    json_key(w->o, "components");
    json_open(w->o, '{');
    json_pair_raw(
        w->o, "securitySchemes",
        SLICE("{\"apiKey\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"What 'lazaret client add' "
              "printed, or what POST /auth/token gave; of staff, an access token of the identity "
              "provider\"},\"session\":{\"type\":\"apiKey\",\"in\":"
              "\"cookie\",\"name\":\"__Host-lazaret\",\"description\":\"The session of somebody who signed in with a "
              "browser\"}}"));
    json_pair_raw(w->o, "headers",
                  SLICE("{\"X-Request-ID\":{\"description\":\"Names this request in logs and in the audit log; the "
                        "client's own where it sent a short plain one\",\"schema\":{\"type\":\"string\"}},"
                        "\"Lazaret-Audit\":{\"description\":\"The index of the audit entry that speaks of this answer, "
                        "where it disclosed or changed something, or was refused: /audit/entries/{index}/proof\","
                        "\"schema\":{\"type\":\"string\"}},"
                        "\"Retry-After\":{\"description\":\"Seconds to wait\",\"schema\":{\"type\":\"string\"}}}"));
    put_shared(w);
    json_pair_raw(w->o, "schemas", slice_of(schemas_json));
    json_close(w->o, '}');
}

int api_description(struct arena *a, int64_t now_us, struct slice *ret, struct err *e)
{
    struct buf b = buf_in(a, DESCRIPTION_MAX);
    struct json_out o = json_out(&b);
    struct json_fault f;
    struct writing w = {.o = &o, .a = a, .now = now_us - now_us % (HOUR_S * INT64_C(1000000))};
    if (json_parse(a, slice_of(examples_json), &w.examples, &f))
        return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "examples.json, line %u: %s", f.line, f.what);
    json_open(&o, '{');
    json_pair_str(&o, "openapi", "3.1.0");
    json_pair_raw(&o, "info",
                  SLICE("{\"title\":\"Lazaret\",\"version\":\"" LAZARET_VERSION
                        "\",\"description\":\"A gateway between FHIR clients and diagnostic models that run in "
                        "isolation. The sample models are not for clinical use.\\n\\nAn error is told as JSON with "
                        "`detail`, as RFC 9457 problem+json or as a FHIR OperationOutcome, as Accept asks.\","
                        "\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}}"));
    json_pair_raw(&o, "servers", SLICE("[{\"url\":\"/\"}]"));
    json_pair_raw(&o, "security", SLICE("[{\"apiKey\":[]}]"));
    put_tags(&w);
    put_paths(&w);
    put_components(&w);
    json_close(&o, '}');
    if (buf_failed(&b) || arena_failed(a) || w.failed)
        return err_set(e, ERR_NO_MEMORY, "the API's description");
    *ret = buf_text(&b);
    return 0;
}
