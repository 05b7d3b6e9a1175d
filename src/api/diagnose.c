#include <stdio.h>

#include "api/api_int.h"
#include "api/intake.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rnd.h"
#include "crypto/digest.h"

struct diagnose {
    struct api_request *q;
    struct json json;
    struct slice client_id, target, webhook_url;
    int priority;
    int64_t expires_at;
    uint32_t bundle;
};

/* --- the body's shape, in FastAPI's words --- */

static int parse_body(struct diagnose *d, struct err *e)
{
    struct json_fault f;
    struct api_request *q = d->q;
    struct api_issue *issue;
    if (q->http->body.n == 0) {
        api_issue_field(q, "missing", "body", "Field required");
        return err_set(e, ERR_BAD_REQUEST, "no body");
    }
    if (json_parse(q->arena, q->http->body, &d->json, &f) == 0)
        return 0;
    if (!f.what)
        return err_set(e, ERR_NO_MEMORY, "a body of %zu bytes", q->http->body.n);
    issue = api_issue_field(q, "json_invalid", arena_printf(q->arena, "body/%zu", f.off), "JSON decode error");
    if (issue) {
        struct buf b = buf_in(q->arena, 512);
        struct json_out o = json_out(&b);
        json_open(&o, '{');
        json_pair_str(&o, "error", f.what);
        json_close(&o, '}');
        buf_byte(&b, 0);
        issue->ctx = buf_failed(&b) ? NULL : b.p;
        issue->line = f.line;
        issue->column = f.column;
    }
    return err_set(e, ERR_BAD_JSON, "at byte %zu: %s", f.off, f.what);
}

/* A string of at least one character at `key`; {NULL,0} after an issue. */
static struct slice want_text(struct diagnose *d, const char *key, uint32_t node)
{
    const char *loc = arena_printf(d->q->arena, "body/%s", key);
    if (!node) {
        api_issue_field(d->q, "missing", loc, "Field required");
    } else if (json_kind(&d->json, node) != JSON_STRING) {
        api_issue_field(d->q, "string_type", loc, "Input should be a valid string");
    } else {
        struct slice s = json_text(&d->json, node, d->q->arena);
        if (s.n)
            return s;
        struct api_issue *issue =
            api_issue_field(d->q, "string_too_short", loc, "String should have at least 1 character");
        if (issue)
            issue->ctx = "{\"min_length\":1}";
    }
    return (struct slice){NULL, 0};
}

static void check_webhook(struct diagnose *d, uint32_t node)
{
    static const char loc[] = "body/webhook_url";
    const char *origin = d->q->caller.webhook_origin;
    if (!node || json_kind(&d->json, node) == JSON_NULL)
        return;
    if (json_kind(&d->json, node) != JSON_STRING) {
        api_issue_field(d->q, "string_type", loc, "Input should be a valid string");
        return;
    }
    d->webhook_url = json_text(&d->json, node, d->q->arena);
    if (!origin || !deliver_below(d->webhook_url, origin))
        api_issue_field(d->q, "value_error", loc,
                        "Value error, webhook_url must lie below the origin registered for this client (lazaret client "
                        "add NAME --webhook ORIGIN)");
}

/* How urgent it is, and until when its answer is of use. */
static void check_schedule(struct diagnose *d)
{
    const struct json *j = &d->json;
    uint32_t priority = json_get(j, 0, "priority"), expires = json_get(j, 0, "expires_at");
    d->priority = PRIORITY_ROUTINE;
    if (priority &&
        (json_kind(j, priority) != JSON_STRING || !job_priority_of(json_text(j, priority, d->q->arena), &d->priority)))
        api_issue_field(d->q, "enum", "body/priority", "Input should be 'routine', 'urgent', 'asap' or 'stat'");
    if (expires &&
        (json_kind(j, expires) != JSON_STRING ||
         !clock_parse(json_text(j, expires, d->q->arena), &d->expires_at, NULL) || d->expires_at <= clock_now_us()))
        api_issue_field(d->q, "value_error", "body/expires_at",
                        "Value error, an instant in the future such as 2026-11-25T14:00:00Z");
}

/* A name that is plainly one is told back; any other text of the client's may be a patient's, and is not. */
static const char *told_name(struct diagnose *d, uint32_t key)
{
    struct slice s = json_raw(&d->json, key);
    bool plain = s.n >= 1 && s.n <= 40;
    for (size_t i = 0; plain && i < s.n; i++)
        plain = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", s.p[i]) && s.p[i];
    return plain ? arena_printf(d->q->arena, "body/%.*s", SLICE_FMT(s)) : "body";
}

static void check_unknown(struct diagnose *d)
{
    static const char *const known[] = {"client_id",   "target_diagnosis", "webhook_url",
                                        "fhir_bundle", "priority",         "expires_at"};
    const struct json *j = &d->json;
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0) && d->q->issues < ISSUES_MAX; k = json_next(j, k)) {
        bool found = false;
        for (size_t i = 0; i < COUNT(known); i++)
            found |= json_is(j, k, known[i]);
        if (!found)
            api_issue_field(d->q, "extra_forbidden", told_name(d, k), "Extra inputs are not permitted");
    }
}

