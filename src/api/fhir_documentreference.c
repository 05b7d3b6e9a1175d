/* fhir_documentreference.c -- /fhir/R4/DocumentReference: which files an installation has. What they say is downloaded
 * from /api/v1/documents, by whoever may. */
#include "api/fhir_int.h"
#include "study/document.h"

static struct slice content_url(struct api_request *q, const struct document *x)
{
    struct err e;
    return document_readable(&q->caller, &e)
               ? (struct slice){NULL, 0}
               : slice_of(arena_printf(q->arena, "%s/api/v1/documents/%lld", face_url(q), (long long)x->id));
}

static void put(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct document *x = record;
#define OF_HOUSE    (face_patient(q, x->installation).p ? (struct slice){NULL, 0} : face_number(q, x->installation))
#define CONTENT_URL content_url(q, x)
#define SIZE        slice_of(arena_printf(q->arena, "%lld", (long long)x->size))
    const struct element row[] = {
        FACE_META(q, m),
#define ELEMENT(path, kind, source, what) {path, ELEMENT_##kind, source, NULL},
#define FIXED(path, text, with)           {path, ELEMENT_TEXT, SLICE(text), with},
#include "api/fhir_documentreference.def"
#undef ELEMENT
#undef FIXED
    };
    element_put(o, row, COUNT(row));
}

static struct face_meta meta(struct api_request *q, const void *record)
{
    static const enum entity of[] = {ENTITY_DOCUMENT, ENTITY_COUNT};
    const struct document *x = record;
    struct face_meta m = {
        .id = arena_printf(q->arena, "%lld", (long long)x->id), .version = "1", .modified = x->created_at};
    face_marks(q, of, &m);
    return m;
}

static const struct face_kind kind = {FACE_DocumentReference, meta, put};

int api_fhir_documentreference_read(struct api_request *q, struct err *e)
{
    struct document d;
    int64_t id;
    if (face_path_id(q, &id, e))
        return -1;
    int found = document_about(&q->api->study, &q->caller, id, &q->audit, q->arena, &d, e);
    return found < 0 ? -1 : found ? face_send(q, &kind, &d, e) : face_absent(e);
}

/* --- searched --- */

static int64_t sent_at(const void *record)
{
    return ((const struct document *)record)->created_at;
}

static bool fits(const struct search *s, const void *record)
{
    int64_t at = sent_at(record);
    for (int i = 0; i < s->terms; i++) {
        enum search_param p = s->term[i].param;
        if ((p == PARAM_DocumentReference_date || p == PARAM_DocumentReference_last_updated) &&
            !search_date_fits(&s->term[i], at, at + 1))
            return false;
        if (p == PARAM_DocumentReference_status &&
            !search_token_fits(&s->term[i], "http://hl7.org/fhir/document-reference-status", SLICE("current")))
            return false;
    }
    return true;
}

static int send_listed(struct api_request *q, const struct search *s, struct document_page *page, int64_t of,
                       struct err *e)
{
    static const struct face_sift how = {fits, sent_at};
    for (int i = 0; i < page->n; i++)
        page->document[i].installation = of;
    return face_send_sifted(q, s, &kind, &how, page->document, sizeof *page->document, page->n, e);
}

/* As they are listed, the oldest first; by dates or in another order, all of them have to be on one page. */
static int search_of(struct api_request *q, const struct search *s, int64_t of, struct err *e)
{
    bool all = s->sorted || search_terms(s, PARAM_DocumentReference_date) ||
               search_terms(s, PARAM_DocumentReference_last_updated) || search_terms(s, PARAM_DocumentReference_status);
    struct document_page page = {.n = 0};
    int64_t after = 0;
    if (!all && face_cursor(q, s, &after, e))
        return -1;
    if (document_list(&q->api->study, &q->caller, of, after, all ? DOCUMENTS_PAGE : s->count, &q->audit, q->arena,
                      &page, e) < 0)
        return e->code == ERR_NOT_FOUND ? face_refuse(q, "invalid", "_cursor", "that page is not there any more", e)
                                        : -1;
    if (all && page.next)
        return face_refuse(
            q, "too-costly", "date",
            "there are more than 100 documents, which would all be opened: leave date, status and _sort out", e);
    if (all)
        return send_listed(q, s, &page, of, e);
    for (int i = 0; i < page.n; i++)
        page.document[i].installation = of;
    struct face_page p = {page.document, sizeof *page.document, page.n, page.all,
                          page.next ? arena_printf(q->arena, "%lld", (long long)page.next) : NULL};
    return face_send_page(q, s, &kind, &p, e);
}

int api_fhir_documentreference_search(struct api_request *q, struct err *e)
{
    static const enum search_param ids[] = {PARAM_DocumentReference_id, SEARCH_PARAMS},
                                   patients[] = {PARAM_DocumentReference_patient, PARAM_DocumentReference_subject,
                                                 SEARCH_PARAMS};
    struct search s;
    struct document d;
    int64_t id, of;
    if (face_search(q, FACE_DocumentReference, &s, e))
        return -1;
    int by_id = face_one_number(&s, ids, &id), by_patient = face_one_number(&s, patients, &of);
    if (!by_id && !by_patient)
        return face_refuse(q, "required", "patient",
                           "files are found by whose home they are about: say whose, or which (_id)", e);
    if (by_id < 0 || by_patient < 0)
        return face_send_nothing(q, &s, "Document", e);
    if (!by_id)
        return search_of(q, &s, of, e);
    int found = document_about(&q->api->study, &q->caller, id, &q->audit, q->arena, &d, e);
    if (found < 0)
        return -1;
    struct document_page page = {.document = &d, .n = found > 0 && (!by_patient || d.installation == of)};
    return send_listed(q, &s, &page, found ? d.installation : 0, e);
}
