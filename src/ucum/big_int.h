/* big_int.h -- whole numbers of at most BIG_LIMBS limbs and quotients of them, over GMP's mpn functions: those take no
 * memory of their own at these sizes and cannot fail, so what is refused is refused here.
 *
 * Every function that makes a number returns false when it does not fit; outputs are then undefined. Outputs may be
 * the inputs. */
#ifndef UCUM_BIG_INT_H
#define UCUM_BIG_INT_H

#include <gmp.h>

#include "base/str.h"

enum { RATIO_LIMBS = 8, BIG_LIMBS = 40, BIG_BITS = BIG_LIMBS * 64, BIG_TEXT = 780 };

_Static_assert(sizeof(mp_limb_t) == sizeof(uint64_t) && GMP_NAIL_BITS == 0, "limbs of 64 bits");

struct big {
    uint32_t n; /* limbs in use; the highest is not zero; 0: zero */
    mp_limb_t d[BIG_LIMBS];
};

void big_set(struct big *x, uint64_t v);
void big_copy(struct big *x, const struct big *y);
bool big_load(struct big *x, const mp_limb_t *d, size_t n);
int big_cmp(const struct big *x, const struct big *y);
bool big_is(const struct big *x, uint64_t v);
size_t big_bits(const struct big *x);
bool big_add(const struct big *x, const struct big *y, struct big *ret);
void big_sub(const struct big *x, const struct big *y, struct big *ret); /* x >= y */
bool big_mul(const struct big *x, const struct big *y, struct big *ret);
bool big_mul_word(struct big *x, uint64_t by);
bool big_mul_power(struct big *x, uint32_t base, uint32_t exp);                                 /* by base^exp */
void big_div(const struct big *x, const struct big *y, struct big *quotient, struct big *rest); /* y > 0 */
void big_gcd_odd(const struct big *x, const struct big *odd, struct big *ret);                  /* x > 0 */
uint32_t big_take(struct big *x, uint32_t prime);          /* divides by 2 or 5 while that goes; how often. x > 0 */
bool big_read(struct big *x, struct slice digits);         /* decimal digits only */
size_t big_write(const struct big *x, char out[BIG_TEXT]); /* decimal digits, not ended; "0" for zero */

/* up/down * 10^ten in lowest terms: down has no factor 2 or 5, up no 10. Above zero. Each within RATIO_LIMBS, so that
 * what is multiplied with it still fits. */
struct ratio {
    struct big up, down;
    int32_t ten;
};

void ratio_one(struct ratio *x);
void ratio_copy(struct ratio *x, const struct ratio *y);
bool ratio_reduce(struct ratio *x); /* after up or down was set: into lowest terms */
bool ratio_mul(struct ratio *x, const struct ratio *y);
bool ratio_div(struct ratio *x, const struct ratio *y);
bool ratio_power(struct ratio *x, int exp);
bool ratio_read(struct ratio *x, struct slice decimal); /* JSON number text above zero */
bool ratio_eq(const struct ratio *x, const struct ratio *y);

#endif
