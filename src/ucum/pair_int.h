/* pair_int.h -- how a value of one unit becomes a value of another. */
#ifndef UCUM_PAIR_INT_H
#define UCUM_PAIR_INT_H

#include "ucum/unit_int.h"

/* One side of a pair that is not exact: base = reference * f(value * scale). */
struct near_side {
    enum special function;
    long double scale, reference, shift, log;
};

/* Exact: (value * mul + add) / div * 10^ten; mul and div above zero, div without 2 and 5 and in lowest terms with mul
 * when add is zero. Most are quick: each of the three is one limb. Of the others the numbers are in `parts`. */
struct pair_parts {
    struct big mul, add, div;
    struct near_side from, to; /* when it is not exact, nothing but these */
};
struct ucum_pair {
    bool exact, same, add_negative, quick;
    int32_t ten;
    mp_limb_t mul, add, div;
    const struct pair_parts *parts; /* NULL: it is quick */
};

/* Between two units of one dimension, times `by`; *p may point to *parts then. false: past the limits. */
bool pair_make(struct ucum_pair *p, struct pair_parts *parts, const struct measure *from, const struct measure *to,
               const struct ratio *by);

/* The sentence of a pair that cannot be, with what was probably meant. */
void hint_for_pair(struct arena *a, const struct ucum_unit *from, const struct ucum_unit *to, struct ucum_fault *f);

#endif
