/* fhirpath_fn_collection.c -- functions over collections: existence, filtering, subsetting, combining, sorting. */
#include "base/own.h"
#include "fhir/fhirpath_fn_int.h"

int fp_call(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    static fp_function *const all[FP_FUNCTIONS] = {
#define FN(id, name, least, most, function) function,
#include "fhir/fhirpath_functions.def"
#undef FN
    };
    return all[n->fn](r, n, want, out);
}

static int push_range(struct fp_run *r, const struct fp_list *in, uint32_t from, uint32_t to, struct fp_list *out)
{
    for (uint32_t i = from; i < to && i < in->n; i++)
        if (fp_push(r, out, in->p[i]))
            return -1;
    return 0;
}

/* --- existence --- */

int fn_empty(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    fp_list_init(&in);
    if (fp_eval(r, n->a, 1, &in))
        return -1;
    return fp_push_bool(r, out, in.n == 0);
}

/* The input's items that meet the criterion, as many as wanted. */
static int filter(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n && out->n < want; i++) {
        int t = fp_truth_for(r, n->b, &in.p[i], i);
        if (t == FP_FAILED || (t == FP_TRUE && fp_push(r, out, in.p[i])))
            return -1;
    }
    return 0;
}

int fn_exists(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    fp_list_init(&in);
    if (n->args ? filter(r, n, 1, &in) : fp_eval(r, n->a, 1, &in))
        return -1;
    return fp_push_bool(r, out, in.n > 0);
}

int fn_where(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return filter(r, n, want, out);
}

int fn_all(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n; i++) {
        int t = fp_truth_for(r, n->b, &in.p[i], i);
        if (t == FP_FAILED)
            return -1;
        if (t != FP_TRUE)
            return fp_push_bool(r, out, FP_FALSE);
    }
    return fp_push_bool(r, out, FP_TRUE);
}

/* allTrue() and its like: is there an item that is `sought`? Every item must be a Boolean. */
static int any_is(struct fp_run *r, const struct fp_node *n, bool sought, bool if_found, struct fp_list *out)
{
    struct fp_list in;
    bool found = false;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n; i++) {
        struct fhirpath_item x;
        int got = fp_system(r, &in.p[i], &x);
        if (got < 0)
            return -1;
        if (!got || x.kind != FHIRPATH_BOOLEAN)
            return fp_fail(r, n->off, "found something other than true and false among the items");
        found |= x.yes == sought;
    }
    return fp_push_bool(r, out, found == if_found);
}

int fn_all_true(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, any_is(r, n, false, false, out);
}
int fn_any_true(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, any_is(r, n, true, true, out);
}
int fn_all_false(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, any_is(r, n, true, false, out);
}
int fn_any_false(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, any_is(r, n, false, true, out);
}

/* Is every item of x among those of y? */
static int contained(struct fp_run *r, const struct fp_list *x, const struct fp_list *y)
{
    for (uint32_t i = 0; i < x->n; i++) {
        int t = fp_has(r, y, &x->p[i]);
        if (t != FP_TRUE)
            return t;
    }
    return FP_TRUE;
}

/* An argument that is a collection is asked of what the input is asked of, unless it begins with $this. */
static int input_and_other(struct fp_run *r, const struct fp_node *n, struct fp_list *in, struct fp_list *other)
{
    if (fp_input(r, n, in))
        return -1;
    fp_list_init(other);
    return fp_eval(r, n->b, FP_ALL, other);
}

int fn_subset_of(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, other;
    (void)want;
    return input_and_other(r, n, &in, &other) ? -1 : fp_push_bool(r, out, contained(r, &in, &other));
}

int fn_superset_of(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, other;
    (void)want;
    return input_and_other(r, n, &in, &other) ? -1 : fp_push_bool(r, out, contained(r, &other, &in));
}

int fn_count(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    return fp_input(r, n, &in) ? -1 : fp_push_number(r, out, in.n);
}

int fn_distinct(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    return fp_input(r, n, &in) ? -1 : fp_distinct(r, &in, out, NULL);
}

int fn_is_distinct(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, once;
    bool same = false;
    (void)want;
    fp_list_init(&once);
    return fp_input(r, n, &in) || fp_distinct(r, &in, &once, &same) ? -1 : fp_push_bool(r, out, !same);
}

/* --- filtering and projection --- */

int fn_select(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n && out->n < want; i++)
        if (fp_eval_for(r, n->b, &in.p[i], i, FP_ALL, out))
            return -1;
    return 0;
}

/* The result is its own queue: every new item is asked in its turn. What the names are of, items of several types, is
 * by chance: (answer | item) finds the one here and the other there. */
int fn_repeat(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, found, all;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    fp_list_init(&all);
    for (uint32_t i = 0, next = 0; i < in.n || next < all.n; i++) {
        const struct fhirpath_item *x = i < in.n ? &in.p[i] : &all.p[next++];
        struct fhirpath_item self = *x;
        if (self.kind == FHIRPATH_NODE)
            self.node.open = true;
        fp_list_init(&found);
        if (fp_eval_for(r, n->b, &self, i, FP_ALL, &found))
            return -1;
        for (uint32_t k = 0; k < found.n; k++) {
            int t = fp_has(r, &all, &found.p[k]);
            if (t == FP_FAILED || (t != FP_TRUE && fp_push(r, &all, found.p[k])))
                return -1;
        }
    }
    return push_range(r, &all, 0, all.n, out);
}

