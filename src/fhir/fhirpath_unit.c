#include "fhir/fhirpath_unit_int.h"

#include "base/own.h"
#include "ucum/ucum.h"

static const struct {
    const char *one, *many, *ucum;
    enum time_unit unit;
} calendar_words[] = {{"year", "years", "a", UNIT_YEAR},       {"month", "months", "mo", UNIT_MONTH},
                      {"week", "weeks", "wk", UNIT_WEEK},      {"day", "days", "d", UNIT_DAY},
                      {"hour", "hours", "h", UNIT_HOUR},       {"minute", "minutes", "min", UNIT_MINUTE},
                      {"second", "seconds", "s", UNIT_SECOND}, {"millisecond", "milliseconds", "ms", UNIT_MS}};

struct slice unit_calendar(struct slice word, enum time_unit *ret)
{
    for (size_t i = 0; i < COUNT(calendar_words); i++)
        if (slice_is(word, calendar_words[i].one) || slice_is(word, calendar_words[i].many)) {
            if (ret)
                *ret = calendar_words[i].unit;
            return slice_of(calendar_words[i].one);
        }
    return (struct slice){NULL, 0};
}

int unit_of_time(const struct fhirpath_quantity *q, enum time_unit *ret)
{
    if (unit_calendar(q->unit, ret).p) /* 'month', in quotes, can mean nothing else */
        return 1;
    for (size_t i = 0; i < COUNT(calendar_words); i++)
        if (slice_is(q->unit, calendar_words[i].ucum) && calendar_words[i].unit >= UNIT_WEEK) {
            *ret = calendar_words[i].unit;
            return 1;
        }
    return 0;
}

uint64_t unit_steps(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    return slice_eq(x->unit, y->unit) ? 1 : 16 * (x->unit.n + y->unit.n);
}

/* A unit as UCUM has it; of a calendar's year or month how many months it is instead. */
static unsigned months(const struct fhirpath_quantity *q, struct slice *ret_code)
{
    *ret_code = q->unit;
    if (!q->calendar)
        return 0;
    if (slice_is(q->unit, "year") || slice_is(q->unit, "month"))
        return slice_is(q->unit, "year") ? 12 : 1;
    for (size_t i = 0; i < COUNT(calendar_words); i++)
        if (slice_is(q->unit, calendar_words[i].one))
            *ret_code = slice_of(calendar_words[i].ucum);
    return 0;
}

static bool same_unit(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    return x->calendar == y->calendar && slice_eq(x->unit, y->unit);
}

int unit_comparable(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    struct slice a, b;
    unsigned m = months(x, &a), n = months(y, &b);
    if (same_unit(x, y))
        return 1;
    return m || n ? m && n : ucum_codes_commensurable(a, b);
}

/* Values of years and months, in months. */
static int in_months(const struct fhirpath_quantity *q, unsigned by, struct num *ret)
{
    struct num v, n;
    num_of(by, &n);
    return num_parse(q->value, &v) && num_mul(&v, &n, ret);
}

int quantity_cmp(const struct fhirpath_quantity *x, const struct fhirpath_quantity *y, int *ret)
{
    struct slice a, b;
    struct num v, w;
    struct ucum_number p, q;
    unsigned m = months(x, &a), n = months(y, &b);
    if (same_unit(x, y) || (m && n)) {
        if (!in_months(x, m && n ? m : 1, &v) || !in_months(y, m && n ? n : 1, &w))
            return 0;
        *ret = num_cmp(&v, &w);
        return 1;
    }
    return !m && !n && ucum_number(x->value, &p) && ucum_number(y->value, &q) && ucum_codes_compare(&p, a, &q, b, ret);
}

enum { DIGITS = 40 }; /* of what does not end, before it is rounded to what is told of it */

/* The value `v` through the pair: 1, 0, -1. */
static int through(struct arena *a, const struct ucum_pair *p, struct slice v, struct num *ret)
{
    struct ucum_number n;
    struct slice text;
    enum ucum_end end;
    int done = ucum_number(v, &n) ? ucum_convert(p, &n, DIGITS, a, &text, &end) : 0;
    return done == 1 ? num_parse(text, ret) : done;
}

/* The pair of two codes, by definition: 1, 0, -1. */
static int pair_of(struct arena *a, struct slice from, struct slice to, const struct ucum_pair **ret)
{
    struct ucum_fault f;
    const struct ucum_unit *u = ucum_parse(a, from, &f), *v = u ? ucum_parse(a, to, &f) : NULL;
    *ret = v ? ucum_pair(a, u, v, UCUM_BY_DEFINITION, NULL, &f) : NULL;
    return *ret ? 1 : arena_failed(a) ? -1 : 0;
}

