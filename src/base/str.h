/* str.h -- a slice of bytes somebody else owns, and comparing such slices. Never NUL-terminated unless said so. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(lit)   ((struct slice){(lit), sizeof(lit) - 1})
#define SLICE_FMT(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct slice slice_of(const char *z)
{
    return (struct slice){z, z ? strlen(z) : 0};
}
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool slice_is(struct slice a, const char *z)
{
    return slice_eq(a, slice_of(z));
}
bool slice_is_nocase(struct slice a, const char *z); /* ASCII case folded */
bool slice_starts(struct slice a, const char *z);
struct slice slice_trim(struct slice s); /* without spaces and tabs at both ends */
/* The part of *rest before `sep`, which is taken off *rest with its separator; at the end *rest becomes {NULL, 0}. */
struct slice slice_cut(struct slice *rest, char sep);
/* 1 and *ret, or 0 when `s` is not a decimal number of `min`..`max`. */
int slice_int(struct slice s, int64_t min, int64_t max, int64_t *ret);

/* Hexadecimal and base64url (no padding), into NUL-terminated `out`, which holds 2n+1 or 4*(n+2)/3+1 bytes. */
void hex_encode(const void *p, size_t n, char *out);
/* The number of bytes written to `out` (at most `max`), or -1. */
int hex_decode(struct slice s, void *out, size_t max);
size_t base64url_encode(const void *p, size_t n, char *out);
size_t base64_encode(const void *p, size_t n, char *out); /* padded; 4*((n+2)/3)+1 bytes */
/* The one text that base64_encode makes of some bytes, and no other: their number, or -1 (also when over `max`). */
int base64_decode(struct slice s, void *out, size_t max);
int base64url_decode(struct slice s, void *out, size_t max); /* the same of base64url_encode */

bool utf8_valid(struct slice s);

#endif
