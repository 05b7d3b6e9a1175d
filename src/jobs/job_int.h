/* job_int.h -- what the files of this room share. */
#ifndef JOBS_JOB_INT_H
#define JOBS_JOB_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "jobs/job.h"
#include "jobs/order.h"
#include "store/place.h"

enum { RINGS_MAX = 64, RUNNING_MAX = 64, SWEEP_US = 500000 };
/* No lease and no back-off reaches further ahead. A time in a row that does was written by a clock since put back, or
 * by another machine's that is wrong: it is not waited for. */
static const int64_t WAIT_MAX_US = 60000000;

/* A job this process runs: where a cancellation reaches it at once. */
struct running {
    uint8_t id[16];
    int fd; /* eventfd; -1: a free place */
};

struct jobs {
    struct db *db;
    struct keyring *keyring;
    struct ledger *ledger; /* NULL: none */
    uint8_t scope[16];
    struct jobs_limits limits;
    struct order order;
    _Atomic int64_t sweep_at; /* monotonic: when leases and expiries are looked at again */
    pthread_mutex_t lock;     /* guards what follows */
    pthread_cond_t bell, changed;
    uint64_t changes; /* watch.h */
    int64_t queued;
    int rings;
    bool ending;
    int told;        /* eventfd */
    int64_t cancels; /* that were asked of runs, here or not */
    struct running running[RUNNING_MAX];
};

/* Where a job's values are sealed; the subject is its client, so that a row given to another client does not open. */
static inline struct seal_place job_place(enum place p, const uint8_t *scope, const uint8_t *id, const uint8_t *client)
{
    struct seal_place at = place_of(p, scope, id, 0);
    at.subject = client;
    return at;
}
void jobs_count(struct jobs *j, int64_t by);
void jobs_tell(struct jobs *j); /* an event may wait for delivery */

/* In a body: compare and set, the only writer of job.state. 1 moved, 0 it is not (any more) in `from` under this fence.
 * `fence` < 0: whatever fence. */
int job_move(struct tx *tx, const uint8_t *scope, const uint8_t *id, enum job_state from, enum job_state to,
             int64_t fence, struct err *e);
/* In a body: the event that a job has ended, for those who asked to be told. */
int job_tell_end(struct tx *tx, const uint8_t *scope, const uint8_t *id, struct err *e);
/* Wakes the run of this job, if this process runs it. */
void job_running_cancel(struct jobs *j, const uint8_t id[16]);

#endif
