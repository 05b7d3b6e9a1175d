/* fhirpath_equal.c -- when two items are equal (=), equivalent (~), or one comes before the other. */
#include <stdio.h>

#include "base/dec.h"
#include "base/own.h"
#include "fhir/fhirpath_int.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_time_int.h"
#include "fhir/fhirpath_unit_int.h"
#include "fhir/text_int.h"

/* --- numbers and times --- */

static bool is_number(const struct fhirpath_item *x)
{
    return x->kind == FHIRPATH_INTEGER || x->kind == FHIRPATH_DECIMAL;
}

static bool number(const struct fhirpath_item *x, struct num *ret)
{
    if (x->kind == FHIRPATH_DECIMAL)
        return num_parse(x->text, ret);
    num_of(x->number, ret);
    return true;
}

/* FP_TRUE and *ret, or FP_UNKNOWN: a number of more digits than can be compared. */
static int number_cmp(const struct fhirpath_item *x, const struct fhirpath_item *y, int *ret)
{
    struct num a, b;
    if (x->kind == FHIRPATH_INTEGER && y->kind == FHIRPATH_INTEGER) {
        *ret = x->number < y->number ? -1 : x->number > y->number;
        return FP_TRUE;
    }
    if (!number(x, &a) || !number(y, &b))
        return FP_UNKNOWN;
    *ret = num_cmp(&a, &b);
    return FP_TRUE;
}

static bool number_similar(const struct fhirpath_item *x, const struct fhirpath_item *y)
{
    struct num a, b;
    if (!number(x, &a) || !number(y, &b))
        return false;
    num_trim(&a);
    num_trim(&b);
    unsigned scale = a.scale < b.scale ? a.scale : b.scale;
    return num_round(&a, scale, NUM_HALF_UP, &a) && num_round(&b, scale, NUM_HALF_UP, &b) && num_cmp(&a, &b) == 0;
}

static bool is_moment(const struct fhirpath_item *x)
{
    return x->kind == FHIRPATH_DATE || x->kind == FHIRPATH_DATETIME || x->kind == FHIRPATH_TIME;
}

static bool moment(const struct fhirpath_item *x, struct moment *ret)
{
    return moment_parse(x->text,
                        x->kind == FHIRPATH_DATE   ? TIME_OF_DATE
                        : x->kind == FHIRPATH_TIME ? TIME_OF_TIME
                                                   : TIME_OF_DATETIME,
                        ret);
}

static int moments_cmp(const struct fhirpath_item *x, const struct fhirpath_item *y, int *ret)
{
    struct moment a, b;
    if (!moment(x, &a) || !moment(y, &b))
        return FP_UNKNOWN;
    return moment_cmp(&a, &b, ret) ? FP_TRUE : FP_UNKNOWN;
}

/* A number beside a quantity is one of the unit 1. */
static bool quantity(const struct fhirpath_item *x, char room[24], struct fhirpath_quantity *ret)
{
    if (x->kind == FHIRPATH_QUANTITY) {
        *ret = *x->quantity;
        return true;
    }
    if (!is_number(x))
        return false;
    ret->value = x->text;
    if (x->kind == FHIRPATH_INTEGER) {
        int n = snprintf(room, 24, "%lld", (long long)x->number);
        ret->value = (struct slice){room, (size_t)n};
    }
    ret->unit = SLICE("1");
    ret->calendar = false;
    return true;
}

/* --- parts of the document --- */

struct deep {
    struct fp_run *r;
    bool similar;
};

static int deep(const struct deep *d, uint32_t x, uint32_t y);

static bool texts(const struct deep *d, uint32_t x, uint32_t y, int *ret)
{
    struct slice a = json_text(d->r->j, x, d->r->arena), b = json_text(d->r->j, y, d->r->arena);
    if (!a.p || !b.p)
        return false;
    *ret = d->similar ? text_similar(a, b) : slice_eq(a, b);
    return true;
}

