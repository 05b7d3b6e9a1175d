/* fhir_face.c -- searches taken from requests; Bundles and resources as answers.
 *
 * A link is followed, so it ends up in logs on its way: where a search says who somebody is (a name, a tax code, a day
 * of birth), the link `next` holds the whole of it sealed under a key of this server, bound to the caller: _page. */
#include <stdio.h>
#include <stdlib.h>

#include "api/fhir_int.h"
#include "api/form.h"
#include "base/clock.h"
#include "crypto/digest.h"

enum { PAGE_MAX = 16 * 1024, TAG_BYTES = 16 };

/* --- what is asked --- */

int face_refuse(struct api_request *q, const char *code, const char *param, const char *text, struct err *e)
{
    struct api_issue *i = api_issue_add(q, "error", code, arena_printf(q->arena, "%s: %s", param, text));
    if (i) {
        i->type = strcmp(code, "required") == 0 ? "missing" : "value_error";
        i->loc = arena_printf(q->arena, "query/%s", param);
    }
    return err_set(e, ERR_SEARCH, "a search that is not understood");
}

/* RFC 7240: "handling=lenient, respond-async" */
static bool is_lenient(const struct api_request *q)
{
    struct slice rest = http_header(q->http, "Prefer");
    while (rest.p)
        if (slice_is_nocase(slice_trim(slice_cut(&rest, ',')), "handling=lenient"))
            return true;
    return false;
}

static struct seal_place page_place(const struct api_request *q, enum face t)
{
    return (struct seal_place){q->caller.scope, q->caller.id, NULL, 0, (uint16_t)t, (uint32_t)q->caller.role};
}

static int seal_page(struct api_request *q, enum face t, struct slice plain, const char **ret, struct err *e)
{
    struct seal_place at = page_place(q, t);
    struct slice sealed;
    struct key key;
    keyring_derive(q->api->keyring, "laz/v1/fhir-page", &key);
    int rc = seal(&key, &at, plain, q->arena, &sealed, e);
    key_wipe(&key);
    if (rc)
        return -1;
    char *text = arena_take(q->arena, 4 * (sealed.n + 2) / 3 + 1);
    if (!text)
        return err_set(e, ERR_NO_MEMORY, "a page of a search");
    base64url_encode(sealed.p, sealed.n, text);
    *ret = text;
    return 0;
}

/* 0 and the query that the page stands for; -1: it is none of this caller's. */
static int open_page(struct api_request *q, enum face t, struct slice page, struct slice *ret)
{
    struct seal_place at = page_place(q, t);
    struct key key;
    struct err e;
    char *room = arena_take(q->arena, PAGE_MAX);
    int n = room ? base64url_decode(page, room, PAGE_MAX) : -1;
    if (n < 0)
        return -1;
    keyring_derive(q->api->keyring, "laz/v1/fhir-page", &key);
    int rc = seal_open(&key, &at, (struct slice){room, (size_t)n}, q->arena, ret, &e);
    key_wipe(&key);
    return rc;
}

static int no_memory(struct err *e)
{
    return err_set(e, ERR_NO_MEMORY, "a search");
}

int face_search(struct api_request *q, enum face t, struct search *ret, struct err *e)
{
    struct slice form = q->http->method == HTTP_POST ? q->http->body : (struct slice){NULL, 0}, plain;
    if (search_read(t, q->http->query, form, q->arena, ret))
        return no_memory(e);
    if (ret->page.p && !ret->faults) {
        if (ret->terms || ret->unknowns || ret->cursor.p || open_page(q, t, ret->page, &plain))
            return face_refuse(q, "invalid", "_page", "it is the link `next` of a page of yours, as it stood there", e);
        if (search_read(t, plain, (struct slice){NULL, 0}, q->arena, ret))
            return no_memory(e);
    }
    for (int i = 0; i < ret->faults; i++)
        face_refuse(q, "invalid", arena_str(q->arena, ret->fault[i].name), ret->fault[i].text, e);
    for (int i = 0; i < ret->unknowns && !is_lenient(q); i++)
        face_refuse(q, "not-supported", arena_str(q->arena, ret->unknown[i]),
                    "it is not understood here; Prefer: handling=lenient passes it over", e);
    if (arena_failed(q->arena))
        return no_memory(e);
    return q->issues ? err_set(e, ERR_SEARCH, "%zu issues in a search", q->issues) : 0;
}

static bool is_number(struct slice s, int64_t *ret)
{
    return slice_int(s, 1, (INT64_C(1) << 52) - 1, ret);
}

int face_cursor(struct api_request *q, const struct search *s, int64_t *ret, struct err *e)
{
    *ret = 0;
    return !s->cursor.p || is_number(s->cursor, ret)
               ? 0
               : face_refuse(q, "invalid", "_cursor", "take it from the link `next` of a page", e);
}

int face_numbers(const struct search_term *t, int64_t *ret, int most)
{
    int n = 0;
    for (int i = 0; t && i < t->values && n < most; i++)
        n += is_number(t->value[i].text, &ret[n]);
    return n;
}

