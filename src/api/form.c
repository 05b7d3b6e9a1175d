#include "api/form.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

struct slice form_unescape(struct slice s, struct arena *a)
{
    char *out = arena_take(a, s.n + 1);
    size_t n = 0;
    if (!out)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1,
            low = high < 0 ? -1 : hex_digit(s.p[i + 2]);
        if (low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    out[n] = 0;
    return (struct slice){out, n};
}

bool form_next(struct slice *rest, struct arena *a, struct slice *key, struct slice *value)
{
    if (!rest->p)
        return false;
    *value = slice_cut(rest, '&');
    *key = slice_cut(value, '=');
    *key = form_unescape(*key, a);
    *value = value->p ? form_unescape(*value, a) : SLICE("");
    return true;
}

void form_escape(struct slice s, struct buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:,/";
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] && strchr(plain, s.p[i]))
            buf_byte(out, s.p[i]);
        else
            buf_printf(out, "%%%02X", (unsigned)(uint8_t)s.p[i]);
    }
}
