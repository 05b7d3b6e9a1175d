/* job_int.h -- what job.c and lease.c share. */
#ifndef JOBS_JOB_INT_H
#define JOBS_JOB_INT_H

#include <pthread.h>

#include "jobs/job.h"
#include "store/place.h"

enum { RINGS_MAX = 64 };

struct jobs {
    struct db *db;
    struct keyring *keyring;
    uint8_t scope[16];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t bell, changed;
    uint64_t changes; /* watch.h */
    int64_t queued;
    int rings;
    bool ending;
};

enum job_state job_state_of(struct slice s);
/* Where a job's values are sealed; the subject is its client, so that a row given to another client does not open. */
static inline struct seal_place job_place(enum place p, const uint8_t *scope, const uint8_t *id, const uint8_t *client)
{
    struct seal_place at = place_of(p, scope, id, 0);
    at.subject = client;
    return at;
}
void jobs_count(struct jobs *j, int64_t by);

#endif
