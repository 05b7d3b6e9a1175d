#include <stdio.h>

#include "api/api_int.h"
#include "api/form.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/rnd.h"
#include "identity/scopes.h"

static const struct api_route routes[] = {
#define ROUTE(method, path, entity, action, handler, body, request, status, answer, summary)                           \
    {HTTP_##method, #method, path, summary, #handler, ENTITY_##entity, ACTION_##action, body, status, request, answer},
#include "api/routes.def"
#undef ROUTE
    {0},
};

static api_handler *const handlers[] = {
#define ROUTE(method, path, entity, action, handler, body, request, status, answer, summary) api_##handler,
#include "api/routes.def"
#undef ROUTE
};

const struct api_route *api_routes(void)
{
    return routes;
}

/* --- router --- */

/* "/v1/jobs/:job_id/cancel" against "/v1/jobs/123/cancel"; the parts that stand for :names go to param[], in order. A
 * last "*name" is all the parts there are, one at least. */
static bool path_fits(const char *pattern, struct slice path, struct slice param[PARAMS_MAX])
{
    struct slice want = slice_of(pattern);
    int n = 0;
    while (want.p && path.p) {
        struct slice w = slice_cut(&want, '/'), rest = path, p = slice_cut(&path, '/');
        if (w.n && w.p[0] == '*') {
            if (rest.n == 0 || n == PARAMS_MAX)
                return false;
            param[n++] = rest;
            return true;
        }
        if (w.n && w.p[0] == ':') {
            if (p.n == 0 || n == PARAMS_MAX)
                return false;
            param[n++] = p;
        } else if (!slice_eq(w, p)) {
            return false;
        }
    }
    return !want.p && !path.p;
}

uint64_t api_body_rule(void *ctx, const struct http_request *http)
{
    const struct api *api = ctx;
    struct slice param[PARAMS_MAX];
    for (const struct api_route *r = routes; r->path; r++)
        if (r->body_kib == BODY_STREAMED && r->method == http->method && path_fits(r->path, http->path, param))
            return api->config.document_max + FORM_MAX;
    return 0;
}

static int find_route(struct api_request *q, struct err *e)
{
    struct buf allow = buf_in(q->arena, 256);
    enum http_method method = q->http->method == HTTP_HEAD ? HTTP_GET : q->http->method;
    const char *first = NULL; /* what fits later is more general, and answers nothing of this address */
    for (const struct api_route *r = routes; r->path; r++) {
        struct slice param[PARAMS_MAX] = {{NULL, 0}};
        if ((first && strcmp(first, r->path) != 0) || !path_fits(r->path, q->http->path, param))
            continue;
        first = r->path;
        if (r->method == method) {
            q->route = r;
            memcpy(q->param, param, sizeof param);
            return 0;
        }
        buf_printf(&allow, "%s%s", allow.n ? ", " : "", r->method_text);
        if (r->method == HTTP_GET)
            buf_str(&allow, ", HEAD");
    }
    if (!allow.n)
        return err_set(e, ERR_NOT_FOUND, "no such address");
    http_reply_field(q->reply, "Allow", buf_text(&allow));
    return err_set(e, ERR_METHOD, "not with this method");
}

bool api_query_next(struct api_request *q, struct slice *rest, struct slice *key, struct slice *value)
{
    return form_next(rest, q->arena, key, value);
}

int api_form(struct slice form, const char *name, struct arena *a, struct slice *ret)
{
    int n = 0;
    while (form.p) {
        struct slice value = slice_cut(&form, '&'), key = slice_cut(&value, '=');
        if (!slice_is(form_unescape(key, a), name))
            continue;
        *ret = value.p ? form_unescape(value, a) : SLICE("");
        n++;
    }
    return n;
}

struct slice api_form_value(struct slice form, const char *name, struct arena *a)
{
    struct slice v = {NULL, 0};
    api_form(form, name, a, &v);
    return v;
}

struct slice api_query(struct api_request *q, const char *name)
{
    return api_form_value(q->http->query, name, q->arena);
}

/* --- CORS: an allow-list, empty by default --- */

static bool origin_allowed(const struct api *api, struct slice origin)
{
    struct slice rest = slice_of(api->config.cors_origins);
    while (rest.p) {
        struct slice one = slice_cut(&rest, ' ');
        if (one.n && slice_eq(one, origin))
            return true;
    }
    return false;
}

/* 1: it was a preflight, and is answered. */
static int cors(struct api_request *q)
{
    struct slice origin = http_header(q->http, "Origin");
    if (!origin.p || !origin_allowed(q->api, origin))
        return 0;
    http_reply_field(q->reply, "Access-Control-Allow-Origin", origin);
    http_reply_field(q->reply, "Vary", SLICE("Origin"));
    http_reply_field(q->reply, "Access-Control-Expose-Headers",
                     SLICE("X-Request-ID, Lazaret-Audit, Location, Retry-After, Idempotent-Replayed, ETag, Link, "
                           "X-Total-Count"));
    if (q->http->method != HTTP_OPTIONS || !http_header(q->http, "Access-Control-Request-Method").p)
        return 0;
    http_reply_field(q->reply, "Access-Control-Allow-Methods", SLICE("GET, POST, PUT, DELETE"));
    http_reply_field(q->reply, "Access-Control-Allow-Headers",
                     SLICE("Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, "
                           "Lazaret-Break-Glass, "
                           "Lazaret-Role, X-Request-ID, traceparent"));
    http_reply_field(q->reply, "Access-Control-Max-Age", SLICE("600"));
    q->reply->status = 204;
    return 1;
}

/* --- who and what --- */

/* A request id of the client's is kept if it is short and plain: it goes into logs and the audit. */
static void take_request_id(struct api_request *q)
{
    struct slice given = http_header(q->http, "X-Request-ID");
    uint8_t id[UUID_BYTES];
    bool ok = given.n >= 1 && given.n <= REQUEST_ID_MAX;
    for (size_t i = 0; ok && i < given.n; i++)
        ok = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", given.p[i]) && given.p[i];
    if (ok) {
        memcpy(q->id, given.p, given.n);
        q->id[given.n] = 0;
    } else {
        uuid7(id);
        uuid_text(id, q->id);
    }
    http_reply_field(q->reply, "X-Request-ID", slice_of(q->id));
}

static void fill_audit(struct api_request *q)
{
    q->audit = (struct audit_entry){.scope = q->caller.scope,
                                    .actor = *q->caller.name ? q->caller.name : NULL,
                                    .role = role_name(q->caller.role),
                                    .action = q->route ? action_name(q->route->action) : "read",
                                    .object = q->route ? entity_name(q->route->entity) : NULL,
                                    .outcome = "permit",
                                    .request = q->id,
                                    .route = q->route ? q->route->path : NULL,
                                    .glass = *q->caller.glass ? q->caller.glass : NULL,
                                    .trace = q->trace.id,
                                    .seat = &q->seat};
}

/* Denied: into the log first. Always -1. */
static int deny(struct api_request *q, struct err *e)
{
    fill_audit(q);
    api_deny(q, e);
    return -1;
}

/* Who sends a good key is not concerned, wherever from. */
int api_deny_stranger(struct api_request *q, struct err *e)
{
    q->retry_s = limit_denied(q->api->limit, q->http->peer);
    return q->retry_s ? err_set(e, ERR_RATE, "failed sign-ins of one address") : deny(q, e);
}

int api_tell(struct api_request *q, const struct err *e)
{
    struct buf b = buf_in(q->arena, 2048);
    struct json_out o = json_out(&b);
    json_put_str(&o, e->detail);
    if (buf_failed(&b))
        return -1;
    q->detail = buf_text(&b);
    const char *rule = api_rule(e->detail, q->arena);
    q->members = slice_of(arena_printf(q->arena, "\"detail\":%.*s%s%s%s", SLICE_FMT(q->detail),
                                       rule ? ",\"rule\":\"" : "", rule ? rule : "", rule ? "\"" : ""));
    return -1;
}

int api_deny_told(struct api_request *q, struct err *e)
{
    struct err why = *e;
    deny(q, e);
    return e->code == why.code ? api_tell(q, &why) : -1;
}

/* Whose refusal says more than the error's own sentence: detail then holds nothing of a token or a cookie. */
static bool tells_more(enum err_code code)
{
    return code == ERR_TOKEN || code == ERR_PENDING || code == ERR_SUSPENDED || code == ERR_ROLE_CHOICE ||
           code == ERR_SIGN_IN;
}

/* Who sends a token is told what is wrong with it, or with their account. */
int api_refuse_caller(struct api_request *q, struct err *e)
{
    struct err why = *e;
    api_deny_stranger(q, e);
    return e->code == why.code && tells_more(why.code) ? api_tell(q, &why) : -1;
}

/* The cookie of a session, a key of ours, or somebody's access token; without any, the certificate of the connection.
 */
static int identify(struct api_request *q, struct err *e)
{
    struct slice authorization = http_header(q->http, "Authorization"), token, cookie;
    const struct http_cert *cert = q->http->cert;
    int signed_in = api_cookie(q, &cookie, e);
    if (signed_in)
        return signed_in < 0 ? -1 : api_identify_session(q, cookie, false, e);
    if (!authorization.p && cert && cert->until_us <= clock_now_us())
        return err_set(e, ERR_NOT_SIGNED_IN, "the certificate of this connection has ended");
    if (!authorization.p && cert)
        return known_identify_cert(q->api->known, q->api->db, q->api->scope, cert->hash, cert->subject, q->arena,
                                   &q->caller, e);
    if (q->api->staff && authorization.p && staff_token(authorization, &token))
        return staff_identify(q->api->staff, token, http_header(q->http, "Lazaret-Role"), q->arena, &q->caller, e);
    return known_identify(q->api->known, q->api->db, q->api->scope, authorization, q->api->config.open_client, q->arena,
                          &q->caller, e);
}

/* After the policy, so that a scope can only narrow. Which scope would do is told in WWW-Authenticate (RFC 6750 3). */
static int check_scope(struct api_request *q, struct err *e)
{
    bool one = strchr(q->route->path, ':') != NULL;
    struct buf b = buf_in(q->arena, 256);
    if (!q->caller.scoped || scopes_cover(q->caller.scopes, q->route->entity, q->route->action, one))
        return 0;
    scopes_needed(q->route->entity, q->route->action, one, &b);
    http_reply_field(
        q->reply, "WWW-Authenticate",
        slice_of(arena_printf(q->arena, "Bearer realm=\"lazaret\", error=\"insufficient_scope\", scope=\"%.*s\"",
                              SLICE_FMT(buf_text(&b)))));
    err_set(e, ERR_SCOPE, "the token does not cover this");
    return deny(q, e);
}

/* Of a person: a home, too, goes by a number that answers call patient_id, and is not opened. */
static bool is_of_person(const struct api_route *r)
{
    return strstr(r->path, "/patients/:patient_id") || strstr(r->path, "/Patient/:patient_id");
}

/* Lazaret-Break-Glass: ID. What it asks for is one person, read: any other request is refused with it, so that nobody
 * believes they were acting in an emergency when they were not. Whether it is theirs, and whom it opens, is found out
 * by the read itself (study/glass.h). */
static int break_glass(struct api_request *q, struct err *e)
{
    struct slice id = http_header(q->http, "Lazaret-Break-Glass");
    const struct view_row *v = view_row(policy_view(ROLE_EMERGENCY, q->route->entity, q->route->action));
    uint8_t is_id[UUID_BYTES];
    if (!id.p)
        return 0;
    if (!v || !is_of_person(q->route) || !q->caller.subject)
        err_set(
            e, ERR_GLASS,
            "an emergency access opens GET /api/v1/patients/ID and what is read below it, and /fhir/R4/Patient/ID, of "
            "its one person, and nothing else");
    else if (!uuid_parse(slice_trim(id), is_id))
        err_set(e, ERR_GLASS, "Lazaret-Break-Glass names no emergency access of yours");
    else if (policy_view(q->caller.role, ENTITY_BREAK_GLASS, ACTION_CREATE) == VIEW_NONE)
        err_set(e, ERR_GLASS, "%s may not break the glass", role_name(q->caller.role));
    else {
        q->caller.behind = q->caller.role;
        q->caller.role = ROLE_EMERGENCY;
        uuid_text(is_id, q->caller.glass);
        return 0;
    }
    return api_deny_told(q, e);
}

static int admit(struct api_request *q, struct err *e)
{
    if (policy_view(ROLE_ANONYMOUS, q->route->entity, q->route->action) != VIEW_NONE)
        /* open to all: who asks does not matter, and a wrong key does no harm */
        return fill_audit(q), q->route->entity == ENTITY_SIGN_IN && api_own_page(q, e) ? api_deny_stranger(q, e) : 0;
    if (identify(q, e))
        return err_http(e->code) < 500 ? api_refuse_caller(q, e) : -1;
    if (break_glass(q, e))
        return -1;
    if (policy_view(q->caller.role, q->route->entity, q->route->action) == VIEW_NONE) {
        err_set(e, q->caller.role == ROLE_ANONYMOUS ? ERR_NOT_SIGNED_IN : ERR_NOT_ALLOWED, "%s may not %s %s",
                role_name(q->caller.role), action_name(q->route->action), entity_name(q->route->entity));
        return e->code == ERR_NOT_SIGNED_IN ? api_deny_stranger(q, e) : deny(q, e);
    }
    if (check_scope(q, e))
        return -1;
    fill_audit(q);
    q->retry_s = limit_client(q->api->limit, &q->caller);
    return q->retry_s ? err_set(e, ERR_RATE, "requests of one client") : 0;
}

const char *api_takes(const struct api_route *r)
{
    static const struct {
        const char *handler, *media;
    } other[] = {
#define TAKES(handler, media) {#handler, media},
#include "api/answers.def"
    };
    for (size_t i = 0; i < COUNT(other); i++)
        if (strcmp(other[i].handler, r->handler) == 0)
            return other[i].media;
    return "application/json";
}

static int check_body(const struct api_request *q, struct err *e)
{
    struct slice coding = http_header(q->http, "Content-Encoding");
    if (q->route->body_kib == 0)
        return 0;
    if (coding.p && !slice_is_nocase(coding, "identity"))
        return err_set(e, ERR_MEDIA_TYPE, "a body in a content coding");
    if (q->route->body_kib == BODY_STREAMED)
        return 0;
    if (q->http->body.n > (size_t)q->route->body_kib * 1024)
        return err_set(e, ERR_TOO_LARGE, "%zu bytes, at most %d KiB", q->http->body.n, q->route->body_kib);
    struct slice type = http_header(q->http, "Content-Type"), rest = type;
    type = slice_trim(slice_cut(&rest, ';'));
    const char *takes = api_takes(q->route);
    bool json = strcmp(takes, "application/json") == 0;
    if (!slice_is_nocase(type, takes) && !(json && slice_is_nocase(type, "application/fhir+json")))
        return err_set(e, ERR_MEDIA_TYPE, "a body of another type");
    return 0;
}

static int pipeline(struct api_request *q, struct err *e)
{
    if (find_route(q, e) || admit(q, e) || check_body(q, e) || api_check_query(q, e) || api_check_version(q, e))
        return -1;
    int rc = handlers[q->route - routes](q, e);
    /* erased while it was asked for: of a job its client is told; that somebody was in the study is nobody's to know */
    if (rc && e->code == ERR_GONE && q->route->entity != ENTITY_JOB)
        return err_set(e, ERR_NOT_FOUND, "erased meanwhile");
    return rc;
}

/* Which entry of the audit log speaks of this answer: who was told, or has changed something, can have that entry
 * proved. Not for strangers, who would learn how much is going on here. An answer without it is no less true. */
void api_tell_entry(struct api_request *q)
{
    struct err e;
    int64_t index;
    if (q->caller.role == ROLE_ANONYMOUS || q->told)
        return;
    q->told = true;
    int found = audit_seat_index(q->api->seats, &q->seat, &index, &e);
    if (found > 0)
        http_reply_field(q->reply, "Lazaret-Audit", slice_of(arena_printf(q->arena, "%lld", (long long)index)));
    else if (found < 0)
        log_err(LOG_ERROR, "an answer without the index of its audit entry", &e);
}

static void log_request(const struct api_request *q, const struct err *e)
{
    char status[16], us[24];
    snprintf(status, sizeof status, "%d", q->reply->status);
    snprintf(us, sizeof us, "%lld", (long long)(clock_mono_us() - q->http->received_us));
    bool failed = q->reply->status >= 500;
    log_line(failed ? LOG_ERROR : LOG_INFO, "request", "request", q->id, "trace", q->trace.id, "method",
             q->route ? q->route->method_text : "-", "route", q->route ? q->route->path : "-", "status", status, "us",
             us, "client", q->caller.role == ROLE_ANONYMOUS ? "-" : q->caller.name, e->code ? "code" : NULL,
             err_name(e->code), failed ? "detail" : NULL, e->detail, NULL);
}

void api_serve(void *ctx, struct http_request *http, struct http_reply *reply)
{
    struct err e = {.code = ERR_NONE};
    struct api_request q = {.api = ctx, .http = http, .reply = reply, .arena = http->arena};
    memcpy(q.caller.scope, q.api->scope, sizeof q.caller.scope);
    take_request_id(&q);
    trace_take(http_header(http, "traceparent"), &q.trace);
    audit_seat_begin(q.api->seats, &q.seat);
    if (!cors(&q) && pipeline(&q, &e))
        api_refuse(&q, &e);
    api_tell_entry(&q);
    if (arena_failed(http->arena) && !http_reply_begun(reply))
        api_starve(&q, &e);
    log_request(&q, &e);
}
