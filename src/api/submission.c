/* submission.c -- the body's shape, in FastAPI's words. */
#include "api/submission.h"

#include "api/continue.h"
#include "base/clock.h"
#include "deliver/deliver.h"

int submission_parse(struct submission *d, struct err *e)
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
static struct slice want_text(struct submission *d, const char *key, uint32_t node)
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

void submission_webhook(struct submission *d, uint32_t node, const char *loc)
{
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

static struct slice text_at(const struct submission *d, uint32_t node)
{
    return json_kind(&d->json, node) == JSON_STRING ? json_text(&d->json, node, d->q->arena) : (struct slice){NULL, 0};
}

void submission_priority(struct submission *d, uint32_t node, const char *loc)
{
    d->priority = PRIORITY_ROUTINE;
    if (node && !job_priority_of(text_at(d, node), &d->priority))
        api_issue_field(d->q, "enum", loc, "Input should be 'routine', 'urgent', 'asap' or 'stat'");
}

void submission_expires(struct submission *d, uint32_t node, const char *loc)
{
    if (node && (!clock_parse(text_at(d, node), &d->expires_at, NULL) || d->expires_at <= clock_now_us()))
        api_issue_field(d->q, "value_error", loc, "Value error, an instant in the future such as 2026-11-25T14:00:00Z");
}

/* A job that the client or FHIR's one GuidanceResponse names is one. */
static bool allows_policy(const struct submission *d)
{
    return d->use != SUBMISSION_ONE || d->policy != NEGOTIATE_ALL_READY;
}

void submission_policy(struct submission *d, uint32_t node, const char *loc)
{
    if (node && (!policy_named(text_at(d, node), &d->policy) || !allows_policy(d)))
        api_issue_field(d->q, "enum", loc,
                        d->use != SUBMISSION_ONE ? "Input should be 'best', 'best-ready' or 'all-ready'"
                                                 : "Input should be 'best' or 'best-ready'");
}

void submission_assessed(struct submission *d, uint32_t node, const char *loc)
{
    d->at_us = clock_now_us();
    if (node && (!clock_parse(text_at(d, node), &d->at_us, NULL) || d->at_us > clock_now_us() + NEGOTIATE_AHEAD_US))
        api_issue_field(d->q, "value_error", loc,
                        "Value error, an instant that is not in the future, such as 2026-11-25T14:00:00Z");
}

/* A name that is plainly one is told back; any other text of the client's may be a patient's, and is not. */
static const char *told_name(struct submission *d, uint32_t key)
{
    struct slice s = json_raw(&d->json, key);
    bool plain = s.n >= 1 && s.n <= 40;
    for (size_t i = 0; plain && i < s.n; i++)
        plain = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", s.p[i]) && s.p[i];
    return plain ? arena_printf(d->q->arena, "body/%.*s", SLICE_FMT(s)) : "body";
}

static void check_unknown(struct submission *d)
{
    static const char *const known[] = {"client_id", "target_diagnosis", "webhook_url", "fhir_bundle",
                                        "priority",  "expires_at",       "policy",      "assessed_at"};
    const struct json *j = &d->json;
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0) && d->q->issues < ISSUES_MAX; k = json_next(j, k)) {
        bool found = false;
        for (size_t i = 0; i < COUNT(known); i++)
            found |= json_is(j, k, known[i]);
        if (!found)
            api_issue_field(d->q, "extra_forbidden", told_name(d, k), "Extra inputs are not permitted");
    }
}

static int check_shape(struct submission *d, struct err *e)
{
    const struct json *j = &d->json;
    if (json_kind(j, 0) != JSON_OBJECT) {
        api_issue_field(d->q, "model_attributes_type", "body",
                        "Input should be a valid dictionary or object to extract fields from");
        return err_set(e, ERR_BAD_REQUEST, "the body is no object");
    }
    d->client_id = want_text(d, "client_id", json_get(j, 0, "client_id"));
    d->target = want_text(d, "target_diagnosis", json_get(j, 0, "target_diagnosis"));
    submission_webhook(d, json_get(j, 0, "webhook_url"), "body/webhook_url");
    d->bundle = json_get(j, 0, "fhir_bundle");
    if (!d->bundle)
        api_issue_field(d->q, "missing", "body/fhir_bundle", "Field required");
    else if (json_kind(j, d->bundle) != JSON_OBJECT)
        api_issue_field(d->q, "dict_type", "body/fhir_bundle", "Input should be a valid dictionary");
    submission_priority(d, json_get(j, 0, "priority"), "body/priority");
    submission_expires(d, json_get(j, 0, "expires_at"), "body/expires_at");
    submission_policy(d, json_get(j, 0, "policy"), "body/policy");
    submission_assessed(d, json_get(j, 0, "assessed_at"), "body/assessed_at");
    check_unknown(d);
    if (arena_failed(d->q->arena)) /* a field may have been taken for absent, an issue may be lost */
        return err_set(e, ERR_NO_MEMORY, "a body of %zu bytes", j->size);
    return d->q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", d->q->issues) : 0;
}

int submission_read(struct api_request *q, enum submission_use use, struct submission *ret, struct err *e)
{
    *ret = (struct submission){.q = q, .use = use, .may_go_on = use != SUBMISSION_DRY};
    if (submission_parse(ret, e) || (ret->may_go_on && submission_continue(ret, e)) || check_shape(ret, e))
        return -1;
    if (slice_is(ret->client_id, q->caller.name))
        return 0;
    q->detail = SLICE("\"client_id is not the client whose API key was sent\"");
    err_set(e, ERR_NOT_ALLOWED, "client_id names another client");
    api_deny(q, e);
    return -1;
}
