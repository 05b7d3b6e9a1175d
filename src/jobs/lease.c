/* lease.c -- claiming, finishing and retrying jobs. */
#include <assert.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/rnd.h"
#include "jobs/job_int.h"
#include "jobs/watch.h"
#include "store/place.h"

enum { CLASS_US = 60000000 }; /* what one class of priority is worth, in waiting */

int job_move(struct tx *tx, const uint8_t *scope, const uint8_t *id, enum job_state from, enum job_state to,
             int64_t fence, struct err *e)
{
    assert(job_move_legal(from, to));
    return tx_exec(tx, e,
                   "UPDATE job SET state = $1, updated_at = $2 WHERE scope = $3 AND id = $4 AND state = $5 AND "
                   "($6 < 0 OR fence = $6)",
                   V_STR(job_state_name(to)), V_INT(clock_now_us()), V_ID(scope), V_ID(id), V_STR(job_state_name(from)),
                   V_INT(fence));
}

int job_tell_end(struct tx *tx, const uint8_t *scope, const uint8_t *id, struct err *e)
{
    uint8_t event[16];
    uuid7(event);
    return tx_put(
        tx, e,
        "INSERT INTO webhook_event (scope, id, endpoint, job, kind, next_at, created_at) "
        "SELECT $1, $2, w.id, job.id, 'job.ended', 0, $3 FROM job JOIN webhook_endpoint w ON w.scope = "
        "job.scope AND w.client = job.client AND (w.kind = 'url' OR job.webhook = 1) WHERE job.scope = $1 AND "
        "job.id = $4",
        V_ID(scope), V_ID(event), V_INT(clock_now_us()), V_ID(id));
}

/* --- ending: in a body, whoever ends it --- */

struct ending {
    struct jobs *j;
    const uint8_t *id;
    int64_t fence; /* of a RUNNING one; < 0 of another: whatever fence */
    const char *trace;
    enum job_state from, wanted, to; /* `to`: where it went, CANCELLED perhaps */
    struct slice result, vendor_log; /* sealed, or {NULL,0} */
    const char *error;
    int64_t not_before, created_at;
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
                                .object_id = uuid_text(x->id, id),
                                .outcome = x->to == JOB_COMPLETED || x->to == JOB_CANCELLED ? "permit" : "error",
                                .why = x->error && x->to == x->wanted ? x->error : job_state_name(x->to),
                                .trace = x->trace && *x->trace ? x->trace : NULL,
                                .rows = 1};
    return audit_append(tx, &entry, e);
}

/* To where its end was meant to go, or to CANCELLED, if its client asked for that while it ran: then nothing else comes
 * of it. Two statements, of which one finds the row, so that an ask that commits in between is not missed. A body that
 * runs again asks again for what was wanted first. */
static int move_or_cancel(struct tx *tx, struct ending *x, struct err *e)
{
    const uint8_t *scope = x->j->scope;
    x->to = x->wanted;
    if (x->from != JOB_RUNNING || x->wanted == JOB_CANCELLED)
        return job_move(tx, scope, x->id, x->from, x->to, x->fence, e);
    assert(job_move_legal(x->from, x->to));
    int n = tx_exec(tx, e,
                    "UPDATE job SET state = $1, updated_at = $2 WHERE scope = $3 AND id = $4 AND state = 'RUNNING' AND "
                    "fence = $5 AND cancelled = 0",
                    V_STR(job_state_name(x->to)), V_INT(clock_now_us()), V_ID(scope), V_ID(x->id), V_INT(x->fence));
    if (n != 0)
        return n;
    n = tx_exec(tx, e,
                "UPDATE job SET state = 'CANCELLED', updated_at = $1 WHERE scope = $2 AND id = $3 AND state = "
                "'RUNNING' AND fence = $4 AND cancelled = 1",
                V_INT(clock_now_us()), V_ID(scope), V_ID(x->id), V_INT(x->fence));
    x->to = n > 0 ? JOB_CANCELLED : x->to;
    return n;
}

