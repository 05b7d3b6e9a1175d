#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/wipe.h"

/* A block that most requests fit into: the next one is malloc's, and often freed by another thread than took it. */
enum { FIRST = 32 * 1024, SPARES = 64 };

struct block {
    struct block *next;
    size_t cap, used;
    _Alignas(16) unsigned char mem[];
};

struct arena {
    struct block *head; /* the newest block, which the next piece comes from */
    size_t limit, used;
    void *last;      /* the newest piece, which alone can grow in place */
    unsigned failed; /* pieces refused */
};

static _Thread_local struct {
    struct block *block[SPARES];
    int n;
} spare;

static struct block *block_new(size_t cap)
{
    if (cap <= FIRST && spare.n > 0)
        return spare.block[--spare.n];
    if (cap < FIRST)
        cap = FIRST;
    struct block *b = calloc(1, sizeof *b + cap);
    if (b)
        b->cap = cap;
    return b;
}

static void block_free(struct block *b)
{
    wipe(b->mem, b->used);
    b->used = 0;
    b->next = NULL;
    if (b->cap == FIRST && spare.n < SPARES)
        spare.block[spare.n++] = b;
    else
        free(b);
}

struct arena *arena_new(size_t limit)
{
    if (fault_hit(FAULT_ALLOC))
        return NULL;
    struct block *b = block_new(FIRST);
    if (!b)
        return NULL;
    struct arena *a = (struct arena *)b->mem;
    b->used = (sizeof *a + 15) & ~(size_t)15;
    *a = (struct arena){.head = b, .limit = limit};
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    struct block *b = a->head; /* the arena itself lies in the oldest block, freed last */
    while (b) {
        struct block *next = b->next;
        block_free(b);
        b = next;
    }
}

static void *take(struct arena *a, size_t n)
{
    if (fault_hit(FAULT_ALLOC))
        return NULL;
    if (n > a->limit)
        return NULL;
    size_t need = (n + 15) & ~(size_t)15;
    if (need > a->limit - a->used)
        return NULL;
    if (a->head->cap - a->head->used < need) {
        size_t cap = a->head->cap < (1u << 20) ? a->head->cap * 2 : (1u << 20);
        struct block *b = block_new(need > cap ? need : cap);
        if (!b)
            return NULL;
        b->next = a->head;
        a->head = b;
    }
    void *p = a->head->mem + a->head->used;
    a->head->used += need;
    a->used += need;
    a->last = p;
    return p;
}

void *arena_take(struct arena *a, size_t n)
{
    void *p = take(a, n);
    a->failed += !p;
    return p;
}

void *arena_grow(struct arena *a, void *p, size_t n, size_t m)
{
    assert(m >= n);
    if (p && p == a->last) {
        size_t old = (n + 15) & ~(size_t)15, now = (m + 15) & ~(size_t)15;
        size_t more = now - old;
        if (more <= a->limit - a->used && a->head->cap - a->head->used >= more && m <= a->limit &&
            !fault_hit(FAULT_ALLOC)) {
            a->head->used += more;
            a->used += more;
            return p;
        }
    }
    void *q = arena_take(a, m);
    if (q && n) {
        memcpy(q, p, n);
        wipe(p, n);
    }
    return q;
}

void arena_shrink(struct arena *a, void *p, size_t n, size_t m)
{
    assert(m <= n);
    if (p != a->last)
        return;
    size_t less = ((n + 15) & ~(size_t)15) - ((m + 15) & ~(size_t)15);
    a->head->used -= less;
    a->used -= less;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->head, a->head->used, a->used};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    if (a->used == m.used)
        return;
    while (a->head != m.block) {
        struct block *b = a->head;
        a->head = b->next;
        block_free(b);
    }
    wipe(a->head->mem + m.in_block, a->head->used - m.in_block);
    a->head->used = m.in_block;
    a->used = m.used;
    a->last = NULL;
}

/* Written where the piece will lie, if it fits there; what was written and is not handed out is zeroed again. */
char *arena_printf(struct arena *a, const char *fmt, ...)
{
    struct block *b = a->head;
    char *at = (char *)b->mem + b->used, *p = NULL;
    size_t room = b->cap - b->used;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(at, room, fmt, ap);
    va_end(ap);
    if (n >= 0)
        p = arena_take(a, (size_t)n + 1);
    if (p != at)
        wipe(at, n < 0 || (size_t)n >= room ? room : (size_t)n + 1);
    if (p && p != at)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *arena_str(struct arena *a, struct slice s)
{
    char *p = arena_take(a, s.n + 1);
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *p = arena_str(a, s);
    return (struct slice){p, p ? s.n : 0};
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

unsigned arena_failed(const struct arena *a)
{
    return a->failed;
}

void arena_thread_end(void)
{
    while (spare.n > 0)
        free(spare.block[--spare.n]);
}
