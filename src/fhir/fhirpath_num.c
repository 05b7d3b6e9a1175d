#include "fhir/fhirpath_num_int.h"

static void set_length(struct num *x, unsigned n)
{
    while (n && x->d[n - 1] == 0)
        n--;
    x->n = (uint16_t)n;
}

bool num_is_zero(const struct num *x)
{
    return x->n == 0;
}

/* The exponent behind 'e', or false. */
static bool exponent(struct slice s, int64_t *ret)
{
    if (s.n && s.p[0] == '+')
        s.p++, s.n--;
    return slice_int(s, -NUM_MOST, NUM_MOST, ret);
}

int num_parse(struct slice s, struct num *ret)
{
    struct num x = {0};
    uint8_t digit[NUM_MOST];
    unsigned n = 0;
    int64_t scale = 0, e = 0;
    bool point = false, seen = false;
    size_t i = 0;
    if (s.n && s.p[0] == '-')
        x.negative = true, i++;
    for (; i < s.n && (s.p[i] | 32) != 'e'; i++) {
        if (s.p[i] == '.' && !point && seen) {
            point = true;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        seen = true;
        scale += point;
        if (n || s.p[i] != '0') {
            if (n == NUM_MOST)
                return 0;
            digit[n++] = (uint8_t)(s.p[i] - '0');
        }
        if (scale > NUM_MOST)
            return 0;
    }
    if (!seen || (point && !scale) || (i < s.n && !exponent((struct slice){s.p + i + 1, s.n - i - 1}, &e)))
        return 0;
    scale -= e;
    unsigned zeros = scale < 0 ? (unsigned)-scale : 0; /* 5e2: digits that were not written */
    if (n + zeros > NUM_MOST || scale > 2 * NUM_MOST)
        return 0;
    for (unsigned k = 0; k < n; k++)
        x.d[zeros + k] = digit[n - 1 - k];
    x.scale = (uint16_t)(scale < 0 ? 0 : scale);
    set_length(&x, n + zeros);
    *ret = x;
    return 1;
}

void num_of(int64_t v, struct num *ret)
{
    struct num x = {.negative = v < 0};
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    for (; u; u /= 10)
        x.d[x.n++] = (uint8_t)(u % 10);
    *ret = x;
}

int num_int(const struct num *x, int64_t *ret)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < x->scale && i < x->n; i++)
        if (x->d[i])
            return 0;
    for (unsigned i = x->n; i > x->scale; i--) {
        if (v > (uint64_t)INT64_MAX / 10 - 1)
            return 0;
        v = 10 * v + x->d[i - 1];
    }
    *ret = x->negative ? -(int64_t)v : (int64_t)v;
    return 1;
}

/* The digits of x at this scale, which is not below its own; false: too many. */
static bool rescale(const struct num *x, unsigned scale, struct num *ret)
{
    struct num y = {.negative = x->negative, .scale = (uint16_t)scale};
    unsigned up = scale - x->scale;
    if (x->n + up > NUM_DIGITS - 1)
        return false;
    for (unsigned i = 0; i < x->n; i++)
        y.d[i + up] = x->d[i];
    set_length(&y, x->n ? x->n + up : 0);
    *ret = y;
    return true;
}

static int magnitude(const struct num *x, const struct num *y)
{
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    for (unsigned i = x->n; i > 0; i--)
        if (x->d[i - 1] != y->d[i - 1])
            return x->d[i - 1] < y->d[i - 1] ? -1 : 1;
    return 0;
}

static bool align(const struct num *x, const struct num *y, struct num *a, struct num *b)
{
    unsigned scale = x->scale > y->scale ? x->scale : y->scale;
    return rescale(x, scale, a) && rescale(y, scale, b);
}

