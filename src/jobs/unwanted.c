/* unwanted.c -- jobs nobody wants any more: cancelled, erased, kept for long enough; and the dead that get new tries.
 */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/rnd.h"
#include "jobs/feedback.h"
#include "jobs/job_int.h"
#include "jobs/negotiation.h"
#include "jobs/rotate.h"
#include "jobs/watch.h"
#include "study/document.h"
#include "study/glass.h"
#include "study/project.h"

enum { RETAIN_BATCH = 100, FORGET_BATCH = 200, FORGET_ROUND = 50 /* batches */ };
static const int64_t idempotency_us = 86400LL * 1000000;

struct touching {
    struct jobs *j;
    const struct caller *caller;
    const uint8_t *id;
    struct arena *arena;
    struct audit_entry audit;
    char text[UUID_TEXT];
    enum job_state state;
    bool found, erased;
    int64_t erased_at, index;
    const uint8_t *batch[RETAIN_BATCH]; /* the ids, of retention */
    uint8_t leaf[32];
    enum job_cancel cancel;
};

static struct touching touch(struct jobs *j, const struct caller *caller, const uint8_t id[16],
                             const struct audit_entry *audit, struct arena *a)
{
    return (struct touching){.j = j, .caller = caller, .id = id, .audit = *audit, .arena = a, .index = -1};
}

/* In a body: the job's state, if it is the caller's. 1, 0 (and audited so), -1. */
static int look(struct tx *tx, struct touching *x, struct err *e)
{
    struct rows r;
    x->audit.scope = x->j->scope;
    x->audit.object = "Job";
    x->audit.object_id = uuid_text(x->id, x->text);
    if (tx_rows(tx, x->arena, &r, e, "SELECT state, client, erased_at, trace FROM job WHERE scope = $1 AND id = $2",
                V_ID(x->j->scope), V_ID(x->id)) < 0)
        return -1;
    x->found =
        r.n && (!x->caller || (row_at(&r, 0, 1)->s.n == 16 && !memcmp(row_at(&r, 0, 1)->s.p, x->caller->id, 16)));
    if (!x->found) {
        x->audit.outcome = "deny";
        x->audit.why = r.n ? "not-own" : "absent";
        return audit_append(tx, &x->audit, e) ? -1 : 0;
    }
    x->state = job_state_named(row_at(&r, 0, 0)->s);
    x->erased = row_at(&r, 0, 2)->kind != VAL_NULL;
    x->erased_at = row_at(&r, 0, 2)->i;
    return 1;
}

/* --- cancel --- */

static int cancel_body(struct tx *tx, void *arg, struct err *e)
{
    struct touching *x = arg;
    x->cancel = JOB_CANCEL_ABSENT;
    int found = look(tx, x, e);
    if (found <= 0)
        return found;
    if (job_state_ended(x->state))
        return err_set(e, ERR_CONFLICT, "job %s has ended", x->text);
    bool waits = x->state == JOB_QUEUED;
    int n = waits ? job_move(tx, x->j->scope, x->id, JOB_QUEUED, JOB_CANCELLED, -1, e)
                  : tx_exec(tx, e, "UPDATE job SET cancelled = 1 WHERE scope = $1 AND id = $2 AND state = 'RUNNING'",
                            V_ID(x->j->scope), V_ID(x->id));
    if (n < 0)
        return -1;
    if (n == 0)
        return err_set(e, ERR_BUSY, "job %s moves", x->text);
    x->cancel = waits ? JOB_CANCEL_DONE : JOB_CANCEL_ASKED;
    x->audit.why = waits ? "CANCELLED" : "cancel-asked";
    x->audit.rows = 1;
    return (waits && job_tell_end(tx, x->j->scope, x->id, e)) || audit_append(tx, &x->audit, e) ? -1 : 0;
}