static int end_body(struct tx *tx, void *arg, struct err *e)
{
    struct ending *x = arg;
    const uint8_t *scope = x->j->scope;
    x->stored = move_or_cancel(tx, x, e);
    if (x->stored <= 0)
        return x->stored;
    bool kept = x->to == x->wanted; /* what came of it; not when it was cancelled instead */
    int rc =
        x->to == JOB_QUEUED
            ? tx_put(tx, e, "UPDATE job SET not_before = $1, error = $2, progress = NULL WHERE scope = $3 AND id = $4",
                     V_INT(x->not_before), V_STR(x->error), V_ID(scope), V_ID(x->id))
            : tx_put(tx, e,
                     "UPDATE job SET result = $1, vendor_log = $2, error = $3, lease_until = NULL, progress = NULL "
                     "WHERE scope = $4 AND id = $5",
                     kept ? V_MAYBE(x->result) : V_NULL, kept ? V_MAYBE(x->vendor_log) : V_NULL,
                     kept && x->error ? V_STR(x->error) : V_NULL, V_ID(scope), V_ID(x->id));
    if (rc || (x->to != JOB_QUEUED && job_tell_end(tx, scope, x->id, e)))
        return -1;
    if (end_audit(tx, x, e))
        return -1;
    fault_crash(CRASH_finish_stored);
    return 0;
}

/* --- what nobody runs --- */

struct sweeping {
    struct jobs *j;
    struct arena *arena;
    int64_t before, beyond; /* leases that end before; or so late that nobody can have given them: by another clock */
    int seen, lost, queued; /* leases; queued again, so tried once more; how the queue changed */
};

/* Jobs whose lease ran out: queued again, or dead when they took down their worker every time. */
static int requeue(struct tx *tx, struct sweeping *x, struct err *e)
{
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT id, attempts, trace, fence FROM job WHERE state = 'RUNNING' AND (lease_until < $1 OR "
                "lease_until > $2) LIMIT 100 " DB_SKIP_LOCKED,
                V_INT(x->before), V_INT(x->beyond)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct ending end = {.j = x->j,
                             .id = (const uint8_t *)v[0].s.p,
                             .fence = v[3].i,
                             .trace = v[2].s.p,
                             .from = JOB_RUNNING,
                             .wanted = v[1].i < JOB_TRIES ? JOB_QUEUED : JOB_DEAD,
                             .error = "WORKER_LOST"}; /* due at once */
        if (end_body(tx, &end, e))
            return -1;
        x->lost += end.to == JOB_QUEUED && end.stored;
        x->queued += end.to == JOB_QUEUED && end.stored;
    }
    x->seen = r.n;
    return 0;
}

static int expire(struct tx *tx, struct sweeping *x, struct err *e)
{
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT id, trace FROM job WHERE state = 'QUEUED' AND expires_at <= $1 LIMIT 100 " DB_SKIP_LOCKED,
                V_INT(clock_surely_us())) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct ending end = {.j = x->j,
                             .id = (const uint8_t *)v[0].s.p,
                             .fence = -1,
                             .trace = v[1].s.p,
                             .from = JOB_QUEUED,
                             .wanted = JOB_EXPIRED};
        if (end_body(tx, &end, e))
            return -1;
        x->queued -= end.stored;
    }
    return 0;
}

/* A back-off that ends later than any can was given by a clock that has been put back since. */
static int undelay(struct tx *tx, struct sweeping *x, struct err *e)
{
    return tx_put(tx, e, "UPDATE job SET not_before = 0 WHERE state = 'QUEUED' AND not_before > $1", V_INT(x->beyond));
}

static int sweep_body(struct tx *tx, void *arg, struct err *e)
{
    struct sweeping *x = arg;
    x->seen = x->lost = x->queued = 0;
    return requeue(tx, x, e) || undelay(tx, x, e) || expire(tx, x, e) ? -1 : 0;
}

static void count_lost(const struct sweeping *x)
{
    if (x->seen) {
        metric_add(METRIC_LEASES_LOST, x->seen);
        metric_add(METRIC_JOBS_FAILED, x->seen - x->lost);
    }
}

int job_sweep(struct jobs *j, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    int64_t now = clock_steady_us();
    struct sweeping x = {.j = j, .arena = a, .before = now, .beyond = now + WAIT_MAX_US};
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look after the queue");
    j->sweep_at = clock_mono_us() + SWEEP_US;
    if (tx_run(j->db, sweep_body, &x, e))
        return -1;
    jobs_count(j, x.queued);
    count_lost(&x);
    for (int i = 0; i < x.lost; i++)
        jobs_ring(j);
    if (x.seen || x.queued)
        jobs_changed(j);
    return 0;
}