int num_cmp(const struct num *x, const struct num *y)
{
    struct num a, b;
    bool xn = x->negative && x->n, yn = y->negative && y->n;
    if (xn != yn)
        return xn ? -1 : 1;
    if (!align(x, y, &a, &b)) { /* so far apart that their highest digits say it */
        int dx = (int)x->n - x->scale, dy = (int)y->n - y->scale;
        int d = x->n == 0 ? -(y->n != 0) : y->n == 0 ? 1 : dx < dy ? -1 : dx > dy;
        return xn ? -d : d;
    }
    int d = magnitude(&a, &b);
    return xn ? -d : d;
}

static void plus(const struct num *x, const struct num *y, struct num *ret)
{
    unsigned n = x->n > y->n ? x->n : y->n, carry = 0;
    for (unsigned i = 0; i <= n; i++) {
        unsigned v = x->d[i] + y->d[i] + carry;
        ret->d[i] = (uint8_t)(v % 10);
        carry = v / 10;
    }
    set_length(ret, n + 1);
}

/* x >= y in magnitude. */
static void minus(const struct num *x, const struct num *y, struct num *ret)
{
    int borrow = 0;
    for (unsigned i = 0; i < x->n; i++) {
        int v = x->d[i] - y->d[i] - borrow;
        borrow = v < 0;
        ret->d[i] = (uint8_t)(v + 10 * borrow);
    }
    set_length(ret, x->n);
}

int num_add(const struct num *x, const struct num *y, struct num *ret)
{
    struct num a, b, c = {0};
    if (!align(x, y, &a, &b))
        return 0;
    c.scale = a.scale;
    if (a.negative == b.negative) {
        plus(&a, &b, &c);
        c.negative = a.negative;
    } else if (magnitude(&a, &b) >= 0) {
        minus(&a, &b, &c);
        c.negative = a.negative;
    } else {
        minus(&b, &a, &c);
        c.negative = b.negative;
    }
    c.negative &= c.n != 0;
    *ret = c;
    return c.n <= NUM_MOST;
}

int num_sub(const struct num *x, const struct num *y, struct num *ret)
{
    struct num z = *y;
    z.negative = !y->negative;
    return num_add(x, &z, ret);
}

/* Both together have at most NUM_DIGITS - 1 digits. */
static void multiply(const struct num *x, const struct num *y, struct num *ret)
{
    struct num z = {.negative = x->negative != y->negative};
    for (unsigned i = 0; i < x->n; i++) {
        unsigned carry = 0, k = 0;
        for (; k < y->n || carry; k++) {
            unsigned v = z.d[i + k] + x->d[i] * y->d[k] + carry;
            z.d[i + k] = (uint8_t)(v % 10);
            carry = v / 10;
        }
    }
    z.scale = (uint16_t)(x->scale + y->scale);
    set_length(&z, (unsigned)x->n + y->n);
    z.negative &= z.n != 0;
    *ret = z;
}

int num_mul(const struct num *x, const struct num *y, struct num *ret)
{
    struct num z;
    if (x->n + y->n > NUM_DIGITS - 1)
        return 0;
    multiply(x, y, &z);
    if (z.n > NUM_MOST || z.scale > NUM_MOST)
        num_trim(&z);
    *ret = z;
    return z.n <= NUM_MOST && z.scale <= 2 * NUM_MOST;
}

/* Whole numbers: the magnitudes' quotient; the rest stays in *rest. */
static void divide(const struct num *x, const struct num *y, struct num *quotient, struct num *rest)
{
    struct num q = {0}, r = {0};
    for (unsigned i = x->n; i > 0; i--) {
        for (unsigned k = r.n; k > 0; k--)
            r.d[k] = r.d[k - 1];
        r.d[0] = x->d[i - 1];
        set_length(&r, (unsigned)r.n + 1);
        while (magnitude(&r, y) >= 0) {
            struct num less = {0};
            minus(&r, y, &less);
            r = less;
            q.d[i - 1]++;
        }
    }
    set_length(&q, x->n);
    *quotient = q;
    *rest = r;
}

