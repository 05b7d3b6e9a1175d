/* dec.h -- decimals as they were written: exact comparison and exact text, never a double.
 *
 * "100.40", "1004e-1" and "100.4" are the same number. Digits are not limited but by DEC_DIGITS and an exponent of
 * +-DEC_EXP; past them a number is refused, not rounded. */
#ifndef BASE_DEC_H
#define BASE_DEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { DEC_DIGITS = 64, DEC_EXP = 400 };

struct dec {
    bool negative;             /* never for zero */
    uint8_t n;                 /* significant digits, without leading or trailing zeros; 0 for zero */
    int16_t exp;               /* value = 0.d1d2..dn * 10^exp */
    uint8_t digit[DEC_DIGITS]; /* 0..9 */
};

/* JSON number text. 1, or 0 when it is no number or too long. */
int dec_parse(struct slice s, struct dec *ret);
int dec_cmp(const struct dec *a, const struct dec *b); /* -1, 0, 1 */

#endif