static int recover_body(struct tx *tx, void *arg, struct err *e)
{
    struct sweeping *x = arg;
    x->seen = x->lost = x->queued = 0;
    return requeue(tx, x, e);
}

int job_recover(struct jobs *j, struct err *e)
{
    for (;;) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct sweeping x = {.j = j, .arena = a, .before = INT64_MAX, .beyond = INT64_MAX};
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "recover jobs");
        if (tx_run(j->db, recover_body, &x, e))
            return -1;
        if (x.seen == 0)
            return 0;
        count_lost(&x);
        jobs_count(j, x.queued - x.seen); /* jobs_open counted all of them as waiting */
        log_line(LOG_INFO, "jobs that were running when the process ended are queued again", NULL);
    }
}

/* --- claiming --- */

struct claiming {
    struct jobs *j;
    struct arena *arena;
    int64_t lease_us;
    struct rows rows; /* the one claimed, or none */
    int buried;       /* jobs that ended instead: dead, unrun */
};

/* The classes that have a job that is due, the one whose head waits longest first; a class counts a minute. */
static int due_classes(struct tx *tx, struct claiming *x, int ret[PRIORITIES], struct err *e)
{
#define HEAD(class)                                                                                                    \
    "SELECT * FROM (SELECT priority, created_at FROM job WHERE state = 'QUEUED' AND priority = " class " AND "         \
                                                                                                       "not_before "   \
                                                                                                       "<= $1 ORDER "  \
                                                                                                       "BY turn "      \
                                                                                                       "LIMIT 1) AS "  \
                                                                                                       "c" class
    struct rows r;
    int64_t rank[PRIORITIES];
    if (tx_rows(tx, x->arena, &r, e, HEAD("0") " UNION ALL " HEAD("1") " UNION ALL " HEAD("2") " UNION ALL " HEAD("3"),
                V_INT(clock_steady_us())) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        int64_t class = row_at(&r, i, 0)->i, mine = row_at(&r, i, 1)->i + class * CLASS_US;
        int at = i;
        for (; at > 0 && (mine < rank[at - 1] || (mine == rank[at - 1] && class < ret[at - 1])); at--) {
            ret[at] = ret[at - 1];
            rank[at] = rank[at - 1];
        }
        ret[at] = (int)class;
        rank[at] = mine;
    }
    return r.n;
}

/* The very input took down every worker that ran it, as another job: no more workers for it, until an operator gives
 * that other job new tries. */
#define IS_POISON                                                                                                      \
    "(SELECT count(*) FROM job d WHERE d.state = 'DEAD' AND d.input = job.input AND d.error = 'WORKER_LOST')"

static int bury(struct tx *tx, struct claiming *x, const uint8_t *id, const char *trace, struct err *e)
{
    struct ending end = {
        .j = x->j, .id = id, .fence = -1, .trace = trace, .from = JOB_QUEUED, .wanted = JOB_DEAD, .error = "POISON"};
    if (end_body(tx, &end, e))
        return -1;
    x->buried += end.stored;
    return end.stored;
}

/* The first of a class that is due: id, trace, is it poison. Where clients or models have a limit, one of whose client
 * and model one more may run, among the first thousand: what waits of those at their limit is not walked past to its
 * end every time. Clients take turns, so others' jobs are near the front. */
static int next_due(struct tx *tx, struct claiming *x, int class, int64_t now, struct rows *ret, struct err *e)
{
    const struct jobs_limits *l = &x->j->limits;
    if (l->client_running == 0 && l->model_running == 0)
        return tx_rows(
            tx, x->arena, ret, e,
            "SELECT id, trace, " IS_POISON " FROM job WHERE state = 'QUEUED' AND priority = $1 AND "
            "not_before <= $2 AND (expires_at IS NULL OR expires_at > $3) ORDER BY turn LIMIT 1 " DB_SKIP_LOCKED,
            V_INT(class), V_INT(now), V_INT(clock_surely_us()));
    return tx_rows(
        tx, x->arena, ret, e,
        "SELECT id, trace, " IS_POISON " FROM job WHERE state = 'QUEUED' AND priority = $1 AND "
        "not_before <= $2 AND (expires_at IS NULL OR expires_at > $3) AND "
        "($4 = 0 OR (SELECT count(*) FROM job r WHERE r.state = 'RUNNING' AND r.client = job.client) < $4) "
        "AND ($5 = 0 OR (SELECT count(*) FROM job r WHERE r.state = 'RUNNING' AND r.model = job.model) < $5) "
        "AND turn <= (SELECT max(turn) FROM (SELECT turn FROM job WHERE state = 'QUEUED' AND priority = $1 "
        "ORDER BY turn LIMIT 1000) AS ahead) ORDER BY turn LIMIT 1 " DB_SKIP_LOCKED,
        V_INT(class), V_INT(now), V_INT(clock_surely_us()), V_INT(l->client_running), V_INT(l->model_running));
}

