/* fhir_patient.c -- /fhir/R4/Patient: people of the study.
 *
 * A doctor searches all of them, and is told who they are; where they live is told of one that is read, so those of a
 * Bundle are marked as cut. An installer knows people by the homes they are to visit, one at a time. */
#include "api/fhir_int.h"
#include "study/codice_fiscale.h"
#include "study/installation.h"
#include "study/patient.h"

struct somebody {
    struct patient p;
    struct home_info home;
    bool by_home, listed;
};

static struct slice or_else(struct slice a, struct slice b)
{
    return a.p ? a : b;
}

/* HL7 Italia's, of its terminology (value sets uri-idStp and uri-idEni; for tax codes and the Revenue Agency's
 * provisional ones FISCAL_SYSTEM, of its base and laboratory guides): https://build.fhir.org/ig/hl7-it/terminology/ */
static struct slice system_of(struct slice code)
{
    static const char *const systems[] = {[FISCAL_PERSON] = FISCAL_SYSTEM,
                                          [FISCAL_PROVISIONAL] = FISCAL_SYSTEM,
                                          [FISCAL_STP] = "http://hl7.it/sid/stp",
                                          [FISCAL_ENI] = "http://hl7.it/sid/eni"};
    struct fiscal f;
    return code.p && fiscal_read(code, &f, NULL) == FISCAL_OK ? slice_of(systems[f.kind]) : (struct slice){NULL, 0};
}

static struct slice in_study(const struct somebody *x)
{
    return !x->p.value[PATIENT_join_date].p  ? (struct slice){NULL, 0}
           : x->p.value[PATIENT_exit_date].p ? SLICE("false")
                                             : SLICE("true");
}

static void put(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct somebody *x = record;
#define FIELD(name)         x->p.value[PATIENT_##name]
#define HOME(name)          x->home.name
#define EITHER(a, b)        or_else(a, b)
#define ANY_OF(value, text) face_mark((value).p != NULL, text)
#define CODE_SYSTEM         system_of(FIELD(codice_fiscale))
#define IN_STUDY            in_study(x)
    const struct element row[] = {
        FACE_META(q, m),
#define ELEMENT(path, kind, source, what) {path, ELEMENT_##kind, source, NULL},
#include "api/fhir_patient.def"
#undef ELEMENT
    };
    element_put(o, row, COUNT(row));
}

/* No lastUpdated: the store has no time beside a person. By the moment they were enrolled, whoever has the file alone
 * would join their row with their house's, which were made in one transaction. */
static struct face_meta meta(struct api_request *q, const void *record)
{
    static const enum entity of[] = {ENTITY_PATIENT_DETAIL, ENTITY_PATIENT_GENERAL, ENTITY_COUNT};
    const struct somebody *x = record;
    char tag[PATIENT_TAG];
    struct face_meta m = {.id = arena_printf(q->arena, "%lld", (long long)x->p.id), .cut = x->listed};
    if (!x->by_home && !x->listed && strlen(patient_tag(&x->p, tag)) <= 64)
        m.version = arena_str(q->arena, slice_of(tag));
    face_marks(q, of, &m);
    return m;
}

static const struct face_kind kind = {FACE_Patient, meta, put};

static bool knows_people(const struct api_request *q)
{
    return policy_view(q->caller.role, ENTITY_PATIENT_DETAIL, ACTION_READ) != VIEW_NONE;
}

/* 1, 0, -1 */
static int read_one(struct api_request *q, int64_t id, struct somebody *ret, struct err *e)
{
    *ret = (struct somebody){.by_home = !knows_people(q)};
    int found = ret->by_home ? installation_info(&q->api->study, &q->caller, id, &q->audit, q->arena, &ret->home, e)
                             : patient_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &ret->p, e);
    ret->p.id = id;
    return found;
}

int api_fhir_patient_read(struct api_request *q, struct err *e)
{
    struct somebody x;
    int64_t id;
    if (face_path_id(q, &id, e))
        return -1;
    int found = read_one(q, id, &x, e);
    if (found < 0 && e->code == ERR_GLASS)
        return api_deny_told(q, e);
    return found < 0 ? -1 : found ? face_send(q, &kind, &x, e) : face_absent(e);
}

/* --- searched --- */

static int64_t day_up(int64_t us)
{
    static const int64_t day = INT64_C(86400000000);
    return us / day + (us % day > 0);
}
static int64_t day_down(int64_t us)
{
    static const int64_t day = INT64_C(86400000000);
    return us / day - (us % day < 0);
}

/* Days whose range fits the date's, as search_date_fits has it: a day is [d, d + 1). */
static void take_day(const struct search_value *v, struct roster_born *b)
{
    int64_t whole_from = day_up(v->from), whole_until = day_down(v->until), since = INT32_MIN, until = INT32_MAX;
    switch (v->prefix) {
    case SEARCH_EQ:
    case SEARCH_NE: since = whole_from, until = whole_until; break;
    case SEARCH_GT: since = whole_until; break;
    case SEARCH_LT: until = whole_from; break;
    case SEARCH_GE: since = whole_from < whole_until ? whole_from : whole_until; break;
    case SEARCH_LE: until = whole_from > whole_until ? whole_from : whole_until; break;
    case SEARCH_SA: since = day_up(v->until); break;
    case SEARCH_EB: until = day_down(v->from); break;
    case SEARCH_PREFIXES: break;
    }
    b->days[b->ranges].since = since;
    b->days[b->ranges].until = until;
    b->days[b->ranges++].not = v->prefix == SEARCH_NE;
}