int job_cancel(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
               enum job_cancel *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct touching x = touch(j, caller, id, audit, a);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "cancel a job");
    for (int tries = 0; tx_run(j->db, cancel_body, &x, e); tries++)
        if (e->code != ERR_BUSY || tries == 3) /* between the look and the change it was taken, or ended */
            return -1;
    if (x.cancel == JOB_CANCEL_DONE) {
        jobs_count(j, -1);
        jobs_tell(j);
        jobs_changed(j);
        metric_add(METRIC_JOBS_CANCELLED, 1);
    }
    if (x.cancel == JOB_CANCEL_ASKED)
        job_running_cancel(j, id);
    *ret = x.cancel;
    return 0;
}

/* --- erase --- */

/* The job first, and only one that has ended and is still there: whoever else erases it, or gives it new tries, at the
 * same moment is waited for. ERR_BUSY: they were first. */
static int erase_rows(struct tx *tx, struct touching *x, int64_t now, struct err *e)
{
    int n = tx_exec(tx, e,
                    "UPDATE job SET key = $1, bundle = $1, plan = $1, result = NULL, vendor_log = NULL, input = NULL, "
                    "erased_at = $2, updated_at = $2 WHERE scope = $3 AND id = $4 AND erased_at IS NULL AND state <> "
                    "'QUEUED' AND state <> 'RUNNING'",
                    V_BYTES("", 0), V_INT(now), V_ID(x->j->scope), V_ID(x->id));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_BUSY, "job %s moves", x->text);
    /* a key is remembered at the very moment its job was made; that has an index */
    return tx_put(tx, e,
                  "DELETE FROM idempotency WHERE created_at = (SELECT created_at FROM job WHERE scope = $1 AND "
                  "id = $2) AND scope = $1 AND job = $2",
                  V_ID(x->j->scope), V_ID(x->id)) ||
                   feedback_forget(tx, x->j->scope, x->id, e) ||
                   tx_put(
                       tx, e,
                       "UPDATE webhook_event SET next_at = NULL WHERE scope = $1 AND job = $2 AND next_at IS NOT NULL",
                       V_ID(x->j->scope), V_ID(x->id))
               ? -1
               : 0;
}

static int erase_body(struct tx *tx, void *arg, struct err *e)
{
    struct touching *x = arg;
    int found = look(tx, x, e);
    if (found <= 0)
        return found;
    if (!job_state_ended(x->state))
        return err_set(e, ERR_CONFLICT, "job %s has not ended: cancel it first", x->text);
    if (!x->erased) {
        x->erased_at = clock_now_us();
        if (erase_rows(tx, x, x->erased_at, e))
            return -1;
    }
    x->audit.why = x->erased ? "erased-before" : "erased";
    x->audit.rows = 1;
    if (audit_append_at(tx, &x->audit, x->leaf, &x->index, e))
        return -1;
    fault_crash(CRASH_erase_stored);
    return 0;
}

int job_erase(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
              struct job_receipt *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct touching x = touch(j, caller, id, audit, a);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "erase a job");
    for (int tries = 0; tx_run(j->db, erase_body, &x, e); tries++)
        if (e->code != ERR_BUSY || tries == 3)
            return -1;
    if (!x.found)
        return 0;
    fault_crash(CRASH_erase_committed);
    const uint8_t *const one[] = {id};
    if (j->ledger && ledger_note(j->ledger, one, 1, x.erased_at, e))
        return -1;
    if (db_scrub(j->db, e) || (x.index < 0 && audit_find(j->db, x.leaf, &x.index, e)))
        return -1;
    *ret = (struct job_receipt){.erased_at = x.erased_at, .audit_index = x.index};
    memcpy(ret->leaf, x.leaf, sizeof ret->leaf);
    return 1;
}

/* --- the dead --- */

