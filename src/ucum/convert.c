#include "ucum/pair_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t power_of_ten[20] = {1,
                                          10,
                                          100,
                                          1000,
                                          10000,
                                          100000,
                                          1000000,
                                          10000000,
                                          100000000,
                                          1000000000,
                                          10000000000,
                                          100000000000,
                                          1000000000000,
                                          10000000000000,
                                          100000000000000,
                                          1000000000000000,
                                          10000000000000000,
                                          100000000000000000,
                                          1000000000000000000,
                                          10000000000000000000u};

/* A whole number with its sign, times 10^ten. */
struct scaled {
    struct big x;
    int32_t ten;
    bool negative;
};

static void load(struct big *x, const struct ucum_number *v)
{
    (void)big_load(x, v->limb, v->n);
}

/* What is added, and what is divided by. */
static void summand(const struct ucum_pair *p, struct big *ret)
{
    if (p->parts)
        big_copy(ret, &p->parts->add);
    else
        big_set(ret, p->add);
}

static void divisor(const struct ucum_pair *p, struct big *ret)
{
    if (p->parts)
        big_copy(ret, &p->parts->div);
    else
        big_set(ret, p->div);
}

/* value * mul + add, before it is divided by div */
static bool numerator(const struct ucum_pair *p, const struct ucum_number *value, struct scaled *ret)
{
    struct big add;
    load(&ret->x, value);
    summand(p, &add);
    ret->negative = value->negative;
    ret->ten = value->ten + p->ten;
    if (!(p->parts ? big_mul(&ret->x, &p->parts->mul, &ret->x) : big_mul_word(&ret->x, p->mul)))
        return false;
    if (add.n == 0)
        return true;
    if (value->ten > 0 && !big_mul_power(&ret->x, 10, (uint32_t)value->ten))
        return false;
    if (value->ten < 0 && !big_mul_power(&add, 10, (uint32_t)-value->ten))
        return false;
    ret->ten = (value->ten < 0 ? value->ten : 0) + p->ten;
    if (ret->negative == p->add_negative)
        return big_add(&ret->x, &add, &ret->x);
    int d = big_cmp(&ret->x, &add);
    if (d < 0)
        ret->negative = p->add_negative;
    big_sub(d < 0 ? &add : &ret->x, d < 0 ? &ret->x : &add, &ret->x);
    if (ret->x.n == 0)
        ret->negative = false;
    return true;
}

/* Both above zero. */
static bool compare_size(struct scaled *x, struct scaled *y, int *ret)
{
    /* 2^(bits-1) <= x < 2^bits, and 10 is 2^3.3219: far apart they need no digits */
    double a = (double)big_bits(&x->x) + 3.321928 * x->ten, b = (double)big_bits(&y->x) + 3.321928 * y->ten;
    if (a > b + 3 || b > a + 3) {
        *ret = a > b ? 1 : -1;
        return true;
    }
    struct scaled *high = x->ten > y->ten ? x : y;
    int32_t apart = x->ten > y->ten ? x->ten - y->ten : y->ten - x->ten;
    if (!big_mul_power(&high->x, 10, (uint32_t)apart))
        return false;
    *ret = big_cmp(&x->x, &y->x);
    return true;
}

static bool compare_signed(struct scaled *x, struct scaled *y, int *ret)
{
    int a = x->x.n == 0 ? 0 : x->negative ? -1 : 1, b = y->x.n == 0 ? 0 : y->negative ? -1 : 1;
    if (a != b || a == 0) {
        *ret = a < b ? -1 : a > b;
        return true;
    }
    if (!compare_size(x, y, ret))
        return false;
    *ret *= a;
    return true;
}

/* --- the usual case: numbers of a limb, products of two --- */

__extension__ typedef __int128 wide;

static bool times_ten(wide *x, int32_t exp)
{
    return exp < 20 && !__builtin_mul_overflow(*x, (wide)power_of_ten[exp], x);
}

