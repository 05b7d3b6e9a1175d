/* history.c -- versions of screenings and notes, and consent: below /api/v1/patients/ID; /api/v1/screenings. */
#include "api/record_int.h"
#include "base/json.h"
#include "study/consent.h"
#include "study/history.h"

enum { ANSWER_KIB = 1024 };

static int failed(struct api_request *q, struct err *e)
{
    return e->code == ERR_GLASS ? api_deny_told(q, e) : -1;
}

static int send_versions(struct api_request *q, const struct version_page *page, int limit, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    json_open(&o, '[');
    for (int i = 0; i < page->n; i++)
        version_put(&o, &page->version[i]);
    json_close(&o, ']');
    api_page_told(q, page->all, page->next, limit);
    return api_answer(q, 200, &b, e);
}

static int versions(struct api_request *q, enum history_kind kind, struct err *e)
{
    struct version_page page;
    int64_t id, before;
    int limit;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e) ||
        api_page_asked(q, VERSIONS_PAGE, &limit, &before, e))
        return -1;
    int found = history_list(&q->api->study, &q->caller, kind, id, before, limit, &q->audit, q->arena, &page, e);
    return found < 0 ? failed(q, e) : found ? send_versions(q, &page, limit, e) : api_record_absent(e);
}

int api_screening_list(struct api_request *q, struct err *e)
{
    return versions(q, HISTORY_SCREENINGS, e);
}

int api_note_list(struct api_request *q, struct err *e)
{
    return versions(q, HISTORY_NOTES, e);
}

int api_screening_newest(struct api_request *q, struct err *e)
{
    struct version_page page;
    int64_t after;
    int limit;
    return api_page_asked(q, VERSIONS_PAGE, &limit, &after, e) ||
                   history_newest(&q->api->study, &q->caller, after, limit, &q->audit, q->arena, &page, e)
               ? -1
               : send_versions(q, &page, limit, e);
}

int api_screening_add(struct api_request *q, struct err *e)
{
    struct screening_form form;
    struct version made;
    struct buf b = buf_in(q->arena, 4096);
    struct json_out o = json_out(&b);
    struct json j;
    const char *field = NULL;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e) || api_object(q, &j, e))
        return -1;
    const char *fault = screening_form(&j, q->arena, &form, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    int found = screening_add(&q->api->study, &q->caller, id, &form, &q->audit, q->arena, &made, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    version_put(&o, &made);
    return api_answer(q, 201, &b, e);
}

/* --- consent --- */

static int send_consent(struct api_request *q, int found, const struct consent *c, struct err *e)
{
    struct buf b = buf_in(q->arena, 4096);
    struct json_out o = json_out(&b);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    consent_put(&o, c);
    if (c->whole) /* which record it is, is one of the things it says */
        api_tag_rev(q, c->rev);
    return api_answer(q, 200, &b, e);
}

int api_consent_get(struct api_request *q, struct err *e)
{
    struct consent c;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    return send_consent(q, consent_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &c, e), &c, e);
}

/* The versions that a consent is written in place of; If-None-Match: *: none was recorded, which is version 0. */
static struct study_revs versions_of(const struct api_request *q)
{
    struct slice none = http_header(q->http, "If-None-Match");
    return none.p ? (struct study_revs){.n = 1, .rev = {slice_is(slice_trim(none), "*") ? 0 : -1}} : api_revs(q);
}

int api_consent_put(struct api_request *q, struct err *e)
{
    const struct study_revs only = versions_of(q);
    struct consent form, c;
    struct json j;
    const char *field = NULL;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e) || api_object(q, &j, e))
        return -1;
    const char *fault = consent_form(&j, q->arena, &form, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    return send_consent(q, consent_record(&q->api->study, &q->caller, id, &form, &only, &q->audit, q->arena, &c, e), &c,
                        e);
}

int api_consent_withdraw(struct api_request *q, struct err *e)
{
    const struct study_revs only = api_revs(q);
    struct consent c;
    int64_t id;
    if (api_record_id(q, q->param[0], "path/patient_id", &id, e))
        return -1;
    return send_consent(q, consent_withdraw(&q->api->study, &q->caller, id, &only, &q->audit, q->arena, &c, e), &c, e);
}
