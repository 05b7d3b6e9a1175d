#include "http/disposition.h"

#include <ctype.h>

#include "http/syntax_int.h"

static size_t token(struct slice s)
{
    size_t n = 0;
    while (n < s.n && syntax_has(s.p[n], SYNTAX_TOKEN))
        n++;
    return n;
}

/* A quoted string at the front of *rest. */
static int quoted(struct slice *rest, struct arena *a, struct slice *ret)
{
    char *out = arena_take(a, rest->n);
    size_t n = 0;
    for (size_t i = 1; out && i < rest->n; i++) {
        char c = rest->p[i];
        if (c == '"') {
            *ret = (struct slice){out, n};
            *rest = (struct slice){rest->p + i + 1, rest->n - i - 1};
            return 0;
        }
        if (c == '\\' && i + 1 < rest->n && (rest->p[i + 1] == '"' || rest->p[i + 1] == '\\'))
            c = rest->p[++i];
        out[n++] = c;
    }
    return -1;
}

int field_param(struct slice *rest, struct arena *a, struct slice *ret_name, struct slice *ret_value)
{
    struct slice s = slice_trim(*rest);
    if (!s.n)
        return 0;
    if (s.p[0] != ';')
        return -1;
    s = slice_trim((struct slice){s.p + 1, s.n - 1});
    size_t n = token(s);
    if (n == 0 || n == s.n || s.p[n] != '=')
        return -1;
    *ret_name = (struct slice){s.p, n};
    *rest = (struct slice){s.p + n + 1, s.n - n - 1};
    if (rest->n && rest->p[0] == '"')
        return quoted(rest, a, ret_value) ? -1 : 1;
    n = token(*rest);
    if (n == 0)
        return -1;
    *ret_value = (struct slice){rest->p, n};
    *rest = (struct slice){rest->p + n, rest->n - n};
    return 1;
}

/* UTF-8'language'percent-encoded (RFC 8187 3.2). */
static int extended(struct slice value, struct arena *a, struct slice *ret)
{
    struct slice charset = slice_cut(&value, '\'');
    slice_cut(&value, '\'');
    char *out = value.p ? arena_take(a, value.n + 1) : NULL;
    size_t n = 0;
    if (!out || !slice_is_nocase(charset, "utf-8") || !syntax_percent(value))
        return -1;
    for (size_t i = 0; i < value.n; i++) {
        bool escaped = value.p[i] == '%';
        if (!escaped)
            out[n++] = value.p[i];
        else if (hex_decode((struct slice){value.p + i + 1, 2}, out + n++, 1) != 1)
            return -1;
        i += escaped ? 2 : 0;
    }
    *ret = (struct slice){out, n};
    return 0;
}

static int set_once(struct slice *to, struct slice value)
{
    if (to->p)
        return -1;
    *to = value.p ? value : SLICE("");
    return 0;
}

int disposition_read(struct slice field, struct arena *a, struct disposition *ret)
{
    struct disposition d = {.name = {NULL, 0}};
    struct slice name, value, plain = {NULL, 0}, better = {NULL, 0};
    field = slice_trim(field);
    size_t n = token(field);
    int more;
    d.type = (struct slice){field.p, n};
    field = (struct slice){field.p + n, field.n - n};
    while ((more = field_param(&field, a, &name, &value)) > 0) {
        if (slice_is_nocase(name, "filename*") ? extended(value, a, &value) || set_once(&better, value)
                                               : (slice_is_nocase(name, "filename") && set_once(&plain, value)) ||
                                                     (slice_is_nocase(name, "name") && set_once(&d.name, value)))
            return -1;
    }
    d.filename = better.p ? better : plain;
    if (more < 0 || !n)
        return -1;
    *ret = d;
    return 0;
}

void disposition_write(struct buf *b, struct slice filename)
{
    static const char hex[] = "0123456789ABCDEF";
    buf_str(b, "attachment; filename=\"");
    for (size_t i = 0; i < filename.n; i++) {
        unsigned char c = (unsigned char)filename.p[i];
        if ((c & 0xc0) == 0x80)
            continue; /* of a character that has its _ already */
        buf_byte(b, c < 0x80 && c >= ' ' && !strchr("\"\\%", c) ? (char)c : '_');
    }
    buf_str(b, "\"; filename*=UTF-8''");
    for (size_t i = 0; i < filename.n; i++) {
        unsigned char c = (unsigned char)filename.p[i];
        if (c < 0x80 && (isalnum(c) || strchr("!#$&+-.^_`|~", c)))
            buf_byte(b, (char)c);
        else
            buf_add(b, (const char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}
