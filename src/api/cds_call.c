/* cds_call.c -- POST /cds-services/{id}: what was fetched ahead becomes a Bundle and a job, and what comes of it soon
 * becomes a card.
 *
 * A caller is held for api_config.cds_wait_ms at most (await.h): whoever has no place, or waits in vain, is told that
 * it is being computed, and asks again. The same request with the same hookInstance is the same job. */
#include "api/await.h"
#include "api/cds.h"
#include "base/metric.h"
#include "crypto/digest.h"
#include "negotiate/ask.h"

struct call {
    struct cds_request request;
    struct cds_bundle bundle;
    struct intake intake;
    struct slice absent[MANIFEST_INPUTS + MANIFEST_CONDITIONS];
};

/* --- what is not there --- */

/* A search for it found nothing: of what asserts its absence, that says so. */
static void take_absent(struct call *c, struct slice name)
{
    if (cds_request_has(&c->request, name) == CDS_NOTHING)
        c->absent[c->intake.absents++] = name;
}

static void take_absents(struct call *c, const struct manifest *m)
{
    c->intake.absent = c->absent;
    for (size_t i = 0; i < m->inputs; i++)
        if (m->input[i].source == INPUT_CONDITION || m->input[i].source == INPUT_MEDICATION)
            take_absent(c, m->input[i].name);
    for (size_t i = 0; i < m->conditions; i++)
        if (manifest_find_input(m, m->condition[i].id) < 0)
            take_absent(c, m->condition[i].id);
}

/* The key under which something would have come, and the search for it. */
static struct slice key_of(const struct missing *m, struct slice *template, struct arena *a)
{
    *template = m->condition ? cds_condition_template(m->condition, a)
                : m->input   ? cds_input_template(m->input, a)
                             : (struct slice){NULL, 0};
    if (template->n)
        return m->name;
    *template = SLICE("Patient/{{context.patientId}}");
    return SLICE(CDS_PATIENT);
}

/* What the client can do about it. */
static const char *diagnosis(struct call *c, const struct missing *m)
{
    static const char *const said[] = {[CDS_NOT_ASKED] = "was not sent: the service asks for",
                                       [CDS_NOTHING] = "came as null or empty: nothing was found by",
                                       [CDS_FAILED] = "came as an OperationOutcome: it is not known what is found by",
                                       [CDS_SENT] = "was sent, and nothing in it counts; the service asks for"};
    struct arena *a = c->request.q->arena;
    struct slice template, key = key_of(m, &template, a);
    return arena_printf(a, "prefetch key '%.*s' %s %.*s", SLICE_FMT(key), said[cds_request_has(&c->request, key)],
                        SLICE_FMT(template));
}

/* Questions that would close the gap, beside what is missing. */
static void tell_questions(struct api_request *q, const struct decision *d)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (!d->shown || ask_count(d->shown) == 0)
        return;
    buf_str(&b, "\"contained\":[");
    ask_write(d->shown, "ask", &o);
    buf_str(&b, "],\"extension\":[{\"url\":\"" CDS_ASK "\",\"valueReference\":{\"reference\":\"#ask\"}}]");
    if (!buf_failed(&b))
        q->outcome = buf_text(&b);
}

/* The issues that api_refuse_intake wrote are those of the shown candidate, in their order. Always -1. */
static int tell_unsent(struct call *c, struct err *e)
{
    struct api_request *q = c->request.q;
    const struct candidate *shown = c->intake.decision.shown;
    for (size_t i = 0; shown && i < shown->missings && i < q->issues; i++) {
        q->issue[i].diagnostics = diagnosis(c, &shown->missing[i]);
        q->issue[i].expression = cds_bundle_where(&c->bundle, q->issue[i].expression, q->arena);
    }
    tell_questions(q, &c->intake.decision);
    q->as_outcome = true;
    return err_set(e, ERR_DATA_UNSENT, "inputs of a CDS service");
}

