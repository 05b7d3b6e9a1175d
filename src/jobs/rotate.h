/* rotate.h -- rotation of the domain keys: a new one, everything sealed anew, the old one destroyed.
 *
 * A data key stays what it is (a job's Bundle is not touched); its wrap moves to the newest domain key. Nothing waits
 * for it: what is read opens under either. */
#ifndef JOBS_ROTATE_H
#define JOBS_ROTATE_H

#include "base/progress.h"
#include "jobs/job.h"

/* So long an older key is kept although nothing is under it: longer than anybody holds a key between taking it and the
 * commit of what was sealed with it, in whatever process (those look for newer keys once a minute). */
#define KEY_REST_US (3600 * 1000000LL)

/* A new key for every domain that seals, those of subjects in all scopes; *ret is how many. Audited. ERR_CONFLICT:
 * somebody else is at it. */
int job_rotate_keys(struct jobs *j, const struct audit_entry *audit, int *ret, struct err *e);
/* Another root key: keys/keyring.h. Audited in the same transaction. */
int job_rotate_root(struct jobs *j, const char *to, const struct audit_entry *audit, struct root_rotated *ret,
                    struct err *e);

struct resealed {
    int64_t rows;         /* moved to a newest key */
    int older, destroyed; /* keys that are left beside the newest; keys destroyed */
};
/* How many values are under older keys still. */
int job_count_older(struct jobs *j, int64_t *ret, struct err *e);
/* Goes through what is under older keys, until nothing is, and destroys those that have rested. `p` may be NULL;
 * ERR_BUSY when it is told to stop. */
int job_reseal(struct jobs *j, int64_t rest_us, struct progress *p, struct resealed *ret, struct err *e);

#endif
