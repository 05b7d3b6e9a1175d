#include "ucum/unit_int.h"

#include "base/own.h"

const struct special_row special_rows[] = {
#define SPECIAL(code, function, by, divided, reference) {code, SPECIAL_##function, by, divided, reference},
#include "ucum/special.def"
#undef SPECIAL
};
const size_t special_count = COUNT(special_rows);

static int order(struct slice s, const char *z)
{
    size_t n = strlen(z), m = s.n < n ? s.n : n;
    int d = memcmp(s.p, z, m);
    return d ? d : s.n < n ? -1 : s.n > n;
}

int atom_find(const struct table *t, struct slice code, size_t *ret_place)
{
    size_t low = 0, high = t->atoms;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int d = order(code, t->atom[middle].code);
        if (d == 0)
            return (int)middle;
        if (d < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (ret_place)
        *ret_place = low;
    return -1;
}

static int find(const struct reading *r, struct slice code)
{
    if (!r->upper)
        return atom_find(r->table, code, NULL);
    for (size_t i = 0; i < r->table->atoms; i++)
        if (slice_is_nocase(code, r->table->atom[i].upper))
            return (int)i;
    return -1;
}

int atom_simple(const struct reading *r, struct slice code, const struct prefix **ret)
{
    int i = find(r, code);
    *ret = NULL;
    for (size_t k = 0; i < 0 && k < r->table->prefixes; k++) {
        const struct prefix *x = &r->table->prefix[k];
        const char *head = r->upper ? x->upper : x->code;
        if (!code.n || (!r->upper && head[0] != code.p[0]))
            continue;
        size_t n = strlen(head);
        struct slice start = {code.p, n}, rest = {code.p + n, code.n - n};
        if (code.n <= n || (r->upper ? !slice_is_nocase(start, head) : memcmp(code.p, head, n)))
            continue;
        int found = find(r, rest);
        if (found >= 0 && r->table->atom[found].metric) {
            *ret = x;
            return found;
        }
    }
    return i;
}

bool atom_factor(const struct table *t, const struct atom *a, struct ratio *ret)
{
    ret->ten = a->ten;
    return big_load(&ret->up, t->limb + a->limb, a->up_n) &&
           big_load(&ret->down, t->limb + a->limb + a->up_n, a->down_n);
}

static void add(int8_t *to, int by, int times, bool *overflow)
{
    int v = *to + by * times;
    if (v < -100 || v > 100)
        *overflow = true;
    else
        *to = (int8_t)v;
}

static void add_arbitrary(struct dimension *d, struct arbitrary x, int times, bool *overflow)
{
    size_t i = 0;
    while (i < d->arbitraries && d->arbitrary[i].atom < x.atom)
        i++;
    if (i == d->arbitraries || d->arbitrary[i].atom != x.atom) {
        if (d->arbitraries == ARBITRARY_MOST) {
            *overflow = true;
            return;
        }
        memmove(&d->arbitrary[i + 1], &d->arbitrary[i], (d->arbitraries - i) * sizeof d->arbitrary[0]);
        d->arbitrary[i] = (struct arbitrary){.atom = x.atom};
        d->arbitraries++;
    }
    add(&d->arbitrary[i].exp, x.exp, times, overflow);
    if (d->arbitrary[i].exp == 0) {
        d->arbitraries--;
        memmove(&d->arbitrary[i], &d->arbitrary[i + 1], (d->arbitraries - i) * sizeof d->arbitrary[0]);
    }
}

void dimension_add(struct dimension *d, const struct dimension *by, int times, bool *overflow)
{
    for (int i = 0; i < DIMS; i++)
        add(&d->base[i], by->base[i], times, overflow);
    for (int i = 0; i < KINDS; i++)
        add(&d->kind[i], by->kind[i], times, overflow);
    for (int i = 0; times && i < by->arbitraries; i++)
        add_arbitrary(d, by->arbitrary[i], times, overflow);
}

bool dimension_is_one(const struct dimension *d)
{
    static const struct dimension one;
    return dimension_eq(d, &one, true);
}

bool dimension_eq(const struct dimension *x, const struct dimension *y, bool kinds)
{
    if (memcmp(x->base, y->base, sizeof x->base) || (kinds && memcmp(x->kind, y->kind, sizeof x->kind)) ||
        x->arbitraries != y->arbitraries)
        return false;
    for (int i = 0; i < x->arbitraries; i++)
        if (x->arbitrary[i].atom != y->arbitrary[i].atom || x->arbitrary[i].exp != y->arbitrary[i].exp)
            return false;
    return true;
}
