/* choose.c -- of judged models: which goes first, which run, and which datum helps most. */
#include <stdlib.h>

#include "negotiate/negotiate_int.h"

/* --- ranking.def: below 0 when x goes before y --- */

static int smaller(int64_t x, int64_t y)
{
    return x < y ? -1 : x > y;
}

static int by_bytes(struct slice x, struct slice y)
{
    int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return c ? c : smaller((int64_t)x.n, (int64_t)y.n);
}

static int rank_population(const struct candidate *x, const struct candidate *y)
{
    return smaller(y->fits, x->fits);
}

static int rank_operator(const struct candidate *x, const struct candidate *y)
{
    return smaller(x->declared, y->declared);
}

static int rank_metric(const struct candidate *x, const struct candidate *y)
{
    if (x->model->scored != y->model->scored)
        return x->model->scored ? -1 : 1;
    return x->model->scored ? dec_cmp(&y->model->score, &x->model->score) : 0;
}

/* A model without optional inputs lacks none: 1 of 1. */
static int rank_optional(const struct candidate *x, const struct candidate *y)
{
    int64_t xf = x->optional ? x->optional_found : 1, xn = x->optional ? x->optional : 1;
    int64_t yf = y->optional ? y->optional_found : 1, yn = y->optional ? y->optional : 1;
    return smaller(yf * xn, xf * yn);
}

static int rank_cost(const struct candidate *x, const struct candidate *y)
{
    return smaller(x->model->runtime.timeout_us * x->model->runtime.cpu,
                   y->model->runtime.timeout_us * y->model->runtime.cpu);
}

static int rank_key(const struct candidate *x, const struct candidate *y)
{
    return by_bytes(x->model->key, y->model->key);
}

static int rank_version(const struct candidate *x, const struct candidate *y)
{
    return by_bytes(x->model->version, y->model->version);
}

static const struct {
    int (*compare)(const struct candidate *x, const struct candidate *y);
    const char *name;
} rule[] = {
#define RANK(function, name, what) {function, name},
#include "negotiate/ranking.def"
#undef RANK
};

static int compare(const struct candidate *x, const struct candidate *y, const char **by)
{
    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++) {
        int c = rule[i].compare(x, y);
        if (c) {
            *by = rule[i].name;
            return c;
        }
    }
    return 0;
}

static int by_rank(const void *p, const void *q)
{
    const char *by;
    return compare(p, q, &by);
}

void decision_rank(struct decision *d)
{
    qsort(d->candidate, d->candidates, sizeof *d->candidate, by_rank);
    for (size_t i = 0; i < d->candidates; i++) {
        d->candidate[i].rank = (uint32_t)i + 1;
        if (i)
            compare(&d->candidate[i - 1], &d->candidate[i], &d->candidate[i].behind_by);
    }
}

/* --- policies.def --- */

static bool runs(const struct decision *d, const struct candidate *c)
{
    switch (d->policy) {
    case NEGOTIATE_BEST: return c->ready && c == d->candidate;
    case NEGOTIATE_BEST_READY: return c->ready && d->runs == 0;
    case NEGOTIATE_ALL_READY:
    case NEGOTIATE_POLICIES: break;
    }
    return c->ready;
}

void decision_choose(struct decision *d)
{
    for (size_t i = 0; i < d->candidates; i++) {
        const struct candidate *c = &d->candidate[i];
        if (runs(d, c))
            d->run[d->runs++] = c;
        if (!c->ready && c->curable && (!d->minimal || c->distance < d->minimal->distance))
            d->minimal = c;
    }
    d->chosen = d->runs ? d->run[0] : NULL;
    d->shown = d->chosen ? d->chosen : &d->candidate[0];
}

/* --- the datum that helps most --- */

/* A code, and for which candidates a datum of it would count (bit i for candidate i). */
struct use {
    struct slice system, code;
    uint64_t serves;
    uint32_t next;
};
struct uses {
    struct use *list;
    size_t n;
    uint32_t *bucket, mask;
};