int face_one_number(const struct search *s, const enum search_param *param, int64_t *ret)
{
    int64_t one = 0, n;
    bool asked = false;
    for (; *param != SEARCH_PARAMS; param++)
        for (int i = 0; i < s->terms; i++) {
            const struct search_term *t = &s->term[i];
            if (t->param != *param)
                continue;
            if (t->values != 1 || !is_number(t->value[0].text, &n) || (asked && n != one))
                return -1;
            asked = true;
            one = n;
        }
    *ret = one;
    return asked;
}

/* --- elements --- */

const char *face_url(const struct api_request *q)
{
    return q->api->config.url ? q->api->config.url : "";
}

struct slice face_time(struct api_request *q, int64_t us)
{
    char text[CLOCK_TEXT];
    return us ? arena_copy(q->arena, slice_of(clock_text(us, text))) : (struct slice){NULL, 0};
}

struct slice face_number(struct api_request *q, int64_t number)
{
    return number ? slice_of(arena_printf(q->arena, "%lld", (long long)number)) : (struct slice){NULL, 0};
}

struct slice face_patient(struct api_request *q, int64_t number)
{
    return number && policy_view(q->caller.role, ENTITY_PATIENT_GENERAL, ACTION_READ) != VIEW_NONE
               ? slice_of(arena_printf(q->arena, "Patient/%lld", (long long)number))
               : (struct slice){NULL, 0};
}

void face_marks(const struct api_request *q, const enum entity *of, struct face_meta *m)
{
    for (; *of != ENTITY_COUNT; of++) {
        const struct view_row *v = view_row(policy_view(q->caller.role, *of, ACTION_READ));
        m->cut |= !v || strcmp(v->fields, "*") != 0;
        m->pseudonymous |= v && v->as != AS_NAMED;
    }
}

static void put_resource(struct json_out *o, struct api_request *q, const struct face_kind *k,
                         const struct face_meta *m, const void *record)
{
    json_open(o, '{');
    json_pair_str(o, "resourceType", face_name(k->type));
    k->put(o, q, m, record);
    json_close(o, '}');
}

static int answer(struct api_request *q, const struct buf *b, struct err *e)
{
    if (buf_failed(b) || arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "the answer does not fit");
    http_reply_field(q->reply, "Content-Type", SLICE("application/fhir+json"));
    http_reply_field(q->reply, "Vary", SLICE("Authorization, Cookie, Prefer"));
    q->reply->status = 200;
    q->reply->body = buf_text(b);
    return 0;
}

/* --- one --- */

int face_absent(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "no such resource of this role");
}

int face_path_id(struct api_request *q, int64_t *ret, struct err *e)
{
    return is_number(q->param[0], ret) ? 0 : face_absent(e);
}

/* W/"3" of a list, compared weakly (RFC 9110 13.1.2). */
static bool is_known(const struct api_request *q, struct slice tag)
{
    struct slice rest = http_header(q->http, "If-None-Match");
    while (rest.p) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (slice_starts(one, "W/"))
            one = (struct slice){one.p + 2, one.n - 2};
        if (slice_is(one, "*") || (one.n == tag.n + 2 && one.p[0] == '"' && one.p[one.n - 1] == '"' &&
                                   slice_eq((struct slice){one.p + 1, one.n - 2}, tag)))
            return true;
    }
    return false;
}

/* Its version; of what has none, what its text comes to. */
static struct slice tag_of(struct api_request *q, const struct face_meta *m, struct slice text)
{
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    if (m->version)
        return slice_of(m->version);
    sha256(text, digest);
    hex_encode(digest, TAG_BYTES, hex);
    return arena_copy(q->arena, slice_of(hex));
}

int face_send(struct api_request *q, const struct face_kind *k, const void *record, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    struct face_meta m = k->meta(q, record);
    put_resource(&o, q, k, &m, record);
    if (answer(q, &b, e))
        return -1;
    struct slice tag = tag_of(q, &m, buf_text(&b));
    http_reply_field(q->reply, "ETag", slice_of(arena_printf(q->arena, "W/\"%.*s\"", SLICE_FMT(tag))));
    if (is_known(q, tag)) {
        q->reply->status = 304;
        q->reply->body = (struct slice){NULL, 0};
    }
    return 0;
}

/* --- many --- */

static void put_link(struct json_out *o, struct api_request *q, const char *relation, enum face t, const char *query)
{
    const char *url = face_url(q);
    json_open(o, '{');
    json_pair_str(o, "relation", relation);
    json_pair_str(
        o, "url",
        arena_printf(q->arena, "%s%s%s%s%s", url, *url ? "/fhir/R4/" : "", face_name(t), *query ? "?" : "", query));
    json_close(o, '}');
}