static int take_from(struct tx *tx, struct claiming *x, int class, struct err *e)
{
    int64_t now = clock_steady_us();
    struct rows due;
    int found = next_due(tx, x, class, now, &due, e);
    if (found <= 0)
        return found;
    const struct val *v = row_at(&due, 0, 0);
    const uint8_t *id = (const uint8_t *)v[0].s.p;
    if (v[2].i)
        return bury(tx, x, id, v[1].s.p, e);
    int moved = job_move(tx, x->j->scope, id, JOB_QUEUED, JOB_RUNNING, -1, e);
    if (moved <= 0)
        return moved;
    return tx_rows(tx, x->arena, &x->rows, e,
                   "UPDATE job SET fence = fence + 1, attempts = attempts + 1, lease_until = $1 WHERE scope = $2 AND "
                   "id = $3 RETURNING id, model, client, fence, created_at, attempts, trace, key, plan, turn",
                   V_INT(now + x->lease_us), V_ID(x->j->scope), V_ID(id));
}

/* Where what runs is counted, claims come one after the other: else each counts what the others have not committed. */
static int claim_alone(struct tx *tx, const struct claiming *x, struct err *e)
{
    const struct jobs_limits *l = &x->j->limits;
    return tx_shared(tx) && (l->client_running || l->model_running)
               ? tx_put(tx, e, "SELECT pg_advisory_xact_lock(418430873974)")
               : 0;
}

static int claim_body(struct tx *tx, void *arg, struct err *e)
{
    struct claiming *x = arg;
    int class[PRIORITIES], n = claim_alone(tx, x, e) ? -1 : due_classes(tx, x, class, e), got = n < 0 ? -1 : 0;
    x->rows.n = x->buried = 0;
    for (int i = 0; i < n && got == 0; i++)
        got = take_from(tx, x, class[i], e);
    if (got > 0)
        fault_crash(CRASH_claim_taken);
    return got < 0 ? -1 : 0;
}

static void count_buried(const struct claiming *x)
{
    if (x->buried) {
        jobs_count(x->j, -x->buried);
        metric_add(METRIC_JOBS_FAILED, x->buried);
        jobs_tell(x->j);
        jobs_changed(x->j);
    }
}

/* A claim that a power failure undoes leaves the job queued, which is what recovery would make of it. */
static int claim_one(struct claiming *x, struct err *e)
{
    struct jobs *j = x->j;
    if (clock_mono_us() >= j->sweep_at && job_sweep(j, e))
        return -1;
    if (tx_run_lazy(j->db, claim_body, x, e))
        return -1;
    if (x->rows.n || x->buried || jobs_shared(j)) /* others sweep, too */
        return 0;
    return job_sweep(j, e) || tx_run_lazy(j->db, claim_body, x, e) ? -1 : 0;
}

/* How many cancellations of runs there were. */
static int64_t cancels(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    int64_t n = j->cancels;
    pthread_mutex_unlock(&j->lock);
    return n;
}

static int running_enter(struct jobs *j, const uint8_t id[16])
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), at = 0;
    pthread_mutex_lock(&j->lock);
    while (at < RUNNING_MAX && j->running[at].fd >= 0)
        at++;
    if (fd >= 0 && at < RUNNING_MAX) {
        memcpy(j->running[at].id, id, 16);
        j->running[at].fd = fd;
    } else if (fd >= 0) {
        close(fd);
        fd = -1;
    }
    pthread_mutex_unlock(&j->lock);
    return fd;
}

void job_running_cancel(struct jobs *j, const uint8_t id[16])
{
    pthread_mutex_lock(&j->lock);
    j->cancels++;
    for (int i = 0; i < RUNNING_MAX; i++)
        if (j->running[i].fd >= 0 && memcmp(j->running[i].id, id, 16) == 0 && eventfd_write(j->running[i].fd, 1))
            log_line(LOG_WARN, "a run could not be told of its cancellation; its lease will end it", NULL);
    pthread_mutex_unlock(&j->lock);
}

