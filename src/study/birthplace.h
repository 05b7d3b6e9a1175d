/* birthplace.h -- where somebody can be born, as Italy's tax codes name it: municipalities and foreign states by their
 * Belfiore code (a letter and three digits; Z and three digits: a state).
 *
 * The table is generated at build time (tools/gen_places.c) from published registers; NOTICE says whose. It knows each
 * code once, under its last name: not the names a place had before. It lacks some codes of places that are gone for
 * long. So a code that is not here, or was not in use on a day, is a reason to ask, never one to refuse somebody.
 * States have no first day, though they had one.
 *
 * Days count from 1970-01-01, as clock_days() does. Strings are static UTF-8. Nothing allocates or blocks. */
#ifndef STUDY_BIRTHPLACE_H
#define STUDY_BIRTHPLACE_H

#include "base/str.h"

#define BIRTHPLACE_ALWAYS  INT64_MIN /* `from` of what always was there */
#define BIRTHPLACE_STILL   INT64_MAX /* `until` of what is in use */
#define BIRTHPLACE_ANY_DAY INT64_MIN /* a search that asks for no day */

struct birthplace {
    char code[5];        /* "H501" */
    char area[3];        /* a municipality's province ("RM"), a state's ISO 3166 code ("FR"); "" when it has none */
    bool foreign;        /* a state */
    int64_t from, until; /* both days included: on the day a place becomes another, either code is right */
    const char *name;    /* "Forlì" */
};

/* By code, upper case: 1, or 0 when there is none. */
int birthplace_find(struct slice code, struct birthplace *ret);
/* Those whose name begins so, folded as letters.h says, in the order of their names: how many went to ret, `most` at
 * most. With a day, only those in use then. None for a beginning without letters. */
size_t birthplace_search(struct slice beginning, int64_t day, struct birthplace *ret, size_t most);
bool birthplace_was(const struct birthplace *p, int64_t day);

#endif
