/* fhir_search.h -- what a FHIR search asks for: the query and the form of a request, read by fhir_search.def.
 *
 * Pure: slices in, terms out, in an arena. Knows nothing of requests, roles or records; what a term finds is the
 * resource's own. Each term is one parameter as it was sent; terms are joined by AND, a term's values by OR. The rules
 * are those of R4's search.html: prefixes and partial dates, modifiers behind a colon, \, \| \$ and \\ in values.
 *
 * Nothing is passed over in silence: a parameter that is not of the table, and one that this server does not do, are
 * `unknown`; a known one with a value that cannot be read is a fault, with a sentence that repeats nothing of it. */
#ifndef API_FHIR_SEARCH_H
#define API_FHIR_SEARCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum face {
#define RESOURCE(type, what) FACE_##type,
#include "api/fhir_search.def"
    FACES
};
enum search_param {
#define PARAM(type, id, name, kind, modifiers, uses, what) PARAM_##type##_##id,
#include "api/fhir_search.def"
    SEARCH_PARAMS
};
enum search_kind { SEARCH_STRING, SEARCH_TOKEN, SEARCH_REFERENCE, SEARCH_DATE };
enum { SORTS = 1, TELLS = 2 };
enum search_modifier {
    SEARCH_PLAIN,
    SEARCH_EXACT,
    SEARCH_CONTAINS,
    SEARCH_MISSING,
    SEARCH_OF_PATIENT,
    SEARCH_MODIFIERS
};
enum search_prefix {
    SEARCH_EQ,
    SEARCH_NE,
    SEARCH_GT,
    SEARCH_LT,
    SEARCH_GE,
    SEARCH_LE,
    SEARCH_SA,
    SEARCH_EB,
    SEARCH_PREFIXES
};

enum {
    SEARCH_TERMS = 16,      /* parameters of a search */
    SEARCH_VALUES = 20,     /* of one parameter, separated by commas */
    SEARCH_VALUE_MAX = 200, /* bytes of one value */
    SEARCH_NAME_MAX = 40,   /* of a parameter, its modifier included */
    SEARCH_QUERY_MAX = 8192,
    SEARCH_COUNT = 20, /* entries of a page, when nobody says how many */
    SEARCH_COUNT_MAX = 100,
    SEARCH_FAULTS = 20
};

struct search_param_row {
    enum face type;
    const char *name;
    enum search_kind kind;
    const char *modifiers;
    unsigned uses;
    const char *what;
};
const struct search_param_row *search_param_row(enum search_param p);
const char *face_name(enum face t);
const char *face_what(enum face t);
const char *search_kind_name(enum search_kind k); /* "string" */

struct search_value {
    enum search_prefix prefix;
    int64_t from, until; /* DATE: the microseconds it names, [from, until) */
    struct slice text;   /* STRING; REFERENCE: the id; TOKEN: the code, {NULL,0} for any ("system|") */
    struct slice system; /* TOKEN: {NULL,0} for any; "" for none ("|code") */
};
struct search_term {
    enum search_param param;
    enum search_modifier modifier;
    bool missing; /* SEARCH_MISSING: true was said */
    const struct search_value *value;
    int values;
};
struct search_fault {
    struct slice name; /* of the parameter */
    const char *text;
};
enum search_total { SEARCH_TOTAL_ACCURATE, SEARCH_TOTAL_NONE };
struct search {
    enum face type;
    struct search_term term[SEARCH_TERMS];
    int terms;
    int count;       /* 1 to SEARCH_COUNT_MAX */
    bool only_count; /* _summary=count or _count=0: the total alone */
    enum search_total total;
    bool sorted, descending;
    enum search_param sort;
    struct slice cursor;                 /* where the page before ended; {NULL,0}: from the start */
    struct slice page;                   /* a sealed query that stands for all of this one; {NULL,0}: none */
    struct slice unknown[SEARCH_FAULTS]; /* names of parameters that are not understood */
    int unknowns;
    struct search_fault fault[SEARCH_FAULTS];
    int faults;
    struct slice self; /* what was understood, as a query, without a cursor */
    bool tells;        /* a value of it says who somebody is */
};

/* `query` and `form` are application/x-www-form-urlencoded, each {NULL,0} or as it was sent. *ret points into `a`. 0,
 * or -1: memory is out. With faults *ret is no search. */
int search_read(enum face t, struct slice query, struct slice form, struct arena *a, struct search *ret);

/* The one term of this parameter; NULL: it was not asked for. With several, the first (search_terms counts them). */
const struct search_term *search_term(const struct search *s, enum search_param p);
int search_terms(const struct search *s, enum search_param p);

/* Does [from, until) fit one of the term's dates? */
bool search_date_fits(const struct search_term *t, int64_t from, int64_t until);
/* Does the code of this system fit one of the term's tokens? system NULL: it has none. */
bool search_token_fits(const struct search_term *t, const char *system, struct slice code);

/* What all dates of a parameter leave of time, for a store that finds by it: instants in [since, until), but those in
 * [not_from, not_until). NULL, or why it cannot be said so. */
struct search_span {
    int64_t since, until, not_from, not_until;
};
const char *search_span(const struct search *s, enum search_param p, struct search_span *ret);

#endif