static int check_shape(struct diagnose *d, struct err *e)
{
    const struct json *j = &d->json;
    if (json_kind(j, 0) != JSON_OBJECT) {
        api_issue_field(d->q, "model_attributes_type", "body",
                        "Input should be a valid dictionary or object to extract fields from");
        return err_set(e, ERR_BAD_REQUEST, "the body is no object");
    }
    d->client_id = want_text(d, "client_id", json_get(j, 0, "client_id"));
    d->target = want_text(d, "target_diagnosis", json_get(j, 0, "target_diagnosis"));
    check_webhook(d, json_get(j, 0, "webhook_url"));
    d->bundle = json_get(j, 0, "fhir_bundle");
    if (!d->bundle)
        api_issue_field(d->q, "missing", "body/fhir_bundle", "Field required");
    else if (json_kind(j, d->bundle) != JSON_OBJECT)
        api_issue_field(d->q, "dict_type", "body/fhir_bundle", "Input should be a valid dictionary");
    check_schedule(d);
    check_unknown(d);
    if (arena_failed(d->q->arena)) /* a field may have been taken for absent, an issue may be lost */
        return err_set(e, ERR_NO_MEMORY, "a body of %zu bytes", j->size);
    return d->q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", d->q->issues) : 0;
}

/* --- refusals that say what to do --- */

static void tell_issues(struct api_request *q, const struct fhir_report *r)
{
    static const char *const severity[] = {"error", "warning", "information"};
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    buf_str(&b, "\"issues\":");
    json_open(&o, '[');
    for (size_t i = 0; i < r->issues; i++) {
        const struct fhir_issue *x = &r->issue[i];
        struct api_issue *add = api_issue_add(q, severity[x->severity], x->code, x->text);
        if (add) {
            add->expression = x->expression;
            add->line = x->line;
            add->column = x->column;
        }
        json_open(&o, '{');
        json_pair_str(&o, "severity", severity[x->severity]);
        json_pair_str(&o, "code", x->code);
        json_key(&o, "expression");
        json_open(&o, '[');
        json_put_str(&o, x->expression);
        json_close(&o, ']');
        json_pair_int(&o, "line", x->line);
        json_pair_int(&o, "column", x->column);
        json_pair_str(&o, "text", x->text);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    buf_printf(&b, ",\"issues_cut\":%zu", r->cut);
    if (!buf_failed(&b))
        q->extra = buf_text(&b);
}

/* The refusal has a name, under which the audit log has it, too. */
static void name_negotiation(struct api_request *q)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT];
    uuid7(id);
    q->audit.object = "Negotiation";
    q->audit.object_id = arena_printf(q->arena, "ng_%s", uuid_text(id, text));
}

static void tell_missing(struct api_request *q, const struct decision *d)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX), more = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b), members = json_out(&more);
    name_negotiation(q);
    json_open(&o, '{');
    intake_write_negotiation(d, &o);
    json_pair_str(&o, "negotiation_id", q->audit.object_id);
    json_close(&o, '}');
    json_pair_str(&members, "negotiation_id", q->audit.object_id);
    intake_write_needs(d, &members);
    if (!buf_failed(&b) && !buf_failed(&more)) {
        q->detail = buf_text(&b);
        q->members = buf_text(&more);
    }
    for (size_t i = 0; d->shown && i < d->shown->missings; i++) {
        const struct missing *m = &d->shown->missing[i];
        struct api_issue *add =
            api_issue_add(q, m->mandatory ? "error" : "warning", m->reason == REASON_ABSENT ? "required" : "value",
                          arena_printf(q->arena, "%.*s: %s", SLICE_FMT(m->display), reason_name(m->reason)));
        if (add) {
            add->reason = reason_name(m->reason);
            add->expression = m->seen.path;
        }
    }
}

int api_refuse_intake(struct api_request *q, const struct intake *x, struct err *e)
{
    if (e->code == ERR_UNKNOWN_TARGET) {
        struct buf b = buf_in(q->arena, 4096);
        struct json_out o = json_out(&b);
        json_put_str(&o, arena_printf(q->arena, "Unknown target diagnosis '%.*s'. No models registered.",
                                      (int)(x->target.n < 100 ? x->target.n : 100), x->target.p));
        q->detail = buf_text(&b);
    } else if (e->code == ERR_BAD_FHIR) {
        tell_issues(q, &x->report);
    } else if (e->code == ERR_DATA_MISSING) {
        metric_add(METRIC_NEGOTIATED, 1);
        tell_missing(q, &x->decision);
    } else {
        return -1;
    }
    api_deny(q, e);
    return -1;
}

void api_answer_accepted(struct api_request *q, const struct job_accepted *r)
{
    char id[UUID_TEXT];
    q->reply->status = 202;
    q->reply->body = r->answer;
    http_reply_field(q->reply, "Content-Type", SLICE("application/json"));
    http_reply_field(q->reply, "Location", slice_of(arena_printf(q->arena, "/v1/jobs/%s", uuid_text(r->id, id))));
    if (r->replayed)
        http_reply_field(q->reply, "Idempotent-Replayed", SLICE("true"));
}

