/* fhirpath_eval.c -- one run: paths through the document, operators, and what all functions share.
 *
 * Evaluation goes down the tree and is told how many items are wanted, so exists() stops at the first; truths are asked
 * for as truths (fp_truth), without a list, and the second operand of and, or, implies only if the first leaves it
 * open. A list holds its first two items itself. Recursion is as deep as the tree, which the compiler has bounded. */
#include <stdarg.h>
#include <stdio.h>

#include "base/own.h"
#include "fhir/fhirpath_int.h"
#include "fhir/lookup_int.h"

/* --- faults --- */

int fp_fail(struct fp_run *r, uint32_t off, const char *fmt, ...)
{
    va_list ap;
    if (r->fault->text[0])
        return -1;
    va_start(ap, fmt);
    vsnprintf(r->fault->text, sizeof r->fault->text, fmt, ap);
    va_end(ap);
    r->fault->off = off;
    return -1;
}

int fp_no_memory(struct fp_run *r)
{
    r->fault->text[0] = '\0';
    return -1;
}

int fp_out_of_steps(struct fp_run *r)
{
    return fp_fail(r, 0, "the expression takes too many steps on this document");
}

void *fp_take(struct fp_run *r, size_t n)
{
    void *p = arena_take(r->arena, n);
    if (!p)
        fp_no_memory(r);
    return p;
}

/* --- lists --- */

static int grow(struct fp_run *r, struct fp_list *l)
{
    bool own = l->p == l->own;
    uint32_t cap = l->cap * 4;
    struct fhirpath_item *p =
        arena_grow(r->arena, own ? NULL : l->p, own ? 0 : l->cap * sizeof *p, (size_t)cap * sizeof *p);
    if (!p)
        return fp_no_memory(r);
    if (own)
        memcpy(p, l->own, sizeof l->own);
    l->p = p;
    l->cap = cap;
    return 0;
}

int fp_push(struct fp_run *r, struct fp_list *l, struct fhirpath_item x)
{
    if (l->n == l->cap && grow(r, l))
        return -1;
    l->p[l->n++] = x;
    return fp_tick(r, 1);
}

int fp_push_text(struct fp_run *r, struct fp_list *l, enum fhirpath_kind kind, struct slice text)
{
    if (!text.p)
        return fp_no_memory(r);
    return fp_push(r, l, (struct fhirpath_item){.kind = (uint8_t)kind, .text = text});
}

int fp_push_number(struct fp_run *r, struct fp_list *l, int64_t v)
{
    if (v > INT32_MAX || v < INT32_MIN) /* an overflow is empty */
        return 0;
    return fp_push(r, l, (struct fhirpath_item){.kind = FHIRPATH_INTEGER, .number = v});
}

int fp_push_bool(struct fp_run *r, struct fp_list *l, int truth)
{
    if (truth == FP_UNKNOWN)
        return 0;
    if (truth == FP_FAILED)
        return -1;
    return fp_push(r, l, (struct fhirpath_item){.kind = FHIRPATH_BOOLEAN, .yes = truth == FP_TRUE});
}

/* --- values --- */

/* FHIR's Quantity as System's; one with a comparator says less than a number. */
static int quantity_of(struct fp_run *r, uint32_t obj, struct fhirpath_item *ret)
{
    const struct json *j = r->j;
    uint32_t value = json_get_kind(j, obj, "value", JSON_NUMBER), code = json_get_kind(j, obj, "code", JSON_STRING);
    uint32_t system = json_get_kind(j, obj, "system", JSON_STRING), unit = json_get_kind(j, obj, "unit", JSON_STRING);
    if (!value || json_get(j, obj, "comparator"))
        return 0;
    bool ucum = code && system && json_is(j, system, "http://unitsofmeasure.org");
    uint32_t shown = ucum ? code : unit ? unit : code;
    struct fhirpath_quantity *q = fp_take(r, sizeof *q);
    if (!q)
        return -1;
    q->value = json_raw(j, value);
    q->unit = shown ? json_text(j, shown, r->arena) : SLICE("1");
    if (!q->unit.p)
        return fp_no_memory(r);
    *ret = (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = q};
    return fp_tick(r, j->node[obj].len) ? -1 : 1;
}

