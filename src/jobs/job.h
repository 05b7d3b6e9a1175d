/* job.h -- the job record: accepted once, run under a lease, finished once.
 *
 * Accepted means durable: job row, sealed Bundle, idempotency row and audit entry are one transaction, and the caller
 * answers after its commit. Each job has a data key of its own (wrapped by the scope's "job" key); Bundle, plan, result
 * and the vendor's log are sealed under it, so deleting the wrap erases the job.
 *
 * A lease is (fence, lease_until). Every claim raises the fence, and every write of a worker says WHERE fence = ..., so
 * a worker that lost its lease (stalled, or the process died and came back) changes nothing: a result is stored once.
 * What a crash leaves: a RUNNING row whose lease runs out; the next claim queues it again. No job is ever only in
 * memory.
 *
 * states.def lists the legal moves; job_move() alone writes jobs.state. Knows nothing of HTTP or roles. */
#ifndef JOBS_JOB_H
#define JOBS_JOB_H

#include "audit/audit.h"
#include "identity/client.h"
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

const char *job_state_name(enum job_state s);   /* "RUNNING", as stored */
const char *job_state_public(enum job_state s); /* "PROCESSING", as /v1 says it */
bool job_state_ended(enum job_state s);
bool job_move_legal(enum job_state from, enum job_state to);

/* failures.def: the sentence for a code, or the code itself when it is unknown. */
const char *job_error_text(const char *code);

enum { JOB_TRIES = 5 }; /* of faults that are ours, not the model's */

struct jobs;
int jobs_open(struct db *db, struct keyring *k, const uint8_t scope[16], struct jobs **ret, struct err *e);
void jobs_close(struct jobs *j);

/* --- accepting --- */

struct job_new {
    const struct caller *caller;
    uint8_t id[16]; /* uuid7, made by the caller */
    int64_t created_at;
    const uint8_t *model;         /* version digest, 32 bytes */
    struct slice bundle;          /* the Bundle's text */
    struct slice plan;            /* JSON: {"request" (what the model is asked), "decision", "webhook_url"} */
    struct slice idempotency_key; /* {NULL,0}: none */
    uint8_t digest[32];           /* of the request, compared when the key comes again */
    struct slice answer;          /* the 202's body, kept for replay */
    bool webhook;                 /* an event is to be delivered when it ends */
    struct audit_entry audit;     /* request, route, trace */
};
struct job_accepted {
    bool replayed; /* the key was seen with the same digest: nothing was made, and this is the first answer */
    struct slice answer;
    uint8_t id[16];
};
/* Durable when it returns 0. ERR_KEY_REUSED when the key was used with another digest. */
int job_accept(struct jobs *j, const struct job_new *n, struct arena *a, struct job_accepted *ret, struct err *e);

/* Was this key used before? 1: with the same digest, *ret is the first answer, and the audit log says it was given
 * again; 0: no; -1: ERR_KEY_REUSED with another digest. To be asked before the work of a new job: what was accepted
 * stays so. */
int job_replay(struct jobs *j, const struct caller *caller, struct slice key, const uint8_t digest[32],
               const struct audit_entry *audit, struct arena *a, struct job_accepted *ret, struct err *e);

/* --- reading --- */

struct job_view {
    enum job_state state;
    struct slice result; /* opened JSON, when COMPLETED */
    struct slice plan;   /* opened */
    const char *error;   /* code, when FAILED */
    int64_t created_at, updated_at;
    int attempts;
    uint8_t model[32];
    const char *trace;
};
/* 1: found, and if it discloses a result, that is in the audit log. 0: no such job, or another client's.
 * `caller` NULL: the operator. */
int job_read(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
             struct arena *a, struct job_view *ret, struct err *e);
/* rows: id, state, model key, version, created_at, updated_at, error; newest first */
int job_list(struct jobs *j, int most, struct arena *a, struct rows *ret, struct err *e);

/* --- running --- */

struct job_claim {
    uint8_t id[16], model[32], client[16];
    int64_t fence, created_at;
    int attempts;
    const char *trace;
    struct slice plan; /* opened */
    struct key key;    /* the job's data key; job_claim_end wipes it */
};
/* Takes the oldest job that is due, for `lease_us`. Jobs whose lease ran out are queued again first. 1, 0 none, -1. */
int job_claim(struct jobs *j, int64_t lease_us, struct arena *a, struct job_claim *ret, struct err *e);
/* Extends the lease. 1: still ours; 0: lost. */
int job_heartbeat(struct jobs *j, const struct job_claim *c, int64_t lease_us, struct err *e);
/* Stores the end, once. 1: stored; 0: the lease was lost and nothing was written. `error` NULL means COMPLETED. */
int job_finish(struct jobs *j, const struct job_claim *c, struct slice result, struct slice vendor_log,
               const char *error, struct arena *a, struct err *e);
/* Back to the queue after a fault of ours, later each time; FAILED when the tries are used up. */
int job_retry(struct jobs *j, const struct job_claim *c, const char *error, struct arena *a, struct err *e);
void job_claim_end(struct job_claim *c);
/* At the start of a process that alone runs workers: whatever is RUNNING is nobody's; queues it again. */
int job_recover(struct jobs *j, struct err *e);

/* --- waking workers: in process; the rows are the truth --- */
void jobs_ring(struct jobs *j);
/* Waits for a ring, or `ms`. Returns at once while rings are pending, and for ever after jobs_ring_all. */
void jobs_wait(struct jobs *j, int ms);
void jobs_ring_all(struct jobs *j);  /* wakes every waiting worker, for the end */
int64_t jobs_queued(struct jobs *j); /* how many wait, as far as this process knows */

/* Everything that must hold between the rows of the job tables; -1 (ERR_STORE) with the first that does not. */
int job_check_invariants(struct jobs *j, struct err *e);

#endif
