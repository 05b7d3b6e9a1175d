/* fhirpath_fn_math.c -- functions over numbers, and what asks for the precision of a value. */
#include <math.h>
#include <stdio.h>

#include "base/own.h"
#include "fhir/fhirpath_fn_int.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_time_int.h"
#include "fhir/fhirpath_unit_int.h"

/* The single item as a number: 1, 0, -1. A quantity counts by its value, *ret_quantity. */
static int number(struct fp_run *r, uint32_t at, const struct fp_node *n, struct num *ret,
                  const struct fhirpath_quantity **ret_quantity, bool *ret_whole)
{
    struct fhirpath_item x;
    int got = fp_single(r, at, n->off, &x);
    if (got <= 0)
        return got;
    *ret_whole = x.kind == FHIRPATH_INTEGER;
    *ret_quantity = x.kind == FHIRPATH_QUANTITY ? x.quantity : NULL;
    switch (x.kind) {
    case FHIRPATH_INTEGER: num_of(x.number, ret); return 1;
    case FHIRPATH_DECIMAL: return num_parse(x.text, ret);
    case FHIRPATH_QUANTITY: return num_parse(x.quantity->value, ret);
    default: break;
    }
    struct slice s = fhirpath_type_name(&x);
    return fp_fail(r, n->off, "found a %.*s, expected a number", SLICE_FMT(s));
}

static int push_num(struct fp_run *r, struct fp_list *out, const struct num *x, bool whole)
{
    int64_t v;
    if (whole)
        return num_int(x, &v) ? fp_push_number(r, out, v) : 0;
    return fp_push_text(r, out, FHIRPATH_DECIMAL, num_text(x, r->arena));
}

/* A quantity keeps its unit. */
static int push_like(struct fp_run *r, struct fp_list *out, const struct num *x, const struct fhirpath_quantity *q,
                     bool whole)
{
    if (!q)
        return push_num(r, out, x, whole);
    struct fhirpath_quantity *made = fp_take(r, sizeof *made);
    if (!made)
        return -1;
    *made = (struct fhirpath_quantity){num_text(x, r->arena), q->unit, q->calendar};
    if (!made->value.p)
        return fp_no_memory(r);
    return fp_push(r, out, (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = made});
}

int fn_abs(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct num x;
    const struct fhirpath_quantity *q;
    bool whole;
    int got = number(r, n->a, n, &x, &q, &whole);
    (void)want;
    if (got <= 0)
        return got;
    x.negative = false;
    return push_like(r, out, &x, q, whole);
}

static int rounded(struct fp_run *r, const struct fp_node *n, enum num_way way, struct fp_list *out)
{
    struct num x, y;
    const struct fhirpath_quantity *q;
    bool whole;
    int got = number(r, n->a, n, &x, &q, &whole);
    return got <= 0 || !num_round(&x, 0, way, &y) ? (got < 0 ? -1 : 0) : push_like(r, out, &y, q, true);
}

int fn_ceiling(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, rounded(r, n, NUM_CEILING, out);
}
int fn_floor(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, rounded(r, n, NUM_FLOOR, out);
}
int fn_truncate(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, rounded(r, n, NUM_TRUNCATE, out);
}

int fn_round(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct num x, y;
    const struct fhirpath_quantity *q;
    bool whole;
    int64_t scale = 0;
    int got = number(r, n->a, n, &x, &q, &whole), also = 1;
    (void)want;
    if (got > 0 && n->args)
        also = fp_single_number(r, n->b, n->off, &scale);
    if (got <= 0 || also < 0)
        return got < 0 || also < 0 ? -1 : 0;
    if (scale < 0)
        return fp_fail(r, n->off, "found a negative precision, expected 0 or more");
    if (scale > NUM_MOST || !num_round(&x, (unsigned)scale, NUM_HALF_UP, &y))
        return 0;
    return push_like(r, out, &y, q, whole);
}

int fn_sqrt(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct num x, y;
    const struct fhirpath_quantity *q;
    bool whole;
    int got = number(r, n->a, n, &x, &q, &whole);
    (void)want;
    if (got <= 0)
        return got;
    return num_sqrt(&x, &y) ? push_num(r, out, &y, false) : 0;
}

/* --- what only a double can do --- */

static double as_double(const struct num *x)
{
    double v = 0;
    for (unsigned i = x->n; i > 0; i--)
        v = v * 10 + x->d[i - 1];
    return (x->negative ? -v : v) * pow(10, -(double)x->scale);
}

/* To 15 significant digits; what is not finite is empty. */
static int push_double(struct fp_run *r, struct fp_list *out, double v)
{
    char text[48];
    struct num x;
    if (!isfinite(v))
        return 0;
    int n = snprintf(text, sizeof text, "%.15g", v);
    if (!num_parse((struct slice){text, (size_t)n}, &x))
        return 0;
    return push_num(r, out, &x, false);
}

/* Of a number; what a double cannot say is an empty result. */
static int by_double(struct fp_run *r, const struct fp_node *n, double (*of)(double), struct fp_list *out)
{
    struct num x;
    const struct fhirpath_quantity *q;
    bool whole;
    int got = number(r, n->a, n, &x, &q, &whole);
    return got <= 0 ? got : push_double(r, out, of(as_double(&x)));
}

int fn_exp(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    (void)want;
    return by_double(r, n, exp, out);
}

int fn_ln(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    (void)want;
    return by_double(r, n, log, out);
}

static double log_to(double v, double base)
{
    return base == 2 ? log2(v) : base == 10 ? log10(v) : log(v) / log(base);
}

