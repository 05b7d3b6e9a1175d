/* in_the_clear.h -- for targets that take a JWS: its header and content in the clear, and a key that signed neither. */
#ifndef IN_THE_CLEAR_H
#define IN_THE_CLEAR_H

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

/* NIST's base point of P-256 as a public key: the private half is 1, but what is fuzzed does not know. */
static const char key[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                          "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}";

/* Header and content, a line each, as the parts of a token. */
static inline struct slice in_base64(struct slice s, struct arena *a)
{
    struct slice content = s, header = slice_cut(&content, '\n');
    char *out = arena_take(a, s.n * 2 + 64), *p = out;
    if (!out)
        return (struct slice){"", 0};
    p += base64url_encode(header.p, header.n, p);
    *p++ = '.';
    p += base64url_encode(content.p ? content.p : "", content.n, p);
    memcpy(p, ".AAAA", 5);
    return (struct slice){out, (size_t)(p + 5 - out)};
}

#endif
