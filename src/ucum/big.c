#include "ucum/big_int.h"

void big_set(struct big *x, uint64_t v)
{
    x->n = v != 0;
    x->d[0] = v;
}

void big_copy(struct big *x, const struct big *y)
{
    if (x == y)
        return;
    x->n = y->n;
    if (y->n)
        mpn_copyi(x->d, y->d, y->n);
}

static void trim(struct big *x)
{
    while (x->n && x->d[x->n - 1] == 0)
        x->n--;
}

bool big_load(struct big *x, const mp_limb_t *d, size_t n)
{
    if (n > BIG_LIMBS)
        return false;
    x->n = (uint32_t)n;
    memcpy(x->d, d, n * sizeof *d);
    trim(x);
    return true;
}

int big_cmp(const struct big *x, const struct big *y)
{
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->n ? mpn_cmp(x->d, y->d, x->n) : 0;
}

bool big_is(const struct big *x, uint64_t v)
{
    return v ? x->n == 1 && x->d[0] == v : x->n == 0;
}

size_t big_bits(const struct big *x)
{
    return x->n ? x->n * 64 - (size_t)__builtin_clzl(x->d[x->n - 1]) : 0;
}

bool big_add(const struct big *x, const struct big *y, struct big *ret)
{
    const struct big *l = x->n >= y->n ? x : y, *s = l == x ? y : x;
    uint32_t n = l->n;
    if (s->n == 0) {
        big_copy(ret, l);
        return true;
    }
    mp_limb_t carry = mpn_add(ret->d, l->d, n, s->d, s->n);
    if (carry && n == BIG_LIMBS)
        return false;
    if (carry)
        ret->d[n++] = carry;
    ret->n = n;
    return true;
}

void big_sub(const struct big *x, const struct big *y, struct big *ret)
{
    uint32_t n = x->n;
    if (y->n == 0) {
        big_copy(ret, x);
        return;
    }
    mpn_sub(ret->d, x->d, n, y->d, y->n);
    ret->n = n;
    trim(ret);
}

bool big_mul(const struct big *x, const struct big *y, struct big *ret)
{
    const struct big *l = x->n >= y->n ? x : y, *s = l == x ? y : x;
    mp_limb_t product[2 * BIG_LIMBS];
    if (s->n == 0) {
        big_set(ret, 0);
        return true;
    }
    if (s->n == 1) {
        mp_limb_t by = s->d[0];
        big_copy(ret, l);
        return big_mul_word(ret, by);
    }
    mpn_mul(product, l->d, l->n, s->d, s->n);
    size_t n = l->n + s->n;
    return big_load(ret, product, product[n - 1] ? n : n - 1);
}

bool big_mul_word(struct big *x, uint64_t by)
{
    if (by == 1 || x->n == 0)
        return true;
    if (by == 0) {
        x->n = 0;
        return true;
    }
    mp_limb_t carry = mpn_mul_1(x->d, x->d, x->n, by);
    if (carry && x->n == BIG_LIMBS)
        return false;
    if (carry)
        x->d[x->n++] = carry;
    return true;
}

bool big_mul_power(struct big *x, uint32_t base, uint32_t exp)
{
    if (exp > BIG_BITS)
        return false;
    while (exp) {
        uint64_t word = 1;
        while (exp && word <= UINT64_MAX / base) {
            word *= base;
            exp--;
        }
        if (!big_mul_word(x, word))
            return false;
    }
    return true;
}

void big_div(const struct big *x, const struct big *y, struct big *quotient, struct big *rest)
{
    mp_limb_t q[BIG_LIMBS + 1], r[BIG_LIMBS];
    if (big_cmp(x, y) < 0) {
        big_copy(rest, x);
        big_set(quotient, 0);
        return;
    }
    uint32_t n = x->n - y->n + 1, m = y->n;
    mpn_tdiv_qr(q, r, 0, x->d, x->n, y->d, m);
    (void)big_load(quotient, q, n > BIG_LIMBS ? BIG_LIMBS : n);
    (void)big_load(rest, r, m);
}

void big_gcd_odd(const struct big *x, const struct big *odd, struct big *ret)
{
    struct big a, b;
    big_copy(&a, x);
    big_copy(&b, odd);
    big_take(&a, 2);
    if (big_bits(&a) < big_bits(&b)) {
        struct big c = a;
        a = b;
        b = c;
    }
    ret->n = (uint32_t)mpn_gcd(ret->d, a.d, a.n, b.d, b.n);
}

/* Divides by `by` while that goes; `worth` for each time. */
static uint32_t take(struct big *x, mp_limb_t by, uint32_t worth)
{
    uint32_t count = 0;
    for (; mpn_mod_1(x->d, x->n, by) == 0; count += worth) {
        mpn_divrem_1(x->d, 0, x->d, x->n, by);
        trim(x);
    }
    return count;
}

