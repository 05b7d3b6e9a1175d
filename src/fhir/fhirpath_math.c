/* fhirpath_math.c -- + - * / div mod & and unary minus, over numbers, strings, quantities and times. */
#include "base/own.h"
#include "fhir/fhirpath_int.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_time_int.h"
#include "fhir/fhirpath_unit_int.h"

static bool number(const struct fhirpath_item *x, struct num *ret)
{
    if (x->kind == FHIRPATH_DECIMAL)
        return num_parse(x->text, ret);
    num_of(x->number, ret);
    return x->kind == FHIRPATH_INTEGER;
}

static bool is_number(const struct fhirpath_item *x)
{
    return x->kind == FHIRPATH_INTEGER || x->kind == FHIRPATH_DECIMAL;
}

static int push_num(struct fp_run *r, struct fp_list *out, const struct num *x, bool whole)
{
    int64_t v;
    if (whole)
        return num_int(x, &v) ? fp_push_number(r, out, v) : 0;
    return fp_push_text(r, out, FHIRPATH_DECIMAL, num_text(x, r->arena));
}

static int push_quantity(struct fp_run *r, struct fp_list *out, const struct num *v, struct slice unit, bool calendar)
{
    struct fhirpath_quantity *q = fp_take(r, sizeof *q);
    if (!q)
        return -1;
    *q = (struct fhirpath_quantity){num_text(v, r->arena), unit, calendar};
    if (!q->value.p || !q->unit.p)
        return fp_no_memory(r);
    return fp_push(r, out, (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = q});
}

/* --- numbers --- */

static int of_numbers(struct fp_run *r, const struct fp_node *n, const struct fhirpath_item *x,
                      const struct fhirpath_item *y, struct fp_list *out)
{
    struct num a, b, c, q;
    bool whole = x->kind == FHIRPATH_INTEGER && y->kind == FHIRPATH_INTEGER, ok = false;
    if (!number(x, &a) || !number(y, &b))
        return 0;
    switch (n->op) {
    case FP_ADD: ok = num_add(&a, &b, &c); break;
    case FP_SUB: ok = num_sub(&a, &b, &c); break;
    case FP_MUL: ok = num_mul(&a, &b, &c); break;
    case FP_DIVIDE:
        ok = num_div(&a, &b, &c);
        whole = false;
        break;
    case FP_DIV:
        ok = num_quotient(&a, &b, &c);
        whole = true;
        break;
    default: ok = num_quotient(&a, &b, &q) && num_mul(&q, &b, &q) && num_sub(&a, &q, &c);
    }
    return ok ? push_num(r, out, &c, whole) : 0; /* division by zero and overflow are empty */
}

/* --- quantities --- */

static const struct fhirpath_quantity *as_quantity(struct fp_run *r, const struct fhirpath_item *x)
{
    struct num v;
    if (x->kind == FHIRPATH_QUANTITY)
        return x->quantity;
    struct fhirpath_quantity *q = number(x, &v) ? fp_take(r, sizeof *q) : NULL;
    if (!q)
        return NULL;
    *q = (struct fhirpath_quantity){num_text(&v, r->arena), SLICE("1"), false};
    return q;
}

static int of_product(struct fp_run *r, bool divide, const struct fhirpath_quantity *p,
                      const struct fhirpath_quantity *q, struct fp_list *out)
{
    struct num a, b, c;
    struct slice unit;
    bool plain = slice_is(q->unit, "1"); /* 2 'mg' * 3 stays in mg */
    if (!num_parse(p->value, &a) || !num_parse(q->value, &b) || !(divide ? num_div : num_mul)(&a, &b, &c))
        return 0;
    if (plain || (!divide && slice_is(p->unit, "1"))) {
        const struct fhirpath_quantity *keep = plain ? p : q;
        return push_quantity(r, out, &c, keep->unit, keep->calendar);
    }
    int done = fp_tick(r, unit_steps(p, q)) ? -1 : quantity_of_units(r->arena, &c, p, divide, q, &a, &unit);
    if (done <= 0)
        return done < 0 && arena_failed(r->arena) ? fp_no_memory(r) : done;
    num_trim(&a);
    return push_quantity(r, out, &a, unit, false);
}

/* In the finer unit of the two. */
static int of_sum(struct fp_run *r, bool minus, const struct fhirpath_quantity *p, const struct fhirpath_quantity *q,
                  struct fp_list *out)
{
    struct num a, b, c;
    struct fhirpath_quantity unit;
    bool same = p->calendar == q->calendar && slice_eq(p->unit, q->unit);
    if (fp_tick(r, unit_steps(p, q)))
        return -1;
    int done = !same && (unit_is_scale(r->arena, p) || unit_is_scale(r->arena, q))
                   ? 0
                   : quantity_join(r->arena, p, q, &a, &b, &unit);
    if (done <= 0)
        return done < 0 ? fp_no_memory(r) : 0;
    if (!(minus ? num_sub : num_add)(&a, &b, &c))
        return 0;
    if (!same)
        num_trim(&c);
    return push_quantity(r, out, &c, unit.unit, unit.calendar);
}