static struct use *use_of(struct uses *u, struct slice system, struct slice code, bool make)
{
    uint32_t *b = &u->bucket[json_hash(code.p, code.n) & u->mask];
    for (uint32_t i = *b; i; i = u->list[i - 1].next)
        if (slice_eq(u->list[i - 1].code, code) && slice_eq(u->list[i - 1].system, system))
            return &u->list[i - 1];
    if (!make)
        return NULL;
    u->list[u->n] = (struct use){.system = system, .code = code, .next = *b};
    *b = (uint32_t)++u->n;
    return &u->list[u->n - 1];
}

static bool can_ask(const struct candidate *c, const struct missing *m)
{
    return !c->ready && c->curable && m->mandatory && (m->input || m->condition);
}

static size_t codes_of(const struct missing *m)
{
    return m->input ? m->input->codes : m->condition->codes;
}

static const struct code *code_at(const struct missing *m, size_t i)
{
    return m->input ? &m->input->code[i].code : &m->condition->code[i];
}

static int list_uses(struct arena *a, const struct decision *d, struct uses *u, size_t *ret_asked)
{
    size_t room = 0, asked = 0, size = 16;
    for (size_t i = 0; i < d->candidates; i++)
        for (size_t k = 0; k < d->candidate[i].missings; k++)
            if (can_ask(&d->candidate[i], &d->candidate[i].missing[k])) {
                room += 1 + codes_of(&d->candidate[i].missing[k]);
                asked++;
            }
    while (size < room && size < 1u << 16)
        size *= 2;
    u->mask = (uint32_t)size - 1;
    u->list = arena_take(a, (room + 1) * sizeof *u->list);
    u->bucket = arena_take(a, size * sizeof *u->bucket);
    if (!u->list || !u->bucket)
        return -1;
    for (size_t i = 0; i < d->candidates; i++)
        for (size_t k = 0; k < d->candidate[i].missings; k++) {
            const struct missing *m = &d->candidate[i].missing[k];
            if (!can_ask(&d->candidate[i], m))
                continue;
            use_of(u, m->system, m->code, true)->serves |= 1ull << i;
            for (size_t c = 0; c < codes_of(m); c++)
                use_of(u, code_at(m, c)->system, code_at(m, c)->code, true)->serves |= 1ull << i;
        }
    *ret_asked = asked;
    return 0;
}

static int weigh(struct arena *a, const struct decision *d, const struct missing *m, uint64_t serves,
                 struct next_best *ret)
{
    *ret = (struct next_best){.missing = m, .unlocks = arena_take(a, d->candidates * sizeof *ret->unlocks)};
    if (!ret->unlocks)
        return -1;
    for (size_t i = 0; i < d->candidates; i++) {
        const struct candidate *c = &d->candidate[i];
        if (!(serves >> i & 1))
            continue;
        ret->gain += (c->distance == 1 ? 1000 : 100) / c->rank;
        if (c->distance == 1)
            ret->unlocks[ret->unlocks_n++] = c;
    }
    return 0;
}

/* By gain, the larger first; of equal ones the one that was there first. */
static void insert(struct decision *d, struct next_best one)
{
    size_t at = 0;
    while (at < d->nexts && d->next[at].gain >= one.gain)
        at++;
    memmove(&d->next[at + 1], &d->next[at], (d->nexts - at) * sizeof one);
    d->next[at] = one;
    d->nexts += d->nexts < NEGOTIATE_NEXT;
}

int decision_next(struct arena *a, struct decision *d, struct err *e)
{
    struct uses u = {0};
    size_t asked = 0;
    d->next = arena_take(a, (NEGOTIATE_NEXT + 1) * sizeof *d->next);
    if (!d->next || list_uses(a, d, &u, &asked))
        return negotiate_no_memory(e);
    for (size_t i = 0; asked && i < d->candidates; i++)
        for (size_t k = 0; k < d->candidate[i].missings; k++) {
            const struct missing *m = &d->candidate[i].missing[k];
            struct next_best one;
            if (!can_ask(&d->candidate[i], m))
                continue;
            uint64_t serves = use_of(&u, m->system, m->code, false)->serves;
            if (serves & ((1ull << i) - 1)) /* a better-ranked model asks for it already */
                continue;
            if (weigh(a, d, m, serves, &one))
                return negotiate_no_memory(e);
            insert(d, one);
        }
    return 0;
}
