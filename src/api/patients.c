/* patients.c -- /api/v1/patients: people of the study, as the caller's role sees them. */
#include "api/api_int.h"
#include "base/json.h"
#include "study/patient.h"

enum { ANSWER_KIB = 64, LIMIT = 50 };

static int id_in(struct api_request *q, struct slice text, const char *loc, int64_t *ret, struct err *e)
{
    if (slice_int(text, 1, (INT64_C(1) << 52) - 1, ret))
        return 0;
    api_issue_field(q, "int_parsing", loc, "Input should be an id: a number that this service gave you");
    return err_set(e, ERR_BAD_REQUEST, "a patient's id that is none");
}

int api_patient_list(struct api_request *q, struct err *e)
{
    struct slice limit = api_query(q, "limit"), after = api_query(q, "cursor");
    struct patient_page page;
    struct buf b = buf_in(q->arena, 1 << 20);
    struct json_out o = json_out(&b);
    int64_t n = LIMIT, from = 0;
    if (limit.p && !slice_int(limit, 1, PATIENTS_PAGE, &n)) {
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
        return err_set(e, ERR_BAD_REQUEST, "a limit out of range");
    }
    if ((after.p && id_in(q, after, "query/cursor", &from, e)) ||
        patient_list(&q->api->study, &q->caller, from, (int)n, &q->audit, q->arena, &page, e))
        return -1;
    json_open(&o, '{');
    json_key(&o, "patients");
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        patient_put(&o, &page.patient[i]);
    json_close(&o, ']');
    json_pair_int(&o, "total", page.all);
    json_key(&o, "next");
    if (page.next)
        json_put_int(&o, page.next);
    else
        json_put_null(&o);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_patient_get(struct api_request *q, struct err *e)
{
    struct patient p;
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    int64_t id;
    if (id_in(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    int found = patient_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &p, e);
    if (found < 0 && e->code == ERR_GLASS)
        return api_deny_told(q, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_NOT_FOUND, "no such patient of this role");
    patient_put(&o, &p);
    return api_answer(q, 200, &b, e);
}

/* What is wrong with a form, field by field. */
static int refuse_form(struct api_request *q, const struct patient_fault *fault, int n, struct err *e)
{
    for (int i = 0; i < n; i++) {
        const char *type = strcmp(fault[i].text, "Field required") == 0 ? "missing" : "value_error";
        const char *loc = fault[i].field ? arena_printf(q->arena, "body/%s", fault[i].field) : "body";
        if (loc)
            api_issue_field(q, type, loc, fault[i].text);
    }
    return err_set(e, ERR_BAD_REQUEST, "%d faults of a form", n);
}

int api_patient_add(struct api_request *q, struct err *e)
{
    struct patient_fault fault[PATIENT_FAULTS];
    struct patient form, p;
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    int n = patient_form(q->http->body, q->arena, &form, fault);
    if (n < 0) {
        api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
        return err_set(e, ERR_BAD_JSON, "a patient that is no JSON object");
    }
    if (n > 0)
        return refuse_form(q, fault, n, e);
    if (patient_enrol(&q->api->study, &q->caller, &form, &q->audit, q->arena, &p, e)) {
        if (e->code == ERR_CONFLICT)
            q->detail = SLICE("\"Somebody with this tax code is in the study\"");
        return -1;
    }
    patient_put(&o, &p);
    return api_answer(q, 201, &b, e);
}
