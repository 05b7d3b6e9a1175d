/* regex_int.h -- regular expressions for matches() and replaceMatches(), run in time proportional to the text.
 *
 * Thompson's construction: all positions the expression may be in go through the text together, so there is no
 * backtracking and no pattern that takes exponential time. In exchange there are no back references and no look-around;
 * such a pattern is refused. Works on code points of UTF-8. Knows . [] () | * + ? {} with their lazy forms, ^ $ \b,
 * \d \w \s and their opposites, \p{L} and kin not. A dot matches line ends, too, as FHIRPath asks. */
#ifndef FHIR_REGEX_INT_H
#define FHIR_REGEX_INT_H

#include "base/arena.h"
#include "base/str.h"

enum { REGEX_TEXT = 4096, REGEX_CODE = 20000, REGEX_DEPTH = 64 };

struct regex;

/* The program, in `a`; NULL: *what says what is wrong with the pattern, or is NULL when memory is out. */
struct regex *regex_compile(struct slice pattern, struct arena *a, const char **what);
/* Instructions of the program: running it over n bytes takes at most so many times n + 1 steps. */
size_t regex_size(const struct regex *x);
/* The leftmost match at or after `from`: 1 and where, 0 none, -1 memory is out. `full`: it must be the whole text.
 * `any`: whether there is one is all that is asked. *steps: that are left; the answer is 0 when they end (then it is <
 * 0). */
int regex_find(const struct regex *x, struct slice text, size_t from, bool full, bool any, struct arena *a,
               int64_t *steps, size_t *ret_begin, size_t *ret_end);

#endif
