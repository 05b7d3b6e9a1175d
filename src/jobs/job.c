#include "jobs/job.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "jobs/job_int.h"
#include "jobs/watch.h"
#include "store/place.h"

static const struct {
    const char *name, *text;
    bool ended;
} states[JOB_STATES] = {
#define STATE(name, text, ended) [JOB_##name] = {#name, text, ended},
#define MOVE(from, to, when)
#include "jobs/states.def"
#undef STATE
#undef MOVE
};

const char *job_state_name(enum job_state s)
{
    return states[s].name;
}
const char *job_state_public(enum job_state s)
{
    return states[s].text;
}
bool job_state_ended(enum job_state s)
{
    return states[s].ended;
}

bool job_move_legal(enum job_state from, enum job_state to)
{
#define STATE(name, text, ended)
#define MOVE(from_, to_, when)                                                                                         \
    if (from == JOB_##from_ && to == JOB_##to_)                                                                        \
        return true;
#include "jobs/states.def"
#undef STATE
#undef MOVE
    return false;
}

const char *job_error_text(const char *code)
{
#define FAILURE(name, text)                                                                                            \
    if (strcmp(code, #name) == 0)                                                                                      \
        return text;
#include "jobs/failures.def"
#undef FAILURE
    return code;
}

enum job_state job_state_of(struct slice s)
{
    for (int i = 0; i < JOB_STATES; i++)
        if (slice_is(s, states[i].name))
            return (enum job_state)i;
    return JOB_FAILED; /* a state this program does not know is not one to run */
}

int jobs_open(struct db *db, struct keyring *k, const uint8_t scope[16], struct jobs **ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct jobs *j = calloc(1, sizeof *j);
    struct rows r;
    if (!j || !a) {
        free(j);
        return err_set(e, ERR_NO_MEMORY, "open the jobs");
    }
    if (db_rows(db, a, &r, e, "SELECT count(*) FROM job WHERE state = 'QUEUED' OR state = 'RUNNING'") < 0) {
        free(j);
        return -1;
    }
    j->db = db;
    j->keyring = k;
    memcpy(j->scope, scope, 16);
    j->queued = row_at(&r, 0, 0)->i;
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->bell, &attr);
    pthread_cond_init(&j->changed, &attr);
    pthread_condattr_destroy(&attr);
    *ret = j;
    return 0;
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    pthread_cond_destroy(&j->bell);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* --- the doorbell --- */

void jobs_ring(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    if (j->rings < RINGS_MAX) /* a worker that finds more goes on by itself */
        j->rings++;
    pthread_cond_signal(&j->bell);
    pthread_mutex_unlock(&j->lock);
}

void jobs_ring_all(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    j->ending = true;
    pthread_cond_broadcast(&j->bell);
    pthread_mutex_unlock(&j->lock);
}

void jobs_wait(struct jobs *j, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&j->lock);
    while (j->rings == 0 && !j->ending)
        if (pthread_cond_timedwait(&j->bell, &j->lock, &until))
            break;
    if (j->rings > 0)
        j->rings--;
    pthread_mutex_unlock(&j->lock);
}

void jobs_count(struct jobs *j, int64_t by)
{
    pthread_mutex_lock(&j->lock);
    j->queued += by;
    metric_value[METRIC_JOBS_QUEUED] = j->queued;
    pthread_mutex_unlock(&j->lock);
}

int64_t jobs_queued(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    int64_t n = j->queued;
    pthread_mutex_unlock(&j->lock);
    return n;
}

/* --- accepting --- */

struct accepting {
    struct jobs *j;
    const struct job_new *n;
    struct arena *arena;
    struct slice wrap, bundle, plan;
    uint8_t key_hash[SHA256_BYTES];
    struct job_accepted *ret;
    struct audit_entry audit;
};

static const char select_seen[] =
    "SELECT digest, body, job FROM idempotency WHERE scope = $1 AND client = $2 AND key_hash = $3";

/* 1: the key came before with this digest, 0: it did not come before. */
static int judge_seen(const struct rows *r, const uint8_t digest[32], struct job_accepted *ret, struct err *e)
{
    if (r->n == 0)
        return 0;
    const struct val *v = row_at(r, 0, 0);
    if (v[0].s.n != 32 || !crypto_equal(v[0].s.p, digest, 32))
        return err_set(e, ERR_KEY_REUSED, "an Idempotency-Key came again with another body");
    ret->replayed = true;
    ret->answer = v[1].s;
    memcpy(ret->id, v[2].s.p, 16);
    return 1;
}

static int seen_before(struct tx *tx, struct accepting *x, struct err *e)
{
    struct rows r;
    const struct caller *c = x->n->caller;
    if (tx_rows(tx, x->arena, &r, e, select_seen, V_ID(c->scope), V_ID(c->id),
                V_BYTES(x->key_hash, sizeof x->key_hash)) < 0)
        return -1;
    return judge_seen(&r, x->n->digest, x->ret, e);
}

int job_replay(struct jobs *j, const struct caller *caller, struct slice key, const uint8_t digest[32],
               const struct audit_entry *audit, struct arena *a, struct job_accepted *ret, struct err *e)
{
    struct rows r;
    uint8_t hash[SHA256_BYTES];
    char id[UUID_TEXT];
    sha256(key, hash);
    if (db_rows(j->db, a, &r, e, select_seen, V_ID(caller->scope), V_ID(caller->id), V_BYTES(hash, sizeof hash)) < 0)
        return -1;
    int seen = judge_seen(&r, digest, ret, e);
    if (seen <= 0)
        return seen;
    struct audit_entry entry = *audit;
    entry.scope = caller->scope;
    entry.object = "Job";
    entry.object_id = uuid_text(ret->id, id);
    entry.why = "replayed";
    return audit_note(j->db, &entry, e) ? -1 : 1;
}

static int accept_body(struct tx *tx, void *arg, struct err *e)
{
    struct accepting *x = arg;
    const struct job_new *n = x->n;
    const struct caller *c = n->caller;
    *x->ret = (struct job_accepted){.answer = n->answer};
    memcpy(x->ret->id, n->id, 16);
    if (n->idempotency_key.p) {
        int seen = seen_before(tx, x, e);
        if (seen < 0)
            return -1;
        if (seen) {
            char id[UUID_TEXT];
            x->audit.why = "replayed";
            x->audit.object_id = uuid_text(x->ret->id, id); /* the job there is, not the one that was to be made */
            x->audit.rows = 0;
            return audit_append(tx, &x->audit, e);
        }
    }
    if (tx_exec(tx, e,
                "INSERT INTO job (scope, id, client, model, state, key, bundle, plan, not_before, webhook, trace, "
                "created_at, updated_at) "
                "VALUES ($1, $2, $3, $4, 'QUEUED', $5, $6, $7, $8, $9, $10, $11, $12)",
                V_ID(c->scope), V_ID(n->id), V_ID(c->id), V_BYTES(n->model, 32), V_BLOB(x->wrap), V_BLOB(x->bundle),
                V_BLOB(x->plan), V_INT(n->created_at), V_INT(n->webhook), V_STR(n->audit.trace ? n->audit.trace : ""),
                V_INT(n->created_at), V_INT(n->created_at)) < 0)
        return -1;
    if (n->idempotency_key.p &&
        tx_exec(tx, e,
                "INSERT INTO idempotency (scope, client, key_hash, digest, job, status, body, created_at) "
                "VALUES ($1, $2, $3, $4, $5, 202, $6, $7)",
                V_ID(c->scope), V_ID(c->id), V_BYTES(x->key_hash, sizeof x->key_hash),
                V_BYTES(n->digest, sizeof n->digest), V_ID(n->id), V_TEXT(n->answer), V_INT(n->created_at)) < 0)
        return -1;
    return audit_append(tx, &x->audit, e);
}

int job_accept(struct jobs *j, const struct job_new *n, struct arena *a, struct job_accepted *ret, struct err *e)
{
    struct accepting x = {.j = j, .n = n, .arena = a, .ret = ret, .audit = n->audit};
    struct seal_place at = job_place(PLACE_JOB_KEY, n->caller->scope, n->id, n->caller->id);
    char id[UUID_TEXT];
    struct key key;
    if (keyring_data_key(j->keyring, "job", &at, a, &key, &x.wrap, e))
        return -1;
    at = job_place(PLACE_JOB_BUNDLE, n->caller->scope, n->id, n->caller->id);
    int rc = seal(&key, &at, n->bundle, a, &x.bundle, e);
    at = job_place(PLACE_JOB_PLAN, n->caller->scope, n->id, n->caller->id);
    rc = rc || seal(&key, &at, n->plan, a, &x.plan, e);
    key_wipe(&key);
    if (rc)
        return -1;
    if (n->idempotency_key.p)
        sha256(n->idempotency_key, x.key_hash);
    x.audit.scope = n->caller->scope;
    x.audit.object = "Job";
    x.audit.object_id = uuid_text(n->id, id);
    x.audit.rows = 1;
    if (tx_run(j->db, accept_body, &x, e))
        return -1;
    if (!ret->replayed) {
        metric_add(METRIC_ACCEPTED, 1);
        jobs_count(j, 1);
        jobs_ring(j);
        jobs_changed(j);
    }
    return 0;
}

/* --- reading --- */

struct reading {
    const struct caller *caller;
    const uint8_t *scope, *id;
    struct arena *arena;
    struct rows rows;
    struct audit_entry audit;
};

static const char select_job[] =
    "SELECT state, model, key, plan, result, error, attempts, trace, created_at, updated_at, client FROM job "
    "WHERE scope = $1 AND id = $2";

static bool is_callers(const struct reading *x)
{
    struct slice client = row_at(&x->rows, 0, 10)->s;
    return !x->caller || (client.n == 16 && memcmp(client.p, x->caller->id, 16) == 0);
}

static int disclose_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    if (tx_rows(tx, x->arena, &x->rows, e, select_job, V_ID(x->scope), V_ID(x->id)) < 0)
        return -1;
    return audit_append(tx, &x->audit, e);
}

static int open_view(struct jobs *j, struct reading *x, struct job_view *ret, struct err *e)
{
    const struct val *v = row_at(&x->rows, 0, 0);
    struct key key;
    *ret = (struct job_view){.state = job_state_of(v[0].s),
                             .error = v[5].kind == VAL_NULL ? NULL : v[5].s.p,
                             .attempts = (int)v[6].i,
                             .trace = v[7].s.p,
                             .created_at = v[8].i,
                             .updated_at = v[9].i};
    memcpy(ret->model, v[1].s.p, v[1].s.n < 32 ? v[1].s.n : 32);
    if (!job_state_ended(ret->state))
        return 0;
    if (v[10].s.n != 16)
        return err_set(e, ERR_STORE, "a job without its client");
    const uint8_t *client = (const uint8_t *)v[10].s.p;
    struct seal_place at = job_place(PLACE_JOB_KEY, x->scope, x->id, client);
    if (keyring_unwrap(j->keyring, &at, v[2].s, x->arena, &key, e))
        return -1;
    at = job_place(PLACE_JOB_PLAN, x->scope, x->id, client);
    int rc = seal_open(&key, &at, v[3].s, x->arena, &ret->plan, e);
    at = job_place(PLACE_JOB_RESULT, x->scope, x->id, client);
    if (!rc && v[4].kind != VAL_NULL)
        rc = seal_open(&key, &at, v[4].s, x->arena, &ret->result, e);
    key_wipe(&key);
    return rc;
}

int job_read(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
             struct arena *a, struct job_view *ret, struct err *e)
{
    char text[UUID_TEXT];
    struct reading x = {
        .caller = caller, .scope = caller ? caller->scope : j->scope, .id = id, .arena = a, .audit = *audit};
    if (db_rows(j->db, a, &x.rows, e, select_job, V_ID(x.scope), V_ID(id)) < 0)
        return -1;
    x.audit.scope = x.scope;
    x.audit.object = "Job";
    x.audit.object_id = uuid_text(id, text);
    if (x.rows.n == 0 || !is_callers(&x)) {
        x.audit.outcome = "deny";
        x.audit.why = x.rows.n ? "not-own" : "absent";
        return audit_note(j->db, &x.audit, e) ? -1 : 0;
    }
    if (!x.audit.trace &&
        row_at(&x.rows, 0, 7)->s.n) /* a look of our own (a delivery, the operator's) belongs to the job's trace */
        x.audit.trace = row_at(&x.rows, 0, 7)->s.p;
    /* A result is disclosed: read again in the transaction that says so. The state alone is no secret of its owner. */
    if (job_state_ended(job_state_of(row_at(&x.rows, 0, 0)->s))) {
        x.audit.rows = 1;
        if (tx_run(j->db, disclose_body, &x, e))
            return -1;
        if (x.rows.n == 0)
            return 0;
    }
    return open_view(j, &x, ret, e) ? err_in(e, "job %s", text) : 1;
}

int job_list(struct jobs *j, int most, struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(j->db, a, ret, e,
                   "SELECT job.id, job.state, m.key, m.version, job.created_at, job.updated_at, job.error FROM job "
                   "JOIN model_version m ON m.scope = job.scope AND m.digest = job.model WHERE job.scope = $1 "
                   "ORDER BY job.created_at DESC LIMIT $2",
                   V_ID(j->scope), V_INT(most)) < 0
               ? -1
               : 0;
}