static int deep_object(const struct deep *d, uint32_t x, uint32_t y)
{
    const struct json *j = d->r->j;
    if (j->node[x].len != j->node[y].len)
        return 0;
    for (uint32_t k = json_first(j, x); k != json_end(j, x); k = json_next(j, k)) {
        uint32_t other = 0;
        struct slice name = json_raw(j, k);
        if (fp_tick(d->r, j->node[y].len))
            return -1;
        for (uint32_t l = json_first(j, y); l != json_end(j, y) && !other; l = json_next(j, l))
            if (j->node[k].hash == j->node[l].hash && slice_eq(name, json_raw(j, l)))
                other = json_value(l);
        int same = other ? deep(d, json_value(k), other) : 0;
        if (same != 1)
            return same;
    }
    return 1;
}

static int deep_array(const struct deep *d, uint32_t x, uint32_t y)
{
    const struct json *j = d->r->j;
    if (j->node[x].len != j->node[y].len)
        return 0;
    for (uint32_t k = json_first(j, x), l = json_first(j, y); k != json_end(j, x);
         k = json_next(j, k), l = json_next(j, l)) {
        int same = deep(d, k, l);
        if (same != 1)
            return same;
    }
    return 1;
}

/* 1, 0 or -1. As deep as the reader lets a document be. */
static int deep(const struct deep *d, uint32_t x, uint32_t y)
{
    const struct json *j = d->r->j;
    struct dec a, b;
    int same = 0;
    if (fp_tick(d->r, 1 + (j->node[x].kind == JSON_STRING ? j->node[x].len / 16 : 0)))
        return -1;
    if (json_kind(j, x) != json_kind(j, y))
        return 0;
    switch (json_kind(j, x)) {
    case JSON_OBJECT: return deep_object(d, x, y);
    case JSON_ARRAY: return deep_array(d, x, y);
    case JSON_STRING: return texts(d, x, y, &same) ? same : fp_no_memory(d->r);
    case JSON_NUMBER:
        if (dec_parse(json_raw(j, x), &a) && dec_parse(json_raw(j, y), &b))
            return dec_cmp(&a, &b) == 0;
        return slice_eq(json_raw(j, x), json_raw(j, y));
    default: return 1;
    }
}

/* What has no value of System: objects, and primitives of extensions alone. */
static int nodes_equal(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y, bool similar)
{
    struct deep d = {r, similar};
    if (x->kind != FHIRPATH_NODE || y->kind != FHIRPATH_NODE)
        return 0;
    bool object = x->type >= FHIR_PRIMITIVES; /* the document itself is node 0, which is else none */
    if (object != (y->type >= FHIR_PRIMITIVES) || !x->node.extra != !y->node.extra ||
        (!object && !x->node.value != !y->node.value))
        return 0;
    if (x->node.value == y->node.value && x->node.extra == y->node.extra)
        return 1;
    int same = object || x->node.value ? deep(&d, x->node.value, y->node.value) : 1;
    return same == 1 && x->node.extra ? deep(&d, x->node.extra, y->node.extra) : same;
}

/* --- items --- */

static int quantities(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y, bool similar)
{
    struct fhirpath_quantity a, b;
    char room[2][24];
    int d;
    if (!quantity(x, room[0], &a) || !quantity(y, room[1], &b))
        return FP_FALSE;
    if (fp_tick(r, unit_steps(&a, &b)))
        return FP_FAILED;
    if (similar)
        return quantity_similar(r->arena, &a, &b);
    return quantity_cmp(&a, &b, &d) ? d == 0 : FP_UNKNOWN;
}

