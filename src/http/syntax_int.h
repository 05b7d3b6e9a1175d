/* syntax_int.h -- the characters of RFC 9110 and 3986: which may stand where. */
#ifndef HTTP_SYNTAX_INT_H
#define HTTP_SYNTAX_INT_H

#include "base/str.h"

enum syntax_class {
    SYNTAX_TOKEN = 1,  /* method and field names */
    SYNTAX_TARGET = 2, /* path and query of a URI */
    SYNTAX_QUERY = 4,  /* only behind '?': characters clients send as they are, though a URI should have them encoded */
    SYNTAX_VALUE = 8,  /* field values, with spaces, tabs and bytes over 0x7f */
    SYNTAX_HOST = 16,  /* a registered name */
};

extern const unsigned char syntax_class[256];

static inline bool syntax_has(char c, unsigned classes)
{
    return syntax_class[(unsigned char)c] & classes;
}
bool syntax_all(struct slice s, unsigned classes); /* true for an empty slice */
bool syntax_percent(struct slice s);               /* every '%' is followed by two hexadecimal digits */
bool syntax_host(struct slice s);                  /* host [":" port], the host not empty */

#endif