static int put_links(struct json_out *o, struct api_request *q, const struct search *s, const char *next, struct err *e)
{
    const char *self = arena_str(q->arena, s->self), *more = NULL;
    if (!self)
        return no_memory(e);
    if (next)
        more = arena_printf(q->arena, "%s%s_cursor=%s", self, *self ? "&" : "", next);
    if (more && s->tells) {
        const char *page = NULL;
        if (seal_page(q, s->type, slice_of(more), &page, e))
            return -1;
        more = arena_printf(q->arena, "_page=%s", page);
    }
    json_key(o, "link");
    json_open(o, '[');
    put_link(o, q, "self", s->type, self);
    if (more)
        put_link(o, q, "next", s->type, more);
    json_close(o, ']');
    return 0;
}

static void put_mode(struct json_out *o, const char *mode)
{
    json_key(o, "search");
    json_open(o, '{');
    json_pair_str(o, "mode", mode);
    json_close(o, '}');
}

/* What was passed over, as an entry beside those that were found. */
static void put_passed_over(struct json_out *o, const struct api_request *q, const struct search *s)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT];
    if (!s->unknowns)
        return;
    uuid7(id);
    json_open(o, '{');
    json_pair_str(o, "fullUrl", arena_printf(q->arena, "urn:uuid:%s", uuid_text(id, text)));
    json_key(o, "resource");
    json_open(o, '{');
    json_pair_str(o, "resourceType", "OperationOutcome");
    json_key(o, "issue");
    json_open(o, '[');
    for (int i = 0; i < s->unknowns; i++) {
        json_open(o, '{');
        json_pair_str(o, "severity", "warning");
        json_pair_str(o, "code", "not-supported");
        json_key(o, "details");
        json_open(o, '{');
        json_pair_str(o, "text", "this parameter is not understood here, and was passed over");
        json_close(o, '}');
        json_pair(o, "diagnostics", s->unknown[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
    put_mode(o, "outcome");
    json_close(o, '}');
}

static void put_entry(struct json_out *o, struct api_request *q, const struct face_kind *k, const void *record)
{
    struct face_meta m = k->meta(q, record);
    const char *url = face_url(q);
    json_open(o, '{');
    if (*url)
        json_pair_str(o, "fullUrl", arena_printf(q->arena, "%s/fhir/R4/%s/%s", url, face_name(k->type), m.id));
    json_key(o, "resource");
    put_resource(o, q, k, &m, record);
    put_mode(o, "match");
    json_close(o, '}');
}

int face_send_page(struct api_request *q, const struct search *s, const struct face_kind *k, const struct face_page *p,
                   struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    int n = s->only_count ? 0 : p->n;
    json_open(&o, '{');
    json_pair_str(&o, "resourceType", "Bundle");
    json_pair_str(&o, "type", "searchset");
    if (p->all >= 0 && (s->only_count || s->total != SEARCH_TOTAL_NONE))
        json_pair_int(&o, "total", p->all);
    if (put_links(&o, q, s, s->only_count ? NULL : p->next, e))
        return -1;
    if (n || s->unknowns) {
        json_key(&o, "entry");
        json_open(&o, '[');
        for (int i = 0; i < n; i++)
            put_entry(&o, q, k, (const char *)p->record + (size_t)i * p->size);
        put_passed_over(&o, q, s);
        json_close(&o, ']');
    }
    json_close(&o, '}');
    return answer(q, &b, e);
}

int face_send_nothing(struct api_request *q, const struct search *s, const char *object, struct err *e)
{
    struct audit_entry entry = q->audit;
    struct face_page none = {.n = 0};
    entry.object = object;
    return audit_note(q->api->db, &entry, e) ? -1
                                             : face_send_page(q, s, &(struct face_kind){.type = s->type}, &none, e);
}

struct sifted {
    const void *record;
    int64_t at;
    int nth;
};

static int by_time(const void *a, const void *b)
{
    const struct sifted *x = a, *y = b;
    return x->at != y->at ? (x->at > y->at ? 1 : -1) : x->nth - y->nth;
}

int face_send_sifted(struct api_request *q, const struct search *s, const struct face_kind *k,
                     const struct face_sift *how, const void *record, size_t size, int n, struct err *e)
{
    struct sifted *x = arena_take(q->arena, (size_t)(n + 1) * sizeof *x);
    char *page = arena_take(q->arena, (size_t)s->count * size);
    int64_t from = 0;
    int m = 0, shown = 0;
    if (!x || !page)
        return no_memory(e);
    if (face_cursor(q, s, &from, e))
        return -1;
    for (int i = 0; i < n; i++) {
        const void *one = (const char *)record + (size_t)i * size;
        if (how->fits(s, one))
            x[m++] = (struct sifted){one, how->at ? how->at(one) : 0, i};
    }
    if (s->sorted && how->at)
        qsort(x, (size_t)m, sizeof *x, by_time);
    for (int64_t i = from; i < m && shown < s->count; i++)
        memcpy(page + (size_t)shown++ * size, x[s->sorted && s->descending ? m - 1 - i : i].record, size);
    bool more = from + shown < m;
    struct face_page p = {page, size, shown, m, more ? arena_printf(q->arena, "%lld", (long long)from + shown) : NULL};
    return face_send_page(q, s, k, &p, e);
}
