/* job_int.h -- what job.c and lease.c share. */
#ifndef JOBS_JOB_INT_H
#define JOBS_JOB_INT_H

#include <pthread.h>

#include "jobs/job.h"

enum { RINGS_MAX = 64 };

struct jobs {
    struct db *db;
    struct keyring *keyring;
    uint8_t scope[16];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t bell;
    int64_t queued;
    int rings;
    bool ending;
};

enum job_state job_state_of(struct slice s);
void jobs_count(struct jobs *j, int64_t by);

#endif
