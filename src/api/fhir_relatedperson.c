/* fhir_relatedperson.c -- /fhir/R4/RelatedPerson: whom to call for somebody of the study. */
#include "api/fhir_int.h"
#include "study/contact.h"
#include "study/letters.h"

static void put(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct contact *x = record;
#define CONTACT(name) x->value[CONTACT_##name]
    const struct element row[] = {
        FACE_META(q, m),
#define ELEMENT(path, kind, source, what) {path, ELEMENT_##kind, source, NULL},
#include "api/fhir_relatedperson.def"
#undef ELEMENT
    };
    element_put(o, row, COUNT(row));
}

static struct face_meta meta(struct api_request *q, const void *record)
{
    static const enum entity of[] = {ENTITY_CONTACT, ENTITY_COUNT};
    const struct contact *x = record;
    struct face_meta m = {.id = arena_printf(q->arena, "%lld", (long long)x->id),
                          .version = arena_printf(q->arena, "%lld", (long long)x->rev)};
    face_marks(q, of, &m);
    return m;
}

static const struct face_kind kind = {FACE_RelatedPerson, meta, put};

int api_fhir_relatedperson_read(struct api_request *q, struct err *e)
{
    struct contact c;
    int64_t id;
    if (face_path_id(q, &id, e))
        return -1;
    int found = contact_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &c, e);
    return found < 0 ? -1 : found ? face_send(q, &kind, &c, e) : face_absent(e);
}

/* Does a word of the text begin with all letters of `begins`, or (contains) hold them? Letters as letters.h folds them.
 */
static bool letters_fit(struct slice text, struct slice begins, bool contains)
{
    enum { MOST = 256 };
    char word[MOST], want[MOST];
    size_t n = 0, w = 0;
    struct letters l = letters_of(begins, LETTERS_AE);
    for (char c; w < MOST - 1 && (c = letters_next(&l)) != 0;)
        want[w++] = c;
    want[w] = 0;
    while (w && text.p) {
        struct letters of = letters_of(slice_cut(&text, ' '), LETTERS_AE);
        n = 0;
        for (char c; n < MOST - 1 && (c = letters_next(&of)) != 0;)
            word[n++] = c;
        word[n] = 0;
        if (contains ? strstr(word, want) != NULL : strncmp(word, want, w) == 0)
            return true;
    }
    return false;
}

static bool text_fits(const struct search_term *t, struct slice text)
{
    if (t->modifier == SEARCH_MISSING)
        return t->missing != (text.p != NULL);
    for (int i = 0; text.p && i < t->values; i++)
        if (t->modifier == SEARCH_EXACT ? slice_eq(text, t->value[i].text)
                                        : letters_fit(text, t->value[i].text, t->modifier == SEARCH_CONTAINS))
            return true;
    return false;
}

static bool token_fits(const struct search_term *t, struct slice text)
{
    return t->modifier == SEARCH_MISSING ? t->missing != (text.p != NULL) : text.p && search_token_fits(t, NULL, text);
}

static bool fits(const struct search *s, const void *record)
{
    const struct contact *x = record;
    bool fit = true;
    for (int i = 0; fit && i < s->terms; i++) {
        const struct search_term *t = &s->term[i];
        fit = t->param == PARAM_RelatedPerson_name    ? text_fits(t, CONTACT(alias))
              : t->param == PARAM_RelatedPerson_phone ? token_fits(t, CONTACT(phone_no))
              : t->param == PARAM_RelatedPerson_email ? token_fits(t, CONTACT(email))
                                                      : true;
    }
    return fit;
}

/* Of a patient; or the one contact, which is then that patient's, if one was named. 1, 0, -1. */
static int find(struct api_request *q, int64_t patient, int64_t id, struct contact_list *ret, struct err *e)
{
    struct contact *one = TAKE_NEW(q->arena, struct contact);
    if (!one)
        return err_set(e, ERR_NO_MEMORY, "a contact");
    int found = id ? contact_read(&q->api->study, &q->caller, id, &q->audit, q->arena, one, e)
                   : contact_all(&q->api->study, &q->caller, patient, &q->audit, q->arena, ret, e);
    if (found > 0 && id)
        *ret = (struct contact_list){.contact = one, .n = !patient || one->patient == patient};
    for (int i = 0; found > 0 && i < ret->n; i++)
        ret->contact[i].patient = id ? one->patient : patient;
    return found;
}

int api_fhir_relatedperson_search(struct api_request *q, struct err *e)
{
    static const enum search_param ids[] = {PARAM_RelatedPerson_id, SEARCH_PARAMS},
                                   patients[] = {PARAM_RelatedPerson_patient, SEARCH_PARAMS};
    static const struct face_sift how = {fits, NULL};
    struct contact_list l = {.n = 0};
    struct search s;
    int64_t id, patient;
    if (face_search(q, FACE_RelatedPerson, &s, e))
        return -1;
    int by_id = face_one_number(&s, ids, &id), by_patient = face_one_number(&s, patients, &patient);
    if (!by_id && !by_patient)
        return face_refuse(q, "required", "patient",
                           "contacts are sealed under their patient's key: say whose, or which (_id)", e);
    if (by_id < 0 || by_patient < 0)
        return face_send_nothing(q, &s, "Contact", e);
    return find(q, patient, id, &l, e) < 0 ? -1
                                           : face_send_sifted(q, &s, &kind, &how, l.contact, sizeof *l.contact, l.n, e);
}