static enum fhirpath_kind kind_of(enum fhir_type t)
{
    switch (t) {
    case FHIR_DATE: return FHIRPATH_DATE;
    case FHIR_DATETIME:
    case FHIR_INSTANT: return FHIRPATH_DATETIME;
    case FHIR_TIME: return FHIRPATH_TIME;
    default: return FHIRPATH_STRING;
    }
}

static int number_of(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    struct slice raw = json_raw(r->j, x->node.value);
    int64_t v;
    if (x->type == FHIR_DECIMAL) {
        *ret = (struct fhirpath_item){.kind = FHIRPATH_DECIMAL, .text = raw};
        return 1;
    }
    if (!slice_int(raw, INT32_MIN, INT32_MAX, &v))
        return 0;
    *ret = (struct fhirpath_item){.kind = FHIRPATH_INTEGER, .number = v};
    return 1;
}

int fp_system(struct fp_run *r, const struct fhirpath_item *x, struct fhirpath_item *ret)
{
    if (x->kind != FHIRPATH_NODE) {
        *ret = *x;
        return 1;
    }
    fp_opaque(r);
    if (x->type >= FHIR_PRIMITIVES)
        return fp_shape_is_quantity(x->shape) ? quantity_of(r, x->node.value, ret) : 0;
    if (!x->node.value)
        return 0;
    enum json_kind kind = json_kind(r->j, x->node.value);
    bool wants_bool = x->type == FHIR_BOOLEAN;
    switch (kind) {
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = (struct fhirpath_item){.kind = FHIRPATH_BOOLEAN, .yes = kind == JSON_TRUE};
        return wants_bool;
    case JSON_NUMBER: return wants_bool ? 0 : number_of(r, x, ret);
    case JSON_STRING: break;
    default: return 0;
    }
    if (wants_bool || x->type == FHIR_DECIMAL || x->type == FHIR_INTEGER || x->type == FHIR_POSITIVEINT ||
        x->type == FHIR_UNSIGNEDINT)
        return 0;
    *ret = (struct fhirpath_item){.kind = (uint8_t)kind_of((enum fhir_type)x->type),
                                  .text = json_text(r->j, x->node.value, r->arena)};
    return ret->text.p ? 1 : fp_no_memory(r);
}

int fp_single(struct fp_run *r, uint32_t at, uint32_t off, struct fhirpath_item *ret)
{
    struct fp_list l;
    fp_list_init(&l);
    if (fp_eval(r, at, 2, &l))
        return -1;
    if (l.n > 1)
        return fp_fail(r, off, "found several items, expected at most one");
    return l.n ? fp_system(r, &l.p[0], ret) : 0;
}

int fp_single_text(struct fp_run *r, uint32_t at, uint32_t off, struct slice *ret)
{
    struct fp_list l;
    struct fhirpath_item x;
    fp_list_init(&l);
    if (fp_eval(r, at, 2, &l))
        return -1;
    if (l.n > 1)
        return fp_fail(r, off, "found several items, expected at most one string");
    int got = l.n ? fp_system(r, &l.p[0], &x) : 0;
    if (got < 0)
        return -1;
    if (l.n && (got ? x.kind != FHIRPATH_STRING : l.p[0].type >= FHIR_PRIMITIVES)) {
        struct slice name = fhirpath_type_name(&l.p[0]);
        return fp_fail(r, off, "found a %.*s, expected a string", SLICE_FMT(name));
    }
    if (got)
        *ret = x.text;
    return got ? fp_tick(r, x.text.n / 16) ? -1 : 1 : 0;
}

int fp_single_number(struct fp_run *r, uint32_t at, uint32_t off, int64_t *ret)
{
    struct fhirpath_item x;
    int got = fp_single(r, at, off, &x);
    if (got <= 0)
        return got;
    if (x.kind != FHIRPATH_INTEGER)
        return fp_fail(r, off, "found something other than a whole number, expected one");
    *ret = x.number;
    return 1;
}

