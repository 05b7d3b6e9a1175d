/* text_int.h -- code points of UTF-8, and their letters' cases. */
#ifndef FHIR_TEXT_INT_H
#define FHIR_TEXT_INT_H

#include "base/str.h"

/* The code point at p, where something is; *ret_n its bytes. What is no UTF-8 is a byte. */
static inline uint32_t text_point(const char *p, const char *end, unsigned *ret_n)
{
    const unsigned char *u = (const unsigned char *)p;
    unsigned n = u[0] < 0x80 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    if ((size_t)(end - p) < n || (u[0] >= 0x80 && u[0] < 0xC0)) {
        *ret_n = 1;
        return u[0];
    }
    uint32_t v = n == 1 ? u[0] : u[0] & (0xFFu >> (n + 1));
    for (unsigned i = 1; i < n; i++)
        v = v << 6 | (u[i] & 0x3F);
    *ret_n = n;
    return v;
}

/* Its bytes, at most four: how many. */
size_t text_put(uint32_t point, char *out);

/* By Unicode's simple case mapping, one for one: "\u00DF" stays as it is. Where the system has no such mapping, letters
 * of ASCII alone have cases. */
uint32_t text_upper(uint32_t point);
uint32_t text_lower(uint32_t point);

/* Equal but for cases and for white space, of which any is like one blank, and at both ends like none. */
bool text_similar(struct slice a, struct slice b);

#endif
