#include "http/syntax_int.h"

#include <arpa/inet.h>

/* '|' and the square brackets are let through in a query: FHIR's own search syntax writes code=system|code, and most
 * clients send it so. They delimit nothing there, so nobody can read them in two ways. */
#define LETTER (SYNTAX_TOKEN | SYNTAX_TARGET | SYNTAX_QUERY | SYNTAX_VALUE | SYNTAX_HOST)
#define PART   (SYNTAX_TARGET | SYNTAX_QUERY | SYNTAX_VALUE)
const unsigned char syntax_class[256] = {
    ['\t'] = SYNTAX_VALUE,
    [' '] = SYNTAX_VALUE,
    ['!'] = LETTER,
    ['"'] = SYNTAX_VALUE,
    ['#'] = SYNTAX_TOKEN | SYNTAX_VALUE,
    ['$' ... '\''] = LETTER,
    ['('] = PART | SYNTAX_HOST,
    [')'] = PART | SYNTAX_HOST,
    ['*'] = LETTER,
    ['+'] = LETTER,
    [','] = PART | SYNTAX_HOST,
    ['-'] = LETTER,
    ['.'] = LETTER,
    ['/'] = PART,
    ['0' ... '9'] = LETTER,
    [':'] = PART,
    [';'] = PART | SYNTAX_HOST,
    ['<'] = SYNTAX_VALUE,
    ['='] = PART | SYNTAX_HOST,
    ['>'] = SYNTAX_VALUE,
    ['?'] = PART,
    ['@'] = PART,
    ['A' ... 'Z'] = LETTER,
    ['['] = SYNTAX_QUERY | SYNTAX_VALUE,
    ['\\'] = SYNTAX_VALUE,
    [']'] = SYNTAX_QUERY | SYNTAX_VALUE,
    ['^'] = SYNTAX_TOKEN | SYNTAX_VALUE,
    ['_'] = LETTER,
    ['`'] = SYNTAX_TOKEN | SYNTAX_VALUE,
    ['a' ... 'z'] = LETTER,
    ['{'] = SYNTAX_VALUE,
    ['|'] = SYNTAX_TOKEN | SYNTAX_QUERY | SYNTAX_VALUE,
    ['}'] = SYNTAX_VALUE,
    ['~'] = LETTER,
    [0x80 ... 0xff] = SYNTAX_VALUE,
};

bool syntax_all(struct slice s, unsigned classes)
{
    for (size_t i = 0; i < s.n; i++)
        if (!syntax_has(s.p[i], classes))
            return false;
    return true;
}

static bool hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool syntax_percent(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && (s.n - i < 3 || !hex(s.p[i + 1]) || !hex(s.p[i + 2])))
            return false;
    return true;
}

/* "[...]" at the start of s; *n is its length. */
static bool literal_address(struct slice s, size_t *n)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    const char *end = memchr(s.p, ']', s.n);
    size_t len = end ? (size_t)(end - s.p) - 1 : sizeof text;
    if (len >= sizeof text || memchr(s.p + 1, 0, len))
        return false;
    memcpy(text, s.p + 1, len);
    text[len] = 0;
    *n = len + 2;
    return inet_pton(AF_INET6, text, &ignored) == 1;
}

bool syntax_host(struct slice s)
{
    size_t n = 0;
    if (s.n && s.p[0] == '[') {
        if (!literal_address(s, &n))
            return false;
    } else {
        while (n < s.n && syntax_has(s.p[n], SYNTAX_HOST))
            n++;
        if (!syntax_percent((struct slice){s.p, n}))
            return false;
    }
    if (n == 0 || (n < s.n && s.p[n] != ':'))
        return false;
    int64_t port;
    return s.n - n <= 1 || (s.p[n + 1] != '-' && slice_int((struct slice){s.p + n + 1, s.n - n - 1}, 0, 65535, &port));
}
