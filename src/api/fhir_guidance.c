#include "api/fhir_guidance.h"

#include <stdio.h>

#include "api/api_int.h"
#include "api/fhir_requirement.h"
#include "api/fhir_result.h"
#include "base/clock.h"
#include "negotiate/ask.h"

static const struct slice none = {NULL, 0};

/* --- what all of them say --- */

static void open_list(struct json_out *o, const char *key)
{
    json_key(o, key);
    json_open(o, '[');
}

static void put_identifier(struct json_out *o, const char *kind, struct slice value)
{
    open_list(o, "identifier");
    fhir_put_identifier(o, NULL, kind, value);
    json_close(o, ']');
}

static void pair_canonical(struct json_out *o, const char *key, const struct manifest *m, struct arena *a)
{
    json_pair_str(o, key, arena_printf(a, PLAN_CANONICAL "%.*s|%.*s", SLICE_FMT(m->key), SLICE_FMT(m->version)));
}

static void put_message(struct json_out *o)
{
    open_list(o, "evaluationMessage");
    fhir_put_reference(o, NULL, SLICE("#outcome"));
    json_close(o, ']');
}

static void open_parameters(struct json_out *o)
{
    json_open(o, '{');
    json_pair_str(o, "resourceType", "Parameters");
    json_pair_str(o, "id", "output");
    open_list(o, "parameter");
}

static void close_parameters(struct json_out *o)
{
    json_close(o, ']');
    json_close(o, '}');
}

static void open_parameter(struct json_out *o, const char *name)
{
    json_open(o, '{');
    json_pair_str(o, "name", name);
}

/* --- what is missing --- */

