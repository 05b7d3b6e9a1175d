/* ready.c -- programs started ahead of their input.
 *
 * What a program is, is its request to the jail, byte by byte: image, model, arguments, limits. Each kind that was
 * asked for lately has a line here; a thread starts as many of it as were asked for within a second, so that the next
 * ones find theirs. Nothing is shared between runs: a program serves one, and its spawner, process namespace and /tmp
 * go with it. One that may serve again is its owner's from the first run on; while it serves, it keeps its place. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "sandbox/sandbox_int.h"

/* Another takes its place long before its jail would end it. */
static_assert((int)SANDBOX_LIFE_MS <= (int)JAIL_HELD_MS_MAX / 2, "a life ends before the jail ends it");

enum {
    KINDS = 16,               /* asked for lately; the one that was not for the longest makes room */
    SECOND_US = 1000000,      /* over which wishes are counted */
    LOOK_MS = 250,            /* between looks for who waits too long */
    REST_MS = 1000,           /* after a start that failed */
    REST_US = 10 * SECOND_US, /* a kind asked for since then is not in the way of another */
    UNFIT_US = 60 * SECOND_US /* a program that does not wait for its input is not started ahead for so long */
};

struct kind {
    struct jail_request request;
    int64_t asked_us; /* when last; 0: a free line */
    int64_t since_us; /* wishes are counted from here */
    int64_t unfit_us; /* when one ended before it had its input; 0: none did */
    int wishes, before;
};

struct ready_pool {
    pthread_t thread;
    pthread_cond_t wake;
    uint32_t memory_mib;
    int64_t idle_us, life_us;
    int most, waiting; /* waiting: in `ready` */
    struct kind kind[KINDS];
    struct ready ready[JAIL_SPAWNERS_MAX];
};

/* --- with the lock held --- */

