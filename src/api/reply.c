#include <stdio.h>

#include "api/accept.h"
#include "api/api_int.h"
#include "base/json.h"

int api_answer(struct api_request *q, int status, const struct buf *json, struct err *e)
{
    if (buf_failed(json))
        return err_set(e, ERR_NO_MEMORY, "the answer does not fit");
    http_reply_field(q->reply, "Content-Type", SLICE("application/json"));
    q->reply->status = status;
    q->reply->body = buf_text(json);
    return 0;
}

struct api_issue *api_issue_add(struct api_request *q, const char *severity, const char *code, const char *text)
{
    if (q->issues == ISSUES_MAX)
        return NULL;
    struct api_issue *more = arena_grow(q->arena, q->issue, q->issues * sizeof *more, (q->issues + 1) * sizeof *more);
    if (!more)
        return NULL;
    q->issue = more;
    more[q->issues] = (struct api_issue){.severity = severity, .code = code, .text = text};
    return &more[q->issues++];
}

struct api_issue *api_issue_field(struct api_request *q, const char *type, const char *loc, const char *text)
{
    struct api_issue *i = api_issue_add(q, "error", strcmp(type, "missing") == 0 ? "required" : "structure", text);
    if (i) {
        i->type = type;
        i->loc = loc;
    }
    return i;
}

void api_untold(struct api_request *q)
{
    q->issues = 0;
    q->detail = q->extra = q->members = q->outcome = (struct slice){NULL, 0};
}

void api_deny(struct api_request *q, struct err *e)
{
    struct err failed;
    struct audit_entry entry = q->audit;
    entry.outcome = "deny";
    entry.why = err_name(e->code);
    if (audit_note(q->api->db, &entry, &failed) == 0)
        return;
    *e = failed;
    api_untold(q);
}

/* --- three renderings of one error --- */

static void put_loc(struct json_out *o, const char *loc)
{
    struct slice rest = slice_of(loc);
    json_open(o, '[');
    while (rest.p) {
        struct slice part = slice_cut(&rest, '/');
        int64_t n;
        if (slice_int(part, 0, INT64_MAX, &n))
            json_put_int(o, n);
        else
            json_put(o, part);
    }
    json_close(o, ']');
}

