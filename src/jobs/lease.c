/* lease.c -- claiming, finishing and retrying jobs; the only writer of jobs.state. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/rnd.h"
#include "jobs/job_int.h"
#include "jobs/watch.h"
#include "store/place.h"

#include <assert.h>

/* Compare and set: 1 moved, 0 it is not (any more) in `from` under this fence. `fence` < 0: whatever fence. */
static int job_move(struct tx *tx, const uint8_t *scope, const uint8_t *id, enum job_state from, enum job_state to,
                    int64_t fence, struct err *e)
{
    assert(job_move_legal(from, to));
    int n = tx_exec(tx, e,
                    "UPDATE job SET state = $1, updated_at = $2 WHERE scope = $3 AND id = $4 AND state = $5 AND "
                    "($6 < 0 OR fence = $6)",
                    V_STR(job_state_name(to)), V_INT(clock_now_us()), V_ID(scope), V_ID(id),
                    V_STR(job_state_name(from)), V_INT(fence));
    return n;
}

/* --- ending: in a body, whoever ends it --- */

struct ending {
    struct jobs *j;
    const struct job_claim *c;
    enum job_state to;
    struct slice result, vendor_log; /* sealed, or {NULL,0} */
    const char *error;
    int64_t not_before;
    int stored;
};

static int end_audit(struct tx *tx, struct ending *x, struct err *e)
{
    char id[UUID_TEXT];
    struct audit_entry entry = {.scope = x->j->scope,
                                .actor = "worker",
                                .role = "worker",
                                .action = "execute",
                                .object = "Job",
                                .object_id = uuid_text(x->c->id, id),
                                .outcome = x->to == JOB_COMPLETED ? "permit" : "error",
                                .why = x->error ? x->error : "COMPLETED",
                                .trace = x->c->trace,
                                .rows = 1};
    return audit_append(tx, &entry, e);
}

static int end_body(struct tx *tx, void *arg, struct err *e)
{
    struct ending *x = arg;
    const uint8_t *scope = x->j->scope;
    x->stored = job_move(tx, scope, x->c->id, JOB_RUNNING, x->to, x->c->fence, e);
    if (x->stored <= 0)
        return x->stored;
    if (x->to == JOB_QUEUED) {
        if (tx_exec(tx, e, "UPDATE job SET not_before = $1, error = $2 WHERE scope = $3 AND id = $4",
                    V_INT(x->not_before), V_STR(x->error), V_ID(scope), V_ID(x->c->id)) < 0)
            return -1;
    } else {
        uint8_t event[16];
        uuid7(event);
        if (tx_exec(tx, e,
                    "UPDATE job SET result = $1, vendor_log = $2, error = $3, lease_until = NULL WHERE scope = $4 AND "
                    "id = $5",
                    V_MAYBE(x->result), V_MAYBE(x->vendor_log), x->error ? V_STR(x->error) : V_NULL, V_ID(scope),
                    V_ID(x->c->id)) < 0 ||
            tx_exec(
                tx, e,
                "INSERT INTO outbox (scope, id, job, client, kind, next_at, created_at) "
                "SELECT $1, $2, $3, client, 'job.ended', $4, $4 FROM job WHERE scope = $1 AND id = $3 AND webhook = 1",
                V_ID(scope), V_ID(event), V_ID(x->c->id), V_INT(clock_now_us())) < 0)
            return -1;
    }
    return end_audit(tx, x, e);
}

/* --- claiming --- */

struct claiming {
    struct jobs *j;
    struct arena *arena;
    int64_t lease_us;
    struct rows rows; /* the one claimed, or none */
    int lost, seen;   /* leases that ran out: queued again, and all */
};

/* Jobs whose lease ran out before `before`: queued again, or failed when they took down their worker every time. */
static int requeue(struct tx *tx, struct claiming *x, int64_t before, struct err *e)
{
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT id, attempts, trace FROM job WHERE state = 'RUNNING' AND lease_until < $1 LIMIT 100",
                V_INT(before)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct job_claim c = {.fence = -1, .trace = v[2].s.p};
        memcpy(c.id, v[0].s.p, 16);
        bool again = v[1].i < JOB_TRIES;
        struct ending end = {.j = x->j,
                             .c = &c,
                             .to = again ? JOB_QUEUED : JOB_FAILED,
                             .error = "WORKER_LOST",
                             .not_before = clock_now_us()};
        if (end_body(tx, &end, e))
            return -1;
        x->lost += again;
    }
    x->seen = r.n;
    return 0;
}

