/* negotiate.c -- what a Bundle lacks, without making anything of it; and what was decided about a job. */
#include "api/intake.h"
#include "api/submission.h"
#include "base/metric.h"

/* Nothing is stored, so nothing is logged but a refusal: the answer tells the client of its own Bundle. */
int api_negotiate(struct api_request *q, struct err *e)
{
    struct submission d;
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (submission_read(q, SUBMISSION_DRY, &d, e))
        return -1;
    struct intake x = {.api = q->api,
                       .arena = q->arena,
                       .doc = &d.json,
                       .bundle = d.bundle,
                       .target = d.target,
                       .policy = d.policy,
                       .at_us = &d.at_us};
    if (intake_decide(&x, e) && e->code != ERR_DATA_MISSING)
        return api_refuse_intake(q, &x, e);
    metric_add(METRIC_NEGOTIATED, 1);
    json_open(&o, '{');
    intake_write_dry(&x.decision, &o);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* As it was made when the job was accepted: which models there were, why this one, and what each input came from. */
int api_job_decision(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct slice text = {NULL, 0};
    struct json plan;
    struct json_fault f;
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    if (!api_job_shows(q, "decision"))
        return api_job_closed(q, e);
    if (api_job_id(q, id, e))
        return -1;
    int found = job_reopen(q->api->jobs, &q->caller, id, &q->audit, q->arena, NULL, &text, e);
    if (found <= 0)
        return found < 0 ? -1 : api_job_absent(q, e);
    if (json_parse(q->arena, text, &plan, &f))
        return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "a stored plan that is no JSON");
    uint32_t decision = json_get(&plan, 0, "decision");
    if (!decision)
        return err_set(e, ERR_INTERNAL, "a stored plan without a decision");
    buf_slice(&b, json_span(&plan, decision));
    return api_answer(q, 200, &b, e);
}
