#include "jobs/job.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "jobs/feedback.h"
#include "jobs/job_int.h"
#include "jobs/negotiation.h"
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

static const char *const priorities[] = {
#define PRIORITY(name, text) text,
#include "jobs/priorities.def"
#undef PRIORITY
};
const char *job_priority_name(int p)
{
    return priorities[p];
}
bool job_priority_of(struct slice name, int *ret)
{
    for (int i = 0; i < PRIORITIES; i++)
        if (slice_is(name, priorities[i]))
            return *ret = i, true;
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

enum job_state job_state_named(struct slice s)
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
    /* SQLite's process is alone: what runs is nobody's, and will be queued again */
    if (db_rows(db, a, &r, e, "SELECT count(*) FROM job WHERE state = 'QUEUED' OR (state = 'RUNNING' AND $1 = 0)",
                V_INT(db_shared(db))) < 0 ||
        order_open(&j->order, db, e)) {
        free(j);
        return -1;
    }
    for (int i = 0; i < RUNNING_MAX; i++)
        j->running[i].fd = -1;
    j->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (j->told < 0) {
        order_close(&j->order);
        free(j);
        return err_sys(e, ERR_INTERNAL, "a bell for deliveries");
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

void jobs_ledger(struct jobs *j, struct ledger *l)
{
    j->ledger = l;
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    order_close(&j->order);
    close(j->told);
    pthread_cond_destroy(&j->bell);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

void jobs_limit(struct jobs *j, const struct jobs_limits *l)
{
    j->limits = *l;
}
int jobs_told_fd(const struct jobs *j)
{
    return j->told;
}
void jobs_tell(struct jobs *j)
{
    if (eventfd_write(j->told, 1)) /* full, so readable anyway */
        return;
}
bool jobs_shared(const struct jobs *j)
{
    return db_shared(j->db);
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

struct sealed { /* one of the jobs */
    const uint8_t *id, *model;
    struct slice wrap, bundle, plan;
    uint8_t input[SHA256_BYTES];
    int64_t turn;
};

struct accepting {
    struct jobs *j;
    const struct job_new *n;
    struct arena *arena;
    struct sealed each[JOBS_TOGETHER];
    size_t jobs;
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

/* A job of the client's that the store named has this id already. */
static int check_chosen(struct tx *tx, const struct accepting *x, struct err *e)
{
    struct rows r;
    const struct caller *c = x->n->caller;
    int n = tx_rows(tx, x->arena, &r, e, "SELECT 1 FROM job WHERE scope = $1 AND id = $2 AND client = $3",
                    V_ID(c->scope), V_ID(x->n->chosen), V_ID(c->id));
    return n < 0 ? -1 : n ? err_set(e, ERR_CONFLICT, "the client has a job of this id") : 0;
}

static int put_job(struct tx *tx, const struct accepting *x, const struct sealed *s, struct err *e)
{
    const struct job_new *n = x->n;
    const struct caller *c = n->caller;
    const uint8_t *chosen = s == x->each ? n->chosen : NULL;
    struct audit_entry audit = x->audit;
    char id[UUID_TEXT];
    audit.object_id = uuid_text(s->id, id);
    if (tx_put(tx, e,
               "INSERT INTO job (scope, id, client, model, state, key, bundle, plan, not_before, webhook, trace, "
               "created_at, updated_at, priority, turn, expires_at, replay_of, input, chosen) "
               "VALUES ($1, $2, $3, $4, 'QUEUED', $5, $6, $7, 0, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16)",
               V_ID(c->scope), V_ID(s->id), V_ID(c->id), V_BYTES(s->model, 32), V_BLOB(s->wrap), V_BLOB(s->bundle),
               V_BLOB(s->plan), V_INT(n->webhook), V_STR(n->audit.trace ? n->audit.trace : ""), V_INT(n->created_at),
               V_INT(n->priority), V_INT(s->turn), n->expires_at ? V_INT(n->expires_at) : V_NULL,
               n->replay_of ? V_ID(n->replay_of) : V_NULL, V_BYTES(s->input, 16), chosen ? V_ID(chosen) : V_NULL))
        return -1;
    fault_crash(CRASH_accept_job);
    return audit_append(tx, &audit, e);
}

static int accept_body(struct tx *tx, void *arg, struct err *e)
{
    struct accepting *x = arg;
    const struct job_new *n = x->n;
    const struct caller *c = n->caller;
    fault_crash(CRASH_accept_insert);
    *x->ret = (struct job_accepted){.answer = n->answer};
    memcpy(x->ret->id, n->id, 16);
    if (n->idempotency_key.p) {
        int seen = seen_before(tx, x, e);
        if (seen < 0)
            return -1;
        if (seen) {
            char id[UUID_TEXT];
            struct audit_entry audit = x->audit;
            audit.why = "replayed";
            audit.object_id = uuid_text(x->ret->id, id); /* the job there is, not the one that was to be made */
            audit.rows = 0;
            return audit_append(tx, &audit, e);
        }
    }
    if ((n->negotiation && negotiation_end(tx, c, n->negotiation, e)) || (n->chosen && check_chosen(tx, x, e)))
        return -1;
    for (size_t i = 0; i < x->jobs; i++)
        if (put_job(tx, x, &x->each[i], e))
            return -1;
    if (n->idempotency_key.p &&
        tx_put(tx, e,
               "INSERT INTO idempotency (scope, client, key_hash, digest, job, status, body, created_at) "
               "VALUES ($1, $2, $3, $4, $5, 202, $6, $7)",
               V_ID(c->scope), V_ID(c->id), V_BYTES(x->key_hash, sizeof x->key_hash),
               V_BYTES(n->digest, sizeof n->digest), V_ID(n->id), V_TEXT(n->answer), V_INT(n->created_at)))
        return -1;
    fault_crash(CRASH_accept_inserted);
    return 0;
}

/* Keyed, because whoever reads the store must not find out a Bundle by trying. */
static int input_of(struct jobs *j, const struct job_new *n, const uint8_t *model, uint8_t ret[SHA256_BYTES],
                    struct err *e)
{
    struct slice piece[] = {{(const char *)model, 32}, n->bundle};
    struct key key;
    if (keyring_domain(j->keyring, n->caller->scope, "input", &key, e))
        return -1;
    hmac_sha256((struct slice){(const char *)key.secret, KEY_BYTES}, piece, 2, ret);
    key_wipe(&key);
    return 0;
}

/* Each job has its own key and its own copy of the Bundle: erasing one leaves the others whole. */
static int seal_job(struct accepting *x, const uint8_t *id, const uint8_t *model, struct slice plan, struct err *e)
{
    const struct job_new *n = x->n;
    const struct caller *c = n->caller;
    struct sealed *s = &x->each[x->jobs++];
    struct seal_place at = job_place(PLACE_JOB_KEY, c->scope, id, c->id);
    struct key key;
    *s = (struct sealed){.id = id, .model = model};
    if (keyring_data_key(x->j->keyring, "job", &at, x->arena, &key, &s->wrap, e))
        return -1;
    at = job_place(PLACE_JOB_BUNDLE, c->scope, id, c->id);
    int rc = seal(&key, &at, n->bundle, x->arena, &s->bundle, e);
    at = job_place(PLACE_JOB_PLAN, c->scope, id, c->id);
    rc = rc || seal(&key, &at, plan, x->arena, &s->plan, e);
    key_wipe(&key);
    if (rc || input_of(x->j, n, model, s->input, e))
        return -1;
    s->turn = order_turn(&x->j->order, c->id);
    return 0;
}

int job_accept(struct jobs *j, const struct job_new *n, struct arena *a, struct job_accepted *ret, struct err *e)
{
    struct accepting x = {.j = j, .n = n, .arena = a, .ret = ret, .audit = n->audit};
    fault_crash(CRASH_accept_seal);
    if (n->alsos >= JOBS_TOGETHER)
        return err_set(e, ERR_INTERNAL, "more than %d jobs of one request", JOBS_TOGETHER);
    if (seal_job(&x, n->id, n->model, n->plan, e))
        return -1;
    for (size_t i = 0; i < n->alsos; i++)
        if (seal_job(&x, n->also[i].id, n->also[i].model, n->also[i].plan, e))
            return -1;
    if (n->idempotency_key.p)
        sha256(n->idempotency_key, x.key_hash);
    x.audit.scope = n->caller->scope;
    x.audit.object = "Job";
    x.audit.rows = 1;
    if (tx_run(j->db, accept_body, &x, e))
        return -1;
    fault_crash(CRASH_accept_committed);
    if (ret->replayed)
        return 0;
    metric_add(METRIC_ACCEPTED, x.jobs);
    jobs_count(j, (int64_t)x.jobs);
    for (size_t i = 0; i < x.jobs; i++)
        jobs_ring(j);
    jobs_changed(j);
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

enum {
    COL_STATE,
    COL_MODEL,
    COL_KEY,
    COL_PLAN,
    COL_RESULT,
    COL_ERROR,
    COL_ATTEMPTS,
    COL_TRACE,
    COL_CREATED,
    COL_UPDATED,
    COL_CLIENT,
    COL_EXPIRES,
    COL_ERASED,
    COL_PRIORITY,
    COL_REPLAY_OF,
    COL_REPLAY_NAME,
    COL_PROGRESS,
    COL_CANCELLED,
    COL_BUNDLE,
    COL_FEEDBACK = COL_BUNDLE /* how much there is, where the Bundle is not read */
};

static const char select_job[] =
    "SELECT state, model, key, plan, result, error, attempts, trace, created_at, updated_at, client, expires_at, "
    "erased_at, priority, replay_of, (SELECT coalesce(o.chosen, o.id) FROM job o WHERE o.scope = job.scope AND o.id = "
    "job.replay_of), progress, cancelled, (SELECT count(*) FROM job_feedback f WHERE f.scope = job.scope AND f.job = "
    "job.id) FROM job WHERE scope = $1 AND id = $2";

int job_named(struct jobs *j, const struct caller *caller, const uint8_t given[16], uint8_t ret[16], struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(16 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "the name of a job");
    int n = caller ? db_rows(j->db, a, &r, e, "SELECT id FROM job WHERE scope = $1 AND client = $2 AND chosen = $3",
                             V_ID(caller->scope), V_ID(caller->id), V_ID(given))
                   : db_rows(j->db, a, &r, e, "SELECT id FROM job WHERE scope = $1 AND chosen = $2 LIMIT 2",
                             V_ID(j->scope), V_ID(given));
    if (n > 1)
        return err_set(e, ERR_CONFLICT,
                       "several clients chose that id: name the job by the store's, as 'job list' does");
    if (n >= 0)
        memcpy(ret, n ? row_at(&r, 0, 0)->s.p : (const char *)given, 16);
    return n < 0 ? -1 : 0;
}

static bool is_callers(const struct reading *x)
{
    struct slice client = row_at(&x->rows, 0, COL_CLIENT)->s;
    return !x->caller || (client.n == 16 && memcmp(client.p, x->caller->id, 16) == 0);
}

static int disclose_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    if (tx_rows(tx, x->arena, &x->rows, e, select_job, V_ID(x->scope), V_ID(x->id)) < 0)
        return -1;
    return audit_append(tx, &x->audit, e);
}

static void fill_view(const struct val *v, struct job_view *ret)
{
    *ret = (struct job_view){.state = job_state_named(v[COL_STATE].s),
                             .error = v[COL_ERROR].kind == VAL_NULL ? NULL : v[COL_ERROR].s.p,
                             .attempts = (int)v[COL_ATTEMPTS].i,
                             .priority = (int)v[COL_PRIORITY].i,
                             .progress = v[COL_PROGRESS].kind == VAL_NULL ? -1 : (int)v[COL_PROGRESS].i,
                             .trace = v[COL_TRACE].s.p,
                             .created_at = v[COL_CREATED].i,
                             .updated_at = v[COL_UPDATED].i,
                             .expires_at = v[COL_EXPIRES].i,
                             .erased_at = v[COL_ERASED].i,
                             .is_replay = v[COL_REPLAY_OF].s.n == 16,
                             .unwanted = v[COL_CANCELLED].i != 0};
    memcpy(ret->model, v[COL_MODEL].s.p, v[COL_MODEL].s.n < 32 ? v[COL_MODEL].s.n : 32);
    if (ret->is_replay) {
        memcpy(ret->replay_of, v[COL_REPLAY_OF].s.p, 16);
        memcpy(ret->replay_name, v[v[COL_REPLAY_NAME].s.n == 16 ? COL_REPLAY_NAME : COL_REPLAY_OF].s.p, 16);
    }
}

/* The key of the job in x->rows. */
static int unwrap(struct jobs *j, struct reading *x, struct key *ret, struct err *e)
{
    const struct val *v = row_at(&x->rows, 0, 0);
    if (v[COL_CLIENT].s.n != 16)
        return err_set(e, ERR_STORE, "a job without its client");
    struct seal_place at = job_place(PLACE_JOB_KEY, x->scope, x->id, (const uint8_t *)v[COL_CLIENT].s.p);
    return keyring_unwrap(j->keyring, &at, v[COL_KEY].s, x->arena, ret, e);
}

static int open_value(struct reading *x, const struct key *key, enum place p, int col, struct slice *ret, struct err *e)
{
    const struct val *v = row_at(&x->rows, 0, 0);
    struct seal_place at = job_place(p, x->scope, x->id, (const uint8_t *)v[COL_CLIENT].s.p);
    return v[col].kind == VAL_NULL ? 0 : seal_open(key, &at, v[col].s, x->arena, ret, e);
}

static int open_view(struct jobs *j, struct reading *x, struct job_view *ret, struct err *e)
{
    struct key key;
    fill_view(row_at(&x->rows, 0, 0), ret);
    if (!job_state_ended(ret->state) || ret->erased_at)
        return 0;
    if (unwrap(j, x, &key, e))
        return -1;
    const struct val *v = row_at(&x->rows, 0, 0);
    int rc = open_value(x, &key, PLACE_JOB_PLAN, COL_PLAN, &ret->plan, e) ||
                     open_value(x, &key, PLACE_JOB_RESULT, COL_RESULT, &ret->result, e) ||
                     (v[COL_FEEDBACK].i &&
                      feedback_of(j, x->id, (const uint8_t *)v[COL_CLIENT].s.p, &key, x->arena, &ret->feedback, e))
                 ? -1
                 : 0;
    key_wipe(&key);
    return rc;
}

/* The row, if it is the caller's; what is not is audited, and 0. */
static int find_job(struct jobs *j, struct reading *x, char text[UUID_TEXT], struct err *e)
{
    if (db_rows(j->db, x->arena, &x->rows, e, select_job, V_ID(x->scope), V_ID(x->id)) < 0)
        return -1;
    x->audit.scope = x->scope;
    x->audit.object = "Job";
    x->audit.object_id = uuid_text(x->id, text);
    if (x->rows.n && is_callers(x))
        return 1;
    x->audit.outcome = "deny";
    x->audit.why = x->rows.n ? "not-own" : "absent";
    return audit_note(j->db, &x->audit, e) ? -1 : 0;
}

int job_read(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
             struct arena *a, struct job_view *ret, struct err *e)
{
    char text[UUID_TEXT];
    struct reading x = {
        .caller = caller, .scope = caller ? caller->scope : j->scope, .id = id, .arena = a, .audit = *audit};
    int found = find_job(j, &x, text, e);
    if (found <= 0)
        return found;
    if (!x.audit.trace && row_at(&x.rows, 0, COL_TRACE)->s.n)
        /* a look of our own (a delivery, the operator's) belongs to the job's trace */
        x.audit.trace = row_at(&x.rows, 0, COL_TRACE)->s.p;
    /* A result is disclosed: read again in the transaction that says so. The state alone is no secret of its owner. */
    if (job_state_ended(job_state_named(row_at(&x.rows, 0, COL_STATE)->s)) &&
        row_at(&x.rows, 0, COL_ERASED)->kind == VAL_NULL) {
        x.audit.rows = 1;
        if (tx_run(j->db, disclose_body, &x, e))
            return -1;
        if (x.rows.n == 0)
            return 0;
    }
    return open_view(j, &x, ret, e) ? err_in(e, "job %s", text) : 1;
}

int job_glance(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
               struct arena *a, struct job_view *ret, struct err *e)
{
    char text[UUID_TEXT];
    struct reading x = {
        .caller = caller, .scope = caller ? caller->scope : j->scope, .id = id, .arena = a, .audit = *audit};
    int found = find_job(j, &x, text, e);
    if (found > 0)
        fill_view(row_at(&x.rows, 0, 0), ret);
    return found;
}

struct reading_many {
    struct reading *x;
    int n;
};

/* An erased one has nothing left to disclose. */
static int disclose_many_body(struct tx *tx, void *arg, struct err *e)
{
    const struct reading_many *m = arg;
    for (int i = 0; i < m->n; i++) {
        struct reading *x = &m->x[i];
        struct audit_entry entry = x->audit;
        if (tx_rows(tx, x->arena, &x->rows, e, select_job, V_ID(x->scope), V_ID(x->id)) < 0)
            return -1;
        const struct val *v = x->rows.n ? row_at(&x->rows, 0, 0) : NULL;
        if (v && (!job_state_ended(job_state_named(v[COL_STATE].s)) || v[COL_ERASED].kind != VAL_NULL))
            continue;
        entry.rows = v != NULL;
        if (!v) {
            entry.outcome = "deny";
            entry.why = "absent";
        } else if (!entry.trace && v[COL_TRACE].s.n) {
            entry.trace = v[COL_TRACE].s.p;
        }
        if (audit_append(tx, &entry, e))
            return -1;
    }
    return 0;
}

int job_read_many(struct jobs *j, struct job_look *x, int n, const struct audit_entry *audit, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct reading_many m = {.x = arena_take(a, (size_t)n * sizeof *m.x), .n = n};
    if (!m.x)
        return err_set(e, ERR_NO_MEMORY, "read several jobs");
    for (int i = 0; i < n; i++) {
        char *text = arena_take(a, UUID_TEXT);
        if (!text)
            return err_set(e, ERR_NO_MEMORY, "read several jobs");
        m.x[i] = (struct reading){.scope = j->scope, .id = x[i].id, .arena = x[i].arena, .audit = *audit};
        m.x[i].audit.scope = j->scope;
        m.x[i].audit.object = "Job";
        m.x[i].audit.object_id = uuid_text(x[i].id, text);
    }
    if (tx_run(j->db, disclose_many_body, &m, e))
        return -1;
    for (int i = 0; i < n; i++)
        x[i].found = m.x[i].rows.n == 0 ? 0 : open_view(j, &m.x[i], &x[i].view, e) ? -1 : 1;
    return 0;
}

static int reopen_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    if (tx_rows(tx, x->arena, &x->rows, e,
                "SELECT state, model, key, plan, result, error, attempts, trace, created_at, updated_at, client, "
                "expires_at, erased_at, priority, replay_of, replay_of, progress, cancelled, bundle FROM job WHERE "
                "scope = $1 AND id = $2",
                V_ID(x->scope), V_ID(x->id)) < 0)
        return -1;
    return audit_append(tx, &x->audit, e);
}

int job_reopen(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
               struct arena *a, struct slice *ret_bundle, struct slice *ret_plan, struct err *e)
{
    char text[UUID_TEXT];
    struct key key;
    struct reading x = {
        .caller = caller, .scope = caller ? caller->scope : j->scope, .id = id, .arena = a, .audit = *audit};
    int found = find_job(j, &x, text, e);
    if (found <= 0)
        return found;
    x.audit.rows = 1;
    x.audit.why = ret_bundle ? "replay" : "decision";
    if (tx_run(j->db, reopen_body, &x, e))
        return -1;
    if (x.rows.n == 0)
        return 0;
    if (row_at(&x.rows, 0, COL_ERASED)->kind != VAL_NULL)
        return err_set(e, ERR_GONE, "job %s was erased", text);
    if (unwrap(j, &x, &key, e))
        return -1;
    int rc = (ret_bundle && open_value(&x, &key, PLACE_JOB_BUNDLE, COL_BUNDLE, ret_bundle, e)) ||
                     open_value(&x, &key, PLACE_JOB_PLAN, COL_PLAN, ret_plan, e)
                 ? -1
                 : 1;
    key_wipe(&key);
    return rc;
}

#define LIST_COLUMNS                                                                                                   \
    "SELECT job.id, job.state, m.key, m.version, job.created_at, job.updated_at, job.error, job.priority, "            \
    "coalesce(job.chosen, job.id), c.name FROM job JOIN client c ON c.scope = job.scope AND c.id = job.client "        \
    "JOIN model_version m ON m.scope = job.scope AND m.digest = job.model WHERE job.scope = $1 "
#define LIST_FILTER                                                                                                    \
    "AND ($2 = '' OR job.state = $2 OR job.state = $3) AND ($4 = '' OR m.key = $4) AND (job.created_at < $5 OR "       \
    "(job.created_at = $5 AND job.id < $6)) "
#define LIST_ORDER "ORDER BY job.created_at DESC, job.id DESC "

int job_list(struct jobs *j, const struct job_filter *f, struct arena *a, struct rows *ret, struct err *e)
{
    int64_t before = f->before_at ? f->before_at : INT64_MAX;
    struct val state = V_STR(f->state ? f->state : ""), also = V_STR(f->also ? f->also : ""),
               model = V_TEXT(f->model.p ? f->model : SLICE(""));
    int n = f->caller ? db_rows(j->db, a, ret, e, LIST_COLUMNS LIST_FILTER "AND job.client = $7 " LIST_ORDER "LIMIT $8",
                                V_ID(j->scope), state, also, model, V_INT(before), V_ID(f->before_id),
                                V_ID(f->caller->id), V_INT(f->most))
                      : db_rows(j->db, a, ret, e, LIST_COLUMNS LIST_FILTER LIST_ORDER "LIMIT $7", V_ID(j->scope), state,
                                also, model, V_INT(before), V_ID(f->before_id), V_INT(f->most));
    return n < 0 ? -1 : 0;
}
