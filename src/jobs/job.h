/* job.h -- the job record: accepted once, run under a lease, finished once.
 *
 * Accepted means durable: job row, sealed Bundle, idempotency row and audit entry are one transaction, and the caller
 * answers after its commit. Each job has a data key of its own (wrapped by the scope's "job" key); Bundle, plan, result
 * and the vendor's log are sealed under it, so deleting the wrap erases the job.
 *
 * A lease is (fence, lease_until). Every claim raises the fence, and every write of a worker says WHERE fence = ..., so
 * a worker that lost its lease (stalled, or the process died and came back) changes nothing: a result is stored once.
 * What a crash leaves: a RUNNING row whose lease runs out; then it is queued again. No job is ever only in memory.
 *
 * Which job is next: of the four classes of priorities.def the one whose head waits longest, a class counting a minute;
 * inside a class clients take turns (order.h). Jobs of a client or a model at its limit are passed over.
 *
 * states.def lists the legal moves; job_move() and the end of a run (lease.c) alone write job.state. Knows nothing of
 * HTTP or roles. */
#ifndef JOBS_JOB_H
#define JOBS_JOB_H

#include "audit/audit.h"
#include "identity/client.h"
#include "jobs/ledger.h"
#include "keys/keyring.h"
#include "store/db.h"

enum job_state {
#define STATE(name, text, ended) JOB_##name,
#define MOVE(from, to, when)
#include "jobs/states.def"
#undef STATE
#undef MOVE
    JOB_STATES
};

const char *job_state_name(enum job_state s);        /* "RUNNING", as stored */
const char *job_state_public(enum job_state s);      /* "PROCESSING", as /v1 says it */
enum job_state job_state_named(struct slice stored); /* JOB_FAILED when there is no such state */
bool job_state_ended(enum job_state s);
bool job_move_legal(enum job_state from, enum job_state to);

/* failures.def: the sentence for a code, or the code itself when it is unknown. */
const char *job_error_text(const char *code);

enum { JOB_TRIES = 5 }; /* of faults that are ours, not the model's */

enum job_priority {
#define PRIORITY(name, text) PRIORITY_##name,
#include "jobs/priorities.def"
#undef PRIORITY
    PRIORITIES
};
const char *job_priority_name(int p); /* "routine" */
/* Is it one of FHIR's four? */
bool job_priority_of(struct slice name, int *ret);

/* 0: no limit */
struct jobs_limits {
    int client_running, model_running; /* at a time */
    int64_t keep_us;                   /* an ended job is erased this long after its end */
    int64_t keep_events_us;            /* an event that is told, or given up, is forgotten this long after */
};

struct jobs;
int jobs_open(struct db *db, struct keyring *k, const uint8_t scope[16], struct jobs **ret, struct err *e);
void jobs_close(struct jobs *j);
void jobs_limit(struct jobs *j, const struct jobs_limits *l); /* before workers start */
/* Every erasure is noted there, from now on; *l is the caller's, and must live as long. */
void jobs_ledger(struct jobs *j, struct ledger *l);

/* --- accepting --- */

enum { JOBS_TOGETHER = 8 }; /* jobs that one request makes, at most */

/* One more job for the Bundle of a job_new: another model's. */
struct job_also {
    uint8_t id[16];
    const uint8_t *model;
    struct slice plan;
};
struct job_new {
    const struct caller *caller;
    uint8_t id[16];                 /* uuid7 of the caller's */
    const uint8_t *chosen;          /* the id by which the client will know it; NULL: this one */
    int64_t created_at, expires_at; /* 0: it does not expire */
    int priority;
    const uint8_t *replay_of;     /* NULL, or the job whose Bundle this is */
    const uint8_t *negotiation;   /* NULL, or the one that this ends (negotiation.h) */
    const uint8_t *model;         /* version digest, 32 bytes */
    struct slice bundle;          /* the Bundle's text */
    struct slice plan;            /* JSON: {"request" (what the model is asked), "decision", "about" (whom, and from
                                     which resources), "webhook_url"} */
    struct slice idempotency_key; /* {NULL,0}: none */
    uint8_t digest[32];           /* of the request, compared when the key comes again */
    struct slice answer;          /* the 202's body, kept for replay */
    bool webhook;                 /* an event is to be delivered when it ends */
    const struct job_also *also;  /* accepted with it, or none is: fewer than JOBS_TOGETHER */
    size_t alsos;
    struct audit_entry audit; /* request, route, trace; an entry for each job */
};
struct job_accepted {
    bool replayed; /* the key was seen with the same digest: nothing was made, and this is the first answer */
    struct slice answer;
    uint8_t id[16];
};
/* Durable when it returns 0. ERR_KEY_REUSED when the key was used with another digest; ERR_NOT_FOUND when the
 * negotiation has ended: of two that would end it, one does. */