static bool quick_numerator(const struct ucum_pair *p, const struct ucum_number *value, wide *ret, int32_t *ret_ten)
{
    if (!p->quick || value->n > 1)
        return false;
    wide x, add = (wide)p->add;
    if (__builtin_mul_overflow((wide)value->limb[0], (wide)p->mul, &x))
        return false;
    x = value->negative ? -x : x;
    *ret_ten = value->ten + p->ten;
    if (add) {
        add = p->add_negative ? -add : add;
        if (value->ten > 0 ? !times_ten(&x, value->ten) : !times_ten(&add, -value->ten))
            return false;
        if (__builtin_add_overflow(x, add, &x))
            return false;
        *ret_ten = (value->ten < 0 ? value->ten : 0) + p->ten;
    }
    *ret = x;
    return true;
}

static bool quick_compare(const struct ucum_pair *p, const struct ucum_number *value, const struct ucum_number *limit,
                          int *ret)
{
    wide x, y;
    int32_t ten;
    if (limit->n > 1 || !quick_numerator(p, value, &x, &ten) ||
        __builtin_mul_overflow((wide)limit->limb[0], (wide)p->div, &y))
        return false;
    y = limit->negative ? -y : y;
    if (x && y && (ten > limit->ten ? !times_ten(&x, ten - limit->ten) : !times_ten(&y, limit->ten - ten)))
        return false;
    *ret = x < y ? -1 : x > y;
    return true;
}

/* --- what is not exact --- */

static long double floating(const struct ucum_number *v)
{
    char text[BIG_TEXT + 20];
    struct big x;
    load(&x, v);
    size_t n = big_write(&x, text);
    snprintf(text + n, 20, "e%d", v->ten);
    long double d = strtold(text, NULL);
    return v->negative ? -d : d;
}

static bool near(const struct ucum_pair *p, const struct ucum_number *value, long double *ret)
{
    const struct near_side *a = &p->parts->from, *b = &p->parts->to;
    long double x = floating(value) * a->scale, y = 0;
    switch (a->function) {
    case SPECIAL_LINEAR: y = x; break;
    case SPECIAL_SHIFT: y = x + a->shift; break;
    case SPECIAL_POWER: y = expl(x * a->log); break;
    case SPECIAL_TANGENT: y = atanl(x / 100); break;
    case SPECIAL_SQUARE: y = x * x; break;
    }
    y = y * (a->reference / b->reference);
    switch (b->function) {
    case SPECIAL_LINEAR: x = y; break;
    case SPECIAL_SHIFT: x = y - b->shift; break;
    case SPECIAL_POWER: x = logl(y) / b->log; break;
    case SPECIAL_TANGENT: x = 100 * tanl(y); break;
    case SPECIAL_SQUARE: x = sqrtl(y); break;
    }
    *ret = x / b->scale;
    return isfinite(*ret);
}

int ucum_compare(const struct ucum_pair *p, const struct ucum_number *value, const struct ucum_number *limit, int *ret)
{
    struct scaled x, y;
    struct big div;
    if (!p->exact) {
        long double d, l = floating(limit);
        if (!near(p, value, &d))
            return 0;
        *ret = d < l ? -1 : d > l;
        return 1;
    }
    if (quick_compare(p, value, limit, ret))
        return 1;
    if (!numerator(p, value, &x))
        return 0;
    load(&y.x, limit);
    y.ten = limit->ten;
    y.negative = limit->negative;
    divisor(p, &div);
    return big_mul(&y.x, &div, &y.x) && compare_signed(&x, &y, ret);
}

/* --- text --- */

enum { ZEROS_MOST = 30, TEXT_MOST = BIG_TEXT + ZEROS_MOST + 24 };

