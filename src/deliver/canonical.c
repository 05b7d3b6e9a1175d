#include "deliver/canonical.h"

#include <stdio.h>
#include <stdlib.h>

static void put_unit(struct buf *b, unsigned u)
{
    buf_printf(b, "\\u%04x", u);
}

static void put_string(struct buf *b, struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    buf_byte(b, '"');
    while (p < end) {
        unsigned c = *p++;
        if (c == '"' || c == '\\') {
            buf_byte(b, '\\');
            buf_byte(b, (char)c);
        } else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f') {
            buf_byte(b, '\\');
            buf_byte(b, c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\b' ? 'b' : 'f');
        } else if (c < 0x20) {
            put_unit(b, c);
        } else if (c < 0x7f) {
            buf_byte(b, (char)c);
        } else if (c == 0x7f) { /* Python leaves space to ~ as they are, and nothing else */
            put_unit(b, c);
        } else {
            int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
            unsigned v = c & (0x3Fu >> more);
            for (; more && p < end; more--)
                v = v << 6 | (*p++ & 0x3Fu);
            if (v >= 0x10000) {
                put_unit(b, 0xD800 + ((v - 0x10000) >> 10));
                put_unit(b, 0xDC00 + ((v - 0x10000) & 0x3FF));
            } else {
                put_unit(b, v);
            }
        }
    }
    buf_byte(b, '"');
}

/* repr(float): the fewest digits that read back; an exponent below 1e-04 and from 1e+16 on. */
static void put_double(struct buf *b, double v)
{
    char e[40], digit[24];
    int precision = 0;
    do
        snprintf(e, sizeof e, "%.*e", precision, v);
    while (strtod(e, NULL) != v && ++precision < 17);
    char *at = e;
    if (*at == '-') {
        buf_byte(b, '-');
        at++;
    }
    int n = 0, exp = (int)strtol(strchr(at, 'e') + 1, NULL, 10);
    for (; *at != 'e'; at++)
        if (*at != '.')
            digit[n++] = *at;
    while (n > 1 && digit[n - 1] == '0')
        n--;
    if (exp < -4 || exp >= 16) {
        buf_byte(b, digit[0]);
        if (n > 1) {
            buf_byte(b, '.');
            buf_add(b, digit + 1, (size_t)n - 1);
        }
        buf_printf(b, "e%c%02d", exp < 0 ? '-' : '+', abs(exp));
        return;
    }
    if (exp < 0) {
        buf_str(b, "0.");
        for (int i = -1; i > exp; i--)
            buf_byte(b, '0');
        buf_add(b, digit, (size_t)n);
        return;
    }
    for (int i = 0; i <= exp; i++)
        buf_byte(b, i < n ? digit[i] : '0');
    buf_byte(b, '.');
    if (n > exp + 1)
        buf_add(b, digit + exp + 1, (size_t)(n - exp - 1));
    else
        buf_byte(b, '0');
}

static void put_number(struct buf *b, struct slice s)
{
    char text[512];
    bool whole = true;
    for (size_t i = 0; i < s.n; i++)
        whole &= s.p[i] != '.' && s.p[i] != 'e' && s.p[i] != 'E';
    if (whole || s.n >= sizeof text) {
        buf_slice(b, slice_is(s, "-0") ? SLICE("0") : s);
        return;
    }
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    double v = strtod(text, NULL);
    if (v > 1.7976931348623157e308 || v < -1.7976931348623157e308)
        buf_str(b, v > 0 ? "Infinity" : "-Infinity"); /* what json.loads makes of 1e999, json.dumps writes so */
    else
        put_double(b, v);
}

struct member {
    struct slice key;
    uint32_t value;
};

/* UTF-8 sorts by bytes as by code points. */
static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int c = n ? memcmp(x->key.p, y->key.p, n) : 0;
    return c ? c : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

static void put_object(struct buf *b, const struct json *j, uint32_t node)
{
    size_t n = j->node[node].len, i = 0;
    struct member *m = arena_take(b->arena, n * sizeof *m + 1);
    if (!m) {
        b->failed = true;
        return;
    }
    for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k))
        m[i++] = (struct member){json_text(j, k, b->arena), json_value(k)};
    qsort(m, n, sizeof *m, by_key);
    buf_byte(b, '{');
    for (i = 0; i < n; i++) {
        if (i)
            buf_str(b, ", ");
        put_string(b, m[i].key);
        buf_str(b, ": ");
        canonical_write(b, j, m[i].value);
    }
    buf_byte(b, '}');
}

/* Recursive: the reader allows at most JSON_DEPTH levels. */
void canonical_write(struct buf *b, const struct json *j, uint32_t node)
{
    switch (json_kind(j, node)) {
    case JSON_STRING:
    case JSON_KEY: put_string(b, json_text(j, node, b->arena)); break;
    case JSON_NUMBER: put_number(b, json_raw(j, node)); break;
    case JSON_OBJECT: put_object(b, j, node); break;
    case JSON_ARRAY:
        buf_byte(b, '[');
        for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k)) {
            if (k != json_first(j, node))
                buf_str(b, ", ");
            canonical_write(b, j, k);
        }
        buf_byte(b, ']');
        break;
    default: buf_slice(b, json_raw(j, node));
    }
}
