#include "base/str.h"

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool slice_is_nocase(struct slice a, const char *z)
{
    if (a.n != strlen(z))
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower((unsigned char)a.p[i]) != lower((unsigned char)z[i]))
            return false;
    return true;
}

bool slice_starts(struct slice a, const char *z)
{
    size_t n = strlen(z);
    return a.n >= n && memcmp(a.p, z, n) == 0;
}

struct slice slice_trim(struct slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

struct slice slice_cut(struct slice *rest, char sep)
{
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    struct slice head = *rest;
    if (!at) {
        *rest = (struct slice){NULL, 0};
        return head;
    }
    head.n = (size_t)(at - rest->p);
    rest->p = at + 1;
    rest->n -= head.n + 1;
    return head;
}

int slice_int(struct slice s, int64_t min, int64_t max, int64_t *ret)
{
    bool neg = s.n && s.p[0] == '-';
    size_t i = neg;
    uint64_t v = 0;
    if (i == s.n || s.n > 19)
        return 0;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    if (v > INT64_MAX)
        return 0;
    int64_t n = neg ? -(int64_t)v : (int64_t)v;
    if (n < min || n > max)
        return 0;
    *ret = n;
    return 1;
}

void hex_encode(const void *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[b[i] >> 4];
        out[2 * i + 1] = digit[b[i] & 15];
    }
    out[2 * n] = 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(struct slice s, void *out, size_t max)
{
    unsigned char *o = out;
    if (s.n % 2 || s.n / 2 > max)
        return -1;
    for (size_t i = 0; i < s.n / 2; i++) {
        int hi = hex_value(s.p[2 * i]), lo = hex_value(s.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return -1;
        o[i] = (unsigned char)(hi << 4 | lo);
    }
    return (int)(s.n / 2);
}

static size_t base64_with(const char *digit, bool pad, const unsigned char *b, size_t n, char *out)
{
    size_t o = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)b[i] << 16;
        if (i + 1 < n)
            v |= (uint32_t)b[i + 1] << 8;
        if (i + 2 < n)
            v |= b[i + 2];
        out[o++] = digit[v >> 18];
        out[o++] = digit[v >> 12 & 63];
        if (i + 1 < n)
            out[o++] = digit[v >> 6 & 63];
        else if (pad)
            out[o++] = '=';
        if (i + 2 < n)
            out[o++] = digit[v & 63];
        else if (pad)
            out[o++] = '=';
    }
    out[o] = 0;
    return o;
}

size_t base64url_encode(const void *p, size_t n, char *out)
{
    return base64_with("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false, p, n, out);
}

size_t base64_encode(const void *p, size_t n, char *out)
{
    return base64_with("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true, p, n, out);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(struct slice s, void *out, size_t max)
{
    unsigned char *to = out;
    size_t o = 0, pads = 0;
    if (s.n % 4 || s.n > INT32_MAX)
        return -1;
    while (pads < 2 && pads < s.n && s.p[s.n - 1 - pads] == '=')
        pads++;
    if (s.n / 4 * 3 - pads > max)
        return -1;
    for (size_t i = 0; i < s.n; i += 4) {
        uint32_t v = 0;
        size_t here = i + 4 == s.n ? 4 - pads : 4;
        for (size_t k = 0; k < 4; k++) {
            int d = k < here ? base64_digit(s.p[i + k]) : 0;
            if (d < 0)
                return -1;
            v = v << 6 | (uint32_t)d;
        }
        if (here < 4 && v & (here == 3 ? 0xFF : 0xFFFF)) /* bits that say nothing are zero */
            return -1;
        for (size_t k = 0; k + 1 < here; k++)
            to[o++] = (unsigned char)(v >> (16 - 8 * k));
    }
    return (int)o;
}

static int base64url_digit(char c)
{
    return c == '-' ? 62 : c == '_' ? 63 : c == '+' || c == '/' ? -1 : base64_digit(c);
}

int base64url_decode(struct slice s, void *out, size_t max)
{
    unsigned char *to = out;
    uint32_t v = 0;
    size_t o = 0;
    int bits = 0;
    if (s.n % 4 == 1 || s.n > INT32_MAX || s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0) > max)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        int d = base64url_digit(s.p[i]);
        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[o++] = (unsigned char)(v >> bits);
        }
    }
    return v & ((1u << bits) - 1) ? -1 : (int)o; /* bits that say nothing are zero */
}

bool utf8_valid(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        unsigned c = *p++;
        if (c < 0x80)
            continue;
        int more = c >= 0xC2 && c <= 0xDF ? 1 : c >= 0xE0 && c <= 0xEF ? 2 : c >= 0xF0 && c <= 0xF4 ? 3 : 0;
        if (!more || end - p < more)
            return false;
        /* the second byte has the bounds that keep out overlong forms, surrogates and what is past U+10FFFF */
        unsigned lo = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, hi = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
        if (*p < lo || *p > hi)
            return false;
        for (p++, more--; more; p++, more--)
            if ((*p & 0xC0) != 0x80)
                return false;
    }
    return true;
}
