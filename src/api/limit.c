#include "api/limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rnd.h"
#include "crypto/digest.h"

enum { WAYS = 8, SETS = LIMIT_BUCKETS / WAYS, KEY = 18, BATCH = 64 };

struct bucket {
    uint8_t key[KEY];               /* what for, then a client's id or an address */
    char name[CLIENT_NAME_MAX + 1]; /* the client's, or the address */
    enum err_code why;
    bool stranger;
    int64_t used_us;  /* when it was asked last; 0: free */
    int64_t full_us;  /* when it will be full again; monotonic, like all times here */
    int64_t since_us; /* when the first refusal that is counted came */
    int64_t refused;
};

struct limit {
    struct arena *arena; /* it lies in it */
    struct limit_config c;
    uint8_t salt[16]; /* so that nobody can choose addresses that fall into one set */
    pthread_mutex_t lock;
    pthread_cond_t bell;
    bool ending;
    int64_t counting; /* buckets with refusals */
    struct bucket others;
    pthread_t thread;
    struct bucket bucket[SETS][WAYS];
};

/* --- buckets; under the lock --- */

static struct bucket *set_of(struct limit *l, const uint8_t key[KEY])
{
    uint8_t text[sizeof l->salt + KEY], hash[SHA256_BYTES];
    memcpy(text, l->salt, sizeof l->salt);
    memcpy(text + sizeof l->salt, key, KEY);
    sha256((struct slice){(char *)text, sizeof text}, hash);
    return l->bucket[(hash[0] << 8 | hash[1]) % SETS];
}

/* One that counts is kept before one that does not. */
static struct bucket *oldest(struct bucket *set)
{
    struct bucket *b = set;
    for (int i = 1; i < WAYS; i++) {
        bool counts = set[i].refused > 0, kept = b->refused > 0;
        if (counts != kept ? kept : set[i].used_us < b->used_us)
            b = &set[i];
    }
    return b;
}

static void count(struct limit *l, struct bucket *b, int64_t n, int64_t now)
{
    if (b->refused == 0) {
        b->since_us = now;
        if (l->counting++ == 0)
            pthread_cond_signal(&l->bell);
    }
    b->refused += n;
}

static struct bucket *find(struct limit *l, const uint8_t key[KEY], int64_t now)
{
    struct bucket *set = set_of(l, key);
    for (int i = 0; i < WAYS; i++)
        if (set[i].used_us && memcmp(set[i].key, key, KEY) == 0) {
            set[i].used_us = now;
            return &set[i];
        }
    struct bucket *b = oldest(set);
    if (b->refused) {
        count(l, &l->others, b->refused, now);
        l->counting--;
    }
    *b = (struct bucket){.used_us = now};
    memcpy(b->key, key, KEY);
    return b;
}

/* 0, or the seconds to wait. `look`: nothing is taken. */
static int take(struct limit *l, struct bucket *b, int64_t rate, int64_t burst, int64_t now, bool look)
{
    int64_t token = 1000000 / rate > 0 ? 1000000 / rate : 1;
    int64_t full = b->full_us > now ? b->full_us : now;
    int64_t lacking = full + token - now - burst * token;
    if (lacking <= 0) {
        b->full_us = look ? b->full_us : full + token;
        return 0;
    }
    count(l, b, 1, now);
    metric_add(METRIC_RATE_LIMITED, 1);
    return (int)((lacking + 999999) / 1000000);
}

static struct bucket *find_client(struct limit *l, const struct caller *c, enum err_code why, int64_t now)
{
    uint8_t key[KEY] = {'c', (uint8_t)why};
    memcpy(key + 2, c->id, 16);
    struct bucket *b = find(l, key, now);
    memcpy(b->name, c->name, sizeof b->name);
    b->why = why;
    return b;
}

/* 0: it is no address. */
static int address_key(const char *peer, uint8_t key[KEY], char *name, size_t size)
{
    uint8_t six[16];
    if (inet_pton(AF_INET, peer, key + 2) == 1) {
        key[0] = '4';
        snprintf(name, size, "%s", peer);
        return 1;
    }
    if (inet_pton(AF_INET6, peer, six) != 1)
        return 0;
    char text[INET6_ADDRSTRLEN] = "";
    key[0] = '6';
    memset(six + 8, 0, 8);
    memcpy(key + 2, six, 16);
    inet_ntop(AF_INET6, six, text, sizeof text);
    snprintf(name, size, "%s/64", text);
    return 1;
}

/* --- asking --- */

int limit_client(struct limit *l, const struct caller *c)
{
    if (!l || c->role != ROLE_CLIENT)
        return 0;
    int64_t rate = c->rate >= 0 ? c->rate : l->c.client_rate, burst = c->burst > 0 ? c->burst : l->c.client_burst;
    if (rate <= 0)
        return 0;
    int64_t now = clock_mono_us();
    pthread_mutex_lock(&l->lock);
    int wait = take(l, find_client(l, c, ERR_RATE, now), rate, burst, now, false);
    pthread_mutex_unlock(&l->lock);
    return wait;
}