static int values_equal(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y, bool similar)
{
    int d = 1, t;
    if (x->kind == FHIRPATH_QUANTITY || y->kind == FHIRPATH_QUANTITY)
        return quantities(r, x, y, similar);
    if (is_number(x) && is_number(y)) {
        if (similar)
            return number_similar(x, y);
        t = number_cmp(x, y, &d);
        return t == FP_TRUE ? d == 0 : t;
    }
    if (is_moment(x) && is_moment(y) && (x->kind == FHIRPATH_TIME) == (y->kind == FHIRPATH_TIME)) {
        t = moments_cmp(x, y, &d);
        return t == FP_TRUE ? d == 0 : similar ? FP_FALSE : t;
    }
    if (x->kind != y->kind)
        return FP_FALSE;
    switch (x->kind) {
    case FHIRPATH_BOOLEAN: return x->yes == y->yes;
    case FHIRPATH_TYPE: return x->type == y->type && slice_eq(x->text, y->text);
    default:
        if (fp_tick(r, x->text.n / 16))
            return FP_FAILED;
        return similar ? text_similar(x->text, y->text) : slice_eq(x->text, y->text);
    }
}

static int compare(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y, bool similar)
{
    struct fhirpath_item a, b;
    if (fp_tick(r, 1))
        return FP_FAILED;
    if (x->kind == FHIRPATH_NODE || y->kind == FHIRPATH_NODE)
        fp_opaque(r);
    if (x->kind == FHIRPATH_NODE && y->kind == FHIRPATH_NODE && x->type >= FHIR_PRIMITIVES &&
        y->type >= FHIR_PRIMITIVES)
        return nodes_equal(r, x, y, similar);
    int got = fp_system(r, x, &a), also = fp_system(r, y, &b);
    if (got < 0 || also < 0)
        return FP_FAILED;
    if (!got && !also)
        return nodes_equal(r, x, y, similar);
    return got && also ? values_equal(r, &a, &b, similar) : FP_FALSE;
}

int fp_equal(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y)
{
    return compare(r, x, y, false);
}

int fp_equivalent(struct fp_run *r, const struct fhirpath_item *x, const struct fhirpath_item *y)
{
    return compare(r, x, y, true);
}

/* A Quantity of the document that says no number: it has none, or a comparator. */
static bool open_quantity(const struct fhirpath_item *x, int got)
{
    return !got && x->kind == FHIRPATH_NODE && x->type >= FHIR_PRIMITIVES && fp_shape_is_quantity(x->shape);
}

int fp_order(struct fp_run *r, uint32_t off, const struct fhirpath_item *x, const struct fhirpath_item *y, int *ret)
{
    struct fhirpath_item a, b;
    struct fhirpath_quantity p, q;
    char room[2][24];
    int got = fp_system(r, x, &a), also = fp_system(r, y, &b);
    if (got < 0 || also < 0)
        return FP_FAILED;
    if (got && also) {
        if (is_number(&a) && is_number(&b))
            return number_cmp(&a, &b, ret);
        if (a.kind == FHIRPATH_STRING && b.kind == FHIRPATH_STRING) {
            size_t n = a.text.n < b.text.n ? a.text.n : b.text.n;
            int d = memcmp(a.text.p, b.text.p, n);
            *ret = d ? d : a.text.n < b.text.n ? -1 : a.text.n > b.text.n;
            return fp_tick(r, n / 16) ? FP_FAILED : FP_TRUE;
        }
        if (is_moment(&a) && is_moment(&b) && (a.kind == FHIRPATH_TIME) == (b.kind == FHIRPATH_TIME))
            return moments_cmp(&a, &b, ret);
        if ((a.kind == FHIRPATH_QUANTITY || b.kind == FHIRPATH_QUANTITY) && quantity(&a, room[0], &p) &&
            quantity(&b, room[1], &q))
            return fp_tick(r, unit_steps(&p, &q)) ? FP_FAILED : quantity_cmp(&p, &q, ret) ? FP_TRUE : FP_UNKNOWN;
    }
    if (open_quantity(x, got) || open_quantity(y, also))
        return FP_UNKNOWN;
    if ((!got && x->type < FHIR_PRIMITIVES) || (!also && y->type < FHIR_PRIMITIVES)) /* extensions instead of a value */
        return FP_UNKNOWN;
    struct slice s = fhirpath_type_name(x), t = fhirpath_type_name(y);
    return fp_fail(r, off, "found a %.*s and a %.*s, which have no order", SLICE_FMT(s), SLICE_FMT(t));
}

/* --- lists --- */

