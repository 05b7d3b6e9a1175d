#include "ucum/unit_int.h"

enum { LIMBS_HOLD = 77 }; /* decimal digits, in four limbs */

/* The digits of a mantissa, the point left out; what is beyond the last digit that is not zero only moves `ten`. */
static int digits(struct slice s, char *out, size_t most, size_t *ret_n, int64_t *ten)
{
    bool point = false, any = false;
    size_t n = 0, zeros = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && !point && any) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return 0;
        any = true;
        *ten -= point;
        if (c == '0') {
            zeros += n > 0;
            continue;
        }
        if (n + zeros >= most)
            return 0;
        memset(out + n, '0', zeros);
        n += zeros;
        zeros = 0;
        out[n++] = c;
    }
    *ten += (int64_t)zeros;
    *ret_n = n;
    return any && s.p[s.n - 1] != '.';
}

static int read(struct slice text, size_t most, struct ucum_number *ret)
{
    struct ucum_number v = {.n = 0};
    char digit[LIMBS_HOLD];
    size_t n = 0;
    int64_t exp = 0, ten = 0;
    struct slice s = text;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
        v.negative = s.p[0] == '-';
        s.p++, s.n--;
    }
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == 'e' || s.p[i] == 'E') {
            struct slice e = {s.p + i + 1, s.n - i - 1};
            if (e.n && e.p[0] == '+')
                e.p++, e.n--;
            if (!slice_int(e, -100000, 100000, &exp))
                return 0;
            s.n = i;
        }
    if (!digits(s, digit, most, &n, &ten))
        return 0;
    if (n == 0)
        v.negative = false;
    else if (ten + exp + (int64_t)n < -UCUM_TEN || ten + exp + (int64_t)n > UCUM_TEN)
        return 0;
    else
        v.ten = (int32_t)(ten + exp);
    if (n && n < 20) {
        for (size_t i = 0; i < n; i++)
            v.limb[0] = v.limb[0] * 10 + (uint64_t)(digit[i] - '0');
        v.n = 1;
    } else if (n) {
        struct big x;
        big_read(&x, (struct slice){digit, n}); /* four limbs hold them */
        memcpy(v.limb, x.d, x.n * sizeof x.d[0]);
        v.n = (uint8_t)x.n;
    }
    *ret = v;
    return 1;
}

int ucum_number(struct slice text, struct ucum_number *ret)
{
    return read(text, UCUM_DIGITS, ret);
}

bool ratio_read(struct ratio *x, struct slice decimal)
{
    struct ucum_number v;
    if (!read(decimal, LIMBS_HOLD, &v) || v.negative || v.n == 0)
        return false;
    big_set(&x->down, 1);
    x->ten = v.ten;
    return big_load(&x->up, v.limb, v.n) && ratio_reduce(x);
}
