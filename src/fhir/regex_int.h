/* regex_int.h -- regular expressions for matches() and replaceMatches(), run in time proportional to the text.
 *
 * Thompson's construction: all positions the expression may be in go through the text together, so there is no
 * backtracking and no pattern that takes exponential time. Each position has its own groups with it. In exchange there
 * are no back references and no look-around; such a pattern is refused. Works on code points of UTF-8. Knows . [] () |
 * * + ? {} with their lazy forms, (?:...) and (?<name>...), ^ $ \b, \d \w \s and their opposites, \p{L} and kin not. A
 * dot matches line ends, too, as FHIRPath asks. */
#ifndef FHIR_REGEX_INT_H
#define FHIR_REGEX_INT_H

#include "base/arena.h"
#include "base/str.h"

enum { REGEX_TEXT = 4096, REGEX_CODE = 20000, REGEX_DEPTH = 64 };

struct regex;

/* The program, in `a`; NULL: *what says what is wrong with the pattern, or is NULL when memory is out. */
struct regex *regex_compile(struct slice pattern, struct arena *a, const char **what);
/* Instructions of the program: running it over n bytes takes at most about so many times n + 1 steps, and again for
 * each group that is asked for. */
size_t regex_size(const struct regex *x);
/* Its groups are 1 to so many, by their opening parentheses. */
uint32_t regex_groups(const struct regex *x);
/* The group (?<name>...) of this name; 0: there is none. */
uint32_t regex_group_named(const struct regex *x, struct slice name);

struct regex_ask {
    struct slice text;
    size_t from;     /* the match begins there or later */
    uint32_t groups; /* so many are asked for; each takes time as the program itself does, and room */
    bool full;       /* it must be all of the text */
    bool any;        /* whether there is one is all that is asked */
};
/* The leftmost match: 1, 0 none, -1 memory is out. *ret has 2 * (groups + 1) positions: where it begins and ends, and
 * each of the groups; SIZE_MAX: that took no part. *steps: that are left; the answer is 0 when they end (then it is <
 * 0). */
int regex_find(const struct regex *x, const struct regex_ask *ask, struct arena *a, int64_t *steps, size_t *ret);

#endif
