/* fhir_int.h -- what the resources under /fhir/R4 have in common: a search taken from the request, answers as a
 * searchset Bundle or as one resource, and what their elements are called by.
 *
 * Reading is the study's (study/...): views, gates, aliases and audit are those of /api/v1, since the functions are the
 * same. A resource is written from a table (fhir_element.h) under the marks of its view: SUBSETTED where it shows less
 * than there is, PSEUDED where who it is of stands under a pseudonym. */
#ifndef API_FHIR_INT_H
#define API_FHIR_INT_H

#include "api/api_int.h"
#include "api/fhir_element.h"
#include "api/fhir_search.h"

#define FACE_HL7  "http://terminology.hl7.org/CodeSystem/"
#define FACE_OURS "urn:lazaret:fhir:"

/* --- what is asked --- */

/* The search of the query and, with POST, of the form. -1 ERR_SEARCH with the issues, or what Prefer: handling=lenient
 * lets pass is in ret->unknown. */
int face_search(struct api_request *q, enum face t, struct search *ret, struct err *e);
/* Refused: of this parameter, with a code of FHIR's issue-type. Always -1. */
int face_refuse(struct api_request *q, const char *code, const char *param, const char *text, struct err *e);
/* The cursor as a number that this service gave; 0: from the start. */
int face_cursor(struct api_request *q, const struct search *s, int64_t *ret, struct err *e);
/* A term of ids: how many of its values are numbers, up to `most`. What is none is nobody's. */
int face_numbers(const struct search_term *t, int64_t *ret, int most);
/* The one number that all of these parameters ask for: 1; 0: none of them was asked for; -1: several, or one that is
 * nobody's, so that nothing is found. SEARCH_PARAMS ends the list. */
int face_one_number(const struct search *s, const enum search_param *params, int64_t *ret);

/* --- what is answered --- */

struct face_meta {
    const char *id;
    const char *version; /* NULL: none is told */
    int64_t modified;    /* 0: not known */
    bool pseudonymous, cut;
};
/* The marks of the caller's views of these entities; ENTITY_COUNT ends the list. One without a view cuts. */
void face_marks(const struct api_request *q, const enum entity *of, struct face_meta *m);

/* A kind of resource: what a record of it is called, and how it is written. */
struct face_kind {
    enum face type;
    struct face_meta (*meta)(struct api_request *q, const void *record);
    void (*put)(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record);
};
/* The id in the path, a number that this service gave; what is none is nobody's: 404. And that answer. */
int face_path_id(struct api_request *q, int64_t *ret, struct err *e);
int face_absent(struct err *e); /* always -1 */
/* One, with its ETag; 304 where If-None-Match names it. */
int face_send(struct api_request *q, const struct face_kind *k, const void *record, struct err *e);

struct face_page {
    const void *record;
    size_t size;
    int n;
    int64_t all;      /* -1: not known */
    const char *next; /* the cursor of the next page; NULL: this is the last */
};
int face_send_page(struct api_request *q, const struct search *s, const struct face_kind *k, const struct face_page *p,
                   struct err *e);
/* A Bundle without entries for a search that can find nothing: nothing was read, and the entry says so. */
int face_send_nothing(struct api_request *q, const struct search *s, const char *object, struct err *e);

/* A search of records that are all here: those that fit, in the order of the times that `at` tells (NULL: as they are),
 * the page that is asked for. */
struct face_sift {
    bool (*fits)(const struct search *s, const void *record);
    int64_t (*at)(const void *record);
};
int face_send_sifted(struct api_request *q, const struct search *s, const struct face_kind *k,
                     const struct face_sift *how, const void *record, size_t size, int n, struct err *e);

/* "Patient/123", or {NULL,0}: of a role that knows no people, whose number is told as an identifier instead. */
struct slice face_patient(struct api_request *q, int64_t number);
struct slice face_number(struct api_request *q, int64_t number);
struct slice face_time(struct api_request *q, int64_t us); /* {NULL,0} of 0 */
const char *face_url(const struct api_request *q);         /* "https://HOST", or "" */

/* What the elements of a meta are taken from: rows for the beginning of every table. */
#define FACE_META(q, m)                                                                                                \
    {"id", ELEMENT_TEXT, slice_of((m)->id), NULL}, {"meta.versionId", ELEMENT_TEXT, slice_of((m)->version), NULL},     \
        {"meta.lastUpdated", ELEMENT_TEXT, face_time(q, (m)->modified), NULL},                                         \
        {"meta.security[].system", ELEMENT_TEXT, face_mark((m)->pseudonymous, FACE_HL7 "v3-ObservationValue"), NULL},  \
        {"meta.security[].code", ELEMENT_TEXT, face_mark((m)->pseudonymous, "PSEUDED"), NULL},                         \
        {"meta.tag[].system", ELEMENT_TEXT, face_mark((m)->cut, FACE_HL7 "v3-ObservationValue"), NULL},                \
    {                                                                                                                  \
        "meta.tag[].code", ELEMENT_TEXT, face_mark((m)->cut, "SUBSETTED"), NULL                                        \
    }
static inline struct slice face_mark(bool is, const char *text)
{
    return is ? slice_of(text) : (struct slice){NULL, 0};
}

#endif
