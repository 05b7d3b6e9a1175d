/* worker.h -- threads that take jobs, run their model in the sandbox, check the answer and store it.
 *
 * A worker sees one job's data key at a time and never listens on the network. */
#ifndef JOBS_WORKER_H
#define JOBS_WORKER_H

#include "jobs/job.h"
#include "models/registry.h"
#include "sandbox/sandbox.h"

struct workers;

int workers_start(struct jobs *j, struct registry *r, struct sandbox *s, int n, struct workers **ret, struct err *e);
/* Takes no more jobs; runs in work end as they would (or are killed by their limits). Blocks until all are done. */
void workers_stop(struct workers *w);

/* Runs one due job in this thread. 1: one was run; 0: none was due; -1. For a process without workers. */
int worker_step(struct jobs *j, struct registry *r, struct sandbox *s, struct err *e);

#endif