int job_accept(struct jobs *j, const struct job_new *n, struct arena *a, struct job_accepted *ret, struct err *e);

/* Was this key used before? 1: with the same digest, *ret is the first answer, and the audit log says it was given
 * again; 0: no; -1: ERR_KEY_REUSED with another digest. To be asked before the work of a new job: what was accepted
 * stays so. */
int job_replay(struct jobs *j, const struct caller *caller, struct slice key, const uint8_t digest[32],
               const struct audit_entry *audit, struct arena *a, struct job_accepted *ret, struct err *e);

/* --- reading ---
 *
 * A job has one id in the store, in the audit log and for the operator. A client that chose an id (PUT) knows it by
 * that: such an id is the client's own name for it, so that nobody learns from it what jobs others have. */

/* The store's id for the one a client gives. What is no name of the client's is *ret as it is, for whoever looks for it
 * to find or not. `caller` NULL: the operator; ERR_CONFLICT when several clients chose it. */
int job_named(struct jobs *j, const struct caller *caller, const uint8_t given[16], uint8_t ret[16], struct err *e);

struct job_view {
    enum job_state state;
    struct slice result;                                   /* opened JSON, when COMPLETED */
    struct slice plan;                                     /* opened */
    struct slice feedback;                                 /* feedback.h: a JSON array; {NULL,0}: none */
    const char *error;                                     /* code, when FAILED or DEAD */
    int64_t created_at, updated_at, expires_at, erased_at; /* 0: does not, is not */
    int attempts, priority;
    int progress;                           /* percent, while it runs; -1: not told */
    uint8_t replay_of[16], replay_name[16]; /* the store's id; the client's */
    bool is_replay, unwanted;               /* unwanted: its cancellation was asked for */
    uint8_t model[32];
    const char *trace;
};
/* 1: found, and if it discloses a result, that is in the audit log. 0: no such job, or another client's.
 * `caller` NULL: the operator. */
int job_read(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
             struct arena *a, struct job_view *ret, struct err *e);

/* The same without what was sent and what came of it: nothing is opened, so nothing is disclosed. */
int job_glance(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
               struct arena *a, struct job_view *ret, struct err *e);

/* The same for several at once, the operator's way: one transaction says of all of them that they are disclosed, before
 * this returns 0. One that cannot be opened has found == -1, alone. */
struct job_look {
    const uint8_t *id;
    struct arena *arena;
    struct job_view view;
    int found; /* 1, 0: there is none, -1 */
};
int job_read_many(struct jobs *j, struct job_look *x, int n, const struct audit_entry *audit, struct err *e);

struct job_filter {
    const struct caller *caller; /* NULL: everybody's */
    const char *state, *also;    /* as stored; NULL: any. `also`: or this one */
    struct slice model;          /* key; {NULL,0}: any */
    int64_t before_at;           /* 0: from the newest */
    uint8_t before_id[16];       /* where the last page ended */
    int most;
};
/* rows: id, state, model key, version, created_at, updated_at, error, priority, the id its client knows it by, who sent
 * it; newest first */
int job_list(struct jobs *j, const struct job_filter *f, struct arena *a, struct rows *ret, struct err *e);

/* The sealed Bundle and plan of a job, opened, for a replay; without `ret_bundle` the plan alone. 1, 0: no such job of
 * the caller's; ERR_GONE when erased.
 */
int job_reopen(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
               struct arena *a, struct slice *ret_bundle, struct slice *ret_plan, struct err *e);

/* --- no longer wanted --- */

enum job_cancel { JOB_CANCEL_ABSENT, JOB_CANCEL_DONE, JOB_CANCEL_ASKED };
/* A waiting job is cancelled at once (DONE), a running one is killed by whoever runs it (ASKED), within 100 ms.
 * -1 ERR_CONFLICT: it has ended. */
int job_cancel(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
               enum job_cancel *ret, struct err *e);

struct job_receipt {
    int64_t erased_at, audit_index; /* -1: not known yet */
    uint8_t leaf[32];               /* of the audit entry that says so */
};
/* Crypto-shreds an ended job: its wrapped data key, Bundle, plan, result and the vendor's log are overwritten in the
 * store, remembered answers and pending events are dropped. 1: erased, now or before; 0: no such job of the caller's.
 * -1 ERR_CONFLICT: it has not ended. */