static int refuse(struct call *c, struct err *e)
{
    struct api_request *q = c->request.q;
    struct fhir_report *report = &c->intake.report;
    bool missing = e->code == ERR_DATA_MISSING;
    for (size_t i = 0; e->code == ERR_BAD_FHIR && i < report->issues; i++) {
        report->issue[i].expression = cds_bundle_where(&c->bundle, report->issue[i].expression, q->arena);
        report->issue[i].line = report->issue[i].column = 0; /* of a text the client has not seen */
    }
    api_refuse_intake(q, &c->intake, e);
    return missing && e->code == ERR_DATA_MISSING ? tell_unsent(c, e) : -1;
}

/* --- the job --- */

/* Of this service, hook call and body. */
static const char *repeat_key(struct call *c, const struct model *m, uint8_t digest[32])
{
    char hex[SHA256_TEXT];
    sha256(c->request.q->http->body, digest);
    hex_encode(digest, 32, hex);
    return arena_printf(c->request.q->arena, "cds/%.*s/%.*s/%s", SLICE_FMT(m->manifest.key),
                        SLICE_FMT(c->request.instance), hex);
}

/* 1: there is a job of this very request; 0; -1. */
static int accept_job(struct call *c, const struct model *m, struct job_accepted *ret, struct err *e)
{
    struct api_request *q = c->request.q;
    /* Somebody waits for it in front of a screen. */
    struct job_new n = {.caller = &q->caller, .audit = q->audit, .priority = PRIORITY_URGENT};
    const char *key = repeat_key(c, m, n.digest);
    if (!key)
        return err_set(e, ERR_NO_MEMORY, "a key");
    n.idempotency_key = slice_of(key);
    int seen = job_replay(q->api->jobs, &q->caller, n.idempotency_key, n.digest, &q->audit, q->arena, ret, e);
    if (seen)
        return seen;
    if (cds_bundle_make(&c->request, &c->bundle, e))
        return -1;
    c->intake = (struct intake){.api = q->api, .arena = q->arena, .doc = &c->bundle.json, .only = m};
    take_absents(c, &m->manifest);
    if (intake_decide(&c->intake, e))
        return refuse(c, e);
    return api_check_queue(q, 1, e) || api_job_sender(q, e) || intake_accept(&c->intake, &n, q->id, ret, e) ? -1 : 0;
}

static int answer(struct api_request *q, const uint8_t id[16], struct err *e)
{
    struct job_view view;
    struct audit_entry audit = q->audit;
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    audit.action = "read";
    int found = job_read(q->api->jobs, &q->caller, id, &audit, q->arena, &view, e);
    if (found <= 0)
        return found < 0 ? -1 : err_set(e, ERR_BUSY, "a job that went while it was waited for");
    const struct model *m = registry_by_digest(q->api->registry, view.model);
    if (view.erased_at || !m)
        return err_set(e, ERR_BUSY, "a job that was erased while it was waited for");
    json_open(&o, '{');
    json_key(&o, "cards");
    json_open(&o, '[');
    cds_write_card(&o, m, id, &view, q->arena);
    json_close(&o, ']');
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_cds_call(struct api_request *q, struct err *e)
{
    struct call *c = TAKE_NEW(q->arena, struct call);
    struct job_accepted accepted = {0};
    const struct model *m = registry_named(q->api->registry, q->param[0], SLICE("stable"));
    if (!c)
        return err_set(e, ERR_NO_MEMORY, "a call");
    if (cds_request_parse(q, &c->request, e))
        return -1;
    if (!m)
        return err_set(e, ERR_NOT_FOUND, "no such service");
    if (cds_request_read(&c->request, e) || accept_job(c, m, &accepted, e) < 0)
        return -1;
    return await_job(q, accepted.id, q->api->config.cds_wait_ms, e) < 0 ? -1 : answer(q, accepted.id, e);
}