static int revive_body(struct tx *tx, void *arg, struct err *e)
{
    struct touching *x = arg;
    int found = look(tx, x, e);
    if (found <= 0)
        return found;
    if (x->state != JOB_DEAD || x->erased)
        return err_set(e, ERR_CONFLICT, "job %s is %s%s: only a dead one gets new tries", x->text,
                       job_state_name(x->state), x->erased ? " and erased" : "");
    int n = tx_exec(tx, e, /* once more: it may have been erased since it was looked at */
                    "UPDATE job SET attempts = 0, not_before = 0, error = NULL, cancelled = 0, expires_at = NULL WHERE "
                    "scope = $1 AND id = $2 AND state = 'DEAD' AND erased_at IS NULL",
                    V_ID(x->j->scope), V_ID(x->id));
    int moved = n > 0 ? job_move(tx, x->j->scope, x->id, JOB_DEAD, JOB_QUEUED, -1, e) : n;
    if (moved <= 0)
        return moved < 0 ? -1 : err_set(e, ERR_CONFLICT, "job %s moves, or is erased", x->text);
    x->audit.why = "revived";
    x->audit.rows = 1;
    return audit_append(tx, &x->audit, e);
}

int job_revive(struct jobs *j, const uint8_t id[16], const struct audit_entry *audit, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct touching x = touch(j, NULL, id, audit, a);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "revive a job");
    if (tx_run(j->db, revive_body, &x, e))
        return -1;
    if (x.found) {
        jobs_count(j, 1);
        jobs_ring(j);
        jobs_changed(j);
    }
    return x.found;
}

/* --- retention --- */

static int retain_body(struct tx *tx, void *arg, struct err *e)
{
    struct touching *x = arg;
    struct rows r;
    int64_t now = clock_surely_us();
    x->index = 0;
    x->erased_at = now;
    if (tx_rows(
            tx, x->arena, &r, e,
            "SELECT id FROM job WHERE erased_at IS NULL AND lease_until IS NULL AND state <> 'QUEUED' AND updated_at "
            "< $1 LIMIT $2 " DB_SKIP_LOCKED,
            V_INT(now - x->j->limits.keep_us), V_INT(RETAIN_BATCH)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++, x->index++) {
        x->id = x->batch[i] = (const uint8_t *)row_at(&r, i, 0)->s.p;
        struct audit_entry entry = {.scope = x->j->scope,
                                    .actor = "keeper",
                                    .role = "worker",
                                    .action = "delete",
                                    .object = "Job",
                                    .object_id = uuid_text(x->id, x->text),
                                    .outcome = "permit",
                                    .why = "retention",
                                    .rows = 1};
        if (erase_rows(tx, x, now, e) || audit_append(tx, &entry, e))
            return -1;
    }
    return 0;
}

static int forget_keys_body(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return tx_exec(tx, e, "DELETE FROM idempotency WHERE created_at < $1", V_INT(clock_surely_us() - idempotency_us)) <
                   0
               ? -1
               : 0;
}

int job_retain(struct jobs *j, int *ret, struct err *e)
{
    int64_t batch = RETAIN_BATCH;
    *ret = 0;
    if (tx_run(j->db, forget_keys_body, NULL, e))
        return -1;
    while (j->limits.keep_us && batch == RETAIN_BATCH) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct audit_entry none = {0};
        struct touching x = touch(j, NULL, NULL, &none, a);
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "erase what was kept for long enough");
        if (tx_run(j->db, retain_body, &x, e))
            return -1;
        batch = x.index;
        if (batch && j->ledger && ledger_note(j->ledger, x.batch, (size_t)batch, x.erased_at, e))
            return -1;
        *ret += (int)batch;
    }
    return *ret ? db_scrub(j->db, e) : 0;
}

/* --- events that were told, or given up --- */

struct forgetting {
    int64_t before;
    struct arena *arena;
    int n;
};

/* Ended, old, and without an attempt that is younger: one that waited long for its endpoint counts from its end. */
#define FORGOTTEN                                                                                                      \
    "next_at IS NULL AND created_at < $1 AND NOT EXISTS (SELECT 1 FROM webhook_attempt t WHERE t.scope = "             \
    "webhook_event.scope AND t.event = webhook_event.id AND t.endpoint = webhook_event.endpoint AND t.at >= $1) "

