/* fhirpath_fn_convert.c -- toX() and convertsToX(): FHIRPath 5.5. */
#include <stdio.h>

#include "base/own.h"
#include "fhir/fhirpath_fn_int.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_time_int.h"
#include "fhir/fhirpath_unit_int.h"

/* 1 and the converted value, 0 when it has none, -1. */
typedef int conversion(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret);

static struct fhirpath_item of_text(enum fhirpath_kind kind, struct slice text)
{
    return (struct fhirpath_item){.kind = (uint8_t)kind, .text = text};
}

static int to_boolean(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "1", "1.0"}, *const no[] = {"false", "f", "no",
                                                                                           "n",     "0", "0.0"};
    (void)r;
    *ret = (struct fhirpath_item){.kind = FHIRPATH_BOOLEAN, .yes = x->kind == FHIRPATH_BOOLEAN ? x->yes : false};
    struct num v, one;
    num_of(1, &one);
    switch (x->kind) {
    case FHIRPATH_BOOLEAN: return 1;
    case FHIRPATH_INTEGER: ret->yes = x->number == 1; return x->number == 0 || x->number == 1;
    case FHIRPATH_DECIMAL:
        if (!num_parse(x->text, &v))
            return 0;
        ret->yes = num_cmp(&v, &one) == 0;
        return ret->yes || num_is_zero(&v);
    case FHIRPATH_STRING:
        for (size_t i = 0; i < COUNT(yes); i++) {
            ret->yes = slice_is_nocase(x->text, yes[i]);
            if (ret->yes || slice_is_nocase(x->text, no[i]))
                return 1;
        }
        return 0;
    default: return 0;
    }
}

static int to_integer(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct slice s = x->text;
    (void)r;
    *ret = (struct fhirpath_item){.kind = FHIRPATH_INTEGER};
    switch (x->kind) {
    case FHIRPATH_INTEGER: ret->number = x->number; return 1;
    case FHIRPATH_BOOLEAN: ret->number = x->yes; return 1;
    case FHIRPATH_STRING:
        if (s.n && s.p[0] == '+')
            s.p++, s.n--;
        return slice_int(s, INT32_MIN, INT32_MAX, &ret->number);
    default: return 0;
    }
}

static int to_decimal(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct num v;
    struct slice s = x->text;
    switch (x->kind) {
    case FHIRPATH_DECIMAL: *ret = *x; return 1;
    case FHIRPATH_INTEGER: num_of(x->number, &v); break;
    case FHIRPATH_BOOLEAN: *ret = of_text(FHIRPATH_DECIMAL, x->yes ? SLICE("1.0") : SLICE("0.0")); return 1;
    case FHIRPATH_STRING:
        if (s.n && s.p[0] == '+')
            s.p++, s.n--;
        if (memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n) || !num_parse(s, &v))
            return 0;
        break;
    default: return 0;
    }
    *ret = of_text(FHIRPATH_DECIMAL, num_text(&v, r->arena));
    return ret->text.p ? 1 : fp_no_memory(r);
}

static int to_string(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    const struct fhirpath_quantity *q = x->quantity;
    char *z = NULL;
    *ret = *x;
    ret->kind = FHIRPATH_STRING;
    switch (x->kind) {
    case FHIRPATH_BOOLEAN: ret->text = x->yes ? SLICE("true") : SLICE("false"); return 1;
    case FHIRPATH_INTEGER: z = arena_printf(r->arena, "%lld", (long long)x->number); break;
    case FHIRPATH_QUANTITY:
        if (q->calendar) {
            bool one = slice_is(q->value, "1");
            z = arena_printf(r->arena, "%.*s %.*s%s", SLICE_FMT(q->value), SLICE_FMT(q->unit), one ? "" : "s");
        } else {
            z = arena_printf(r->arena, "%.*s '%.*s'", SLICE_FMT(q->value), SLICE_FMT(q->unit));
        }
        break;
    case FHIRPATH_DECIMAL:
    case FHIRPATH_STRING:
    case FHIRPATH_DATE:
    case FHIRPATH_DATETIME:
    case FHIRPATH_TIME: return 1;
    default: return 0;
    }
    ret->text = slice_of(z);
    return z ? 1 : fp_no_memory(r);
}

/* A dateTime's text in front of its T, as a date. */
static int to_date(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct moment m;
    struct slice s = x->text;
    (void)r;
    if (x->kind != FHIRPATH_STRING && x->kind != FHIRPATH_DATE && x->kind != FHIRPATH_DATETIME)
        return 0;
    if (!moment_parse(s, TIME_OF_DATETIME, &m))
        return 0;
    *ret = of_text(FHIRPATH_DATE, slice_cut(&s, 'T'));
    return 1;
}

static int to_date_time(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct moment m;
    (void)r;
    if (x->kind != FHIRPATH_STRING && x->kind != FHIRPATH_DATE && x->kind != FHIRPATH_DATETIME)
        return 0;
    *ret = of_text(FHIRPATH_DATETIME, x->text);
    return moment_parse(x->text, TIME_OF_DATETIME, &m);
}

