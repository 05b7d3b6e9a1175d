/* watch.h -- waiting for jobs to move: a feed of changes inside the process, and where given jobs stand now.
 *
 * The feed says that some job moved, never which: whoever waits reads again. It is only quick: a move of another
 * process does not ring it, so whoever waits also looks from time to time. Knows nothing of HTTP. */
#ifndef JOBS_WATCH_H
#define JOBS_WATCH_H

#include "jobs/job.h"

/* Called after the commit of every move of this process; and by whoever wants those waiting to look again. */
void jobs_changed(struct jobs *j);
/* Waits until jobs_changed was called since *seen (0 at first) was filled, or `ms`. */
void jobs_changed_wait(struct jobs *j, uint64_t *seen, int ms);

struct job_now {
    uint8_t id[16];
    enum job_state state;
    int attempts;
    int progress;       /* percent, while it runs; -1: not told */
    const char *error;  /* a code; NULL for none */
    int64_t updated_at; /* us since 1970; another one after every move */
};

/* 1: the job is the caller's (`caller` NULL: anybody's), and the audit log says that its state was read. 0: no such job
 * or another client's, which is in the log, too. Blocks for a commit. */
int job_watch(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
              struct arena *a, struct job_now *ret, struct err *e);

/* How many jobs of this client wait for a worker, counted up to `most`; -1. */
int job_waiting(struct jobs *j, const struct caller *caller, int most, struct arena *a, struct err *e);

enum { WATCH_MAX = 16 }; /* jobs looked at in one query */
/* Where the `n` jobs stand, in any order; how many of them there still are, or -1. ret has n places. */
int job_watched(struct jobs *j, const uint8_t id[][16], int n, struct arena *a, struct job_now *ret, struct err *e);

#endif
