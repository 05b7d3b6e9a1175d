#include "base/dec.h"

int dec_parse(struct slice s, struct dec *ret)
{
    struct dec d = {0};
    size_t i = 0;
    int64_t point = 0, exp = 0; /* digits before the decimal point, the written exponent */
    bool started = false, seen = false;
    unsigned zeros = 0; /* zeros kept back until a digit follows them */
    if (s.n > 512)
        return 0;
    if (i < s.n && s.p[i] == '-') {
        d.negative = true;
        i++;
    }
    bool fraction = false;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        seen = true;
        if (!fraction && (started || c != '0'))
            point++;
        if (!started && c == '0') {
            if (fraction)
                point--;
            continue;
        }
        started = true;
        if (c == '0') {
            zeros++;
            continue;
        }
        if (d.n + zeros + 1 > DEC_DIGITS)
            return 0;
        for (; zeros; zeros--)
            d.digit[d.n++] = 0;
        d.digit[d.n++] = (uint8_t)(c - '0');
    }
    if (!seen)
        return 0;
    if (i < s.n && (s.p[i] | 32) == 'e') {
        struct slice rest = {s.p + i + 1, s.n - i - 1};
        if (rest.n && rest.p[0] == '+')
            rest.p++, rest.n--;
        if (!slice_int(rest, -DEC_EXP, DEC_EXP, &exp))
            return 0;
        i = s.n;
    }
    if (i != s.n)
        return 0;
    if (d.n == 0) {
        *ret = (struct dec){0};
        return 1;
    }
    d.exp = (int16_t)(point + exp); /* at most 512 digits and DEC_EXP: fits */
    *ret = d;
    return 1;
}

static int magnitude(const struct dec *a, const struct dec *b)
{
    if (a->n == 0 || b->n == 0)
        return (a->n != 0) - (b->n != 0);
    if (a->exp != b->exp)
        return a->exp < b->exp ? -1 : 1;
    for (int i = 0; i < a->n || i < b->n; i++) {
        int x = i < a->n ? a->digit[i] : 0, y = i < b->n ? b->digit[i] : 0;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

int dec_cmp(const struct dec *a, const struct dec *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? -magnitude(a, b) : magnitude(a, b);
}
