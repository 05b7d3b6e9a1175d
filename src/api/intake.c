#include "api/intake.h"

#include <stdio.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/metric.h"
#include "base/rnd.h"
#include "negotiate/ask.h"
#include "sandbox/sandbox.h"

enum { PLAN_MAX = 8 << 20, CANDIDATES_MAX = 32 };

int intake_decide(struct intake *x, struct err *e)
{
    const struct model *model[CANDIDATES_MAX];
    const struct manifest *manifest[CANDIDATES_MAX];
    int rank[CANDIDATES_MAX];
    int n = x->only ? 1 : registry_candidates(x->api->registry, x->target, model, CANDIDATES_MAX);
    if (x->only)
        model[0] = x->only;
    if (n == 0)
        return err_set(e, ERR_UNKNOWN_TARGET, "no stable model serves the target");
    if (fhir_validate(x->doc, x->bundle, &(struct fhir_ask){.type = "Bundle", .max_issues = INTAKE_ISSUES}, x->arena,
                      &x->report, e))
        return -1;
    if (x->report.errors)
        return err_set(e, ERR_BAD_FHIR, "%zu issues", x->report.errors);
    for (int i = 0; i < n; i++) {
        manifest[i] = &model[i]->manifest;
        rank[i] = model[i]->rank;
    }
    struct negotiation q = {.doc = x->doc,
                            .bundle = x->bundle,
                            .model = manifest,
                            .models = (size_t)n,
                            .rank = rank,
                            .at_us = x->at_us ? *x->at_us : clock_now_us(),
                            .policy = x->policy,
                            .subject = x->subject,
                            .absent = x->absent,
                            .absents = x->absents};
    if (negotiate(x->arena, &q, &x->decision, e))
        return -1;
    if (!x->decision.chosen)
        return err_set(e, ERR_DATA_MISSING, "%zu inputs", x->decision.shown ? x->decision.shown->missings : 0);
    x->runs = x->decision.runs;
    for (size_t k = 0; k < x->runs && k < JOBS_TOGETHER; k++)
        for (int i = 0; i < n; i++)
            if (manifest[i] == x->decision.run[k]->model)
                x->run[k] = model[i];
    x->model = x->run[0];
    return 0;
}

/* {"request":{...the model's line...},"decision":{...},"about":{...},"webhook_url":...,"absent":[...]} */
static int make_plan(struct intake *x, size_t nth, struct slice *ret, struct err *e)
{
    struct decision d = x->decision;
    d.chosen = d.run[nth]; /* of this job */
    uint8_t raw[12];
    char id[2 * sizeof raw + 1];
    struct wire_request w = {.deadline_ms = (uint32_t)(x->run[nth]->manifest.runtime.timeout_us / 1000)};
    struct slice line, decision;
    struct buf b = buf_in(x->arena, PLAN_MAX);
    struct json_out o = json_out(&b);
    rnd_bytes(raw, sizeof raw);
    hex_encode(raw, sizeof raw, id);
    if (decision_inputs(x->arena, d.chosen, &w, e))
        return -1;
    w.id = slice_of(id); /* says nothing of the job */
    if (wire_request(x->arena, &w, &line, e) || decision_text(x->arena, &d, &decision, e))
        return -1;
    while (line.n && line.p[line.n - 1] == '\n')
        line.n--;
    json_open(&o, '{');
    json_pair_raw(&o, "request", line);
    json_pair_raw(&o, "decision", decision);
    json_key(&o, "about");
    candidate_write_about(d.chosen, x->doc, x->bundle, x->arena, &o);
    if (x->webhook_url.p)
        json_pair(&o, "webhook_url", x->webhook_url);
    if (x->absents) {
        json_key(&o, "absent");
        json_open(&o, '[');
        for (size_t i = 0; i < x->absents; i++)
            json_put(&o, x->absent[i]);
        json_close(&o, ']');
    }
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "the job's plan");
    *ret = buf_text(&b);
    return 0;
}

/* Whole seconds until a job accepted now should have ended, from how long runs took so far. */
static int64_t eta_seconds(const struct api *api)
{
    const struct metric_histogram *h = &metric_histogram[HISTOGRAM_SANDBOX];
    uint64_t runs = 0;
    for (int i = 0; i < METRIC_BUCKETS; i++)
        runs += h->bucket[i];
    int64_t each = runs ? (int64_t)(h->sum_us / runs) : 100000;
    return (jobs_queued(api->jobs) + 1) * each / (api->workers > 0 ? api->workers : 1) / 1000000 + 1;
}

