/* negotiation.h -- Bundles that were not enough, kept for a while, so that a client sends only what was missing.
 *
 * Sealed under the scope's "negotiation" key. A client has NEGOTIATION_MOST of them, of NEGOTIATION_BYTES each at
 * most; the next takes the place of its oldest, which is out of reach at once, and deleted with one of the next dozens.
 * What has expired is not found any more, and the keeper forgets it. */
#ifndef JOBS_NEGOTIATION_H
#define JOBS_NEGOTIATION_H

#include "jobs/job.h"

enum { NEGOTIATION_MOST = 64, NEGOTIATION_BYTES = 256 * 1024 };

/* Keeps the sheet under `id`, a uuid7, and writes the entry (a refusal) into the log: both or neither. Blocks for a
 * commit. */
int negotiation_keep(struct jobs *j, const struct caller *caller, const uint8_t id[16], struct slice sheet,
                     int64_t expires_at, const struct audit_entry *refused, struct arena *a, struct err *e);
/* 1; 0: there is none of this id of the caller's, any more. */
int negotiation_find(struct jobs *j, const struct caller *caller, const uint8_t id[16], struct arena *a,
                     struct slice *ret, struct err *e);
/* In a body: it was enough at last, for what this body makes. ERR_NOT_FOUND: it has ended already. */
int negotiation_end(struct tx *tx, const struct caller *caller, const uint8_t id[16], struct err *e);
/* Forgets those that have expired. */
int negotiation_forget(struct jobs *j, struct err *e);

#endif