static int check_key(struct api_request *q, struct slice key, struct err *e)
{
    bool ok = key.n >= 1 && key.n <= 255;
    for (size_t i = 0; ok && i < key.n; i++)
        ok = key.p[i] >= 0x20 && key.p[i] < 0x7f;
    if (ok)
        return 0;
    api_issue_field(q, "value_error", "header/Idempotency-Key", "Value error, 1 to 255 visible ASCII characters");
    return err_set(e, ERR_BAD_REQUEST, "a malformed Idempotency-Key");
}

/* A key that came with another body is a decision over what is stored; other failures decided nothing. */
static int not_accepted(struct api_request *q, struct err *e)
{
    if (e->code != ERR_KEY_REUSED)
        return -1;
    api_issue_field(q, "value_error", "header/Idempotency-Key", err_text(ERR_KEY_REUSED));
    api_deny(q, e);
    return -1;
}

/* Counted before it is accepted, so requests at the same moment may go past it by their number. */
static int check_queue(struct api_request *q, struct err *e)
{
    int most = q->api->config.client_queued, waiting = 0;
    if (most && (waiting = job_waiting(q->api->jobs, &q->caller, most, q->arena, e)) < 0)
        return -1;
    if (waiting < most || !most)
        return 0;
    limit_note(q->api->limit, &q->caller, ERR_QUEUE_FULL);
    q->retry_s = 5;
    return err_set(e, ERR_QUEUE_FULL, "jobs of one client");
}

/* The client is told of the job by the id it knows it by. */
static void tell_accepted(struct api_request *q, const struct job_new *n, struct job_accepted *r)
{
    if (n->chosen)
        memcpy(r->id, n->chosen, sizeof r->id);
    api_answer_accepted(q, r);
}

/* One request for one job, from its bytes to the answer. `n` says what the address says. */
static int accept(struct api_request *q, struct job_new *n, struct err *e)
{
    struct diagnose d = {.q = q};
    struct job_accepted accepted = {0};
    if (parse_body(&d, e) || check_shape(&d, e))
        return -1;
    if (!slice_is(d.client_id, q->caller.name)) {
        q->detail = SLICE("\"client_id is not the client whose API key was sent\"");
        err_set(e, ERR_NOT_ALLOWED, "client_id names another client");
        api_deny(q, e);
        return -1;
    }
    sha256(q->http->body, n->digest);
    if (n->idempotency_key.p) {
        int seen =
            job_replay(q->api->jobs, &q->caller, n->idempotency_key, n->digest, &q->audit, q->arena, &accepted, e);
        if (seen < 0)
            return not_accepted(q, e);
        if (seen)
            return tell_accepted(q, n, &accepted), 0;
    }
    struct intake x = {.api = q->api,
                       .arena = q->arena,
                       .doc = &d.json,
                       .bundle = d.bundle,
                       .target = d.target,
                       .webhook_url = d.webhook_url};
    n->priority = d.priority;
    n->expires_at = d.expires_at;
    if (intake_decide(&x, e))
        return api_refuse_intake(q, &x, e);
    if (check_queue(q, e))
        return -1;
    if (intake_accept(&x, n, q->id, &accepted, e))
        return not_accepted(q, e);
    tell_accepted(q, n, &accepted);
    return 0;
}

int api_diagnose(struct api_request *q, struct err *e)
{
    struct job_new n = {
        .caller = &q->caller, .idempotency_key = http_header(q->http, "Idempotency-Key"), .audit = q->audit};
    if (n.idempotency_key.p && check_key(q, n.idempotency_key, e))
        return -1;
    return accept(q, &n, e);
}

/* The client chooses the id, so the address itself is the idempotency key: sent again it is the same job. */
int api_job_put(struct api_request *q, struct err *e)
{
    uint8_t chosen[UUID_BYTES];
    struct job_new n = {.caller = &q->caller, .audit = q->audit, .chosen = chosen};
    char id[UUID_TEXT];
    if (!uuid_parse(q->param[0], chosen)) {
        api_issue_field(q, "uuid_parsing", "path/job_id", "Input should be a valid UUID");
        return err_set(e, ERR_BAD_REQUEST, "a job id that is no UUID");
    }
    const char *key = arena_printf(q->arena, "PUT /v1/jobs/%s", uuid_text(chosen, id));
    if (!key)
        return err_set(e, ERR_NO_MEMORY, "a key");
    n.idempotency_key = slice_of(key);
    if (accept(q, &n, e) == 0)
        return 0;
    if (e->code == ERR_KEY_REUSED || e->code == ERR_CONFLICT) {
        q->issues = 0;
        q->detail = SLICE("\"There is a job of this id already, made of another request\"");
        return err_set(e, ERR_CONFLICT, "a job id that is taken");
    }
    return -1;
}