/* As FastAPI says it, but never with the input: it may be a patient's. `ruled`: with the codes of rules.def. */
static void put_fields(struct json_out *o, const struct api_request *q, bool ruled)
{
    json_open(o, '[');
    for (size_t i = 0; i < q->issues; i++) {
        const struct api_issue *x = &q->issue[i];
        json_open(o, '{');
        json_pair_str(o, "type", x->type ? x->type : "value_error");
        json_key(o, "loc");
        put_loc(o, x->loc ? x->loc : "body");
        json_pair_str(o, "msg", x->text);
        const char *rule = ruled ? api_rule(x->text, q->arena) : NULL;
        if (rule)
            json_pair_str(o, "rule", rule);
        json_key(o, "input");
        json_put_null(o);
        if (x->ctx)
            json_pair_raw(o, "ctx", slice_of(x->ctx));
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_legacy(struct json_out *o, const struct api_request *q, const struct err *e)
{
    json_open(o, '{');
    json_key(o, "detail");
    if (q->detail.p)
        json_put_raw(o, q->detail);
    else if (err_http(e->code) == 422 && q->issues)
        put_fields(o, q, false);
    else if (e->code == ERR_SEARCH && q->issues)
        json_put_str(o, q->issue[0].text);
    else
        json_put_str(o, err_text(e->code));
    if (q->extra.p) {
        buf_byte(o->buf, ',');
        buf_slice(o->buf, q->extra);
    }
    json_pair_str(o, "request_id", q->id);
    json_close(o, '}');
}

static void put_problem(struct json_out *o, const struct api_request *q, const struct err *e)
{
    char type[64];
    size_t n = (size_t)snprintf(type, sizeof type, "urn:lazaret:problem:%s", err_name(e->code));
    for (size_t i = 0; i < n && i < sizeof type; i++)
        type[i] = type[i] == '_' ? '-' : type[i] >= 'A' && type[i] <= 'Z' ? (char)(type[i] + 32) : type[i];
    json_open(o, '{');
    json_pair_str(o, "type", type);
    json_pair_str(o, "title", err_text(e->code));
    json_pair_int(o, "status", err_http(e->code));
    if (q->route)
        json_pair_str(o, "instance", q->route->path);
    json_pair_str(o, "request_id", q->id);
    if (q->members.p) {
        buf_byte(o->buf, ',');
        buf_slice(o->buf, q->members);
    } else if (q->issues && (err_http(e->code) == 422 || e->code == ERR_SEARCH)) {
        json_key(o, "errors");
        put_fields(o, q, true);
    }
    if (q->extra.p) {
        buf_byte(o->buf, ',');
        buf_slice(o->buf, q->extra);
    }
    json_close(o, '}');
}

static void put_outcome_issue(struct json_out *o, const struct api_issue *x)
{
    json_open(o, '{');
    json_pair_str(o, "severity", x->severity);
    json_pair_str(o, "code", x->code);
    json_key(o, "details");
    json_open(o, '{');
    if (x->reason) {
        json_key(o, "coding");
        json_open(o, '[');
        json_open(o, '{');
        json_pair_str(o, "system", REASON_SYSTEM);
        json_pair_str(o, "code", x->reason);
        json_close(o, '}');
        json_close(o, ']');
    }
    json_pair_str(o, "text", x->text);
    json_close(o, '}');
    if (x->line) {
        char where[64];
        snprintf(where, sizeof where, "line %u, column %u", x->line, x->column);
        json_pair_str(o, "diagnostics", where);
    } else if (x->diagnostics) {
        json_pair_str(o, "diagnostics", x->diagnostics);
    }
    if (x->expression) {
        json_key(o, "expression");
        json_open(o, '[');
        json_put_str(o, x->expression);
        json_close(o, ']');
    }
    json_close(o, '}');
}

void api_put_outcome(struct json_out *o, const struct api_request *q, const char *id)
{
    json_open(o, '{');
    json_pair_str(o, "resourceType", "OperationOutcome");
    if (id)
        json_pair_str(o, "id", id);
    if (q->outcome.p) {
        buf_byte(o->buf, ',');
        buf_slice(o->buf, q->outcome);
    }
    json_key(o, "issue");
    json_open(o, '[');
    for (size_t i = 0; i < q->issues; i++)
        put_outcome_issue(o, &q->issue[i]);
    json_close(o, ']');
    json_close(o, '}');
}

/* Where nothing more is known, the error itself is the one issue. */
static void put_outcome(struct json_out *o, const struct api_request *q, const struct err *e)
{
    struct api_issue whole = {.severity = "error", .code = err_issue(e->code), .text = err_text(e->code)};
    struct api_request one = {.issue = &whole, .issues = 1};
    api_put_outcome(o, q->issues ? q : &one, NULL);
}

static bool speaks_fhir(const struct api_route *r)
{
    return slice_starts(slice_of(r->path), "/fhir/") || slice_starts(slice_of(r->path), "/cds-services");
}

void api_refuse(struct api_request *q, const struct err *e)
{
    enum accept_error as = accept_error(http_header(q->http, "Accept"));
    if (q->as_outcome)
        as = ACCEPT_OUTCOME;
    else if (as == ACCEPT_PLAIN && q->route && speaks_fhir(q->route) &&
             accept_named(http_header(q->http, "Accept"), "application/json") <= 0)
        as = ACCEPT_OUTCOME; /* whoever asks there speaks FHIR */
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    const char *type = "application/json";
    if (q->route && strcmp(q->route->handler, "token") == 0)
        api_token_refused(q, e);
    if (as == ACCEPT_PROBLEM) {
        type = "application/problem+json";
        put_problem(&o, q, e);
    } else if (as == ACCEPT_OUTCOME) {
        type = "application/fhir+json";
        put_outcome(&o, q, e);
    } else {
        put_legacy(&o, q, e);
    }
    q->reply->status = err_http(e->code);
    q->reply->body = buf_text(&b);
    http_reply_field(q->reply, "Content-Type", slice_of(type));
    if (err_retry(e->code))
        http_reply_field(q->reply, "Retry-After", slice_of(arena_printf(q->arena, "%d", q->retry_s ? q->retry_s : 1)));
    if (e->code == ERR_TOKEN)
        http_reply_field(q->reply, "WWW-Authenticate", SLICE("Bearer realm=\"lazaret\", error=\"invalid_token\""));
    if (e->code == ERR_NOT_SIGNED_IN || e->code == ERR_SESSION)
        http_reply_field(q->reply, "WWW-Authenticate", SLICE("Bearer realm=\"lazaret\""));
}

void api_starve(struct api_request *q, struct err *e)
{
    if (e->code == ERR_NONE || err_http(e->code) < 500)
        err_set(e, ERR_NO_MEMORY, "memory was out while answering");
    q->reply->status = err_http(e->code);
    q->reply->body = SLICE("{\"detail\":\"the request needs more memory than it may use\"}");
    q->reply->field.n = 0; /* what was written has room for what follows; where it has not, http/ answers 500 */
    q->reply->field.failed = false;
    http_reply_field(q->reply, "X-Request-ID", slice_of(q->id));
    http_reply_field(q->reply, "Content-Type", SLICE("application/json"));
    http_reply_field(q->reply, "Retry-After", SLICE("1"));
}
