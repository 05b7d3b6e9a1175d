/* glass_int.h -- using a glass that was broken, from within a transaction that reads. */
#ifndef STUDY_GLASS_INT_H
#define STUDY_GLASS_INT_H

#include "study/study_int.h"

/* In a body, before any gate: the person whom caller `c`, in the role EMERGENCY, broke the glass for and calls
 * `number`. *ret_bound: the rest of the bond is known, too. Whoever ends the glass meanwhile waits for this body, or
 * this one fails. ERR_GLASS with a sentence: it is not theirs, has ended, or is for somebody else. */
int glass_use(struct tx *tx, const struct study *s, const struct caller *c, int64_t number, struct arena *a,
              struct bond *ret, bool *ret_bound, struct err *e);

#endif
