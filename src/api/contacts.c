/* contacts.c -- whom to call for somebody of the study: /api/v1/patients/ID/contacts and /api/v1/contacts/ID. */
#include "api/record_int.h"
#include "base/json.h"
#include "study/contact.h"

enum { ANSWER_KIB = 32 };

static int send_list(struct api_request *q, const struct contact_list *l, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    contacts_put(&o, l);
    api_tag_rev(q, l->rev);
    api_page_told(q, l->n, 0, CONTACTS_MAX);
    return api_answer(q, 200, &b, e);
}

static int send_contact(struct api_request *q, int status, const struct contact *c, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    contact_put(&o, c);
    api_tag_rev(q, c->rev);
    return api_answer(q, status, &b, e);
}

/* An emergency that opens nobody is told; what is wrong with a list, too. Always -1. */
static int failed(struct api_request *q, struct err *e)
{
    struct err why = *e;
    if (e->code == ERR_GLASS)
        return api_deny_told(q, e);
    return e->code == ERR_BAD_REQUEST ? api_form_refused(q, NULL, arena_str(q->arena, slice_of(why.detail)), e) : -1;
}

int api_contact_list(struct api_request *q, struct err *e)
{
    struct contact_list l;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    int found = contact_all(&q->api->study, &q->caller, id, &q->audit, q->arena, &l, e);
    return found < 0 ? failed(q, e) : found ? send_list(q, &l, e) : api_record_absent(e);
}

int api_contact_add(struct api_request *q, struct err *e)
{
    struct contact_edit edit;
    struct contact made;
    struct json j;
    const char *field = NULL;
    int64_t id;
    bool any = false;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e) || api_object(q, &j, e))
        return -1;
    const char *fault = contact_form(&j, 0, q->arena, &edit, &field);
    for (int f = 0; !fault && f < CONTACT_FIELDS; f++)
        any |= edit.to.value[f].n > 0;
    if (fault || !any)
        return api_form_refused(q, field, fault ? fault : "Value error, a contact has an alias, a phone_no or an email",
                                e);
    int found = contact_add(&q->api->study, &q->caller, id, &edit.to, &q->audit, q->arena, &made, e);
    return found < 0 ? failed(q, e) : found ? send_contact(q, 201, &made, e) : api_record_absent(e);
}

int api_contact_replace(struct api_request *q, struct err *e)
{
    const struct study_revs only = api_revs(q);
    struct contact_list to, l;
    struct json j;
    struct json_fault where;
    const char *field = NULL;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    if (json_parse(q->arena, q->http->body, &j, &where)) {
        api_issue_field(q, "json_invalid", "body", "Input should be a JSON array");
        return err_set(e, ERR_BAD_JSON, "contacts that are no JSON");
    }
    const char *fault = contacts_form(&j, 0, q->arena, &to, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    int found = contact_replace(&q->api->study, &q->caller, id, &to, &only, &q->audit, q->arena, &l, e);
    return found < 0 ? failed(q, e) : found ? send_list(q, &l, e) : api_record_absent(e);
}

int api_contact_get(struct api_request *q, struct err *e)
{
    struct contact c;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/contact_id", &id, e))
        return -1;
    int found = contact_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &c, e);
    return found < 0 ? -1 : found ? send_contact(q, 200, &c, e) : api_record_absent(e);
}

int api_contact_put(struct api_request *q, struct err *e)
{
    const struct study_revs only = api_revs(q);
    struct contact_edit edit;
    struct contact c;
    struct json j;
    const char *field = NULL;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/contact_id", &id, e) || api_object(q, &j, e))
        return -1;
    const char *fault = contact_form(&j, 0, q->arena, &edit, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    int found = contact_change(&q->api->study, &q->caller, id, &edit, &only, &q->audit, q->arena, &c, e);
    return found < 0 ? failed(q, e) : found ? send_contact(q, 200, &c, e) : api_record_absent(e);
}

int api_contact_remove(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    const struct study_revs only = api_revs(q);
    struct contact c;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/contact_id", &id, e))
        return -1;
    int found = contact_remove(&q->api->study, &q->caller, id, &only, &q->audit, q->arena, &c, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    contact_put(&o, &c);
    return api_answer(q, 200, &b, e);
}
