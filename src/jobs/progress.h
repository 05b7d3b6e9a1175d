/* progress.h -- the lines in which a running model says how far it is, picked out of its output as it comes.
 *
 * What is told on is a whole number of percent that only grows, at most every PROGRESS_MS: so a model can say hardly
 * more by it than how far it is, and cannot keep the store busy. Of lines that come faster, the last counts. Whether
 * they are as they must be is judged with the rest of the output, at the end. One thread: the run's. */
#ifndef JOBS_PROGRESS_H
#define JOBS_PROGRESS_H

#include "jobs/job.h"
#include "models/wire.h"

enum { PROGRESS_MS = 250 };

struct progress_reader {
    struct jobs *jobs;
    const struct job_claim *claim;
    struct slice id; /* of the request */
    char line[WIRE_PROGRESS], last[WIRE_PROGRESS]; /* as far as it has come; the last whole one that was not told */
    size_t line_n, last_n;
    bool too_long;
    int told; /* percent; -1: nothing yet */
    int64_t next_us;
};

/* Output that just came. Of struct sandbox_live. Blocks for a commit when there is something to tell. */
void progress_read(void *reader, struct slice piece);
/* Tells what came too early to be told; to be called now and then. */
void progress_tell(struct progress_reader *r);

#endif