static void count_lost(const struct claiming *x)
{
    if (x->seen) {
        metric_add(METRIC_LEASES_LOST, x->seen);
        metric_add(METRIC_JOBS_FAILED, x->seen - x->lost);
    }
}

static int claim_body(struct tx *tx, void *arg, struct err *e)
{
    struct claiming *x = arg;
    struct rows due;
    x->rows.n = 0;
    if (requeue(tx, x, clock_now_us(), e))
        return -1;
    int64_t now = clock_now_us(); /* after it, so that what was queued again just now is due */
    if (tx_rows(tx, x->arena, &due, e,
                "SELECT scope, id FROM job WHERE state = 'QUEUED' AND not_before <= $1 "
                "ORDER BY not_before LIMIT 1",
                V_INT(now)) < 0)
        return -1;
    if (due.n == 0)
        return 0;
    const uint8_t *scope = (const uint8_t *)row_at(&due, 0, 0)->s.p, *id = (const uint8_t *)row_at(&due, 0, 1)->s.p;
    if (job_move(tx, scope, id, JOB_QUEUED, JOB_RUNNING, -1, e) < 0 ||
        tx_exec(
            tx, e,
            "UPDATE job SET fence = fence + 1, attempts = attempts + 1, lease_until = $1 WHERE scope = $2 AND id = $3",
            V_INT(now + x->lease_us), V_ID(scope), V_ID(id)) < 0)
        return -1;
    return tx_rows(tx, x->arena, &x->rows, e,
                   "SELECT id, model, client, fence, created_at, attempts, trace, key, plan FROM job WHERE scope = $1 "
                   "AND id = $2",
                   V_ID(scope), V_ID(id)) < 0
               ? -1
               : 0;
}

int job_claim(struct jobs *j, int64_t lease_us, struct arena *a, struct job_claim *ret, struct err *e)
{
    struct claiming x = {.j = j, .arena = a, .lease_us = lease_us};
    /* A claim that a power failure undoes leaves the job queued, which is what recovery would make of it. */
    if (tx_run_lazy(j->db, claim_body, &x, e))
        return -1;
    if (x.lost)
        jobs_count(j, x.lost);
    count_lost(&x);
    if (x.rows.n || x.seen)
        jobs_changed(j);
    if (x.rows.n == 0)
        return 0;
    const struct val *v = row_at(&x.rows, 0, 0);
    jobs_count(j, -1);
    *ret = (struct job_claim){.fence = v[3].i, .created_at = v[4].i, .attempts = (int)v[5].i, .trace = v[6].s.p};
    memcpy(ret->id, v[0].s.p, 16);
    memcpy(ret->model, v[1].s.p, 32);
    memcpy(ret->client, v[2].s.p, 16);
    struct seal_place at = job_place(PLACE_JOB_KEY, j->scope, ret->id, ret->client);
    if (keyring_unwrap(j->keyring, &at, v[7].s, a, &ret->key, e))
        return -1;
    at = job_place(PLACE_JOB_PLAN, j->scope, ret->id, ret->client);
    return seal_open(&ret->key, &at, v[8].s, a, &ret->plan, e) ? -1 : 1;
}

void job_claim_end(struct job_claim *c)
{
    key_wipe(&c->key);
}

struct beating {
    const struct jobs *j;
    const struct job_claim *c;
    int64_t until;
    int held;
};

static int heartbeat_body(struct tx *tx, void *arg, struct err *e)
{
    struct beating *x = arg;
    x->held = tx_exec(
        tx, e, "UPDATE job SET lease_until = $1 WHERE scope = $2 AND id = $3 AND state = 'RUNNING' AND fence = $4",
        V_INT(x->until), V_ID(x->j->scope), V_ID(x->c->id), V_INT(x->c->fence));
    return x->held < 0 ? -1 : 0;
}