/* Digits times 10^ten, as JSON number text: written out where that takes at most ZEROS_MOST zeros. */
static size_t write(bool negative, const char *digit, size_t n, int32_t ten, char *out)
{
    size_t at = 0;
    while (n > 1 && digit[n - 1] == '0')
        n--, ten++;
    int32_t point = (int32_t)n + ten; /* value = 0.digits * 10^point */
    if (n == 1 && digit[0] == '0')
        return out[0] = '0', 1;
    if (negative)
        out[at++] = '-';
    if (ten > ZEROS_MOST || point < -ZEROS_MOST) {
        out[at++] = digit[0];
        if (n > 1)
            out[at++] = '.';
        memcpy(out + at, digit + 1, n - 1);
        at += n - 1;
        return at + (size_t)snprintf(out + at, 16, "e%d", point - 1);
    }
    if (point <= 0) {
        memcpy(out + at, "0.", 2);
        memset(out + at + 2, '0', (size_t)-point);
        at += 2 + (size_t)-point;
        memcpy(out + at, digit, n);
        return at + n;
    }
    size_t whole = (size_t)point < n ? (size_t)point : n;
    memcpy(out + at, digit, whole);
    at += whole;
    if (ten > 0) {
        memset(out + at, '0', (size_t)ten);
        at += (size_t)ten;
    }
    if (whole < n) {
        out[at++] = '.';
        memcpy(out + at, digit + whole, n - whole);
        at += n - whole;
    }
    return at;
}

/* Rounds half away from zero to `keep` digits; a carry past the front moves the point. */
static void round_digits(char *digit, size_t *n, int32_t *ten, size_t keep)
{
    bool up = digit[keep] >= '5';
    *ten += (int32_t)(*n - keep);
    *n = keep;
    while (up && keep > 0) {
        if (digit[--keep] < '9') {
            digit[keep]++;
            return;
        }
        digit[keep] = '0';
    }
    if (up) {
        digit[0] = '1';
        ++*ten;
    }
}

static int keep(struct arena *a, const char *text, size_t n, struct slice *ret)
{
    *ret = arena_copy(a, (struct slice){text, n});
    return ret->p ? 1 : -1;
}

static size_t write_wide(unsigned __int128 v, char *out)
{
    char d[40];
    size_t i = sizeof d;
    do {
        if (v >> 64) {
            d[--i] = (char)('0' + (int)(v % 10));
            v /= 10;
        } else {
            for (uint64_t w = (uint64_t)v; w; w /= 10)
                d[--i] = (char)('0' + w % 10);
            v = 0;
        }
    } while (v);
    if (i == sizeof d)
        d[--i] = '0';
    memcpy(out, d + i, sizeof d - i);
    return sizeof d - i;
}

static bool quick_convert(const struct ucum_pair *p, const struct ucum_number *value, struct arena *a,
                          struct slice *ret, int *ret_done)
{
    wide x;
    int32_t ten;
    char digit[40], out[TEXT_MOST];
    if (!quick_numerator(p, value, &x, &ten))
        return false;
    bool negative = x < 0;
    unsigned __int128 y = negative ? -(unsigned __int128)x : (unsigned __int128)x;
    if (p->div != 1) {
        if (y % p->div)
            return false;
        y /= p->div;
    }
    *ret_done = keep(a, out, write(negative, digit, write_wide(y, digit), ten, out), ret);
    return true;
}

static int near_text(const struct ucum_pair *p, const struct ucum_number *value, unsigned digits, struct arena *a,
                     struct slice *ret)
{
    char text[64], digit[24], out[TEXT_MOST];
    size_t n = 0;
    long double d;
    if (!near(p, value, &d))
        return 0;
    snprintf(text, sizeof text, "%.*Le", (int)(digits > 15 ? 15 : digits) - 1, d < 0 ? -d : d);
    const char *e = strchr(text, 'e');
    for (const char *z = text; z < e; z++)
        if (*z != '.')
            digit[n++] = *z;
    return keep(a, out, write(d < 0, digit, n, (int32_t)strtol(e + 1, NULL, 10) - (int32_t)n + 1, out), ret);
}