/* The models there are, in the order they would go, and what to send first: as /v1 tells it. */
static void put_candidate(struct json_out *o, const struct candidate *c, struct arena *a)
{
    open_parameter(o, "candidate");
    open_list(o, "part");
    open_parameter(o, "model");
    pair_canonical(o, "valueCanonical", c->model, a);
    json_close(o, '}');
    open_parameter(o, "ready");
    json_pair_bool(o, "valueBoolean", c->ready);
    json_close(o, '}');
    open_parameter(o, "rank");
    json_pair_int(o, "valueInteger", c->rank);
    json_close(o, '}');
    open_parameter(o, "distance");
    json_pair_int(o, "valueInteger", c->distance);
    json_close(o, '}');
    for (size_t i = 0; i < c->missings; i++) {
        if (!c->missing[i].mandatory)
            continue;
        open_parameter(o, "missing");
        json_pair(o, "valueString", c->missing[i].name);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
}

static void put_next(struct json_out *o, const struct next_best *n, struct arena *a)
{
    char gain[16];
    snprintf(gain, sizeof gain, "%u.%03u", n->gain / 1000, n->gain % 1000);
    open_parameter(o, "next-best");
    open_list(o, "part");
    open_parameter(o, "input");
    json_pair(o, "valueString", n->missing->name);
    json_close(o, '}');
    for (size_t i = 0; i < n->unlocks_n; i++) {
        open_parameter(o, "unlocks");
        pair_canonical(o, "valueCanonical", n->unlocks[i]->model, a);
        json_close(o, '}');
    }
    open_parameter(o, "gain");
    json_pair_raw(o, "valueDecimal", slice_of(gain));
    json_close(o, '}');
    json_close(o, ']');
    json_close(o, '}');
}

static void put_contained(struct json_out *o, struct api_request *q, const struct decision *d)
{
    open_list(o, "contained");
    api_put_outcome(o, q, "outcome");
    if (ask_count(d->shown))
        ask_write(d->shown, "ask", o);
    open_parameters(o);
    for (size_t i = 0; i < d->candidates; i++)
        put_candidate(o, &d->candidate[i], q->arena);
    for (size_t i = 0; i < d->nexts; i++)
        put_next(o, &d->next[i], q->arena);
    close_parameters(o);
    json_close(o, ']');
}

static void put_reasons(struct json_out *o, struct api_request *q)
{
    bool any = false;
    for (size_t i = 0; i < q->issues; i++) {
        if (!q->issue[i].reason)
            continue;
        if (!any)
            open_list(o, "reasonCode");
        any = true;
        fhir_put_concept(o, NULL, SLICE(REASON_SYSTEM), slice_of(q->issue[i].reason), none, slice_of(q->issue[i].text));
    }
    if (any)
        json_close(o, ']');
}

/* What more data can cure, as requirements. */
static void put_requirements(struct json_out *o, const struct candidate *c)
{
    struct slice patient = slice_starts(c->subject, "Patient/") ? (struct slice){c->subject.p + sizeof "Patient/" - 1,
                                                                                 c->subject.n - (sizeof "Patient/" - 1)}
                                                                : none;
    bool any = false;
    for (size_t i = 0; i < c->missings; i++) {
        const struct missing *m = &c->missing[i];
        if (!reason_curable(m->reason) || (!m->input && !m->condition))
            continue;
        if (!any)
            open_list(o, "dataRequirement");
        any = true;
        fhir_requirement_put(o, &(struct requirement){.model = c->model,
                                                      .input = m->input,
                                                      .condition = m->condition,
                                                      .patient = patient,
                                                      .ask = ask_count(c) ? "#ask" : NULL});
    }
    if (any)
        json_close(o, ']');
}

void fhir_guidance_missing(struct api_request *q, const struct intake *x, struct json_out *o)
{
    const struct decision *d = &x->decision;
    char at[CLOCK_TEXT];
    json_open(o, '{');
    json_pair_str(o, "resourceType", "GuidanceResponse");
    put_contained(o, q, d);
    fhir_put_identifier(o, "requestIdentifier", FHIR_OURS "identifier:request", slice_of(q->id));
    put_identifier(o, FHIR_OURS "identifier:negotiation", slice_of(q->audit.object_id));
    pair_canonical(o, "moduleCanonical", d->shown->model, q->arena);
    json_pair_str(o, "status", d->shown->curable ? "data-required" : "failure");
    if (d->shown->subject.n)
        fhir_put_reference(o, "subject", d->shown->subject);
    json_pair_str(o, "occurrenceDateTime", clock_text(d->at_us, at));
    put_reasons(o, q);
    put_message(o);
    fhir_put_reference(o, "outputParameters", SLICE("#output"));
    put_requirements(o, d->shown);
    json_close(o, '}');
}

/* --- a job --- */

/* What a job without a result is told as; of a failed one the failure's own sentence is told instead. */
static const struct {
    const char *status, *issue, *text; /* issue: a code of FHIR's issue-type; NULL: nothing is wrong */
} told[JOB_STATES] = {
    [JOB_QUEUED] = {"in-progress", NULL, NULL},
    [JOB_RUNNING] = {"in-progress", NULL, NULL},
    [JOB_COMPLETED] = {"success", NULL, NULL},
    [JOB_FAILED] = {"failure", "exception", "the model failed"},
    [JOB_DEAD] = {"failure", "exception", "the model could not be run"},
    [JOB_CANCELLED] = {"failure", "suppressed", "the job was cancelled"},
    [JOB_EXPIRED] = {"failure", "timeout", "the job's expires_at passed before it could be run"},
};

static void put_failure(struct json_out *o, const struct job_view *v)
{
    const char *text = v->error ? job_error_text(v->error) : told[v->state].text;
    json_open(o, '{');
    json_pair_str(o, "resourceType", "OperationOutcome");
    json_pair_str(o, "id", "outcome");
    open_list(o, "issue");
    json_open(o, '{');
    json_pair_str(o, "severity", "error");
    json_pair_str(o, "code", told[v->state].issue);
    fhir_put_concept(o, "details", SLICE(FHIR_OURS "CodeSystem:job-failure"),
                     v->error ? slice_of(v->error) : slice_of(job_state_name(v->state)), none, slice_of(text));
    json_close(o, '}');
    json_close(o, ']');
    json_close(o, '}');
}

static int put_result(struct json_out *o, struct api_request *q, const struct model *m, const uint8_t name[16],
                      const struct job_view *v, struct err *e)
{
    const struct fhir_result r = {.model = m,
                                  .output = v->result,
                                  .plan = v->plan,
                                  .id = name,
                                  .accepted_at = v->created_at,
                                  .ended_at = v->updated_at};
    open_parameters(o);
    open_parameter(o, "result");
    json_key(o, "resource");
    if (fhir_result_put(o, &r, q->arena, e))
        return -1;
    json_close(o, '}');
    close_parameters(o);
    return 0;
}

/* Whom it is about; of a job that has not ended, its plan stays closed. */
static struct slice subject_of(struct api_request *q, const struct job_view *v)
{
    struct json plan;
    struct json_fault f;
    if (!v->plan.p || json_parse(q->arena, v->plan, &plan, &f))
        return none;
    uint32_t about = json_get_kind(&plan, 0, "about", JSON_OBJECT);
    return about ? json_get_text(&plan, about, "subject", q->arena) : none;
}

int fhir_guidance_job(struct api_request *q, const uint8_t name[16], const struct job_view *v, struct json_out *o,
                      struct err *e)
{
    const struct model *m = registry_by_digest(q->api->registry, v->model);
    struct slice subject = subject_of(q, v);
    bool failed = told[v->state].issue != NULL, done = v->state == JOB_COMPLETED;
    char id[UUID_TEXT], at[CLOCK_TEXT];
    uuid_text(name, id);
    if (!m)
        return err_set(e, ERR_NOT_FOUND, "a job of a version that is not here");
    json_open(o, '{');
    json_pair_str(o, "resourceType", "GuidanceResponse");
    json_pair_str(o, "id", id);
    if (failed || done) {
        open_list(o, "contained");
        if (failed)
            put_failure(o, v);
        else if (put_result(o, q, m, name, v, e))
            return -1;
        json_close(o, ']');
    }
    put_identifier(o, FHIR_OURS RESULT_JOB, slice_of(id));
    pair_canonical(o, "moduleCanonical", &m->manifest, q->arena);
    json_pair_str(o, "status", told[v->state].status);
    if (subject.n)
        fhir_put_reference(o, "subject", subject);
    json_pair_str(o, "occurrenceDateTime", clock_text(v->updated_at, at));
    if (failed)
        put_message(o);
    if (done)
        fhir_put_reference(o, "outputParameters", SLICE("#output"));
    json_close(o, '}');
    return 0;
}