int quantity_join(struct arena *a, const struct fhirpath_quantity *x, const struct fhirpath_quantity *y,
                  struct num *ret_x, struct num *ret_y, struct fhirpath_quantity *ret_unit)
{
    static const struct ucum_number one = {.limb = {1}, .n = 1};
    struct slice from, to;
    const struct ucum_pair *p;
    unsigned m = months(x, &from), n = months(y, &to);
    int order, done;
    *ret_unit = *x;
    if (same_unit(x, y))
        return num_parse(x->value, ret_x) && num_parse(y->value, ret_y);
    if (m && n) {
        *ret_unit = m < n ? *x : *y;
        return in_months(x, m, ret_x) && in_months(y, n, ret_y);
    }
    if (m || n || ucum_codes_compare(&one, from, &one, to, &order) != 1)
        return 0;
    if (order > 0) { /* one x is more than one y: y is the finer */
        *ret_unit = *y;
        done = pair_of(a, from, to, &p);
        return done == 1 ? (done = through(a, p, x->value, ret_x)) == 1 ? num_parse(y->value, ret_y) : done : done;
    }
    done = pair_of(a, to, from, &p);
    return done == 1 ? (done = through(a, p, y->value, ret_y)) == 1 ? num_parse(x->value, ret_x) : done : done;
}

/* What one in the last digit of a value is worth in another unit: a difference, so without the shift of a scale. */
static int last_digit(struct arena *a, const struct fhirpath_quantity *q, const struct fhirpath_quantity *unit,
                      struct num *ret)
{
    struct num v, zero, ignored;
    struct fhirpath_quantity one = *q, none = *q, to = {SLICE("0"), unit->unit, unit->calendar}, joined;
    if (!num_parse(q->value, &v))
        return 0;
    num_trim(&v);
    v = (struct num){.n = 1, .scale = v.scale, .d = {1}};
    one.value = num_text(&v, a);
    none.value = SLICE("0");
    return one.value.p && quantity_join(a, &one, &to, &v, &ignored, &joined) == 1 &&
           quantity_join(a, &none, &to, &zero, &ignored, &joined) == 1 && num_sub(&v, &zero, ret);
}

static int similar(struct arena *a, const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    struct num v, w, p, q;
    struct fhirpath_quantity unit;
    if (quantity_join(a, x, y, &v, &w, &unit) != 1 || !last_digit(a, x, &unit, &p) || !last_digit(a, y, &unit, &q))
        return 0;
    const struct num coarse = num_cmp(&p, &q) > 0 ? p : q;
    return !num_is_zero(&coarse) && num_div(&v, &coarse, &p) && num_div(&w, &coarse, &q) &&
           num_round(&p, 0, NUM_HALF_UP, &v) && num_round(&q, 0, NUM_HALF_UP, &w) && num_cmp(&v, &w) == 0;
}

/* A year or month of the calendar as UCUM's, which only here is like it: FHIRPath 6.1.2. */
static struct fhirpath_quantity mean(const struct fhirpath_quantity *q)
{
    return (struct fhirpath_quantity){q->value, slice_is(q->unit, "year") ? SLICE("a") : SLICE("mo"), false};
}

int quantity_similar(struct arena *a, const struct fhirpath_quantity *x, const struct fhirpath_quantity *y)
{
    struct arena_mark m = arena_mark(a);
    struct slice code;
    int d;
    if (x->calendar != y->calendar && (months(x, &code) || months(y, &code))) {
        const struct fhirpath_quantity as = mean(x->calendar ? x : y);
        return x->calendar ? quantity_similar(a, &as, y) : quantity_similar(a, x, &as);
    }
    if (quantity_cmp(x, y, &d) && d == 0)
        return 1;
    d = similar(a, x, y);
    arena_rewind(a, m);
    return d;
}

bool unit_is_scale(struct arena *a, const struct fhirpath_quantity *q)
{
    struct ucum_fault f;
    const struct ucum_unit *u = q->calendar ? NULL : ucum_parse(a, q->unit, &f);
    return u && ucum_special(u);
}

/* "/min" is no term that can stand in parentheses, "1/min" is. */
static void add_term(struct buf *b, struct slice code)
{
    buf_printf(b, "(%s%.*s)", code.n && code.p[0] == '/' ? "1" : "", SLICE_FMT(code));
}

int quantity_of_units(struct arena *a, const struct num *value, const struct fhirpath_quantity *x, bool divide,
                      const struct fhirpath_quantity *y, struct num *ret, struct slice *ret_unit)
{
    struct slice from, to;
    struct buf code = buf_in(a, 4 * UCUM_LENGTH), base = buf_in(a, 4 * UCUM_LENGTH);
    struct ucum_fault f;
    if (months(x, &from) || months(y, &to))
        return 0;
    add_term(&code, from);
    buf_byte(&code, divide ? '/' : '.');
    add_term(&code, to);
    const struct ucum_unit *u = ucum_parse(a, buf_text(&code), &f), *v = NULL;
    if (u) {
        ucum_base(u, &base);
        v = ucum_parse(a, buf_text(&base), &f);
    }
    const struct ucum_pair *p = v ? ucum_pair(a, u, v, UCUM_BY_DEFINITION, NULL, &f) : NULL;
    struct slice text = num_text(value, a);
    if (arena_failed(a))
        return -1;
    *ret_unit = buf_text(&base);
    return p ? through(a, p, text, ret) : 0;
}