static bool same(const struct jail_request *a, const struct jail_request *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static struct kind *line_of(struct ready_pool *p, const struct jail_request *q)
{
    for (int i = 0; i < KINDS; i++)
        if (p->kind[i].asked_us && same(&p->kind[i].request, q))
            return &p->kind[i];
    return NULL;
}

static struct kind *kind_of(struct ready_pool *p, const struct jail_request *q)
{
    struct kind *k = line_of(p, q), *oldest = &p->kind[0];
    if (k)
        return k;
    for (int i = 1; i < KINDS; i++)
        if (p->kind[i].asked_us < oldest->asked_us)
            oldest = &p->kind[i];
    *oldest = (struct kind){.request = *q, .since_us = clock_mono_us()};
    return oldest;
}

static void count_wish(struct kind *k, int64_t now)
{
    if (now - k->since_us >= SECOND_US) {
        k->before = now - k->since_us < 2 * SECOND_US ? k->wishes : 0;
        k->wishes = 0;
        k->since_us = now;
    }
    k->wishes++;
    k->asked_us = now;
}

static int wanted(const struct ready_pool *p, const struct kind *k, int64_t now)
{
    if (!k->asked_us || now - k->asked_us > p->idle_us || (k->unfit_us && now - k->unfit_us < UNFIT_US))
        return 0;
    int most = k->wishes > k->before ? k->wishes : k->before;
    return now - k->since_us > 2 * SECOND_US ? 1 : most > 1 ? most : 1;
}

static bool is_of(const struct ready *r, const uint8_t owner[16])
{
    return r->serves && memcmp(r->owner, owner, sizeof r->owner) == 0;
}

static bool is_old(const struct ready_pool *p, const struct ready *r, int64_t now)
{
    return now - r->since_us > p->life_us;
}

static int have(const struct ready_pool *p, const struct jail_request *q)
{
    int n = 0;
    for (int i = 0; i < p->waiting; i++)
        n += same(&p->ready[i].request, q);
    return n;
}

static bool has_room(const struct ready_pool *p, uint32_t memory_mib)
{
    for (int i = 0; i < p->waiting; i++)
        memory_mib += p->ready[i].request.memory_mib;
    return p->waiting < p->most && memory_mib <= p->memory_mib;
}

/* The kind that lacks most of what is wanted of it, or NULL. */
static const struct kind *lacking(const struct ready_pool *p, int64_t now)
{
    const struct kind *found = NULL;
    int lacks = 0;
    for (int i = 0; i < KINDS; i++) {
        const struct kind *k = &p->kind[i];
        int n = wanted(p, k, now), has = n ? have(p, &k->request) : 0;
        /* the first of a kind is worth more than the next of another */
        int worth = n > has ? n - has + (has ? 0 : JAIL_SPAWNERS_MAX) : 0;
        if (worth > lacks) {
            found = k;
            lacks = worth;
        }
    }
    return found;
}

static struct ready take_at(struct ready_pool *p, int i)
{
    struct ready r = p->ready[i];
    p->ready[i] = p->ready[--p->waiting];
    metric_add(METRIC_READY, r.busy ? 0 : -1);
    return r;
}

/* One that nobody wants any more, that has ended, or that the jail would soon end: its index, or -1. */
static int spare(struct ready_pool *p, int64_t now)
{
    for (int i = 0; i < p->waiting; i++) {
        struct kind *k = line_of(p, &p->ready[i].request);
        bool alive = p->ready[i].busy || ready_alive(&p->ready[i]);
        if (p->ready[i].busy)
            continue;
        if (!alive && k && !p->ready[i].serves)
            k->unfit_us = now;
        if (!alive || !k || !wanted(p, k, now) || is_old(p, &p->ready[i], now))
            return i;
    }
    return -1;
}

/* One that makes room for the first of a kind that has none: one that has served nobody, of a kind of which more wait
 * than are wanted just now; else of the one that was not asked for the longest, if that is a while ago. */
static int in_the_way(struct ready_pool *p, const struct kind *of, int64_t now)
{
    int found = -1;
    int64_t oldest = now - REST_US;
    if (have(p, &of->request))
        return -1;
    for (int i = 0; i < p->waiting; i++) {
        const struct kind *k = p->ready[i].busy ? NULL : line_of(p, &p->ready[i].request);
        if (k && !p->ready[i].serves && have(p, &k->request) > wanted(p, k, now))
            return i;
        if (k && k->asked_us < oldest) {
            found = i;
            oldest = k->asked_us;
        }
    }
    return found;
}

static void wait_ms(struct sandbox *s, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (!s->closing)
        pthread_cond_timedwait(&s->pool->wake, &s->lock, &until);
}

/* --- the thread --- */

/* Both let go of the lock meanwhile, as a user of the sandbox: the jail is not started anew under their feet. */
static void drop_at(struct sandbox *s, int i)
{
    struct ready r = take_at(s->pool, i);
    s->users++;
    pthread_mutex_unlock(&s->lock);
    ready_drop(s, &r);
    pthread_mutex_lock(&s->lock);
    s->users--;
    pthread_cond_broadcast(&s->freed);
}

/* 0, or -1: not now. */
static int start_one(struct sandbox *s, const struct kind *k)
{
    struct jail_request q = k->request;
    struct ready r;
    struct err e;
    s->users++;
    pthread_mutex_unlock(&s->lock);
    int failed = ready_start(s, &q, &r, &e);
    pthread_mutex_lock(&s->lock);
    s->users--;
    pthread_cond_broadcast(&s->freed);
    if (failed)
        return -1;
    s->pool->ready[s->pool->waiting++] = r;
    metric_add(METRIC_READY, 1);
    metric_add(METRIC_READY_STARTED, 1);
    if (s->pool->waiting > s->pool->most) /* one that serves was given back meanwhile */
        drop_at(s, s->pool->waiting - 1);
    return 0;
}

static void *keep(void *arg)
{
    struct sandbox *s = arg;
    struct ready_pool *p = s->pool;
    pthread_setname_np(pthread_self(), "ready");
    pthread_mutex_lock(&s->lock);
    while (!s->closing) {
        int64_t now = clock_mono_us();
        int i = s->reviving ? -1 : spare(p, now);
        const struct kind *k = i < 0 && !s->gone && !s->reviving ? lacking(p, now) : NULL;
        bool room = k && has_room(p, k->request.memory_mib);
        if (k && !room)
            i = in_the_way(p, k, now);
        if (i >= 0)
            drop_at(s, i);
        else if (!room)
            wait_ms(s, LOOK_MS);
        else if (start_one(s, k))
            wait_ms(s, REST_MS);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int sandbox_keep_ready(struct sandbox *s, const struct sandbox_ahead *how, struct err *e)
{
    pthread_condattr_t attr;
    assert(how->life_ms >= 1 && how->life_ms <= SANDBOX_LIFE_MS);
    if (s->config.ready == 0 || s->pool)
        return 0;
    struct ready_pool *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ERR_NO_MEMORY, "the programs that are started ahead");
    p->memory_mib = how->memory_mib;
    p->idle_us = how->idle_ms * 1000LL;
    p->life_us = how->life_ms * 1000LL;
    p->most = s->config.ready;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    s->pool = p;
    if (pthread_create(&p->thread, NULL, keep, s) == 0)
        return 0;
    s->pool = NULL;
    pthread_cond_destroy(&p->wake);
    free(p);
    return err_set(e, ERR_NO_MEMORY, "the thread that starts programs ahead");
}

/* --- for runs --- */

/* May it serve for as long as this? Its jail ends it at the end of a life. */
static bool lives(const struct ready *r, uint32_t wall_ms, int64_t now)
{
    return !r->serves || (now - r->since_us) / 1000 + wall_ms < JAIL_WALL_MS_MAX;
}

/* The owner's own before one that has served nobody. */
static int find(const struct ready_pool *p, const struct jail_request *q, const uint8_t *owner, uint32_t wall_ms)
{
    int fresh = -1;
    for (int i = 0; i < p->waiting; i++) {
        const struct ready *r = &p->ready[i];
        int64_t now = clock_mono_us();
        /* One that is at work whenever the thread looks grows old without it. */
        if (r->busy || !same(&r->request, q) || is_old(p, r, now) || !lives(r, wall_ms, now))
            continue;
        if (owner && is_of(r, owner))
            return i;
        if (!r->serves)
            fresh = i;
    }
    return fresh;
}

bool ready_take(struct sandbox *s, const struct jail_request *q, const uint8_t owner[16], uint32_t wall_ms,
                struct ready *ret)
{
    if (!s->pool)
        return false;
    pthread_mutex_lock(&s->lock);
    struct ready_pool *p = s->pool;
    count_wish(kind_of(p, q), clock_mono_us());
    int i = find(p, q, owner, wall_ms);
    if (i >= 0 && owner) {
        *ret = p->ready[i];
        p->ready[i].busy = true;
        metric_add(METRIC_READY, -1);
    } else if (i >= 0)
        *ret = take_at(p, i);
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&s->lock);
    metric_add(METRIC_READY_TAKEN, i >= 0);
    metric_add(METRIC_READY_AGAIN, i >= 0 && ret->serves);
    return i >= 0;
}

/* Of this kind, and not at work: one that has served nobody, else the one that has not for the longest. */
static int replaced_by(const struct ready_pool *p, const struct ready *r)
{
    int found = -1;
    for (int i = 0; i < p->waiting; i++)
        if (!p->ready[i].busy && same(&p->ready[i].request, &r->request) &&
            (found < 0 || p->ready[i].served_us < p->ready[found].served_us))
            found = i;
    return found;
}

void ready_back(struct sandbox *s, struct ready *r, bool keep)
{
    pthread_mutex_lock(&s->lock);
    struct ready_pool *p = s->pool;
    for (int i = 0; i < p->waiting; i++)
        if (p->ready[i].busy && p->ready[i].slot == r->slot) {
            take_at(p, i);
            break;
        }
    bool may = keep && !s->closing && !s->gone;
    int out = may && !has_room(p, r->request.memory_mib) ? replaced_by(p, r) : -1;
    struct ready other = out >= 0 ? take_at(p, out) : (struct ready){.slot = -1};
    bool kept = may && has_room(p, r->request.memory_mib);
    if (kept) {
        r->busy = false;
        r->served_us = clock_mono_us();
        p->ready[p->waiting++] = *r;
        metric_add(METRIC_READY, 1);
    }
    pthread_mutex_unlock(&s->lock);
    if (other.slot >= 0)
        ready_drop(s, &other);
    if (keep && !kept)
        ready_drop(s, r);
}

void ready_empty(struct sandbox *s)
{
    if (!s->pool)
        return;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->pool->waiting;)
        if (s->pool->ready[i].busy) /* its run has its pipes, and gives it back */
            i++;
        else {
            drop_at(s, i);
            i = 0;
        }
    pthread_mutex_unlock(&s->lock);
}

void ready_stop(struct sandbox *s)
{
    if (!s->pool)
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->pool->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->pool->thread, NULL);
    ready_empty(s);
}

void ready_close(struct sandbox *s)
{
    struct ready_pool *p = s->pool;
    if (!p)
        return;
    s->pool = NULL;
    pthread_cond_destroy(&p->wake);
    free(p);
}
