/* witness.c -- what is asked of the witness is sent from here. */
#include "cmd/witness.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "identity/ask.h"

enum { TRIES = 3, ROUND_MEMORY = 1 << 20 };

struct witness {
    struct audit_signer *signer;
    struct note_key key;
    char url[ASK_URL_MAX];
    const char *ca;
    int64_t every_s;
    atomic_bool stop;
    pthread_mutex_t asking; /* one round at a time */
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t bell;
    pthread_t thread;
    bool runs;
};

int witness_open(const struct config *c, struct audit_signer *s, struct witness **ret, struct err *e)
{
    struct note_key key;
    *ret = NULL;
    if (!*c->audit_witness_url && !*c->audit_witness_key)
        return 0;
    if (!*c->audit_witness_url || !*c->audit_witness_key)
        return err_set(e, ERR_CONFIG, "a witness has audit.witness.url and audit.witness.key");
    if (!note_key_read(NOTE_WITNESS, slice_of(c->audit_witness_key), &key))
        return err_set(e, ERR_CONFIG,
                       "audit.witness.key is a witness' verifier key: NAME+ID+KEY (c2sp.org/tlog-cosignature)");
    size_t n = strlen(c->audit_witness_url);
    if (!ask_address_ok(c->audit_witness_url, true) || n > ASK_URL_MAX - sizeof "/add-checkpoint")
        return err_set(e, ERR_CONFIG, "audit.witness.url is https, or http on this machine");
    struct witness *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(e, ERR_NO_MEMORY, "the witness");
    w->signer = s;
    w->key = key;
    w->ca = c->audit_witness_ca;
    w->every_s = c->audit_witness_every;
    snprintf(w->url, sizeof w->url, "%s%sadd-checkpoint", c->audit_witness_url,
             c->audit_witness_url[n - 1] == '/' ? "" : "/");
    pthread_condattr_t attr;
    pthread_mutex_init(&w->asking, NULL);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->bell, &attr);
    pthread_condattr_destroy(&attr);
    *ret = w;
    return 0;
}

const struct note_key *witness_key(const struct witness *w)
{
    return &w->key;
}

/* --- one round --- */

/* 1: cosigned, or it was already; 0: nothing is signed; -1. */
static int ask_until_signed(struct witness *w, struct err *e)
{
    const struct ask how = {.who = "the witness", .ca = w->ca, .plain = true, .stop = &w->stop};
    int64_t old = -1;
    for (int i = 0; i < TRIES; i++) {
        OWN_ARENA struct arena *a = arena_new(ROUND_MEMORY);
        struct witness_asking x;
        struct slice answer;
        long status;
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "ask the witness");
        int rc = witness_ask(w->signer, &w->key, old, a, &x, e);
        if (rc <= 0)
            return rc < 0 ? -1 : 1;
        const struct ask_form form = {.body = x.body, .type = "text/plain"};
        if (ask_post(&how, w->url, &form, a, &status, &answer, e))
            return -1;
        rc = witness_answered(w->signer, &w->key, &x, status, answer, a, &old, e);
        if (rc)
            return rc;
    }
    return err_set(e, ERR_PROVIDER, "the witness tells another size each time it is asked");
}

static void tell_metrics(struct witness *w)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct witness_state now;
    struct err ignored;
    if (!a || witness_look(audit_signer_db(w->signer), &w->key, a, &now, &ignored))
        return;
    atomic_store_explicit(&metric_value[METRIC_COSIGNED_AT], now.at, memory_order_relaxed);
    atomic_store_explicit(&metric_value[METRIC_COSIGNED], now.cosigned, memory_order_relaxed);
}

int witness_round(struct witness *w, struct err *e)
{
    struct err ignored;
    pthread_mutex_lock(&w->asking);
    int rc = ask_until_signed(w, e);
    if (!w->stop && witness_note(audit_signer_db(w->signer), &w->key, rc < 0 ? e->detail : NULL, &ignored))
        log_err(LOG_ERROR, "what the witness said was not noted", &ignored);
    if (rc < 0)
        metric_add(METRIC_WITNESS_FAILED, 1);
    tell_metrics(w);
    pthread_mutex_unlock(&w->asking);
    return rc;
}

/* --- the thread --- */

/* Each failure once, until there is another. */
static void look(struct witness *w, char last[sizeof((struct err *)0)->detail])
{
    struct err e;
    int rc = witness_round(w, &e);
    if (w->stop)
        return;
    if (rc >= 0) {
        if (*last)
            log_line(LOG_INFO, "the witness signs again", "witness", w->key.name, NULL);
        *last = 0;
    } else if (strcmp(last, e.detail) != 0) {
        log_err(e.code == ERR_STORE ? LOG_ERROR : LOG_WARN, "the audit log is not witnessed", &e);
        memcpy(last, e.detail, sizeof e.detail);
    }
}

static void *look_loop(void *arg)
{
    struct witness *w = arg;
    char last[sizeof((struct err *)0)->detail] = "";
    pthread_setname_np(pthread_self(), "witness");
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct timespec until;
        pthread_mutex_unlock(&w->lock);
        look(w, last);
        pthread_mutex_lock(&w->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += w->every_s;
        while (!w->stop && pthread_cond_timedwait(&w->bell, &w->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&w->lock);
    arena_thread_end();
    return NULL;
}

int witness_start(struct witness *w, struct err *e)
{
    if (pthread_create(&w->thread, NULL, look_loop, w))
        return err_set(e, ERR_INTERNAL, "no thread for the witness");
    w->runs = true;
    return 0;
}

void witness_close(struct witness *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->bell);
    pthread_mutex_unlock(&w->lock);
    if (w->runs)
        pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->bell);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->asking);
    free(w);
}