/* All jobs of the request, the first one among them. */
static void put_jobs(const struct intake *x, const struct job_new *n, struct json_out *o)
{
    char id[UUID_TEXT];
    json_key(o, "jobs");
    json_open(o, '[');
    for (size_t i = 0; i < x->runs; i++) {
        json_open(o, '{');
        json_pair_str(o, "job_id", uuid_text(i ? n->also[i - 1].id : n->id, id));
        api_put_model(o, x->run[i]);
        json_key(o, "links");
        json_open(o, '{');
        json_pair_str(o, "self", arena_printf(x->arena, "/v1/jobs/%s", id));
        json_close(o, '}');
        json_close(o, '}');
    }
    json_close(o, ']');
}

static int make_answer(struct intake *x, const struct job_new *n, const char *request_id, struct slice *ret,
                       struct err *e)
{
    char id[UUID_TEXT], when[CLOCK_TEXT];
    struct buf b = buf_in(x->arena, 8192);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "job_id", uuid_text(n->chosen ? n->chosen : n->id, id));
    json_pair_str(&o, "status", job_state_public(JOB_QUEUED));
    json_pair_str(&o, "created_at", clock_text(n->created_at, when));
    json_pair_int(&o, "eta_seconds", eta_seconds(x->api));
    api_put_model(&o, x->model);
    json_key(&o, "links");
    json_open(&o, '{');
    json_pair_str(&o, "self", arena_printf(x->arena, "/v1/jobs/%s", id));
    json_close(&o, '}');
    if (x->policy == NEGOTIATE_ALL_READY)
        put_jobs(x, n, &o);
    json_pair_str(&o, "request_id", request_id);
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "the answer");
    *ret = buf_text(&b);
    return 0;
}

static int make_others(struct intake *x, struct job_new *n, struct err *e)
{
    struct job_also *also = arena_take(x->arena, x->runs * sizeof *also);
    if (!also)
        return err_set(e, ERR_NO_MEMORY, "the jobs of a request");
    for (size_t i = 1; i < x->runs; i++) {
        uuid7(also[i - 1].id);
        also[i - 1].model = x->run[i]->digest;
        if (make_plan(x, i, &also[i - 1].plan, e))
            return -1;
    }
    n->also = also;
    n->alsos = x->runs - 1;
    return 0;
}

int intake_accept(struct intake *x, struct job_new *n, const char *request_id, struct job_accepted *ret, struct err *e)
{
    if (!x->api->workers_elsewhere && !(x->api->sandbox && sandbox_alive(x->api->sandbox)))
        return err_set(e, ERR_SANDBOX, "models cannot run on this machine");
    if (x->runs > JOBS_TOGETHER)
        return err_set(e, ERR_BAD_REQUEST, "%zu models are ready, and one request makes %d jobs", x->runs,
                       JOBS_TOGETHER);
    fault_crash(CRASH_accept_parsed);
    uuid7(n->id);
    n->created_at = clock_now_us();
    n->model = x->model->digest;
    n->bundle = json_span(x->doc, x->bundle);
    n->webhook = x->webhook_url.p != NULL;
    if (make_plan(x, 0, &n->plan, e) || make_others(x, n, e) || make_answer(x, n, request_id, &n->answer, e))
        return -1;
    if (arena_failed(x->arena)) /* nothing half read becomes a job */
        return err_set(e, ERR_NO_MEMORY, "a job's plan");
    return job_accept(x->api->jobs, n, x->arena, ret, e);
}

void intake_write_negotiation(const struct decision *d, struct json_out *o)
{
    json_pair_str(o, "status", "NEGOTIATION_REQUIRED");
    json_pair_str(o, "message", err_text(ERR_DATA_MISSING));
    intake_write_needs(d, o);
}

void intake_write_needs(const struct decision *d, struct json_out *o)
{
    json_key(o, "missing_data");
    decision_write_missing(d, o);
    json_key(o, "candidates");
    decision_write_candidates(d, o);
    json_key(o, "next_best");
    decision_write_next_best(d, o);
    json_key(o, "questionnaire");
    ask_write(d->shown, NULL, o);
}

void intake_write_dry(const struct decision *d, struct json_out *o)
{
    char at[CLOCK_TEXT];
    json_pair_bool(o, "ready", d->chosen != NULL);
    json_pair_str(o, "policy", policy_name(d->policy));
    json_pair_str(o, "assessed_at", clock_text(d->at_us, at));
    json_key(o, "runs");
    decision_write_runs(d, o);
    intake_write_needs(d, o);
}