static int of_quantities(struct fp_run *r, const struct fp_node *n, const struct fhirpath_item *x,
                         const struct fhirpath_item *y, struct fp_list *out)
{
    const struct fhirpath_quantity *p = as_quantity(r, x), *q = as_quantity(r, y);
    if (!p || !q)
        return arena_failed(r->arena) ? -1 : 0;
    switch (n->op) {
    case FP_ADD:
    case FP_SUB: return of_sum(r, n->op == FP_SUB, p, q, out);
    case FP_MUL:
    case FP_DIVIDE: return of_product(r, n->op == FP_DIVIDE, p, q, out);
    default: return fp_fail(r, n->off, "found a quantity, expected numbers on both sides of div and mod");
    }
}

/* --- times --- */

static int of_time(struct fp_run *r, const struct fp_node *n, const struct fhirpath_item *x,
                   const struct fhirpath_item *y, struct fp_list *out)
{
    struct moment m, sum;
    struct num v, whole;
    enum time_unit unit;
    int64_t count;
    enum time_kind kind = x->kind == FHIRPATH_DATE   ? TIME_OF_DATE
                          : x->kind == FHIRPATH_TIME ? TIME_OF_TIME
                                                     : TIME_OF_DATETIME;
    if (y->kind != FHIRPATH_QUANTITY || !unit_of_time(y->quantity, &unit))
        return fp_fail(r, n->off, "found something other than a duration, expected one such as 3 days or 2 'h'");
    if (!moment_parse(x->text, kind, &m) || !num_parse(y->quantity->value, &v) ||
        !num_round(&v, 0, NUM_TRUNCATE, &whole) || !num_int(&whole, &count) ||
        !moment_add(&m, n->op == FP_SUB ? -count : count, unit, &sum))
        return 0;
    return fp_push_text(r, out, (enum fhirpath_kind)x->kind, moment_text(&sum, r->arena));
}

/* --- all --- */

static int join(struct fp_run *r, struct slice a, struct slice b, struct fp_list *out)
{
    char *p = fp_take(r, a.n + b.n + 1);
    if (!p || fp_tick(r, (a.n + b.n) / 16))
        return -1;
    if (a.n)
        memcpy(p, a.p, a.n);
    if (b.n)
        memcpy(p + a.n, b.p, b.n);
    return fp_push_text(r, out, FHIRPATH_STRING, (struct slice){p, a.n + b.n});
}

/* a & b: what is missing counts as ''. */
static int concatenate(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    struct slice a = {"", 0}, b = {"", 0};
    if (fp_single_text(r, n->a, n->off, &a) < 0 || fp_single_text(r, n->b, n->off, &b) < 0)
        return -1;
    return join(r, a, b, out);
}

int fp_arithmetic(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    struct fhirpath_item x, y;
    if (n->op == FP_CAT)
        return concatenate(r, n, out);
    int got = fp_single(r, n->a, n->off, &x), also = got < 0 ? -1 : fp_single(r, n->b, n->off, &y);
    if (got <= 0 || also <= 0)
        return got < 0 || also < 0 ? -1 : 0;
    bool quantities = (x.kind == FHIRPATH_QUANTITY || is_number(&x)) && (y.kind == FHIRPATH_QUANTITY || is_number(&y));
    if (is_number(&x) && is_number(&y))
        return of_numbers(r, n, &x, &y, out);
    if (quantities)
        return of_quantities(r, n, &x, &y, out);
    if (n->op == FP_ADD && x.kind == FHIRPATH_STRING && y.kind == FHIRPATH_STRING)
        return join(r, x.text, y.text, out);
    if ((n->op == FP_ADD || n->op == FP_SUB) &&
        (x.kind == FHIRPATH_DATE || x.kind == FHIRPATH_DATETIME || x.kind == FHIRPATH_TIME))
        return of_time(r, n, &x, &y, out);
    struct slice s = fhirpath_type_name(&x), t = fhirpath_type_name(&y);
    return fp_fail(r, n->off, "found a %.*s and a %.*s, which this operator does not take", SLICE_FMT(s), SLICE_FMT(t));
}

int fp_negate(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    struct fhirpath_item x;
    struct num v;
    int got = fp_single(r, n->a, n->off, &x);
    if (got <= 0)
        return got;
    if (x.kind == FHIRPATH_QUANTITY) {
        if (!num_parse(x.quantity->value, &v))
            return 0;
        v.negative = !v.negative;
        return push_quantity(r, out, &v, x.quantity->unit, x.quantity->calendar);
    }
    if (!is_number(&x)) {
        struct slice s = fhirpath_type_name(&x);
        return fp_fail(r, n->off, "found - before a %.*s, expected a number", SLICE_FMT(s));
    }
    if (x.kind == FHIRPATH_INTEGER)
        return fp_push_number(r, out, -x.number);
    if (!number(&x, &v))
        return 0;
    v.negative = !v.negative;
    return push_num(r, out, &v, false);
}
