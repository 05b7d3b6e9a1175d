/* renew.h -- a role's numbers become others: of people, homes, tickets, documents, sensors, streams and data.
 *
 * Who leaves a role may have kept a list of what its numbers mean. From here on none of them means anything, and the
 * edges that the role may walk are of a new epoch, sealed anew in rows of other ids: neither the list nor an older copy
 * of the store's rows fits what is told and stored from then on. What is about whom, and what other roles call it,
 * stays. What was told stays told. Nicks (bond.c) stay, too: they are shown to nobody.
 *
 * Works while others read and write: a hundred numbers are one transaction, and each is the old one or the new one.
 * Broken off it can be begun again, which renews all of them once more. */
#ifndef STUDY_RENEW_H
#define STUDY_RENEW_H

#include "base/progress.h"
#include "study/study.h"

struct renewed {
    int64_t numbers, edges;
};
/* `audit` says who and how; one entry is written before the first of them. ERR_USAGE: a role without numbers; ERR_BUSY:
 * p->stop. Blocks for a commit for each hundred. */
int study_renew(const struct study *s, enum role role, const struct audit_entry *audit, struct progress *p,
                struct renewed *ret, struct err *e);

#endif
