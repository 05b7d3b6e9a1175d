/* patients.c -- /api/v1/patients: people of the study, as the caller's role sees them. */
#include "api/record_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"
#include "jobs/ledger.h"
#include "study/erase.h"
#include "study/patient.h"

enum { ANSWER_KIB = 64 };

/* --- lists --- */

static const struct order {
    const char *name;
    enum patients_sort sort;
    bool by_roster; /* names and days of birth are in memory alone; of days of joining, if more is asked: */
    enum roster_order order;
    bool descending;
} orders[] = {
    {"-date_join", PATIENTS_NEWEST_FIRST, false, ROSTER_BY_JOINED, true},
    {"date_join", PATIENTS_OLDEST_FIRST, false, ROSTER_BY_JOINED, false},
    {"name", PATIENTS_BY_NAME, false, 0, false},
    {"-name", PATIENTS_BY_NAME, true, ROSTER_BY_NAME, true},
    {"date_of_birth", PATIENTS_BY_NAME, true, ROSTER_BY_BIRTH, false},
    {"-date_of_birth", PATIENTS_BY_NAME, true, ROSTER_BY_BIRTH, true},
};

static const struct order *order_named(struct slice s)
{
    for (size_t i = 0; i < COUNT(orders); i++)
        if (slice_is(s, orders[i].name))
            return &orders[i];
    return NULL;
}

static int send_page(struct api_request *q, const struct patient_query *w, struct err *e)
{
    struct patient_page page;
    struct buf b = buf_in(q->arena, 1 << 20);
    struct json_out o = json_out(&b);
    if (patient_list(&q->api->study, &q->caller, w, &q->audit, q->arena, &page, e))
        return -1;
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        patient_put(&o, &page.patient[i]);
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, w->limit);
    return api_answer(q, 200, &b, e);
}

int api_patient_list(struct api_request *q, struct err *e)
{
    struct slice sort = api_query(q, "sort"), in = api_query(q, "in_study"), status = api_query(q, "status");
    enum installation_status of;
    struct patient_query w = {0};
    if (api_page_asked(q, PATIENTS_PAGE, &w.limit, &w.after, e))
        return -1;
    const struct order *order = sort.p ? order_named(sort) : &orders[0];
    if (!order) {
        api_issue_field(q, "enum", "query/sort",
                        "Input should be date_join, name or date_of_birth, with - in front to turn it round");
        return err_set(e, ERR_BAD_REQUEST, "an order there is not");
    }
    w.sort = order->sort;
    if (in.p && !slice_is(in, "true") && !slice_is(in, "false")) {
        api_issue_field(q, "bool_parsing", "query/in_study", "Input should be true or false");
        return err_set(e, ERR_BAD_REQUEST, "in_study is true or false");
    }
    w.who = !in.p ? PATIENTS_ALL : slice_is(in, "true") ? PATIENTS_PRESENT : PATIENTS_LEFT;
    if (status.p && (!patient_shows_status(&q->caller) || !installation_status_named(status, &of))) {
        api_issue_field(q, "enum", "query/status",
                        "Input should be opening, open, pause, closing, closed or unknown, in a role that is told it");
        return err_set(e, ERR_BAD_REQUEST, "a status there is not");
    }
    if (order->by_roster || status.p) {
        struct patient_find *f = TAKE_NEW(q->arena, struct patient_find);
        if (!f)
            return err_set(e, ERR_NO_MEMORY, "an order of patients");
        f->roster.who = !in.p ? ROSTER_ALL : slice_is(in, "true") ? ROSTER_PRESENT : ROSTER_LEFT;
        f->roster.order = order->order;
        f->roster.descending = order->descending;
        f->status = status.p ? &of : NULL;
        w.find = f;
    }
    return send_page(q, &w, e);
}

enum { NAME_MOST = 200 };

static const char *take_search(struct api_request *q, const struct json *j, struct patient_query *w, const char **field)
{
    int64_t n = PATIENTS_PAGE;
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        enum json_kind kind = json_kind(j, v);
        if (json_is(j, k, "name")) {
            *field = "name";
            w->name = kind == JSON_STRING ? slice_trim(json_text(j, v, q->arena)) : (struct slice){NULL, 0};
            if (!w->name.n || w->name.n > NAME_MOST)
                return "Input should be one or more words, at most 200 bytes";
        } else if (json_is(j, k, "limit")) {
            *field = "limit";
            if (kind != JSON_NUMBER || !slice_int(json_raw(j, v), 1, PATIENTS_PAGE, &n))
                return "Input should be a number from 1 to 100";
        } else if (json_is(j, k, "cursor")) {
            *field = "cursor";
            if (kind != JSON_NUMBER || !slice_int(json_raw(j, v), 1, (INT64_C(1) << 52) - 1, &w->after))
                return "Input should be an id: a number that this service gave you";
        } else if (json_is(j, k, "in_study")) {
            *field = "in_study";
            if (kind != JSON_TRUE && kind != JSON_FALSE)
                return "Input should be true or false";
            w->who = kind == JSON_TRUE ? PATIENTS_PRESENT : PATIENTS_LEFT;
        } else {
            *field = NULL;
            return "Extra inputs are not permitted";
        }
    }
    w->limit = (int)n;
    *field = "name";
    return w->name.n ? NULL : "Field required";
}

