/* fhirpath_num_int.h -- arithmetic on decimals as text: exact but for a quotient, which is cut at NUM_QUOTIENT digits.
 * A number has a scale, the digits it was written with behind its point: 1.50 + 1.5 is 3.00. */
#ifndef FHIR_FHIRPATH_NUM_INT_H
#define FHIR_FHIRPATH_NUM_INT_H

#include "base/arena.h"
#include "base/str.h"

enum { NUM_DIGITS = 160, NUM_QUOTIENT = 28, NUM_MOST = 64 };

struct num {
    bool negative; /* may be true for zero */
    uint16_t n;    /* digits, without leading zeros */
    uint16_t scale;
    uint8_t d[NUM_DIGITS]; /* the last digit first; zero from n on */
};

/* 1, or 0: no number, or one of more than NUM_MOST digits. */
int num_parse(struct slice s, struct num *ret);
void num_of(int64_t v, struct num *ret);
/* 1 and whole number, or 0: too large or with a fraction that is not zero. */
int num_int(const struct num *x, int64_t *ret);
int num_cmp(const struct num *x, const struct num *y);
bool num_is_zero(const struct num *x);
/* 1, or 0: the result has too many digits, or the divisor is zero. */
int num_add(const struct num *x, const struct num *y, struct num *ret);
int num_sub(const struct num *x, const struct num *y, struct num *ret);
int num_mul(const struct num *x, const struct num *y, struct num *ret);
int num_div(const struct num *x, const struct num *y, struct num *ret);
int num_quotient(const struct num *x, const struct num *y, struct num *ret); /* the whole part */
int num_sqrt(const struct num *x, struct num *ret);

enum num_way { NUM_TRUNCATE, NUM_FLOOR, NUM_CEILING, NUM_HALF_UP };
/* To `scale` digits behind the point, which are padded with zeros. */
int num_round(const struct num *x, unsigned scale, enum num_way way, struct num *ret);
/* Without the zeros at the end of the fraction. */
void num_trim(struct num *x);
/* The text, in `a`; {NULL,0}: memory is out. */
struct slice num_text(const struct num *x, struct arena *a);

#endif
