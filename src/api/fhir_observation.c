/* fhir_observation.c -- /fhir/R4/Observation: screenings, one by one, of whom (or whose data) the caller knows.
 *
 * Dates are sealed with what was found, so a search by them opens the screenings of one person, up to VERSIONS_PAGE. */
#include "api/fhir_int.h"
#include "base/clock.h"
#include "study/history.h"

struct screening {
    struct version v;
    int64_t of; /* whose, as the caller calls them */
};

static bool knows_people(const struct api_request *q)
{
    return policy_view(q->caller.role, ENTITY_PATIENT_DETAIL, ACTION_READ) != VIEW_NONE;
}

static void put(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct screening *x = record;
#define OF_PERSON face_patient(q, x->of)
#define OF_DATA   (knows_people(q) ? (struct slice){NULL, 0} : face_number(q, x->of))
    const struct element row[] = {
        FACE_META(q, m),
#define ELEMENT(path, kind, source, what) {path, ELEMENT_##kind, source, NULL},
#define FIXED(path, text, with)           {path, ELEMENT_TEXT, SLICE(text), with},
#include "api/fhir_observation.def"
#undef ELEMENT
#undef FIXED
    };
    element_put(o, row, COUNT(row));
}

static int64_t made_at(const void *record)
{
    const struct screening *x = record;
    int64_t us;
    return x->v.created_at.p && clock_parse(x->v.created_at, &us, NULL) ? us : 0;
}

static struct face_meta meta(struct api_request *q, const void *record)
{
    static const enum entity of[] = {ENTITY_SCREENING, ENTITY_COUNT};
    const struct screening *x = record;
    struct face_meta m = {.id = arena_printf(q->arena, "%lld-%lld", (long long)x->of, (long long)x->v.number),
                          .version = "1",
                          .modified = made_at(x)};
    face_marks(q, of, &m);
    return m;
}

static const struct face_kind kind = {FACE_Observation, meta, put};

static int failed(struct api_request *q, struct err *e)
{
    return e->code == ERR_GLASS ? api_deny_told(q, e) : -1;
}

/* "123-4" */
static bool parse_id(struct slice text, int64_t *of, int64_t *number)
{
    struct slice head = slice_cut(&text, '-');
    return text.p && slice_int(head, 1, (INT64_C(1) << 52) - 1, of) && slice_int(text, 1, INT32_MAX, number);
}

/* 1, 0, -1 */
static int read_one(struct api_request *q, int64_t of, int64_t number, struct screening *ret, struct err *e)
{
    struct version_page page;
    int found =
        history_list(&q->api->study, &q->caller, HISTORY_SCREENINGS, of, number + 1, 1, &q->audit, q->arena, &page, e);
    if (found > 0 && page.n && page.version[0].number == number)
        return *ret = (struct screening){page.version[0], of}, 1;
    return found < 0 ? -1 : 0;
}

static int send_one(struct api_request *q, struct err *e)
{
    struct screening x;
    int64_t of, number;
    int found = parse_id(q->param[0], &of, &number) ? read_one(q, of, number, &x, e) : 0;
    return found < 0 ? failed(q, e) : found ? face_send(q, &kind, &x, e) : face_absent(e);
}

int api_fhir_observation_read(struct api_request *q, struct err *e)
{
    return send_one(q, e);
}

/* There is one version of each. */
int api_fhir_observation_vread(struct api_request *q, struct err *e)
{
    return slice_is(q->param[1], "1") ? send_one(q, e) : face_absent(e);
}

/* --- searched --- */

static bool fits(const struct search *s, const void *record)
{
    const struct screening *x = record;
    int64_t at = made_at(x);
    for (int i = 0; i < s->terms; i++) {
        enum search_param p = s->term[i].param;
        if ((p == PARAM_Observation_date || p == PARAM_Observation_last_updated) &&
            !(x->v.created_at.p && search_date_fits(&s->term[i], at, at + 1)))
            return false;
    }
    return true;
}

static bool by_date(const struct search *s)
{
    return search_terms(s, PARAM_Observation_date) || search_terms(s, PARAM_Observation_last_updated) || s->sorted;
}