/* --- children --- */

static bool key_is(const struct json *j, uint32_t k, const struct fp_step *s, bool extra)
{
    const struct json_node *n = &j->node[k];
    const char *p = j->text + n->off;
    if (n->escaped) {
        char name[256];
        if (s->name.n > sizeof name - 1)
            return false;
        snprintf(name, sizeof name, "%s%.*s", extra ? "_" : "", SLICE_FMT(s->name));
        return json_is(j, k, name);
    }
    if (extra)
        return n->len == s->name.n + 1 && p[0] == '_' && memcmp(p + 1, s->name.p, s->name.n) == 0;
    return n->len == s->name.n && memcmp(p, s->name.p, s->name.n) == 0;
}

/* Is the key one of name[x] (or of _name[x], *ret_extra)? */
static bool key_chooses(const struct json *j, uint32_t k, const struct fp_step *s, bool *ret_extra)
{
    const struct json_node *n = &j->node[k];
    const char *p = j->text + n->off;
    size_t under = n->len && p[0] == '_', len = s->name.n;
    if (n->len <= len + under || memcmp(p + under, s->name.p, len) != 0 || p[under + len] < 'A' || p[under + len] > 'Z')
        return false;
    *ret_extra = under;
    return true;
}

/* The item of one value, or its two halves, as the property types it; nothing if it is not what the property has. */
static int push_one(struct fp_run *r, const struct fhir_prop *p, uint32_t value, uint32_t extra, bool open,
                    struct fp_list *out)
{
    struct fhirpath_item x = {
        .kind = FHIRPATH_NODE, .type = p->type, .shape = p->shape, .node = {value, extra, open || p->stem}};
    if (value && json_kind(r->j, value) == JSON_NULL)
        x.node.value = value = 0;
    if (extra && json_kind(r->j, extra) != JSON_OBJECT)
        x.node.extra = extra = 0;
    if (!value && !extra)
        return 0;
    if (p->type < FHIR_PRIMITIVES)
        return value && json_kind(r->j, value) >= JSON_ARRAY ? 0 : fp_push(r, out, x);
    if (!value || json_kind(r->j, value) != JSON_OBJECT || p->type == FHIR_NAME)
        return 0;
    if (p->type == FHIR_RESOURCE) {
        if (!fp_resource_item(r->j, value, &x))
            return 0;
        x.node.open = true;
    }
    return fp_push(r, out, x);
}

/* All values of a property. */
static int push_all(struct fp_run *r, const struct fhir_prop *p, uint32_t value, uint32_t extra, bool open,
                    uint32_t want, struct fp_list *out)
{
    const struct json *j = r->j;
    bool va = value && json_kind(j, value) == JSON_ARRAY, xa = extra && json_kind(j, extra) == JSON_ARRAY;
    if (!va && !xa)
        return push_one(r, p, value, extra, open, out);
    uint32_t v = va ? json_first(j, value) : 0, v_end = va ? json_end(j, value) : 0;
    uint32_t x = xa ? json_first(j, extra) : 0, x_end = xa ? json_end(j, extra) : 0;
    while ((v != v_end || x != x_end) && out->n < want) {
        if (fp_tick(r, 1) || push_one(r, p, v != v_end ? v : 0, x != x_end ? x : 0, open, out))
            return -1;
        v = v != v_end ? json_next(j, v) : v;
        x = x != x_end ? json_next(j, x) : x;
    }
    return 0;
}

/* The object whose properties are the item's children, and its shape; false: it has none. */
static bool object_of(const struct fhirpath_item *x, uint32_t *ret, const struct fhir_shape **ret_shape)
{
    bool primitive = x->type < FHIR_PRIMITIVES;
    *ret_shape = &fhir_shapes[primitive ? fhir_shape_element : x->shape];
    *ret = primitive ? x->node.extra : x->node.value; /* that of the document itself is node 0 */
    return x->kind == FHIRPATH_NODE && (!primitive || x->node.extra);
}

