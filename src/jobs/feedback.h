/* feedback.h -- what people did with the result of a job: took it into account, or set it aside, and why.
 *
 * A client may say so several times. It is sealed with the job's own key, so it can be read as long as the job, and
 * goes with it. */
#ifndef JOBS_FEEDBACK_H
#define JOBS_FEEDBACK_H

#include "jobs/job.h"

enum { FEEDBACK_MAX = 100, FEEDBACK_JOB_MAX = 100 /* of one job */ };
enum { FEEDBACK_SHEET_MAX = 64 * 1024, FEEDBACK_TEXT_MAX = FEEDBACK_JOB_MAX * (FEEDBACK_SHEET_MAX + 128) };

struct feedback {
    uint8_t job[16];
    bool accepted;      /* else overridden */
    int64_t at_us;      /* when, as the client says */
    struct slice sheet; /* JSON, FEEDBACK_SHEET_MAX: {acceptedSuggestions?, overrideReason?} */
};

/* All of the list (1 to FEEDBACK_MAX) or nothing, each with its audit entry. `model`: the key of the model the jobs
 * have to be of. 1; 0: one is no job of the caller's, or of another model, or erased, and the log says so. -1 ERR_RULE
 * when a job has FEEDBACK_JOB_MAX already. Blocks for a commit. */
int feedback_add(struct jobs *j, const struct caller *caller, struct slice model, const struct feedback *list, size_t n,
                 const struct audit_entry *audit, struct arena *a, struct err *e);

/* What was said of a job, oldest first: "[{"outcome","at",...sheet}]", FEEDBACK_TEXT_MAX at most; {NULL,0}: nothing.
 * `key` is the job's. Of a job whose row the caller has read. */
int feedback_of(struct jobs *j, const uint8_t job[16], const uint8_t client[16], const struct key *key, struct arena *a,
                struct slice *ret, struct err *e);
/* In a body: forgets what was said of a job. */
int feedback_forget(struct tx *tx, const uint8_t *scope, const uint8_t *job, struct err *e);

#endif