int job_heartbeat(struct jobs *j, const struct job_claim *c, int64_t lease_us, struct err *e)
{
    struct beating x = {j, c, clock_now_us() + lease_us, 0};
    return tx_run_lazy(j->db, heartbeat_body, &x, e) ? -1 : x.held;
}

/* --- finishing --- */

static int finish(struct jobs *j, struct ending *x, struct err *e)
{
    if (tx_run(j->db, end_body, x, e))
        return -1;
    if (x->stored) {
        jobs_changed(j);
        if (x->to == JOB_QUEUED)
            jobs_count(j, 1);
        else
            metric_observe(HISTOGRAM_JOB, clock_now_us() - x->c->created_at);
        if (x->to == JOB_COMPLETED)
            metric_add(METRIC_JOBS_COMPLETED, 1);
        if (x->to == JOB_FAILED)
            metric_add(METRIC_JOBS_FAILED, 1);
    }
    return x->stored;
}

int job_finish(struct jobs *j, const struct job_claim *c, struct slice result, struct slice vendor_log,
               const char *error, struct arena *a, struct err *e)
{
    struct ending x = {.j = j, .c = c, .to = error ? JOB_FAILED : JOB_COMPLETED, .error = error};
    struct seal_place at = job_place(PLACE_JOB_RESULT, j->scope, c->id, c->client);
    if (!error && seal(&c->key, &at, result, a, &x.result, e))
        return -1;
    at = job_place(PLACE_JOB_VENDOR_LOG, j->scope, c->id, c->client);
    if (vendor_log.n && seal(&c->key, &at, vendor_log, a, &x.vendor_log, e))
        return -1;
    return finish(j, &x, e);
}

int job_retry(struct jobs *j, const struct job_claim *c, const char *error, struct arena *a, struct err *e)
{
    if (c->attempts >= JOB_TRIES)
        return job_finish(j, c, (struct slice){0}, (struct slice){0}, error, a, e);
    uint32_t r;
    rnd_bytes(&r, sizeof r);
    int64_t wait = (1000000LL << (c->attempts - 1)) * (800 + r % 400) / 1000; /* 1 s * 2^n, give or take a fifth */
    struct ending x = {.j = j, .c = c, .to = JOB_QUEUED, .error = error, .not_before = clock_now_us() + wait};
    return finish(j, &x, e);
}

static int recover_body(struct tx *tx, void *arg, struct err *e)
{
    struct claiming *x = arg;
    return requeue(tx, x, INT64_MAX, e);
}

int job_recover(struct jobs *j, struct err *e)
{
    for (;;) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct claiming x = {.j = j, .arena = a};
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "recover jobs");
        if (tx_run(j->db, recover_body, &x, e))
            return -1;
        if (x.seen == 0)
            return 0;
        count_lost(&x);
        jobs_count(j, x.lost - x.seen); /* jobs_open counted all of them as waiting */
        log_line(LOG_INFO, "jobs that were running when the process ended are queued again", NULL);
    }
}

/* --- invariants --- */

int job_check_invariants(struct jobs *j, struct err *e)
{
    static const struct {
        const char *sql, *what;
    } rule[] = {
        {"SELECT count(*) FROM job WHERE state NOT IN ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED')",
         "a job in an unknown state"},
        {"SELECT count(*) FROM job WHERE (state = 'COMPLETED') <> (result IS NOT NULL)",
         "a result without completion, or the reverse"},
        {"SELECT count(*) FROM job WHERE state = 'FAILED' AND error IS NULL", "a failed job without its reason"},
        {"SELECT count(*) FROM job WHERE state = 'RUNNING' AND (lease_until IS NULL OR fence = 0)",
         "a running job without a lease"},
        {"SELECT count(*) FROM idempotency i LEFT JOIN job ON job.scope = i.scope AND job.id = i.job WHERE job.id IS "
         "NULL",
         "an idempotency key without its job"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "check the jobs");
    for (size_t i = 0; i < COUNT(rule); i++) {
        if (db_rows(j->db, a, &r, e, rule[i].sql) < 0)
            return -1;
        if (row_at(&r, 0, 0)->i)
            return err_set(e, ERR_STORE, "%s (%lld)", rule[i].what, (long long)row_at(&r, 0, 0)->i);
    }
    return 0;
}