/* A name is a patient's, so it is asked for in a body: addresses stand in logs. */
int api_patient_search(struct api_request *q, struct err *e)
{
    struct patient_query w = {.sort = PATIENTS_BY_NAME};
    struct json j;
    const char *field = NULL;
    if (api_object(q, &j, e))
        return -1;
    const char *fault = take_search(q, &j, &w, &field);
    return fault ? api_form_refused(q, field, fault, e) : send_page(q, &w, e);
}

/* --- one --- */

static int send_patient(struct api_request *q, int status, const struct patient *p, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    char tag[PATIENT_TAG];
    patient_put(&o, p);
    api_tag(q, patient_tag(p, tag));
    return api_answer(q, status, &b, e);
}

int api_patient_get(struct api_request *q, struct err *e)
{
    struct patient p;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    int found = patient_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &p, e);
    if (found < 0 && e->code == ERR_GLASS)
        return api_deny_told(q, e);
    return found < 0 ? -1 : found ? send_patient(q, 200, &p, e) : api_record_absent(e);
}

/* What is wrong with a form, field by field. */
static int refuse_form(struct api_request *q, const struct patient_fault *fault, int n, struct err *e)
{
    for (int i = 0; i < n; i++)
        api_form_refused(q, fault[i].field, fault[i].text, e);
    return -1;
}

static int no_object(struct api_request *q, struct err *e)
{
    api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
    return err_set(e, ERR_BAD_JSON, "a patient that is no JSON object");
}

/* That somebody's tax code is in the study is told, so who asked is in the log. Always -1. */
static int failed(struct api_request *q, struct err *e)
{
    if (e->code == ERR_TAX_CODE)
        api_deny(q, e);
    return -1;
}

int api_patient_add(struct api_request *q, struct err *e)
{
    struct patient_fault fault[PATIENT_FAULTS];
    struct patient form, p;
    int n = patient_form(q->http->body, q->arena, &form, fault);
    if (n)
        return n < 0 ? no_object(q, e) : refuse_form(q, fault, n, e);
    return patient_enrol(&q->api->study, &q->caller, &form, &q->audit, q->arena, &p, e) ? failed(q, e)
                                                                                        : send_patient(q, 201, &p, e);
}

int api_patient_put(struct api_request *q, struct err *e)
{
    struct patient_faults faults = {.n = 0};
    struct patient_edit edit;
    struct patient_match only;
    struct patient p;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    int n = patient_edit_form(q->http->body, q->arena, &edit, faults.fault);
    if (n)
        return n < 0 ? no_object(q, e) : refuse_form(q, faults.fault, n, e);
    only.n = api_if_match(q, only.tag, PATIENT_TAGS);
    int found = patient_change(&q->api->study, &q->caller, id, &edit, &only, &q->audit, q->arena, &p, &faults, e);
    if (found < 0 && faults.n)
        return refuse_form(q, faults.fault, faults.n, e);
    return found < 0 ? failed(q, e) : found ? send_patient(q, 200, &p, e) : api_record_absent(e);
}

int api_patient_erase(struct api_request *q, struct err *e)
{
    struct erase_receipt r;
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    char id[UUID_TEXT], at[CLOCK_TEXT], leaf[65];
    int64_t number;
    if (api_record_id(q, q->param[0], "path/patient_id", &number, e))
        return -1;
    struct patient_match only;
    only.n = api_if_match(q, only.tag, PATIENT_TAGS);
    int found = patient_erase(&q->api->study, &q->caller, number, &only, &q->audit, q->arena, &r, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    for (int i = 0; i < r.subjects; i++)
        if (q->api->ledger && ledger_note_subject(q->api->ledger, q->api->study.scope, r.subject[i], r.erased_at, e))
            return -1;
    hex_encode(r.leaf, sizeof r.leaf, leaf);
    json_open(&o, '{');
    json_pair_int(&o, "patient_id", number);
    json_pair_str(&o, "erasure", uuid_text(r.id, id));
    json_pair_str(&o, "erased_at", clock_text(r.erased_at, at));
    json_key(&o, "audit");
    json_open(&o, '{');
    json_pair_int(&o, "index", r.audit_index);
    json_pair_str(&o, "leaf", leaf);
    json_close(&o, '}');
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}