/* What type() answers has two names; a quantity a value and a unit. */
static int child_of_value(struct fp_run *r, const struct fhirpath_item *x, const struct fp_step *s, struct fp_list *out)
{
    if (x->kind == FHIRPATH_TYPE && slice_is(s->name, "name"))
        return fp_push_text(r, out, FHIRPATH_STRING, x->text);
    if (x->kind == FHIRPATH_TYPE && slice_is(s->name, "namespace"))
        return fp_push_text(r, out, FHIRPATH_STRING, x->type ? SLICE("FHIR") : SLICE("System"));
    if (x->kind == FHIRPATH_QUANTITY && slice_is(s->name, "value"))
        return fp_push_text(r, out, FHIRPATH_DECIMAL, x->quantity->value);
    if (x->kind == FHIRPATH_QUANTITY && slice_is(s->name, "unit"))
        return fp_push_text(r, out, FHIRPATH_STRING, x->quantity->unit);
    return 0;
}

/* The two halves of name[x], whichever type it has. */
static int child_choice(struct fp_run *r, uint32_t obj, const struct fhir_shape *shape, const struct fp_step *s,
                        uint32_t want, struct fp_list *out)
{
    const struct json *j = r->j;
    const struct fhir_prop *found = NULL;
    uint32_t value = 0, extra_value = 0;
    for (uint32_t k = json_first(j, obj); k != json_end(j, obj); k = json_next(j, k)) {
        bool extra;
        if (!key_chooses(j, k, s, &extra))
            continue;
        struct slice name = json_raw(j, k);
        name.p += extra;
        name.n -= extra;
        const struct fhir_prop *p = shape_prop(shape, name, extra ? json_hash(name.p, name.n) : j->node[k].hash);
        if (!p || p->stem != s->name.n || (found && found != p))
            continue;
        found = p;
        *(extra ? &extra_value : &value) = json_value(k);
    }
    return found ? push_all(r, found, value, extra_value, true, want, out) : 0;
}

static void note_name(struct fp_probe *p, struct slice name)
{
    if (p->names == COUNT(p->name))
        p->opaque = true;
    else
        p->name[p->names++] = name;
}

int fp_child(struct fp_run *r, const struct fhirpath_item *x, const struct fp_step *s, uint32_t want,
             struct fp_list *out)
{
    const struct json *j = r->j;
    const struct fhir_shape *shape;
    uint32_t obj, value = 0, extra = 0;
    if (x->kind != FHIRPATH_NODE)
        return child_of_value(r, x, s, out);
    if (r->probe)
        note_name(r->probe, s->name);
    bool has = object_of(x, &obj, &shape);
    if (!has)
        return 0;
    if (fp_tick(r, j->node[obj].len))
        return -1;
    for (uint32_t k = json_first(j, obj); k != json_end(j, obj); k = json_next(j, k)) {
        uint16_t hash = j->node[k].hash;
        if (hash == s->hash && key_is(j, k, s, false))
            value = json_value(k);
        else if (hash == s->extra && key_is(j, k, s, true))
            extra = json_value(k);
    }
    if (!value && !extra)
        return s->choice ? child_choice(r, obj, shape, s, want, out) : 0;
    const struct fhir_prop *p = shape_prop(shape, s->name, s->hash);
    return p ? push_all(r, p, value, extra, x->node.open, want, out) : 0;
}

/* A key of the object that stands for a property: its property, and whether it is the half below "_". */
static const struct fhir_prop *prop_at(const struct json *j, const struct fhir_shape *shape, uint32_t k,
                                       bool *ret_extra)
{
    struct slice name = json_raw(j, k);
    const struct fhir_prop *p = shape_prop(shape, name, j->node[k].hash);
    *ret_extra = !p && name.n > 1 && name.p[0] == '_';
    return *ret_extra ? shape_prop(shape, (struct slice){name.p + 1, name.n - 1}, json_hash(name.p + 1, name.n - 1))
                      : p;
}