int num_quotient(const struct num *x, const struct num *y, struct num *ret)
{
    struct num a, b, q, rest;
    if (num_is_zero(y) || !align(x, y, &a, &b))
        return 0;
    divide(&a, &b, &q, &rest);
    q.negative = x->negative != y->negative && q.n;
    *ret = q;
    return 1;
}

int num_div(const struct num *x, const struct num *y, struct num *ret)
{
    struct num a, b, up, q, rest;
    if (num_is_zero(y) || !align(x, y, &a, &b) || a.n > NUM_DIGITS - 2 * NUM_QUOTIENT)
        return 0;
    a.scale = b.scale = 0;
    if (!rescale(&a, NUM_QUOTIENT, &up))
        return 0;
    divide(&up, &b, &q, &rest);
    q.scale = NUM_QUOTIENT;
    q.negative = x->negative != y->negative && q.n;
    num_trim(&q);
    *ret = q;
    return q.n <= NUM_MOST;
}

/* By bisection over the digits, from the highest. */
int num_sqrt(const struct num *x, struct num *ret)
{
    enum { SCALE = 16 };
    struct num wide, root = {.scale = SCALE}, square;
    if ((x->negative && x->n) || x->n > NUM_MOST || x->scale > 2 * SCALE || !rescale(x, 2 * SCALE, &wide))
        return 0;
    for (unsigned i = (wide.n + 1u) / 2; i > 0; i--)
        for (root.d[i - 1] = 9;; root.d[i - 1]--) {
            set_length(&root, (wide.n + 1u) / 2);
            multiply(&root, &root, &square);
            if (root.d[i - 1] == 0 || magnitude(&square, &wide) <= 0)
                break;
        }
    num_trim(&root);
    *ret = root;
    return 1;
}

int num_round(const struct num *x, unsigned scale, enum num_way way, struct num *ret)
{
    struct num y = {.negative = x->negative, .scale = (uint16_t)scale}, one = {.n = 1, .d = {1}}, z = {0};
    if (scale >= x->scale)
        return rescale(x, scale, ret) && ret->n <= NUM_MOST;
    unsigned cut = x->scale - scale;
    bool rest = false;
    for (unsigned i = 0; i < cut && i < x->n; i++)
        rest |= x->d[i] != 0;
    for (unsigned i = cut; i < x->n; i++)
        y.d[i - cut] = x->d[i];
    set_length(&y, x->n > cut ? x->n - cut : 0);
    bool half = x->d[cut - 1] >= 5;
    bool up = (way == NUM_FLOOR && x->negative && rest) || (way == NUM_CEILING && !x->negative && rest) ||
              (way == NUM_HALF_UP && half);
    if (up) {
        plus(&y, &one, &z);
        z.negative = y.negative;
        z.scale = y.scale;
        y = z;
    }
    *ret = y;
    return y.n <= NUM_MOST;
}

void num_trim(struct num *x)
{
    unsigned cut = 0;
    while (cut < x->scale && x->d[cut] == 0 && (cut < x->n || x->n == 0))
        cut++;
    if (cut == 0)
        return;
    for (unsigned i = cut; i < NUM_DIGITS; i++)
        x->d[i - cut] = x->d[i];
    for (unsigned i = NUM_DIGITS - cut; i < NUM_DIGITS; i++)
        x->d[i] = 0;
    x->scale = (uint16_t)(x->scale - cut);
    set_length(x, x->n > cut ? x->n - cut : 0);
}

struct slice num_text(const struct num *x, struct arena *a)
{
    unsigned digits = x->n > x->scale ? x->n : x->scale + 1u, n = 0;
    char *p = arena_take(a, digits + 3);
    if (!p)
        return (struct slice){NULL, 0};
    if (x->negative)
        p[n++] = '-';
    for (unsigned i = digits; i > 0; i--) {
        p[n++] = (char)('0' + x->d[i - 1]);
        if (i - 1 == x->scale && x->scale)
            p[n++] = '.';
    }
    return (struct slice){p, n};
}