static void take_word(const struct search_term *t, enum roster_part part, struct roster_query *r)
{
    struct roster_word *w = &r->word[r->words++];
    w->part = part;
    w->how = t->modifier == SEARCH_EXACT      ? ROSTER_EXACT
             : t->modifier == SEARCH_CONTAINS ? ROSTER_CONTAINS
                                              : ROSTER_BEGINS;
    for (int i = 0; i < t->values; i++)
        w->text[w->texts++] = t->value[i].text;
}

static void take_code(const struct search_term *t, struct patient_find *f)
{
    for (int i = 0; i < t->values && f->codes < PATIENT_FINDS; i++) {
        struct slice code = t->value[i].text, system = system_of(code);
        if (system.p && (!t->value[i].system.p || slice_eq(t->value[i].system, system)))
            f->code[f->codes++] = code;
    }
}

static const char *take_term(const struct search_term *t, struct patient_find *f)
{
    struct roster_query *r = &f->roster;
    switch ((int)t->param) {
    case PARAM_Patient_id: f->by_id = true, f->ids = face_numbers(t, f->id, PATIENT_FINDS); break;
    case PARAM_Patient_identifier: f->by_code = true, take_code(t, f); break;
    case PARAM_Patient_name: take_word(t, ROSTER_ANY, r); break;
    case PARAM_Patient_family: take_word(t, ROSTER_FAMILY, r); break;
    case PARAM_Patient_given: take_word(t, ROSTER_GIVEN, r); break;
    case PARAM_Patient_active:
        r->who = search_token_fits(t, NULL, SLICE("true")) ? ROSTER_PRESENT : ROSTER_LEFT;
        if (t->values != 1 || (r->who == ROSTER_LEFT && !search_token_fits(t, NULL, SLICE("false"))))
            return "it is true or false";
        break;
    default:
        for (int i = 0; i < t->values; i++)
            take_day(&t->value[i], &r->born[r->borns]);
        r->born[r->borns].missing = t->modifier == SEARCH_MISSING && t->missing;
        r->born[r->borns++].known = t->modifier == SEARCH_MISSING && !t->missing;
    }
    return NULL;
}

static int take_terms(struct api_request *q, const struct search *s, struct patient_find *f, struct err *e)
{
    static const enum search_param once[] = {PARAM_Patient_id, PARAM_Patient_identifier, PARAM_Patient_active};
    for (size_t i = 0; i < COUNT(once); i++)
        if (search_terms(s, once[i]) > 1)
            return face_refuse(q, "not-supported", search_param_row(once[i])->name, "it is understood once", e);
    for (int i = 0; i < s->terms; i++) {
        const char *wrong = take_term(&s->term[i], f);
        if (wrong)
            return face_refuse(q, "invalid", search_param_row(s->term[i].param)->name, wrong, e);
    }
    f->roster.order = s->sorted && s->sort == PARAM_Patient_birthdate ? ROSTER_BY_BIRTH : ROSTER_BY_NAME;
    f->roster.descending = s->descending;
    return 0;
}

static int send_people(struct api_request *q, const struct search *s, const struct patient_query *w, struct err *e)
{
    struct patient_page page;
    if (patient_list(&q->api->study, &q->caller, w, &q->audit, q->arena, &page, e))
        return e->code == ERR_NOT_FOUND ? face_refuse(q, "invalid", "_cursor", "that page is not there any more", e)
                                        : -1;
    struct somebody *x = arena_take(q->arena, (size_t)(page.n + 1) * sizeof *x);
    if (!x)
        return err_set(e, ERR_NO_MEMORY, "a page of patients");
    for (int i = 0; i < page.n; i++) {
        x[i].p = page.patient[i];
        x[i].p.value[PATIENT_neuro_diag] = (struct slice){NULL, 0};
        x[i].listed = true;
    }
    struct face_page p = {x, sizeof *x, page.n, page.all,
                          page.next ? arena_printf(q->arena, "%lld", (long long)page.next) : NULL};
    return face_send_page(q, s, &kind, &p, e);
}

/* Those of one id: of a role that knows people by their homes. */
static int search_home(struct api_request *q, const struct search *s, struct err *e)
{
    static const enum search_param id[] = {PARAM_Patient_id, SEARCH_PARAMS};
    struct somebody x;
    int64_t number;
    if (s->terms != search_terms(s, PARAM_Patient_id) || s->terms != 1 || s->term[0].values != 1)
        return face_refuse(q, "not-supported", "_id",
                           "your role finds people by one _id, the number of a home that it visits", e);
    if (face_one_number(s, id, &number) < 0)
        return face_send_nothing(q, s, entity_name(ENTITY_PATIENT_GENERAL), e);
    int found = read_one(q, number, &x, e);
    struct face_page p = {&x, sizeof x, found, found, NULL};
    return found < 0 ? -1 : face_send_page(q, s, &kind, &p, e);
}

int api_fhir_patient_search(struct api_request *q, struct err *e)
{
    struct search s;
    struct patient_find *f = TAKE_NEW(q->arena, struct patient_find);
    struct patient_query w = {.whole = true};
    if (!f)
        return err_set(e, ERR_NO_MEMORY, "a search of patients");
    if (face_search(q, FACE_Patient, &s, e))
        return -1;
    if (!knows_people(q))
        return search_home(q, &s, e);
    if (take_terms(q, &s, f, e) || face_cursor(q, &s, &w.after, e))
        return -1;
    w.limit = s.only_count ? 1 : s.count;
    w.find = s.terms || s.sorted ? f : NULL;
    return send_people(q, &s, &w, e);
}