/* The other half of the property whose one half is at key k; 0: there is none. */
static uint32_t partner(const struct json *j, uint32_t obj, const struct fhir_prop *p, bool extra)
{
    char name[258];
    snprintf(name, sizeof name, "%s%.*s", extra ? "" : "_", (int)p->len, fhir_pool + p->name);
    return json_get(j, obj, name);
}

/* Most objects have no key that begins with "_". */
static bool has_halves(const struct json *j, uint32_t obj)
{
    for (uint32_t k = json_first(j, obj); k != json_end(j, obj); k = json_next(j, k))
        if (j->node[k].len && j->text[j->node[k].off] == '_')
            return true;
    return false;
}

int fp_children(struct fp_run *r, const struct fhirpath_item *x, struct fp_list *out)
{
    const struct json *j = r->j;
    const struct fhir_shape *shape;
    uint32_t obj;
    fp_opaque(r);
    if (!object_of(x, &obj, &shape))
        return 0;
    bool halves = has_halves(j, obj);
    for (uint32_t k = json_first(j, obj); k != json_end(j, obj); k = json_next(j, k)) {
        bool extra;
        const struct fhir_prop *p = prop_at(j, shape, k, &extra);
        if (fp_tick(r, halves ? j->node[obj].len : 1))
            return -1;
        if (!p || p->type == FHIR_NAME)
            continue;
        uint32_t other = halves && p->type < FHIR_PRIMITIVES ? partner(j, obj, p, extra) : 0;
        if (extra && other) /* it comes with its value */
            continue;
        if (push_all(r, p, extra ? 0 : json_value(k), extra ? json_value(k) : other, true, FP_ALL, out))
            return -1;
    }
    return 0;
}

/* --- paths --- */

static int no_such_name(struct fp_run *r, const struct fp_node *n, const struct fhirpath_item *x)
{
    struct slice type = fhirpath_type_name(x), name = r->x->step[n->data].name;
    return fp_fail(r, n->off, "found %.*s, which is no element of %.*s", (int)(name.n > 60 ? 60 : name.n), name.p,
                   SLICE_FMT(type));
}

/* FHIRPATH_STRICT: where the path has one type, that must have the name. */
static int check_name(struct fp_run *r, const struct fp_node *n, const struct fhirpath_item *x, uint32_t items)
{
    if (!(r->x->flags & FHIRPATH_STRICT) || items == 0)
        return 0;
    for (uint32_t i = 0; i < items; i++)
        if (x[i].kind != FHIRPATH_NODE || x[i].node.open ||
            fp_shape_has(x[i].type < FHIR_PRIMITIVES ? fhir_shape_element : x[i].shape, r->x->step[n->data].name))
            return 0;
    return fp_tick(r, items) ? -1 : no_such_name(r, n, x);
}

static int eval_step(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    const struct fp_step *s = &r->x->step[n->data];
    struct fp_list in;
    if (!n->a) {
        if (s->type && r->self.kind == FHIRPATH_NODE) {
            if (fp_type_is(&r->self, &r->x->type[s->type], false))
                return fp_push(r, out, r->self);
            if ((r->x->flags & FHIRPATH_STRICT) && !r->self.node.open)
                return no_such_name(r, n, &r->self);
        }
        if (check_name(r, n, &r->self, 1))
            return -1;
        return fp_child(r, &r->self, s, want, out);
    }
    fp_list_init(&in);
    if (fp_eval(r, n->a, FP_ALL, &in) || check_name(r, n, in.p, in.n))
        return -1;
    for (uint32_t i = 0; i < in.n && out->n < want; i++)
        if (fp_child(r, &in.p[i], s, want, out))
            return -1;
    return 0;
}

static int eval_at(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    struct fp_list in;
    int64_t i;
    int got = fp_single_number(r, n->b, n->off, &i);
    if (got <= 0 || i < 0)
        return got < 0 ? -1 : 0;
    fp_list_init(&in);
    if (fp_eval(r, n->a, i >= INT32_MAX ? FP_ALL : (uint32_t)i + 1, &in))
        return -1;
    return i < in.n ? fp_push(r, out, in.p[i]) : 0;
}

