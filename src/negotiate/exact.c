#include "negotiate/negotiate_int.h"

enum { KEEP = 40, ROOM = DEC_DIGITS + 16 + KEEP + 4 };

/* Digits of a whole number times `by` (at most 12 digits); returns how many. `out` has room for 16 more than n. */
static size_t multiply(const uint8_t *digit, size_t n, uint64_t by, uint8_t *out)
{
    size_t size = n + 16;
    uint64_t carry = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t v = carry + (i < n ? digit[n - 1 - i] * by : 0);
        out[size - 1 - i] = (uint8_t)(v % 10);
        carry = v / 10;
    }
    return size;
}

/* Rounds half up at digit `keep`; a carry past the front moves the point: 1. */
static int round_at(uint8_t *q, size_t keep)
{
    int up = q[keep] >= 5;
    for (size_t i = keep; up && i-- > 0;) {
        if (q[i] < 9) {
            q[i]++;
            return 0;
        }
        q[i] = 0;
    }
    if (up)
        q[0] = 1;
    return up;
}

/* 0.d1..dn * 10^point as JSON number text. */
static struct slice write(struct arena *a, bool negative, const uint8_t *d, size_t n, long point)
{
    struct buf b = buf_in(a, 1024);
    while (n > 1 && d[n - 1] == 0)
        n--;
    if (negative)
        buf_byte(&b, '-');
    if (point < -20 || point > 60) {
        buf_byte(&b, (char)('0' + d[0]));
        if (n > 1)
            buf_byte(&b, '.');
        for (size_t i = 1; i < n; i++)
            buf_byte(&b, (char)('0' + d[i]));
        buf_printf(&b, "e%ld", point - 1);
        return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
    }
    if (point <= 0)
        buf_byte(&b, '0');
    for (long i = 0; i < point; i++)
        buf_byte(&b, (char)('0' + (i < (long)n ? d[i] : 0)));
    if (point < (long)n)
        buf_byte(&b, '.');
    for (long i = point; i < 0; i++)
        buf_byte(&b, '0');
    for (long i = point > 0 ? point : 0; i < (long)n; i++)
        buf_byte(&b, (char)('0' + d[i]));
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

int exact_ratio(struct arena *a, struct slice value, struct slice over, struct slice under, struct slice *ret)
{
    struct dec v;
    int64_t by, through;
    uint8_t product[DEC_DIGITS + 16], q[ROOM] = {0};
    if (!dec_parse(value, &v) || !slice_int(over, 1, 999999999999, &by) || !slice_int(under, 1, 999999999999, &through))
        return 0;
    if (v.n == 0) {
        *ret = SLICE("0");
        return 1;
    }
    size_t m = multiply(v.digit, v.n, (uint64_t)by, product), n = 0, zeros = 0;
    uint64_t rest = 0;
    /* long division, digit by digit; leading zeros only move the point */
    for (size_t i = 0; (i < m || rest) && n <= KEEP; i++) {
        rest = rest * 10 + (i < m ? product[i] : 0);
        uint8_t digit = (uint8_t)(rest / (uint64_t)through);
        rest %= (uint64_t)through;
        if (n == 0 && digit == 0)
            zeros++;
        else
            q[n++] = digit;
    }
    long point = (long)m - (long)zeros + v.exp - v.n;
    if (n > KEEP) {
        point += round_at(q, KEEP);
        n = KEEP;
    }
    *ret = write(a, v.negative, q, n, point);
    return ret->p != NULL;
}

/* A column for each power of ten that a struct dec can hold, the lowest first, and some above for the sum. */
enum { LOWEST = -DEC_EXP - DEC_DIGITS, COLUMNS = DEC_EXP - LOWEST + 20 };

static void add(int64_t *column, const struct dec *d, int weight)
{
    for (int i = 0; i < d->n; i++)
        column[d->exp - 1 - i - LOWEST] += (d->negative ? -1 : 1) * weight * d->digit[i];
}

/* The columns times `sign` as digits; false: that is negative. */
static bool carry(const int64_t *column, int sign, uint8_t *digit)
{
    int64_t over = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        int64_t v = sign * column[i] + over, rest = (v % 10 + 10) % 10;
        digit[i] = (uint8_t)rest;
        over = (v - rest) / 10;
    }
    return over == 0;
}

int exact_mean(struct arena *a, const struct weighed *v, size_t n, uint64_t by, unsigned decimals, struct slice *ret)
{
    int64_t column[COLUMNS] = {0};
    uint8_t digit[COLUMNS], q[COLUMNS];
    struct dec d;
    size_t last = (size_t)-LOWEST - decimals, size = 0, zeros = 0; /* last: the column of the last decimal */
    uint64_t rest = 0;
    for (size_t i = 0; i < n; i++) {
        if (!dec_parse(v[i].value, &d))
            return 0;
        add(column, &d, v[i].weight);
    }
    bool negative = !carry(column, 1, digit);
    if (negative)
        carry(column, -1, digit);
    for (size_t i = COLUMNS; i-- > last - 1;) {
        rest = rest * 10 + digit[i];
        q[size++] = (uint8_t)(rest / by);
        rest %= by;
    }
    round_at(q, --size); /* the highest columns are zero: nothing is carried past them */
    while (zeros < size && q[zeros] == 0)
        zeros++;
    *ret = zeros == size ? SLICE("0")
                         : write(a, negative, q + zeros, size - zeros, (long)size - (long)decimals - (long)zeros);
    return ret->p != NULL;
}