static int open_claim(struct jobs *j, const struct val *v, struct arena *a, struct job_claim *ret, struct err *e)
{
    *ret = (struct job_claim){.fence = v[3].i, .created_at = v[4].i, .attempts = (int)v[5].i, .trace = v[6].s.p};
    memcpy(ret->id, v[0].s.p, 16);
    memcpy(ret->model, v[1].s.p, 32);
    memcpy(ret->client, v[2].s.p, 16);
    ret->cancel_fd = running_enter(j, ret->id);
    struct seal_place at = job_place(PLACE_JOB_KEY, j->scope, ret->id, ret->client);
    if (keyring_unwrap(j->keyring, &at, v[7].s, a, &ret->key, e))
        return -1;
    at = job_place(PLACE_JOB_PLAN, j->scope, ret->id, ret->client);
    return seal_open(&ret->key, &at, v[8].s, a, &ret->plan, e);
}

/* One that came between the claim and its entry in the table found no run. */
static void cancel_missed(struct jobs *j, const struct job_claim *c, int64_t before)
{
    struct err e;
    if (c->cancel_fd >= 0 && cancels(j) != before && job_cancel_asked(j, c, &e) == 1 && eventfd_write(c->cancel_fd, 1))
        log_line(LOG_WARN, "a run could not be told of its cancellation; its lease will end it", NULL);
}

int job_claim(struct jobs *j, int64_t lease_us, struct arena *a, struct job_claim *ret, struct err *e)
{
    struct claiming x = {.j = j, .arena = a, .lease_us = lease_us};
    int64_t before = cancels(j);
    *ret = (struct job_claim){.cancel_fd = -1};
    do {
        if (claim_one(&x, e))
            return -1;
        count_buried(&x);
    } while (x.buried);
    if (x.rows.n)
        jobs_changed(j);
    if (x.rows.n == 0)
        return 0;
    const struct val *v = row_at(&x.rows, 0, 0);
    fault_crash(CRASH_claim_committed);
    jobs_count(j, -1);
    order_served(&j->order, v[9].i);
    int failed = open_claim(j, v, a, ret, e);
    cancel_missed(j, ret, before);
    return failed ? -1 : 1;
}

void job_claim_end(struct jobs *j, struct job_claim *c)
{
    key_wipe(&c->key);
    pthread_mutex_lock(&j->lock);
    for (int i = 0; i < RUNNING_MAX && c->cancel_fd >= 0; i++)
        if (j->running[i].fd == c->cancel_fd) {
            j->running[i].fd = -1;
            close(c->cancel_fd);
            c->cancel_fd = -1;
        }
    pthread_mutex_unlock(&j->lock);
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
    x->held = tx_exec(tx, e,
                      "UPDATE job SET lease_until = $1 WHERE scope = $2 AND id = $3 AND state = 'RUNNING' AND fence = "
                      "$4 AND cancelled = 0",
                      V_INT(x->until), V_ID(x->j->scope), V_ID(x->c->id), V_INT(x->c->fence));
    return x->held < 0 ? -1 : 0;
}

int job_heartbeat(struct jobs *j, const struct job_claim *c, int64_t lease_us, struct err *e)
{
    struct beating x = {j, c, clock_steady_us() + lease_us, 0};
    return tx_run_lazy(j->db, heartbeat_body, &x, e) ? -1 : x.held;
}

struct telling {
    const struct jobs *j;
    const struct job_claim *c;
    int percent, told;
};

static int progress_body(struct tx *tx, void *arg, struct err *e)
{
    struct telling *x = arg;
    x->told = tx_exec(tx, e,
                      "UPDATE job SET progress = $1 WHERE scope = $2 AND id = $3 AND state = 'RUNNING' AND fence = $4 "
                      "AND (progress IS NULL OR progress < $1)",
                      V_INT(x->percent), V_ID(x->j->scope), V_ID(x->c->id), V_INT(x->c->fence));
    return x->told < 0 ? -1 : 0;
}

int job_progress(struct jobs *j, const struct job_claim *c, int percent, struct err *e)
{
    struct telling x = {j, c, percent, 0};
    if (tx_run_lazy(j->db, progress_body, &x, e))
        return -1;
    if (x.told)
        jobs_changed(j);
    return 0;
}