static int eval_variable(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    const struct fhirpath_item *x = n->data == FP_VAR_RESOURCE ? &r->s->resource
                                    : n->data == FP_VAR_ROOT   ? &r->s->root
                                                               : &r->s->context;
    if (n->data != FP_VAR_CONTEXT)
        fp_opaque(r);
    return fp_push(r, out, *x);
}

static int copy_all(struct fp_run *r, const struct fp_list *in, struct fp_list *out)
{
    for (uint32_t i = 0; i < in->n; i++)
        if (fp_push(r, out, in->p[i]))
            return -1;
    return 0;
}

/* --- operators --- */

static int eval_union(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    struct fp_list all;
    fp_list_init(&all);
    if (fp_eval(r, n->a, FP_ALL, &all) || fp_eval(r, n->b, FP_ALL, &all))
        return -1;
    return fp_distinct(r, &all, out, NULL);
}

static int eval_type(struct fp_run *r, const struct fp_node *n, struct fp_list *out)
{
    struct fp_list in;
    bool as = n->op == FP_AS;
    fp_list_init(&in);
    if (fp_eval(r, n->a, 2, &in))
        return -1;
    if (in.n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one whose type is asked for");
    if (in.n == 0)
        return 0;
    bool is = fp_type_is(&in.p[0], &r->x->type[n->data], as);
    return as ? is ? fp_push(r, out, in.p[0]) : 0 : fp_push_bool(r, out, is);
}

static int both(struct fp_run *r, const struct fp_node *n, struct fp_list *x, struct fp_list *y)
{
    fp_list_init(x);
    fp_list_init(y);
    return fp_eval(r, n->a, FP_ALL, x) || fp_eval(r, n->b, FP_ALL, y) ? -1 : 0;
}

static int truth_equal(struct fp_run *r, const struct fp_node *n)
{
    struct fp_list x, y;
    if (both(r, n, &x, &y))
        return FP_FAILED;
    bool equivalent = n->op == FP_EQUIV || n->op == FP_NOT_EQUIV;
    int t = equivalent ? fp_lists_equivalent(r, &x, &y) : fp_lists_equal(r, &x, &y);
    bool opposite = n->op == FP_NE || n->op == FP_NOT_EQUIV;
    return t == FP_TRUE || t == FP_FALSE ? t ^ opposite : t;
}

static int truth_order(struct fp_run *r, const struct fp_node *n)
{
    struct fp_list x, y;
    int d = 0;
    if (both(r, n, &x, &y))
        return FP_FAILED;
    if (x.n > 1 || y.n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one on each side of a comparison");
    if (x.n == 0 || y.n == 0)
        return FP_UNKNOWN;
    int t = fp_order(r, n->off, &x.p[0], &y.p[0], &d);
    if (t != FP_TRUE)
        return t;
    switch (n->op) {
    case FP_LT: return d < 0;
    case FP_LE: return d <= 0;
    case FP_GT: return d > 0;
    default: return d >= 0;
    }
}

static int truth_member(struct fp_run *r, const struct fp_node *n)
{
    struct fp_list x, y;
    if (both(r, n, &x, &y))
        return FP_FAILED;
    const struct fp_list *one = n->op == FP_IN ? &x : &y, *all = n->op == FP_IN ? &y : &x;
    if (one->n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one that is looked for");
    if (one->n == 0)
        return FP_UNKNOWN;
    return fp_has(r, all, &one->p[0]);
}

/* Of `and` a false, of `or` a true, of `implies` a false on the left settles it. */
static int truth_logic(struct fp_run *r, const struct fp_node *n)
{
    int x = fp_truth(r, n->a), settled = n->op == FP_OR ? FP_TRUE : FP_FALSE;
    if (x == FP_FAILED)
        return x;
    if (n->op != FP_XOR && x == settled)
        return n->op == FP_IMPLIES ? FP_TRUE : settled;
    int y = fp_truth(r, n->b);
    if (y == FP_FAILED)
        return y;
    switch (n->op) {
    case FP_AND: return y == FP_FALSE ? FP_FALSE : x == FP_TRUE && y == FP_TRUE ? FP_TRUE : FP_UNKNOWN;
    case FP_OR: return y == FP_TRUE ? FP_TRUE : x == FP_FALSE && y == FP_FALSE ? FP_FALSE : FP_UNKNOWN;
    case FP_IMPLIES: return y == FP_TRUE ? FP_TRUE : x == FP_TRUE ? y : FP_UNKNOWN;
    default: return x == FP_UNKNOWN || y == FP_UNKNOWN ? FP_UNKNOWN : x != y;
    }
}

/* exists() and empty() of a path, not(): without a list of their own results. */
static int truth_call(struct fp_run *r, const struct fp_node *n, bool *ret_done)
{
    struct fp_list in;
    *ret_done = true;
    if (n->fn == FN_NOT && n->a) {
        int t = fp_truth(r, n->a);
        return t == FP_TRUE || t == FP_FALSE ? !t : t;
    }
    if ((n->fn == FN_EXISTS && !n->args) || n->fn == FN_EMPTY) {
        fp_list_init(&in);
        if (fp_eval(r, n->a, 1, &in))
            return FP_FAILED;
        return (in.n > 0) == (n->fn == FN_EXISTS);
    }
    *ret_done = false;
    return FP_UNKNOWN;
}

/* The truth of what is a truth by its operator; *ret_done false: it is not one. */
static int truth_direct(struct fp_run *r, const struct fp_node *n, bool *ret_done)
{
    *ret_done = true;
    switch (n->op) {
    case FP_OR:
    case FP_XOR:
    case FP_AND:
    case FP_IMPLIES: return truth_logic(r, n);
    case FP_EQ:
    case FP_NE:
    case FP_EQUIV:
    case FP_NOT_EQUIV: return truth_equal(r, n);
    case FP_LT:
    case FP_LE:
    case FP_GT:
    case FP_GE: return truth_order(r, n);
    case FP_IN:
    case FP_CONTAINS: return truth_member(r, n);
    case FP_CALL: return truth_call(r, n, ret_done);
    default: *ret_done = false; return FP_UNKNOWN;
    }
}

/* FHIRPath 4.5: one item that is no Boolean counts as true. */
int fp_truth_of(struct fp_run *r, uint32_t off, const struct fp_list *l)
{
    struct fhirpath_item x;
    if (l->n == 0)
        return FP_UNKNOWN;
    if (l->n > 1)
        return fp_fail(r, off, "found several items, expected at most one that is true or false");
    int got = fp_system(r, &l->p[0], &x);
    if (got < 0)
        return FP_FAILED;
    return !got || x.kind != FHIRPATH_BOOLEAN || x.yes;
}

int fp_truth(struct fp_run *r, uint32_t at)
{
    const struct fp_node *n = fp_node(r, at);
    struct fp_list l;
    bool done;
    while (n->op == FP_PLUS && n->data) /* parentheses */
        n = fp_node(r, at = n->a);
    if (fp_tick(r, 1))
        return FP_FAILED;
    int t = truth_direct(r, n, &done);
    if (done)
        return t;
    fp_list_init(&l);
    if (fp_eval(r, at, 2, &l))
        return FP_FAILED;
    return fp_truth_of(r, n->off, &l);
}

int fp_truth_for(struct fp_run *r, uint32_t at, const struct fhirpath_item *self, int64_t index)
{
    struct fhirpath_item self_before = r->self;
    int64_t index_before = r->index;
    r->self = *self;
    r->index = index;
    int t = fp_truth(r, at);
    r->self = self_before;
    r->index = index_before;
    return t;
}

int fp_eval_for(struct fp_run *r, uint32_t at, const struct fhirpath_item *self, int64_t index, uint32_t want,
                struct fp_list *out)
{
    struct fhirpath_item self_before = r->self;
    int64_t index_before = r->index;
    r->self = *self;
    r->index = index;
    int failed = fp_eval(r, at, want, out);
    r->self = self_before;
    r->index = index_before;
    return failed;
}

static int eval_plus(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fhirpath_item x;
    if (n->data)
        return fp_eval(r, n->a, want, out);
    int got = fp_single(r, n->a, n->off, &x);
    if (got <= 0)
        return got;
    if (x.kind != FHIRPATH_INTEGER && x.kind != FHIRPATH_DECIMAL && x.kind != FHIRPATH_QUANTITY)
        return fp_fail(r, n->off, "found + before something other than a number");
    return fp_push(r, out, x);
}

int fp_eval(struct fp_run *r, uint32_t at, uint32_t want, struct fp_list *out)
{
    const struct fp_node *n = fp_node(r, at);
    bool done;
    if (fp_tick(r, 1))
        return -1;
    switch (n->op) {
    case FP_NONE:
    case FP_THIS: return fp_push(r, out, r->self);
    case FP_STEP: return eval_step(r, n, want, out);
    case FP_CALL: return fp_call(r, n, want, out);
    case FP_LITERAL: return fp_push(r, out, r->x->literal[n->data]);
    case FP_EMPTY: return 0;
    case FP_INDEX: return r->index < 0 ? 0 : fp_push_number(r, out, r->index);
    case FP_TOTAL: return r->total ? copy_all(r, r->total, out) : 0;
    case FP_VARIABLE: return eval_variable(r, n, out);
    case FP_AT: return eval_at(r, n, out);
    case FP_PLUS: return eval_plus(r, n, want, out);
    case FP_NEGATE: return fp_negate(r, n, out);
    case FP_UNION: return eval_union(r, n, out);
    case FP_IS:
    case FP_AS: return eval_type(r, n, out);
    case FP_ADD:
    case FP_SUB:
    case FP_CAT:
    case FP_MUL:
    case FP_DIVIDE:
    case FP_DIV:
    case FP_MOD: return fp_arithmetic(r, n, out);
    default: return fp_push_bool(r, out, truth_direct(r, n, &done));
    }
}

int fp_check(const struct fhirpath *x, const struct fhirpath_scope *s, struct arena *a, int64_t *steps,
             struct fp_probe *probe, struct fhirpath_fault *fault)
{
    struct fp_run r = {.x = x, .s = s, .j = s->json, .arena = a, .self = s->context, .index = -1};
    unsigned refused = arena_failed(a);
    r.steps = *steps;
    r.fault = fault;
    r.probe = probe;
    fault->text[0] = '\0';
    int t = fp_truth(&r, x->root);
    *steps = r.steps;
    if (arena_failed(a) == refused)
        return t;
    fault->text[0] = '\0';
    return FP_FAILED;
}

int fhirpath_run(const struct fhirpath *x, const struct fhirpath_scope *s, struct arena *a,
                 const struct fhirpath_item **ret, size_t *ret_n, struct fhirpath_fault *ret_fault)
{
    struct fhirpath_fault fault = {.line = 1, .column = 1};
    struct fp_run r = {.x = x, .s = s, .j = s->json, .arena = a, .self = s->context, .index = -1, .fault = &fault};
    struct fp_list *out = TAKE_NEW(a, struct fp_list);
    unsigned refused = arena_failed(a);
    r.steps = (int64_t)(s->steps && s->steps < INT64_MAX ? s->steps : FHIRPATH_STEPS);
    if (out) {
        fp_list_init(out);
        if (fp_eval(&r, x->root, FP_ALL, out) == 0 && arena_failed(a) == refused) {
            *ret = out->p;
            *ret_n = out->n;
            return 0;
        }
    }
    if (!out || arena_failed(a) != refused)
        fault.text[0] = '\0';
    else
        json_where(x->text.p, x->text.n, fault.off, &fault.line, &fault.column);
    *ret_fault = fault;
    return -1;
}
