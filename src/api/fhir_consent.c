/* fhir_consent.c -- /fhir/R4/Consent: what the study's people agreed to, and its versions. */
#include "api/fhir_int.h"
#include "base/clock.h"
#include "study/consent.h"

struct agreed {
    struct consent c;
    int64_t of; /* whose, as the caller calls them */
};

static const char *const statuses[] = {
#define STATUS(state, code) [CONSENT_##state] = code,
#include "api/fhir_consent.def"
#undef STATUS
};

static bool knows_people(const struct api_request *q)
{
    return policy_view(q->caller.role, ENTITY_PATIENT_DETAIL, ACTION_READ) != VIEW_NONE;
}

/* `text`, if it is agreed to be read for the nth purpose; NULL: the purpose's code. */
static struct slice purpose(const struct agreed *x, int nth, const char *text)
{
    int n;
    const struct consent_purpose_row *p = consent_purposes(&n);
    return face_mark(nth < n && x->c.purposes & p[nth].bit, text ? text : p[nth].reason);
}

static void put(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct agreed *x = record;
#define STATUS_OF          slice_of(statuses[x->c.state])
#define OF_PERSON          face_patient(q, x->of)
#define OF_DATA            (knows_people(q) ? (struct slice){NULL, 0} : face_number(q, x->of))
#define SHEET              x->c.version
#define PURPOSE(nth, text) purpose(x, nth, text)
#define PURPOSE_CODE(nth)  purpose(x, nth, NULL)
    const struct element row[] = {
        FACE_META(q, m),
#define ELEMENT(path, kind, source, what) {path, ELEMENT_##kind, source, NULL},
#define FIXED(path, text, with)           {path, ELEMENT_TEXT, SLICE(text), with},
#include "api/fhir_consent.def"
#undef ELEMENT
#undef FIXED
    };
    element_put(o, row, COUNT(row));
}

static struct face_meta meta(struct api_request *q, const void *record)
{
    static const enum entity of[] = {ENTITY_CONSENT, ENTITY_COUNT};
    const struct agreed *x = record;
    struct face_meta m = {.id = arena_printf(q->arena, "%lld", (long long)x->of),
                          .version = x->c.whole ? arena_printf(q->arena, "%lld", (long long)x->c.rev) : NULL};
    face_marks(q, of, &m);
    return m;
}

static const struct face_kind kind = {FACE_Consent, meta, put};

int api_fhir_consent_read(struct api_request *q, struct err *e)
{
    struct agreed x = {.of = 0};
    if (face_path_id(q, &x.of, e))
        return -1;
    int found = consent_read(&q->api->study, &q->caller, x.of, &q->audit, q->arena, &x.c, e);
    return found < 0 ? -1 : found ? face_send(q, &kind, &x, e) : face_absent(e);
}

int api_fhir_consent_vread(struct api_request *q, struct err *e)
{
    struct agreed x = {.of = 0};
    int64_t rev;
    if (face_path_id(q, &x.of, e))
        return -1;
    if (!slice_int(q->param[1], 1, INT32_MAX, &rev))
        return face_absent(e);
    int found = consent_version(&q->api->study, &q->caller, x.of, rev, &q->audit, q->arena, &x.c, e);
    if (found < 0 && e->code == ERR_NOT_ALLOWED)
        return api_deny_told(q, e);
    return found < 0 ? -1 : found ? face_send(q, &kind, &x, e) : face_absent(e);
}

/* --- searched --- */

static bool fits(const struct search *s, const void *record)
{
    const struct agreed *x = record;
    bool fit = true;
    for (int i = 0; fit && i < s->terms; i++) {
        const struct search_term *t = &s->term[i];
        int64_t at, span;
        if (t->param == PARAM_Consent_status)
            fit = search_token_fits(t, "http://hl7.org/fhir/consent-state-codes", STATUS_OF);
        if (t->param == PARAM_Consent_date)
            fit = x->c.signed_at.p && clock_parse(x->c.signed_at, &at, &span) && search_date_fits(t, at, at + span);
    }
    return fit;
}

int api_fhir_consent_search(struct api_request *q, struct err *e)
{
    static const enum search_param of[] = {PARAM_Consent_id, PARAM_Consent_patient, SEARCH_PARAMS};
    static const struct face_sift how = {fits, NULL};
    struct agreed x = {.of = 0};
    struct search s;
    if (face_search(q, FACE_Consent, &s, e))
        return -1;
    int asked = face_one_number(&s, of, &x.of);
    if (!asked)
        return face_refuse(q, "required", "patient", "a consent is found by whose it is: say whose, or which (_id)", e);
    int found = asked < 0 ? 0 : consent_read(&q->api->study, &q->caller, x.of, &q->audit, q->arena, &x.c, e);
    return found < 0   ? -1
           : asked < 0 ? face_send_nothing(q, &s, "Consent", e)
                       : face_send_sifted(q, &s, &kind, &how, &x, sizeof x, found, e);
}