int job_cancel_asked(struct jobs *j, const struct job_claim *c, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look at a job");
    if (db_rows(j->db, a, &r, e, "SELECT cancelled FROM job WHERE scope = $1 AND id = $2", V_ID(j->scope),
                V_ID(c->id)) < 0)
        return -1;
    return r.n == 0 || row_at(&r, 0, 0)->i != 0;
}

/* --- finishing --- */

static int finish(struct jobs *j, struct ending *x, struct err *e)
{
    if (tx_run(j->db, end_body, x, e))
        return -1;
    fault_crash(CRASH_finish_committed);
    if (x->stored) {
        jobs_changed(j);
        if (x->to != JOB_QUEUED)
            jobs_tell(j);
        if (x->to == JOB_QUEUED)
            jobs_count(j, 1);
        else
            metric_observe(HISTOGRAM_JOB, clock_now_us() - x->created_at);
        if (x->to == JOB_COMPLETED)
            metric_add(METRIC_JOBS_COMPLETED, 1);
        if (x->to == JOB_FAILED || x->to == JOB_DEAD)
            metric_add(METRIC_JOBS_FAILED, 1);
        if (x->to == JOB_CANCELLED)
            metric_add(METRIC_JOBS_CANCELLED, 1);
    }
    return x->stored;
}

static struct ending ending_of(struct jobs *j, const struct job_claim *c, enum job_state to, const char *error)
{
    return (struct ending){.j = j,
                           .id = c->id,
                           .fence = c->fence,
                           .trace = c->trace,
                           .from = JOB_RUNNING,
                           .wanted = to,
                           .error = error,
                           .created_at = c->created_at};
}

int job_finish(struct jobs *j, const struct job_claim *c, struct slice result, struct slice vendor_log,
               const char *error, struct arena *a, struct err *e)
{
    struct ending x = ending_of(j, c, error ? JOB_FAILED : JOB_COMPLETED, error);
    struct seal_place at = job_place(PLACE_JOB_RESULT, j->scope, c->id, c->client);
    if (!error && seal(&c->key, &at, result, a, &x.result, e))
        return -1;
    at = job_place(PLACE_JOB_VENDOR_LOG, j->scope, c->id, c->client);
    if (vendor_log.n && seal(&c->key, &at, vendor_log, a, &x.vendor_log, e))
        return -1;
    return finish(j, &x, e);
}

int job_finish_cancelled(struct jobs *j, const struct job_claim *c, struct err *e)
{
    struct ending x = ending_of(j, c, JOB_CANCELLED, NULL);
    return finish(j, &x, e);
}

int job_retry(struct jobs *j, const struct job_claim *c, const char *error, struct err *e)
{
    struct ending x = ending_of(j, c, c->attempts < JOB_TRIES ? JOB_QUEUED : JOB_DEAD, error);
    uint32_t r;
    rnd_bytes(&r, sizeof r);
    if (x.wanted == JOB_QUEUED) /* 1 s * 2^n, give or take a fifth */
        x.not_before = clock_steady_us() + (1000000LL << (c->attempts - 1)) * (800 + r % 400) / 1000;
    return finish(j, &x, e);
}

/* --- invariants --- */

int job_check_invariants(struct jobs *j, struct err *e)
{
    static const struct {
        const char *sql, *what;
    } rule[] = {
        {"SELECT count(*) FROM job WHERE state NOT IN ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', "
         "'EXPIRED', 'DEAD')",
         "a job in an unknown state"},
        {"SELECT count(*) FROM job WHERE (state = 'COMPLETED' AND erased_at IS NULL) <> (result IS NOT NULL)",
         "a result without completion, or the reverse"},
        {"SELECT count(*) FROM job WHERE (state = 'FAILED' OR state = 'DEAD') AND error IS NULL",
         "a failed job without its reason"},
        {"SELECT count(*) FROM job WHERE state = 'RUNNING' AND (lease_until IS NULL OR fence = 0)",
         "a running job without a lease"},
        {"SELECT count(*) FROM job WHERE erased_at IS NOT NULL AND (length(key) > 0 OR length(bundle) > 0 OR "
         "length(plan) > 0 OR vendor_log IS NOT NULL OR input IS NOT NULL)",
         "an erased job that is still there"},
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