int ucum_convert(const struct ucum_pair *p, const struct ucum_number *value, unsigned digits, struct arena *a,
                 struct slice *ret, enum ucum_end *ret_end)
{
    struct scaled x;
    struct big rest, div;
    char digit[BIG_TEXT], out[TEXT_MOST];
    int done;
    if (digits < 1 || digits > UCUM_DIGITS)
        digits = UCUM_DIGITS;
    *ret_end = p->exact ? UCUM_EXACT : UCUM_NEAR;
    if (!p->exact)
        return near_text(p, value, digits, a, ret);
    if (quick_convert(p, value, a, ret, &done))
        return done;
    if (!numerator(p, value, &x))
        return 0;
    struct scaled whole = {.ten = x.ten};
    divisor(p, &div);
    big_div(&x.x, &div, &whole.x, &rest);
    if (rest.n) { /* more digits in front, so that enough come out */
        size_t have = big_bits(&x.x), need = big_bits(&div) + (size_t)(3.33 * (digits + 2));
        uint32_t more = need > have ? (uint32_t)((double)(need - have) / 3.32) + 1 : 0;
        if (!big_mul_power(&x.x, 10, more))
            return 0;
        big_div(&x.x, &div, &whole.x, &rest);
        whole.ten -= (int32_t)more;
        *ret_end = UCUM_ROUNDED;
    }
    size_t n = big_write(&whole.x, digit);
    if (rest.n ? n > digits : n > UCUM_DIGITS) {
        size_t zeros = 0;
        while (!rest.n && zeros < n && digit[n - 1 - zeros] == '0')
            zeros++;
        if (n - zeros > UCUM_DIGITS || rest.n) {
            round_digits(digit, &n, &whole.ten, digits);
            *ret_end = UCUM_ROUNDED;
        }
    }
    return keep(a, out, write(x.negative, digit, n, whole.ten, out), ret);
}

static int fraction(struct scaled *x, const struct big *div, struct arena *a, struct slice *ret)
{
    char out[2 * BIG_TEXT + 2];
    struct big down, g, rest;
    size_t at = 0;
    big_copy(&down, div);
    big_gcd_odd(&x->x, &down, &g);
    big_div(&x->x, &g, &x->x, &rest);
    big_div(&down, &g, &down, &rest);
    if (x->ten > 0 && !big_mul_power(&x->x, 10, (uint32_t)x->ten))
        return 0;
    if (x->ten < 0) { /* 10^-ten goes below, but for the 2 and 5 it shares with what is above */
        struct big odd;
        big_copy(&odd, &x->x);
        uint32_t ten = (uint32_t)-x->ten, two = big_take(&odd, 2), five = big_take(&odd, 5);
        two = two < ten ? two : ten;
        five = five < ten ? five : ten;
        if (!big_mul_power(&down, 2, ten - two) || !big_mul_power(&down, 5, ten - five))
            return 0;
        struct big by;
        big_set(&by, 1);
        if (!big_mul_power(&by, 2, two) || !big_mul_power(&by, 5, five))
            return 0;
        big_div(&x->x, &by, &x->x, &rest);
    }
    if (x->negative)
        out[at++] = '-';
    at += big_write(&x->x, out + at);
    out[at++] = '/';
    at += big_write(&down, out + at);
    return keep(a, out, at, ret);
}

int ucum_convert_whole(const struct ucum_pair *p, const struct ucum_number *value, struct arena *a, struct slice *ret)
{
    struct scaled x;
    struct big whole, rest, div;
    char digit[BIG_TEXT], out[TEXT_MOST];
    if (!p->exact || !numerator(p, value, &x))
        return 0;
    divisor(p, &div);
    big_div(&x.x, &div, &whole, &rest);
    if (rest.n)
        return fraction(&x, &div, a, ret);
    return keep(a, out, write(x.negative, digit, big_write(&whole, digit), x.ten, out), ret);
}