static int ask_stranger(struct limit *l, const char *peer, bool look)
{
    uint8_t key[KEY] = {0};
    char name[CLIENT_NAME_MAX + 1];
    if (!l || l->c.stranger_rate <= 0 || !peer || !address_key(peer, key, name, sizeof name))
        return 0;
    int64_t now = clock_mono_us();
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, key, now);
    memcpy(b->name, name, sizeof b->name);
    b->why = ERR_RATE;
    b->stranger = true;
    int wait = take(l, b, l->c.stranger_rate, l->c.stranger_burst, now, look);
    pthread_mutex_unlock(&l->lock);
    return wait;
}

int limit_denied(struct limit *l, const char *peer)
{
    return ask_stranger(l, peer, false);
}

int limit_spent(struct limit *l, const char *peer)
{
    return ask_stranger(l, peer, true);
}

void limit_note(struct limit *l, const struct caller *c, enum err_code why)
{
    if (!l)
        return;
    int64_t now = clock_mono_us();
    pthread_mutex_lock(&l->lock);
    count(l, find_client(l, c, why, now), 1, now);
    metric_add(METRIC_RATE_LIMITED, 1);
    pthread_mutex_unlock(&l->lock);
}

/* --- telling the audit log --- */

struct telling {
    const struct limit *l;
    const struct bucket *b;
    int n;
};

static int tell_body(struct tx *tx, void *arg, struct err *e)
{
    const struct telling *t = arg;
    for (int i = 0; i < t->n; i++) {
        const struct bucket *b = &t->b[i];
        struct audit_entry entry = {.scope = t->l->c.scope,
                                    .actor = b->stranger ? NULL : b->name,
                                    .role = role_name(b->stranger ? ROLE_ANONYMOUS : ROLE_CLIENT),
                                    .action = "execute",
                                    .object = b->stranger ? "Address" : "Client",
                                    .object_id = b->name,
                                    .outcome = "deny",
                                    .why = err_name(b->why),
                                    .rows = b->refused};
        if (audit_append(tx, &entry, e))
            return -1;
    }
    return 0;
}

/* Nothing was disclosed, so nothing is held back when the store does not answer: the log line is what is left then. */
static void tell(const struct limit *l, const struct bucket *b, int n)
{
    struct err e;
    struct telling t = {l, b, n};
    char text[24];
    int64_t all = 0;
    if (tx_run(l->c.db, tell_body, &t, &e) == 0)
        return;
    for (int i = 0; i < n; i++)
        all += b[i].refused;
    snprintf(text, sizeof text, "%lld", (long long)all);
    log_err(LOG_ERROR, "refused requests could not be written to the audit log", &e);
    log_line(LOG_ERROR, "they were", "requests", text, NULL);
}

/* Takes out what is due; when *ret_next is the next one due. Under the lock. */
static int collect(struct limit *l, int64_t now, struct bucket out[BATCH], int64_t *ret_next)
{
    int n = 0;
    *ret_next = INT64_MAX;
    for (int i = -1; i < LIMIT_BUCKETS && n < BATCH; i++) {
        struct bucket *b = i < 0 ? &l->others : &l->bucket[i / WAYS][i % WAYS];
        int64_t due = b->since_us + l->c.note_ms * 1000LL;
        if (b->refused == 0)
            continue;
        if (due > now && !l->ending) {
            *ret_next = due < *ret_next ? due : *ret_next;
            continue;
        }
        out[n++] = *b;
        b->refused = 0;
        l->counting--;
    }
    return n;
}

static void wait_until(struct limit *l, int64_t when_us)
{
    struct timespec t = {when_us / 1000000, when_us % 1000000 * 1000};
    pthread_cond_timedwait(&l->bell, &l->lock, &t);
}

static void *tell_refused(void *arg)
{
    pthread_setname_np(pthread_self(), "limits");
    struct limit *l = arg;
    struct bucket due[BATCH];
    pthread_mutex_lock(&l->lock);
    for (;;) {
        int64_t next;
        int n = l->counting ? collect(l, clock_mono_us(), due, &next) : 0;
        if (n) {
            pthread_mutex_unlock(&l->lock);
            tell(l, due, n);
            pthread_mutex_lock(&l->lock);
        } else if (l->ending) {
            break;
        } else if (l->counting) {
            wait_until(l, next);
        } else {
            pthread_cond_wait(&l->bell, &l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
    arena_thread_end();
    return NULL;
}

int limit_start(const struct limit_config *c, struct limit **ret, struct err *e)
{
    struct arena *a = arena_new(sizeof(struct limit) + 4096);
    struct limit *l = a ? TAKE_NEW(a, struct limit) : NULL;
    if (!l) {
        arena_free(a);
        return err_set(e, ERR_NO_MEMORY, "rate limits");
    }
    l->arena = a;
    l->c = *c;
    l->others = (struct bucket){.name = "others", .why = ERR_RATE, .stranger = true};
    rnd_bytes(l->salt, sizeof l->salt);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->bell, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&l->thread, NULL, tell_refused, l)) {
        arena_free(a);
        return err_set(e, ERR_INTERNAL, "no thread for rate limits");
    }
    *ret = l;
    return 0;
}

void limit_stop(struct limit *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_signal(&l->bell);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->bell);
    pthread_mutex_destroy(&l->lock);
    arena_free(l->arena);
}
