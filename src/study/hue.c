#include "study/hue.h"

#include <stdio.h>

/* Numbers are random already; the multiplier (of SplitMix64) lets neighbours differ, too. Neither too dark nor too
 * light to be seen on either. */
char *hue_of(int64_t number, char ret[HUE_TEXT])
{
    uint64_t x = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15);
    unsigned r = 64 + (unsigned)(x >> 56) / 2, g = 64 + (unsigned)(x >> 48 & 0xff) / 2,
             b = 64 + (unsigned)(x >> 40 & 0xff) / 2;
    snprintf(ret, HUE_TEXT, "#%02x%02x%02x", r & 0xff, g & 0xff, b & 0xff);
    return ret;
}