int fp_lists_equal(struct fp_run *r, const struct fp_list *x, const struct fp_list *y)
{
    if (x->n == 0 || y->n == 0)
        return FP_UNKNOWN;
    if (x->n != y->n)
        return FP_FALSE;
    int all = FP_TRUE;
    for (uint32_t i = 0; i < x->n; i++) {
        int t = fp_equal(r, &x->p[i], &y->p[i]);
        if (t == FP_FAILED || t == FP_FALSE)
            return t;
        all = t == FP_UNKNOWN ? t : all;
    }
    return all;
}

/* In any order: each of x has a partner of its own in y. */
int fp_lists_equivalent(struct fp_run *r, const struct fp_list *x, const struct fp_list *y)
{
    if (x->n != y->n)
        return FP_FALSE;
    bool *used = fp_take(r, y->n + 1);
    if (!used)
        return FP_FAILED;
    for (uint32_t i = 0; i < x->n; i++) {
        uint32_t k = 0;
        for (; k < y->n; k++) {
            int t = used[k] ? FP_FALSE : fp_equivalent(r, &x->p[i], &y->p[k]);
            if (t == FP_FAILED || fp_tick(r, 1))
                return FP_FAILED;
            if (t == FP_TRUE)
                break;
        }
        if (k == y->n)
            return FP_FALSE;
        used[k] = true;
    }
    return FP_TRUE;
}

int fp_has(struct fp_run *r, const struct fp_list *l, const struct fhirpath_item *x)
{
    for (uint32_t i = 0; i < l->n; i++) {
        int t = fp_equal(r, &l->p[i], x);
        if (t == FP_TRUE || t == FP_FAILED)
            return t;
    }
    return FP_FALSE;
}

/* Strings, the usual case, meet by their hash; others are compared with all before them. */
struct seen {
    uint32_t *slot; /* of strings: index into out + 1 */
    uint32_t mask;
};

static int seen_text(struct fp_run *r, struct seen *s, struct slice text, const struct fp_list *out, bool *ret_same)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * 16777619u;
    if (fp_tick(r, text.n / 16))
        return -1;
    for (h &= s->mask; s->slot[h]; h = (h + 1) & s->mask) {
        struct fhirpath_item x;
        int got = fp_system(r, &out->p[s->slot[h] - 1], &x);
        if (got < 0 || fp_tick(r, 1))
            return -1;
        if (got && slice_eq(x.text, text)) {
            *ret_same = true;
            return 0;
        }
    }
    s->slot[h] = out->n + 1;
    *ret_same = false;
    return 0;
}

int fp_distinct(struct fp_run *r, const struct fp_list *in, struct fp_list *out, bool *ret_same)
{
    struct seen s = {NULL, 15};
    struct fp_list others; /* that are no strings */
    while (s.mask < 2 * (uint64_t)in->n && s.mask < UINT32_MAX / 2)
        s.mask = 2 * s.mask + 1;
    if (in->n > 8 && !(s.slot = fp_take(r, ((size_t)s.mask + 1) * sizeof *s.slot)))
        return -1;
    fp_list_init(&others);
    uint32_t first = out->n;
    for (uint32_t i = 0; i < in->n; i++) {
        struct fhirpath_item x;
        bool same = false;
        int got = s.slot ? fp_system(r, &in->p[i], &x) : 0, t = FP_FALSE;
        if (got < 0)
            return -1;
        if (got && x.kind == FHIRPATH_STRING) {
            if (seen_text(r, &s, x.text, out, &same))
                return -1;
        } else {
            struct fp_list before = {.p = out->p + first, .n = out->n - first};
            t = fp_has(r, s.slot ? &others : &before, &in->p[i]);
            if (t == FP_FAILED || (s.slot && t != FP_TRUE && fp_push(r, &others, in->p[i])))
                return -1;
            same = t == FP_TRUE;
        }
        if (same && ret_same) {
            *ret_same = true;
            return 0;
        }
        if (!same && fp_push(r, out, in->p[i]))
            return -1;
    }
    return 0;
}