static int of_type(struct fp_run *r, const struct fp_node *n, bool many, struct fp_list *out)
{
    struct fp_list in;
    if (fp_input(r, n, &in))
        return -1;
    if (in.n > 1 && !many)
        return fp_fail(r, n->off, "found several items, expected at most one; ofType() takes several");
    for (uint32_t i = 0; i < in.n; i++)
        if (fp_type_is(&in.p[i], &r->x->type[n->data], true) && fp_push(r, out, in.p[i]))
            return -1;
    return 0;
}

int fn_of_type(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, of_type(r, n, true, out);
}

int fn_as(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, of_type(r, n, r->x->flags & FHIRPATH_FILTER, out);
}

int fn_is(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    if (in.n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one whose type is asked for");
    return in.n ? fp_push_bool(r, out, fp_type_is(&in.p[0], &r->x->type[n->data], false)) : 0;
}

int fn_type(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    for (uint32_t i = 0; i < in.n; i++) {
        struct fhirpath_item x = {.kind = FHIRPATH_TYPE, .type = in.p[i].kind == FHIRPATH_NODE};
        x.text = fhirpath_type_name(&in.p[i]);
        if (fp_push(r, out, x))
            return -1;
    }
    return 0;
}

/* --- subsetting --- */

int fn_single(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    fp_list_init(&in);
    if (fp_eval(r, n->a, 2, &in))
        return -1;
    if (in.n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one");
    return push_range(r, &in, 0, 1, out);
}

int fn_first(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    fp_list_init(&in);
    return fp_eval(r, n->a, 1, &in) ? -1 : push_range(r, &in, 0, 1, out);
}

int fn_last(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    return fp_input(r, n, &in) ? -1 : push_range(r, &in, in.n ? in.n - 1 : 0, in.n, out);
}

int fn_tail(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    return fp_input(r, n, &in) ? -1 : push_range(r, &in, 1, in.n, out);
}

/* The argument of skip() and take(), within 0..UINT32_MAX; *ret_none: it is empty. */
static int count_argument(struct fp_run *r, const struct fp_node *n, uint32_t *ret, bool *ret_none)
{
    int64_t v = 0;
    int got = fp_single_number(r, n->b, n->off, &v);
    *ret = v < 0 ? 0 : (uint32_t)v;
    *ret_none = got == 0;
    return got < 0 ? -1 : 0;
}

int fn_skip(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    uint32_t count;
    bool none;
    (void)want;
    if (fp_input(r, n, &in) || count_argument(r, n, &count, &none))
        return -1;
    return none ? 0 : push_range(r, &in, count, in.n, out);
}

int fn_take(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    uint32_t count;
    bool none;
    (void)want;
    fp_list_init(&in);
    if (count_argument(r, n, &count, &none) || fp_eval(r, n->a, count, &in))
        return -1;
    return push_range(r, &in, 0, count, out);
}

/* --- combining --- */

static int set_of(struct fp_run *r, const struct fp_node *n, bool inside, struct fp_list *out)
{
    struct fp_list in, other, found;
    if (input_and_other(r, n, &in, &other))
        return -1;
    fp_list_init(&found);
    for (uint32_t i = 0; i < in.n; i++) {
        int t = fp_has(r, &other, &in.p[i]);
        if (t == FP_FAILED || ((t == FP_TRUE) == inside && fp_push(r, inside ? &found : out, in.p[i])))
            return -1;
    }
    return inside ? fp_distinct(r, &found, out, NULL) : 0;
}

int fn_intersect(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, set_of(r, n, true, out);
}

int fn_exclude(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return (void)want, set_of(r, n, false, out);
}

int fn_combine(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, other;
    (void)want;
    if (input_and_other(r, n, &in, &other))
        return -1;
    return push_range(r, &in, 0, in.n, out) || push_range(r, &other, 0, other.n, out) ? -1 : 0;
}

int fn_union(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list all;
    fp_list_init(&all);
    return fn_combine(r, n, want, &all) ? -1 : fp_distinct(r, &all, out, NULL);
}

/* --- loops --- */

int fn_aggregate(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, total, next;
    const struct fp_list *before = r->total;
    uint32_t start = fp_arg(r, n, 1);
    (void)want;
    fp_list_init(&total);
    if (fp_input(r, n, &in) || (start && fp_eval(r, start, FP_ALL, &total)))
        return -1;
    for (uint32_t i = 0; i < in.n; i++) {
        fp_list_init(&next);
        r->total = &total;
        int failed = fp_eval_for(r, n->b, &in.p[i], i, FP_ALL, &next);
        r->total = before;
        if (failed)
            return -1;
        fp_list_init(&total);
        if (push_range(r, &next, 0, next.n, &total))
            return -1;
    }
    return push_range(r, &total, 0, total.n, out);
}

/* The keys of one item under sort(): a key is one value or none. */
struct sorted {
    struct fhirpath_item item;
    struct fhirpath_item key[8];
    bool has[8];
};

/* -1 and the fault, or *ret < 0, 0, > 0. An item without the key comes first, whichever the direction. */
static int by_keys(struct fp_run *r, const struct fp_node *n, const struct sorted *x, const struct sorted *y, int *ret)
{
    unsigned keys = n->args ? n->args : 1;
    for (unsigned i = 0; i < keys; i++) {
        bool down = n->args && fp_node(r, fp_arg(r, n, i))->op == FP_NEGATE;
        int d = 0;
        if (x->has[i] != y->has[i]) {
            *ret = x->has[i] ? 1 : -1;
            return 0;
        }
        if (!x->has[i])
            continue;
        if (fp_tick(r, 1) || fp_order(r, n->off, &x->key[i], &y->key[i], &d) == FP_FAILED)
            return -1;
        if (d) {
            *ret = down ? -d : d;
            return 0;
        }
    }
    *ret = 0;
    return 0;
}

static int find_keys(struct fp_run *r, const struct fp_node *n, struct sorted *s, uint32_t index)
{
    for (unsigned i = 0; i < (n->args ? n->args : 1u); i++) {
        struct fp_list key;
        fp_list_init(&key);
        uint32_t at = n->args ? fp_arg(r, n, i) : 0;
        if (at && fp_node(r, at)->op == FP_NEGATE)
            at = fp_node(r, at)->a;
        if (at ? fp_eval_for(r, at, &s->item, index, 2, &key) : fp_push(r, &key, s->item))
            return -1;
        if (key.n > 1)
            return fp_fail(r, n->off, "found several items, expected a key of at most one to sort by");
        s->has[i] = key.n;
        if (key.n)
            s->key[i] = key.p[0];
    }
    return 0;
}

/* Merges two sorted halves of s[0..n) by way of `room`. */
static int merge(struct fp_run *r, const struct fp_node *n, struct sorted *s, uint32_t half, uint32_t count,
                 struct sorted *room)
{
    uint32_t a = 0, b = half, k = 0;
    while (a < half && b < count) {
        int d;
        if (by_keys(r, n, &s[a], &s[b], &d))
            return -1;
        room[k++] = d <= 0 ? s[a++] : s[b++];
    }
    while (a < half)
        room[k++] = s[a++];
    while (b < count)
        room[k++] = s[b++];
    memcpy(s, room, count * sizeof *s);
    return 0;
}

/* From the bottom up, so that nothing recurses; stable. */
int fn_sort(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in;
    (void)want;
    if (fp_input(r, n, &in))
        return -1;
    struct sorted *s = fp_take(r, (in.n + 1) * sizeof *s), *room = fp_take(r, (in.n + 1) * sizeof *s);
    if (!s || !room)
        return -1;
    for (uint32_t i = 0; i < in.n; i++) {
        s[i].item = in.p[i];
        if (fp_tick(r, 16) || find_keys(r, n, &s[i], i))
            return -1;
    }
    for (uint64_t run = 1; run < in.n; run *= 2)
        for (uint64_t at = 0; at + run < in.n; at += 2 * run) {
            uint64_t end = at + 2 * run < in.n ? at + 2 * run : in.n;
            if (merge(r, n, s + at, (uint32_t)run, (uint32_t)(end - at), room))
                return -1;
        }
    for (uint32_t i = 0; i < in.n; i++)
        if (fp_push(r, out, s[i].item))
            return -1;
    return 0;
}

int fn_iif(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    struct fp_list in, criterion;
    struct fhirpath_item x, self = r->self;
    fp_list_init(&in);
    fp_list_init(&criterion);
    if (fp_eval(r, n->a, 2, &in))
        return -1;
    if (in.n > 1)
        return fp_fail(r, n->off, "found several items, expected at most one before iif()");
    if (in.n)
        self = in.p[0];
    if (fp_eval_for(r, n->b, &self, r->index, 2, &criterion))
        return -1;
    if (criterion.n > 1)
        return fp_fail(r, n->off, "found several items, expected a criterion that is true, false or empty");
    int got = criterion.n ? fp_system(r, &criterion.p[0], &x) : 0;
    if (got < 0)
        return -1;
    if (criterion.n && (!got || x.kind != FHIRPATH_BOOLEAN))
        return fp_fail(r, n->off, "found a criterion of iif() that is neither true nor false");
    uint32_t branch = fp_arg(r, n, got && x.yes ? 1 : 2);
    return branch ? fp_eval_for(r, branch, &self, r->index, want, out) : 0;
}

int fn_not(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    (void)want;
    int t = fp_truth(r, n->a);
    return fp_push_bool(r, out, t == FP_TRUE || t == FP_FALSE ? !t : t);
}

/* Writes nothing: what it would write are patients' data. */
int fn_trace(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out)
{
    return fp_eval(r, n->a, want, out);
}