int fn_log(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct num x, base;
    const struct fhirpath_quantity *q;
    bool whole;
    int got = number(r, n->a, n, &x, &q, &whole), also = got < 0 ? -1 : number(r, n->b, n, &base, &q, &whole);
    (void)want;
    if (got <= 0 || also <= 0)
        return got < 0 || also < 0 ? -1 : 0;
    return push_double(r, out, log_to(as_double(&x), as_double(&base)));
}

/* A whole exponent is multiplied out, exactly; else a double does it. */
int fn_power(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct num x, y, z;
    const struct fhirpath_quantity *q;
    bool whole, whole_too;
    int64_t exponent;
    int got = number(r, n->a, n, &x, &q, &whole), also = got < 0 ? -1 : number(r, n->b, n, &y, &q, &whole_too);
    (void)want;
    if (got <= 0 || also <= 0)
        return got < 0 || also < 0 ? -1 : 0;
    if (!num_int(&y, &exponent) || exponent < 0 || exponent > 400)
        return push_double(r, out, pow(as_double(&x), as_double(&y)));
    num_of(1, &z);
    for (int64_t i = 0; i < exponent; i++)
        if (!num_mul(&z, &x, &z))
            return 0;
    return fp_tick(r, (size_t)exponent) ? -1 : push_num(r, out, &z, whole && whole_too);
}

/* --- precision --- */

/* What the number may have been before it was written: half a unit of its last digit below, or above. */
static int number_boundary(struct fp_run *r, const struct num *x, int64_t scale, bool high,
                           const struct fhirpath_quantity *q, struct fp_list *out)
{
    struct num half = {.n = 1, .scale = (uint16_t)(x->scale + 1), .d = {5}}, end, cut;
    if (scale < 0 || scale > 31)
        return 0;
    if (!(high ? num_add : num_sub)(x, &half, &end) ||
        !num_round(&end, (unsigned)scale, high ? NUM_CEILING : NUM_FLOOR, &cut))
        return 0;
    return push_like(r, out, &cut, q, false);
}

static enum time_kind time_kind_of(const struct fhirpath_item *x)
{
    return x->kind == FHIRPATH_DATE ? TIME_OF_DATE : x->kind == FHIRPATH_TIME ? TIME_OF_TIME : TIME_OF_DATETIME;
}

static int moment_bounded(struct fp_run *r, const struct fhirpath_item *x, int64_t digits, bool high,
                          struct fp_list *out)
{
    struct moment m, end;
    static const uint8_t full[] = {[TIME_OF_DATE] = TIME_DAY, [TIME_OF_DATETIME] = TIME_MS, [TIME_OF_TIME] = 9};
    enum time_kind kind = time_kind_of(x);
    if (!moment_parse(x->text, kind, &m))
        return 0;
    m.clock |= kind == TIME_OF_DATETIME;
    if (!moment_boundary(&m, digits < 0 ? full[kind] : digits, high, &end))
        return 0;
    return fp_push_text(r, out, (enum fhirpath_kind)x->kind, moment_text(&end, r->arena));
}

static int boundary(struct fp_run *r, const struct fp_node *n, bool high, struct fp_list *out)
{
    struct fhirpath_item x;
    struct num v;
    int64_t digits = -1;
    int got = fp_single(r, n->a, n->off, &x), also = got < 0 ? -1 : 1;
    if (got > 0 && n->args)
        also = fp_single_number(r, n->b, n->off, &digits);
    if (got <= 0 || also < 0)
        return got < 0 || also < 0 ? -1 : 0;
    bool given = n->args && also;
    switch (x.kind) {
    case FHIRPATH_INTEGER: num_of(x.number, &v); break;
    case FHIRPATH_DECIMAL: got = num_parse(x.text, &v); break;
    case FHIRPATH_QUANTITY: got = num_parse(x.quantity->value, &v); break;
    case FHIRPATH_DATE:
    case FHIRPATH_DATETIME:
    case FHIRPATH_TIME: return given && digits < 0 ? 0 : moment_bounded(r, &x, given ? digits : -1, high, out);
    default: return 0;
    }
    return got ? number_boundary(r, &v, given ? digits : 8, high, x.kind == FHIRPATH_QUANTITY ? x.quantity : NULL, out)
               : 0;
}

int fn_low_boundary(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, boundary(r, n, false, out);
}
int fn_high_boundary(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, boundary(r, n, true, out);
}

int fn_precision(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fhirpath_item x;
    struct num v;
    struct moment m;
    int got = fp_single(r, n->a, n->off, &x);
    (void)want;
    if (got <= 0)
        return got;
    switch (x.kind) {
    case FHIRPATH_INTEGER: return fp_push_number(r, out, 0);
    case FHIRPATH_DECIMAL: return num_parse(x.text, &v) ? fp_push_number(r, out, v.scale) : 0;
    case FHIRPATH_DATE:
    case FHIRPATH_DATETIME:
    case FHIRPATH_TIME:
        if (!moment_parse(x.text, time_kind_of(&x), &m))
            return 0;
        return fp_push_number(r, out, m.precision - (m.date ? 0 : 8));
    default: return 0;
    }
}

int fn_comparable(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fhirpath_item x, y;
    int got = fp_single(r, n->a, n->off, &x), also = got < 0 ? -1 : fp_single(r, n->b, n->off, &y);
    (void)want;
    if (got <= 0 || also <= 0)
        return got < 0 || also < 0 ? -1 : 0;
    if (x.kind != FHIRPATH_QUANTITY || y.kind != FHIRPATH_QUANTITY)
        return fp_fail(r, n->off, "found something other than quantities, expected two of them");
    if (fp_tick(r, unit_steps(x.quantity, y.quantity)))
        return -1;
    return fp_push_bool(r, out, unit_comparable(x.quantity, y.quantity) == 1);
}