/* All of them are of one code and one status. */
static bool can_be(const struct search *s)
{
    for (int i = 0; i < s->terms; i++) {
        const struct search_term *t = &s->term[i];
        if ((t->param == PARAM_Observation_code &&
             !search_token_fits(t, FACE_OURS "CodeSystem:study", SLICE("screening"))) ||
            (t->param == PARAM_Observation_status &&
             !search_token_fits(t, "http://hl7.org/fhir/observation-status", SLICE("final"))))
            return false;
    }
    return true;
}

static struct screening *screenings(struct api_request *q, const struct version_page *page, int64_t of)
{
    struct screening *x = arena_take(q->arena, (size_t)(page->n + 1) * sizeof *x);
    for (int i = 0; x && i < page->n; i++)
        x[i] = (struct screening){page->version[i], of ? of : page->version[i].data};
    return x;
}

static int send_page(struct api_request *q, const struct search *s, const struct version_page *page, int64_t of,
                     struct err *e)
{
    struct screening *x = screenings(q, page, of);
    struct face_page p = {x, sizeof *x, page->n, page->all,
                          page->next ? arena_printf(q->arena, "%lld", (long long)page->next) : NULL};
    return x ? face_send_page(q, s, &kind, &p, e) : err_set(e, ERR_NO_MEMORY, "a page of screenings");
}

static int search_of(struct api_request *q, const struct search *s, int64_t of, struct err *e)
{
    static const struct face_sift how = {fits, made_at};
    struct version_page page = {.n = 0};
    int64_t before = 0;
    bool all = by_date(s);
    if (!all && face_cursor(q, s, &before, e))
        return -1;
    int found = history_list(&q->api->study, &q->caller, HISTORY_SCREENINGS, of, before, all ? VERSIONS_PAGE : s->count,
                             &q->audit, q->arena, &page, e);
    if (found < 0)
        return failed(q, e);
    if (!all)
        return send_page(q, s, &page, of, e);
    if (page.next)
        return face_refuse(q, "too-costly", "date",
                           "there are more than 100 screenings, which would all be opened: leave date and _sort out",
                           e);
    struct screening *x = screenings(q, &page, of);
    return x ? face_send_sifted(q, s, &kind, &how, x, sizeof *x, page.n, e)
             : err_set(e, ERR_NO_MEMORY, "a page of screenings");
}

/* The newest of everybody who consents. */
static int search_all(struct api_request *q, const struct search *s, struct err *e)
{
    struct version_page page;
    int64_t after;
    if (knows_people(q))
        return face_refuse(q, "required", "patient",
                           "screenings are sealed under their patient's key: say whose, or which (_id)", e);
    if (by_date(s))
        return face_refuse(q, "too-costly", "date",
                           "dates are sealed with what was found: say whose screenings (patient)", e);
    if (face_cursor(q, s, &after, e))
        return -1;
    if (history_newest(&q->api->study, &q->caller, after, s->count, &q->audit, q->arena, &page, e))
        return e->code == ERR_NOT_FOUND ? face_refuse(q, "invalid", "_cursor", "that page is not there any more", e)
                                        : -1;
    return send_page(q, s, &page, 0, e);
}

static int search_id(struct api_request *q, const struct search *s, int64_t of, int64_t patient, int64_t number,
                     struct err *e)
{
    static const struct face_sift how = {fits, made_at};
    struct screening x;
    int found = patient && patient != of ? 0 : read_one(q, of, number, &x, e);
    return found < 0 ? failed(q, e) : face_send_sifted(q, s, &kind, &how, &x, sizeof x, found, e);
}

int api_fhir_observation_search(struct api_request *q, struct err *e)
{
    static const enum search_param patients[] = {PARAM_Observation_patient, PARAM_Observation_subject, SEARCH_PARAMS};
    struct search s;
    int64_t patient, of, number;
    if (face_search(q, FACE_Observation, &s, e))
        return -1;
    const struct search_term *id = search_term(&s, PARAM_Observation_id);
    int by_patient = face_one_number(&s, patients, &patient);
    if (by_patient < 0 || !can_be(&s) || search_terms(&s, PARAM_Observation_id) > 1 ||
        (id && (id->values != 1 || !parse_id(id->value[0].text, &of, &number))))
        return face_send_nothing(q, &s, "Screening", e);
    return id           ? search_id(q, &s, of, patient, number, e)
           : by_patient ? search_of(q, &s, patient, e)
                        : search_all(q, &s, e);
}