int job_erase(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
              struct job_receipt *ret, struct err *e);

/* New tries for a DEAD job. 1; 0: there is no such job; ERR_CONFLICT: it is not dead. */
int job_revive(struct jobs *j, const uint8_t id[16], const struct audit_entry *audit, struct err *e);

/* --- running --- */

struct job_claim {
    uint8_t id[16], model[32], client[16];
    int64_t fence, created_at;
    int attempts;
    const char *trace;
    int cancel_fd;     /* readable when the job is cancelled through this process; -1: it cannot be told */
    struct slice plan; /* opened */
    struct key key;    /* the job's data key; job_claim_end wipes it */
};
/* Takes the job whose turn it is, for `lease_us`. 1, 0 none is due, -1. job_claim_end after it in any case. */
int job_claim(struct jobs *j, int64_t lease_us, struct arena *a, struct job_claim *ret, struct err *e);
/* Looks after what nobody runs: queues again what a lease ran out on, ends what expired. Claims do this, too, when they
 * find nothing and twice a second. */
int job_sweep(struct jobs *j, struct err *e);
/* Extends the lease. 1: still ours; 0: lost, or cancelled. */
int job_heartbeat(struct jobs *j, const struct job_claim *c, int64_t lease_us, struct err *e);
/* Tells who watches the job how far it is, in percent; never less than before. 0; -1: it was not stored, which hurts
 * nobody. Blocks for a commit. */
int job_progress(struct jobs *j, const struct job_claim *c, int percent, struct err *e);
/* Was it cancelled? 1, 0; -1. For what is cancelled through another process. */
int job_cancel_asked(struct jobs *j, const struct job_claim *c, struct err *e);
/* Stores that it was cancelled. 1: stored; 0: the lease was lost. */
int job_finish_cancelled(struct jobs *j, const struct job_claim *c, struct err *e);
/* Stores the end, once. 1: stored; 0: the lease was lost and nothing was written. `error` NULL means COMPLETED. A job
 * whose cancellation was asked for meanwhile is CANCELLED, and what came of it is dropped. */
int job_finish(struct jobs *j, const struct job_claim *c, struct slice result, struct slice vendor_log,
               const char *error, struct arena *a, struct err *e);
/* Back to the queue after a fault of ours, later each time; DEAD when the tries are used up. */
int job_retry(struct jobs *j, const struct job_claim *c, const char *error, struct err *e);
void job_claim_end(struct jobs *j, struct job_claim *c);
/* At the start of a process that alone runs workers: whatever is RUNNING is nobody's; queues it again. */
int job_recover(struct jobs *j, struct err *e);

/* --- keeping house: a thread of `serve` and `work` --- */

struct keeper;
/* Once a second sweeps, and ends emergency accesses whose time is over; once a minute erases what was kept for long
 * enough, forgets idempotency keys of yesterday and old events, and sweeps documents. `s` outlives it. */
struct study;
int keeper_start(struct jobs *j, const struct study *s, struct keeper **ret, struct err *e);
void keeper_stop(struct keeper *k);
/* One round of what keeper does once a minute; *ret is how many jobs were erased. */
int job_retain(struct jobs *j, int *ret, struct err *e);
/* The same for events and the attempts to deliver them; *ret is how many events. */
int job_forget_events(struct jobs *j, int *ret, struct err *e);

/* --- waking workers: in process; the rows are the truth --- */
void jobs_ring(struct jobs *j);
/* Waits for a ring, or `ms`. Returns at once while rings are pending, and for ever after jobs_ring_all. */
void jobs_wait(struct jobs *j, int ms);
/* Readable when a job has ended since the last read: who delivers events waits for it. An eventfd of jobs. */
int jobs_told_fd(const struct jobs *j);
bool jobs_shared(const struct jobs *j); /* may other processes put jobs in? Then no bell rings for those */
void jobs_ring_all(struct jobs *j);     /* wakes every waiting worker, for the end */
int64_t jobs_queued(struct jobs *j);    /* how many wait, as far as this process knows */

/* Opens every sealed value of every job that is not erased: *ret is how many jobs. -1 (ERR_KEYS) names the first that
 * does not open. Long on large stores. */
int job_check_sealed(struct jobs *j, struct progress *p, int64_t *ret, struct err *e);
/* Everything that must hold between the rows of the job tables; -1 (ERR_STORE) with the first that does not. */
int job_check_invariants(struct jobs *j, struct err *e);

#endif