uint32_t big_take(struct big *x, uint32_t prime)
{
    uint32_t count = 0;
    if (prime == 2) {
        count = (uint32_t)mpn_scan1(x->d, 0);
        uint32_t limbs = count / 64;
        if (count % 64)
            mpn_rshift(x->d, x->d + limbs, x->n - limbs, count % 64);
        else if (limbs)
            mpn_copyi(x->d, x->d + limbs, x->n - limbs);
        x->n -= limbs;
        trim(x);
        return count;
    }
    return (x->n > 1 ? take(x, 7450580596923828125u, 27) : 0) + take(x, 5, 1);
}

bool big_read(struct big *x, struct slice digits)
{
    unsigned char d[BIG_TEXT];
    mp_limb_t limb[BIG_LIMBS + 2];
    size_t n = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
        if (n == 0 && digits.p[i] == '0')
            continue;
        if (n == BIG_TEXT)
            return false;
        d[n++] = (unsigned char)(digits.p[i] - '0');
    }
    return big_load(x, limb, n ? (size_t)mpn_set_str(limb, d, n, 10) : 0);
}

size_t big_write(const struct big *x, char out[BIG_TEXT])
{
    unsigned char d[BIG_TEXT];
    mp_limb_t copy[BIG_LIMBS + 1];
    size_t n = 0, from = 0;
    if (x->n == 0) {
        out[0] = '0';
        return 1;
    }
    if (x->n == 1) {
        char small[20];
        size_t i = sizeof small;
        for (uint64_t v = x->d[0]; v; v /= 10)
            small[--i] = (char)('0' + v % 10);
        memcpy(out, small + i, sizeof small - i);
        return sizeof small - i;
    }
    mpn_copyi(copy, x->d, x->n);
    n = mpn_get_str(d, 10, copy, x->n);
    while (from < n && d[from] == 0)
        from++;
    for (size_t i = from; i < n; i++)
        out[i - from] = (char)('0' + d[i]);
    return n - from;
}

/* --- quotients --- */

void ratio_one(struct ratio *x)
{
    big_set(&x->up, 1);
    big_set(&x->down, 1);
    x->ten = 0;
}

void ratio_copy(struct ratio *x, const struct ratio *y)
{
    big_copy(&x->up, &y->up);
    big_copy(&x->down, &y->down);
    x->ten = y->ten;
}

/* Takes 2 and 5 out of `down`: 1/(2^a 5^b) is 2^(m-a) 5^(m-b) / 10^m. */
static bool clear_down(struct ratio *x)
{
    if (big_is(&x->down, 1))
        return true;
    uint32_t a = big_take(&x->down, 2), b = big_take(&x->down, 5), m = a > b ? a : b;
    x->ten -= (int32_t)m;
    return big_mul_power(&x->up, 2, m - a) && big_mul_power(&x->up, 5, m - b);
}

/* Takes 10 out of `up`; is it a number that units have? */
static bool finish(struct ratio *x)
{
    if (x->up.n > 1)
        x->ten += (int32_t)take(&x->up, 10000000000000000000u, 19);
    if (x->up.d[0] % 2 == 0)
        x->ten += (int32_t)take(&x->up, 10, 1);
    return x->ten > -10000 && x->ten < 10000 && x->up.n <= RATIO_LIMBS && x->down.n <= RATIO_LIMBS;
}

/* Divides both by what they have in common. */
static void cancel(struct big *up, struct big *odd)
{
    struct big g, rest;
    if (big_is(odd, 1) || big_is(up, 1))
        return;
    big_gcd_odd(up, odd, &g);
    if (big_is(&g, 1))
        return;
    big_div(up, &g, up, &rest);
    big_div(odd, &g, odd, &rest);
}

bool ratio_reduce(struct ratio *x)
{
    if (!clear_down(x))
        return false;
    cancel(&x->up, &x->down);
    return finish(x);
}

/* Both are in lowest terms, so only crosswise can there be something in common. */
bool ratio_mul(struct ratio *x, const struct ratio *y)
{
    struct ratio z;
    if (big_is(&y->up, 1) && big_is(&y->down, 1)) {
        x->ten += y->ten;
        return finish(x);
    }
    ratio_copy(&z, y);
    x->ten += z.ten;
    cancel(&x->up, &z.down);
    cancel(&z.up, &x->down);
    return big_mul(&x->up, &z.up, &x->up) && big_mul(&x->down, &z.down, &x->down) && finish(x);
}

bool ratio_div(struct ratio *x, const struct ratio *y)
{
    struct ratio inverse;
    big_copy(&inverse.up, &y->down);
    big_copy(&inverse.down, &y->up);
    inverse.ten = -y->ten;
    return clear_down(&inverse) && ratio_mul(x, &inverse);
}

bool ratio_power(struct ratio *x, int exp)
{
    struct ratio base;
    ratio_copy(&base, x);
    unsigned n = (unsigned)(exp < 0 ? -exp : exp);
    ratio_one(x);
    for (; n; n >>= 1) {
        if ((n & 1) && !(exp < 0 ? ratio_div(x, &base) : ratio_mul(x, &base)))
            return false;
        if (n > 1 && !ratio_mul(&base, &base))
            return false;
    }
    return true;
}

bool ratio_eq(const struct ratio *x, const struct ratio *y)
{
    return x->ten == y->ten && big_cmp(&x->up, &y->up) == 0 && big_cmp(&x->down, &y->down) == 0;
}