static int forget_body(struct tx *tx, void *arg, struct err *e)
{
    struct forgetting *x = arg;
    struct rows r;
    x->n = 0;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT scope, id, endpoint FROM webhook_event WHERE " FORGOTTEN "LIMIT $2 " DB_SKIP_LOCKED,
                V_INT(x->before), V_INT(FORGET_BATCH)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (tx_put(tx, e, "DELETE FROM webhook_attempt WHERE scope = $1 AND event = $2 AND endpoint = $3",
                   V_ID(v[0].s.p), V_ID(v[1].s.p), V_ID(v[2].s.p)) ||
            tx_put(tx, e, "DELETE FROM webhook_event WHERE scope = $1 AND id = $2 AND endpoint = $3", V_ID(v[0].s.p),
                   V_ID(v[1].s.p), V_ID(v[2].s.p)))
            return -1;
    }
    x->n = r.n;
    return 0;
}

int job_forget_events(struct jobs *j, int *ret, struct err *e)
{
    *ret = 0;
    for (int round = 0; j->limits.keep_events_us && round < FORGET_ROUND; round++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct forgetting x = {.before = clock_surely_us() - j->limits.keep_events_us, .arena = a};
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "forget old events");
        if (tx_run(j->db, forget_body, &x, e))
            return -1;
        *ret += x.n;
        if (x.n < FORGET_BATCH)
            break;
    }
    return 0;
}

/* --- the thread that does it --- */

struct keeper {
    struct jobs *j;
    const struct study *study;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t bell;
    bool stop;
};

static void keep(const struct keeper *k, int round)
{
    struct jobs *j = k->j;
    struct err e;
    int gone;
    struct resealed resealed;
    if (job_sweep(j, &e) || (jobs_shared(j) && order_look(&j->order, j->db, &e)) ||
        (round % 60 == 0 &&
         (job_retain(j, &gone, &e) || job_forget_events(j, &gone, &e) || negotiation_forget(j, &e))) ||
        (round % 60 == 0 && j->ledger && ledger_catch_up(j->ledger, j->db, &e)) ||
        (round % 60 == 0 && job_reseal(j, KEY_REST_US, NULL, &resealed, &e)))
        log_err(LOG_ERROR, "keeping house failed; it is tried again", &e);
    gone = 0;
    if (round % 60 == 0 && document_sweep(k->study, clock_steady_us(), &gone, &e))
        log_err(LOG_ERROR, "documents that are not there any more were not swept; it is tried again", &e);
    if (gone)
        log_line(LOG_INFO, "documents that did not come whole, or were removed, are swept", NULL);
    if (glass_lapse(k->study, &e))
        log_err(LOG_ERROR, "emergency accesses that have ended were not written down; it is tried again", &e);
    if (project_lapse(k->study, &e))
        log_err(LOG_ERROR, "projects that are over were not written down; it is tried again", &e);
}

static void *keep_loop(void *arg)
{
    struct keeper *k = arg;
    pthread_setname_np(pthread_self(), "keeper");
    pthread_mutex_lock(&k->lock);
    for (int round = 0; !k->stop; round++) {
        struct timespec until;
        pthread_mutex_unlock(&k->lock);
        keep(k, round);
        pthread_mutex_lock(&k->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        if (!k->stop)
            pthread_cond_timedwait(&k->bell, &k->lock, &until);
    }
    pthread_mutex_unlock(&k->lock);
    arena_thread_end();
    return NULL;
}

int keeper_start(struct jobs *j, const struct study *s, struct keeper **ret, struct err *e)
{
    struct keeper *k = calloc(1, sizeof *k);
    pthread_condattr_t attr;
    if (!k)
        return err_set(e, ERR_NO_MEMORY, "the keeper");
    k->j = j;
    k->study = s;
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->bell, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&k->thread, NULL, keep_loop, k)) {
        free(k);
        return err_set(e, ERR_INTERNAL, "no thread for keeping house");
    }
    *ret = k;
    return 0;
}

void keeper_stop(struct keeper *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->bell);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->bell);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