static int to_time(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct moment m;
    struct slice s = x->text;
    (void)r;
    if (x->kind != FHIRPATH_STRING && x->kind != FHIRPATH_TIME)
        return 0;
    if (s.n && s.p[0] == 'T')
        s.p++, s.n--;
    *ret = of_text(FHIRPATH_TIME, s);
    return moment_parse(s, TIME_OF_TIME, &m);
}

/* "4 days", "4 'mg'", "4": into *q. 1, 0, -1. */
static int quantity_text(struct fp_run *r, struct slice s, struct fhirpath_quantity *q)
{
    struct num v;
    size_t n = s.n && (s.p[0] == '+' || s.p[0] == '-');
    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    q->value = (struct slice){s.p, n};
    if (n && s.p[0] == '+')
        q->value.p++, q->value.n--;
    if (!num_parse(q->value, &v))
        return 0;
    q->value = num_text(&v, r->arena);
    if (!q->value.p)
        return fp_no_memory(r);
    struct slice unit = slice_trim((struct slice){s.p + n, s.n - n});
    q->calendar = false;
    q->unit = SLICE("1");
    if (unit.n == 0)
        return 1;
    if (unit.n > 2 && unit.p[0] == '\'' && unit.p[unit.n - 1] == '\'') {
        q->unit = (struct slice){unit.p + 1, unit.n - 2};
        return 1;
    }
    q->unit = unit_calendar(unit, NULL);
    q->calendar = true;
    return q->unit.p != NULL;
}

static int to_quantity(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct fhirpath_item v;
    if (x->kind == FHIRPATH_QUANTITY) {
        *ret = *x;
        return 1;
    }
    struct fhirpath_quantity *q = fp_take(r, sizeof *q);
    if (!q)
        return -1;
    *ret = (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = q};
    if (x->kind == FHIRPATH_STRING)
        return quantity_text(r, x->text, q);
    if (x->kind != FHIRPATH_INTEGER && x->kind != FHIRPATH_DECIMAL && x->kind != FHIRPATH_BOOLEAN)
        return 0;
    int got = x->kind == FHIRPATH_INTEGER ? to_string(r, x, &v) : to_decimal(r, x, &v);
    q->value = v.text;
    q->unit = SLICE("1");
    return got;
}

/* The argument of toQuantity(): the unit that it must have. */
static int unit_fits(struct fp_run *r, const struct fp_node *n, const struct fhirpath_item *q)
{
    struct slice unit;
    if (!n->args || (n->fn != FN_TO_QUANTITY && n->fn != FN_CONVERTS_QUANTITY))
        return 1;
    int got = fp_single_text(r, n->b, n->off, &unit);
    if (got <= 0)
        return got;
    struct fhirpath_quantity other = {q->quantity->value, unit, false};
    return fp_tick(r, unit_steps(q->quantity, &other)) ? -1 : unit_comparable(q->quantity, &other) == 1;
}

/* The converted input: 1, 0, -1; *ret_none: there was no input. */
static int convert(struct fp_run *r, const struct fp_node *n, conversion *to, struct fhirpath_item *ret, bool *ret_none)
{
    struct fhirpath_item x;
    struct fp_list in;
    *ret_none = false;
    fp_list_init(&in);
    if (fp_eval(r, n->a, 2, &in))
        return -1;
    if (in.n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one to convert");
    *ret_none = in.n == 0;
    int got = in.n ? fp_system(r, &in.p[0], &x) : 0;
    if (got > 0)
        got = to(r, &x, ret);
    return got > 0 && ret->kind == FHIRPATH_QUANTITY ? unit_fits(r, n, ret) : got;
}

static int push_converted(struct fp_run *r, const struct fp_node *n, conversion *to, struct fp_list *out)
{
    struct fhirpath_item x;
    bool none;
    int got = convert(r, n, to, &x, &none);
    return got <= 0 ? got : fp_push(r, out, x);
}

static int push_converts(struct fp_run *r, const struct fp_node *n, conversion *to, struct fp_list *out)
{
    struct fhirpath_item x;
    bool none;
    int got = convert(r, n, to, &x, &none);
    return got < 0 || none ? got : fp_push_bool(r, out, got);
}

#define CONVERSION(to, converts, by)                                                                                   \
    int to(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)                              \
    {                                                                                                                  \
        return (void)want, push_converted(r, n, by, out);                                                              \
    }                                                                                                                  \
    int converts(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)                        \
    {                                                                                                                  \
        return (void)want, push_converts(r, n, by, out);                                                               \
    }
CONVERSION(fn_to_boolean, fn_converts_boolean, to_boolean)
CONVERSION(fn_to_integer, fn_converts_integer, to_integer)
CONVERSION(fn_to_decimal, fn_converts_decimal, to_decimal)
CONVERSION(fn_to_string, fn_converts_string, to_string)
CONVERSION(fn_to_date, fn_converts_date, to_date)
CONVERSION(fn_to_date_time, fn_converts_date_time, to_date_time)
CONVERSION(fn_to_time, fn_converts_time, to_time)
CONVERSION(fn_to_quantity, fn_converts_quantity, to_quantity)
