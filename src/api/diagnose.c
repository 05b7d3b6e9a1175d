#include <stdio.h>

#include "api/api_int.h"
#include "api/continue.h"
#include "api/intake.h"
#include "api/submission.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rnd.h"
#include "crypto/digest.h"

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
static void name_negotiation(struct api_request *q, uint8_t id[UUID_BYTES])
{
    char text[UUID_TEXT];
    uuid7(id);
    q->audit.object = "Negotiation";
    q->audit.object_id = arena_printf(q->arena, "ng_%s", uuid_text(id, text));
}

static const char *sentence_of(struct api_request *q, const struct decision *d, const struct missing *m)
{
    struct buf b = buf_in(q->arena, 4096);
    missing_sentence(d, m, &b);
    buf_byte(&b, 0);
    return buf_failed(&b) ? NULL : b.p;
}

/* Its name, and until when it goes on with less than the whole Bundle. */
static void put_negotiation(struct api_request *q, int64_t until, struct json_out *o)
{
    char when[CLOCK_TEXT];
    json_pair_str(o, "negotiation_id", q->audit.object_id);
    if (until)
        json_pair_str(o, "expires_at", clock_text(until, when));
}

static void tell_missing(struct api_request *q, const struct decision *d, int64_t until)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX), more = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b), members = json_out(&more);
    json_open(&o, '{');
    intake_write_negotiation(d, &o);
    put_negotiation(q, until, &o);
    json_close(&o, '}');
    put_negotiation(q, until, &members);
    intake_write_needs(d, &members);
    if (!buf_failed(&b) && !buf_failed(&more)) {
        q->detail = buf_text(&b);
        q->members = buf_text(&more);
    }
    for (size_t i = 0; d->shown && i < d->shown->missings; i++) {
        const struct missing *m = &d->shown->missing[i];
        struct api_issue *add =
            api_issue_add(q, m->mandatory ? "error" : "warning", reason_issue(m->reason), sentence_of(q, d, m));
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
        uint8_t id[UUID_BYTES];
        int64_t until = continue_until(q, x);
        metric_add(METRIC_NEGOTIATED, 1);
        name_negotiation(q, id);
        tell_missing(q, &x->decision, until);
        if (until) {
            continue_keep(q, x, id, until, e);
            return -1;
        }
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

int api_idempotency_key(struct api_request *q, struct slice *ret, struct err *e)
{
    struct slice key = http_header(q->http, "Idempotency-Key");
    bool ok = key.n >= 1 && key.n <= 255;
    for (size_t i = 0; ok && i < key.n; i++)
        ok = key.p[i] >= 0x20 && key.p[i] < 0x7f;
    *ret = key;
    if (ok || !key.p)
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

int api_check_queue(struct api_request *q, size_t jobs, struct err *e)
{
    int most = q->api->config.client_queued, waiting = 0;
    if (most && (waiting = job_waiting(q->api->jobs, &q->caller, most, q->arena, e)) < 0)
        return -1;
    if (!most || (size_t)waiting + jobs <= (size_t)most)
        return 0;
    limit_note(q->api->limit, &q->caller, ERR_QUEUE_FULL);
    q->retry_s = 5;
    return err_set(e, ERR_QUEUE_FULL, "jobs of one client");
}

int api_job_sender(struct api_request *q, struct err *e)
{
    return q->caller.subject ? client_of_staff(q->api->db, &q->caller, &q->audit, q->arena, e) : 0;
}

/* Which of them were left out nobody would see. */
static int too_many(struct api_request *q, const struct intake *x, struct err *e)
{
    if (x->runs <= JOBS_TOGETHER)
        return 0;
    api_issue_field(q, "value_error", "body/policy",
                    "Value error, more models are ready than one request may run; name one as target_diagnosis");
    return err_set(e, ERR_BAD_REQUEST, "%zu models are ready, and one request makes %d jobs", x->runs, JOBS_TOGETHER);
}

int api_accept(struct api_request *q, struct submission *d, struct job_new *n, struct intake *x,
               struct job_accepted *ret, struct err *e)
{
    sha256(q->http->body, n->digest);
    if (n->idempotency_key.p) {
        int seen = job_replay(q->api->jobs, &q->caller, n->idempotency_key, n->digest, &q->audit, q->arena, ret, e);
        if (seen)
            return seen < 0 ? not_accepted(q, e) : 0;
    }
    *x = (struct intake){.api = q->api,
                         .arena = q->arena,
                         .doc = &d->json,
                         .bundle = d->bundle,
                         .target = d->target,
                         .policy = d->policy,
                         .at_us = &d->at_us,
                         .only = d->only,
                         .subject = d->subject,
                         .may_go_on = d->may_go_on,
                         .webhook_url = d->webhook_url};
    n->priority = d->priority;
    n->expires_at = d->expires_at;
    int lacks = intake_decide(x, e);
    if (x->decision.elsewhere)
        return submission_elsewhere(d, e);
    if (lacks)
        return api_refuse_intake(q, x, e);
    if (too_many(q, x, e) || api_check_queue(q, x->runs, e) || api_job_sender(q, e))
        return -1;
    return intake_accept(x, n, q->id, ret, e) ? not_accepted(q, e) : 0;
}

/* A request that ended its negotiation, sent again with its key: the negotiation is gone, its job is there. */
static bool is_repeated(struct api_request *q, const struct submission *d, struct job_new *n, struct job_accepted *ret)
{
    struct err e;
    if (!d->ended || !n->idempotency_key.p)
        return false;
    sha256(q->http->body, n->digest);
    return job_replay(q->api->jobs, &q->caller, n->idempotency_key, n->digest, &q->audit, q->arena, ret, &e) > 0;
}

/* The client is told of the job by the id it knows it by. */
static int accept(struct api_request *q, struct job_new *n, struct err *e)
{
    struct submission d;
    struct intake x;
    struct job_accepted accepted = {0};
    bool read = submission_read(q, n->chosen ? SUBMISSION_ONE : SUBMISSION_ALL, &d, e) == 0;
    n->negotiation = read && d.goes_on ? d.continues : NULL;
    if (read ? api_accept(q, &d, n, &x, &accepted, e) : !is_repeated(q, &d, n, &accepted))
        return n->negotiation && e->code == ERR_NOT_FOUND ? continue_ended(&d, e) : -1;
    if (n->chosen)
        memcpy(accepted.id, n->chosen, sizeof accepted.id);
    api_answer_accepted(q, &accepted);
    return 0;
}

int api_diagnose(struct api_request *q, struct err *e)
{
    struct job_new n = {.caller = &q->caller, .audit = q->audit};
    return api_idempotency_key(q, &n.idempotency_key, e) || accept(q, &n, e) ? -1 : 0;
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
