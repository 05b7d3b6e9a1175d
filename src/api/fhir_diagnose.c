/* fhir_diagnose.c -- FHIR's $diagnose: POST /v1/diagnose in R4's words, and the job it becomes, looked at and
 * cancelled.
 *
 * The engine and what is accepted, stored and audited are those of /v1 (api_accept). A request is answered with a
 * GuidanceResponse: what is missing (200), the result (200), or that the job is in progress (202), after as long a wait
 * as is allowed; with Prefer: respond-async (R4's asynchronous pattern) at once with 202 and where to look. Looking
 * there is answered 202 until the job has ended, then with a batch-response Bundle whose one entry is that
 * GuidanceResponse. A job that was cancelled is not there any more. */
#include "api/api_int.h"
#include "api/await.h"
#include "api/fhir_checked.h"
#include "api/fhir_guidance.h"
#include "api/submission.h"

#define ASYNC "/fhir/R4/$async/"

/* RFC 7240: "respond-async, handling=lenient" */
static bool prefers_async(const struct api_request *q)
{
    struct slice rest = http_header(q->http, "Prefer");
    while (rest.p) {
        struct slice one = slice_cut(&rest, ',');
        if (slice_is_nocase(slice_trim(slice_cut(&one, ';')), "respond-async"))
            return true;
    }
    return false;
}

static void tell_where(struct api_request *q, const uint8_t id[UUID_BYTES])
{
    char text[UUID_TEXT];
    const char *url = q->api->config.url ? q->api->config.url : "";
    http_reply_field(q->reply, "Content-Location",
                     slice_of(arena_printf(q->arena, "%s" ASYNC "%s", url, uuid_text(id, text))));
}

/* --- the request --- */

static int answer_missing(struct api_request *q, const struct intake *x, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    fhir_guidance_missing(q, x, &o);
    e->code = ERR_NONE; /* it is an answer, and not an error */
    return fhir_send_checked(q, 200, "GuidanceResponse", &b, e);
}

static int answer_accepted(struct api_request *q, const uint8_t id[UUID_BYTES], struct err *e)
{
    struct buf b = buf_in(q->arena, 4096);
    struct json_out o = json_out(&b);
    struct api_request told = {.arena = q->arena};
    api_issue_add(&told, "information", "informational", "accepted; Content-Location says where the answer will be");
    api_put_outcome(&o, &told, NULL);
    tell_where(q, id);
    return fhir_send_checked(q, 202, "OperationOutcome", &b, e);
}

/* Reads the job, as its client knows it by this id: 1, 0: there is none, or an error. */
static int read_job(struct api_request *q, const uint8_t id[UUID_BYTES], struct job_view *ret, struct err *e)
{
    struct audit_entry entry = q->audit;
    entry.action = action_name(ACTION_READ); /* whichever request it is for */
    int found = job_read(q->api->jobs, api_job_whose(q), id, &entry, q->arena, ret, e);
    if (found > 0 && ret->erased_at)
        return err_set(e, ERR_GONE, "an erased job");
    return found;
}

static int answer_job(struct api_request *q, const uint8_t id[UUID_BYTES], struct err *e)
{
    struct buf b = buf_in(q->arena, 2 * ANSWER_MAX);
    struct json_out o = json_out(&b);
    struct job_view v;
    int found = read_job(q, id, &v, e);
    if (found <= 0)
        return found < 0 ? -1 : api_job_absent(q, e);
    if (fhir_guidance_job(q, id, &v, &o, e))
        return -1;
    if (!job_state_ended(v.state))
        tell_where(q, id);
    return fhir_send_checked(q, job_state_ended(v.state) ? 200 : 202, "GuidanceResponse", &b, e);
}

int api_fhir_diagnose(struct api_request *q, struct err *e)
{
    struct submission d;
    struct intake x;
    struct job_accepted accepted = {0};
    struct job_new n = {.caller = &q->caller, .audit = q->audit};
    if (api_idempotency_key(q, &n.idempotency_key, e) || submission_read_parameters(q, &d, e))
        return -1;
    if (api_accept(q, &d, &n, &x, &accepted, e))
        return e->code == ERR_DATA_MISSING ? answer_missing(q, &x, e) : -1;
    if (accepted.replayed)
        http_reply_field(q->reply, "Idempotent-Replayed", SLICE("true"));
    if (prefers_async(q))
        return answer_accepted(q, accepted.id, e);
    return await_job(q, accepted.id, q->api->config.wait_ms, e) < 0 ? -1 : answer_job(q, accepted.id, e);
}

/* --- the job --- */

/* By the id in the path, and the one that its client gave. */
static int find_job(struct api_request *q, uint8_t name[UUID_BYTES], struct job_view *ret, struct err *e)
{
    uint8_t id[UUID_BYTES];
    if (!api_job_shows(q, "result"))
        return api_job_closed(q, e);
    if (api_job_id(q, id, e))
        return -1;
    uuid_parse(q->param[0], name);
    int found = read_job(q, id, ret, e);
    return found < 0 ? -1 : found == 0 ? api_job_absent(q, e) : 0;
}

int api_fhir_guidance(struct api_request *q, struct err *e)
{
    uint8_t name[UUID_BYTES];
    struct job_view v;
    struct buf b = buf_in(q->arena, 2 * ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (find_job(q, name, &v, e) || fhir_guidance_job(q, name, &v, &o, e))
        return -1;
    return fhir_send_checked(q, 200, "GuidanceResponse", &b, e);
}

static int answer_progress(struct api_request *q, const struct job_view *v)
{
    const char *text = v->state == JOB_QUEUED ? "queued"
                       : v->progress < 0      ? "running"
                                              : arena_printf(q->arena, "running, %d%%", v->progress);
    q->reply->status = 202;
    http_reply_field(q->reply, "X-Progress", slice_of(text));
    http_reply_field(q->reply, "Retry-After", SLICE("1"));
    return 0;
}

int api_fhir_async(struct api_request *q, struct err *e)
{
    uint8_t name[UUID_BYTES];
    char id[UUID_TEXT];
    struct job_view v;
    struct buf b = buf_in(q->arena, 2 * ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (find_job(q, name, &v, e))
        return -1;
    if (v.state == JOB_CANCELLED || (v.unwanted && !job_state_ended(v.state)))
        return api_job_absent(q, e);
    if (!job_state_ended(v.state))
        return answer_progress(q, &v);
    json_open(&o, '{');
    json_pair_str(&o, "resourceType", "Bundle");
    json_pair_str(&o, "type", "batch-response");
    json_key(&o, "entry");
    json_open(&o, '[');
    json_open(&o, '{');
    json_pair_str(&o, "fullUrl", arena_printf(q->arena, "urn:uuid:%s", uuid_text(name, id)));
    json_key(&o, "resource");
    if (fhir_guidance_job(q, name, &v, &o, e))
        return -1;
    json_key(&o, "response");
    json_open(&o, '{');
    json_pair_str(&o, "status", "200 OK");
    json_pair_str(&o, "location", arena_printf(q->arena, "GuidanceResponse/%s", id));
    json_close(&o, '}');
    json_close(&o, '}');
    json_close(&o, ']');
    json_close(&o, '}');
    return fhir_send_checked(q, 200, "Bundle", &b, e);
}

int api_fhir_async_cancel(struct api_request *q, struct err *e)
{
    enum job_cancel how;
    if (api_cancel(q, &how, e))
        return -1;
    q->reply->status = 202;
    return 0;
}
