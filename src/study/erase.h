/* erase.h -- somebody is forgotten (GDPR 17): their keys are destroyed, their rows, links and numbers are gone.
 *
 * One transaction: the keys of everything that is theirs are overwritten (keys/subject.h), the rows are deleted, the
 * edges that joined them and every role's number for them, too. A home in which somebody else lives stays, as theirs.
 * What remains is one entry of the audit log, which names an id that was made for it and nobody; the log's checkpoint
 * signs it, so it is the receipt. Older entries name the person by a number that leads nowhere any more.
 *
 * After the commit nothing of it is in a file of a SQLite store; PostgreSQL's files, logs and backups are up to its
 * server, and a backup made before has it all: whoever restores one erases again (patient_erase_again). Somebody who is
 * erased while their record is changed is erased, or not changed. */
#ifndef STUDY_ERASE_H
#define STUDY_ERASE_H

#include "study/patient.h"

struct erase_receipt {
    uint8_t id[16]; /* of the erasure: what its audit entry names */
    int64_t erased_at, audit_index;
    uint8_t leaf[32];
    /* Whose keys were destroyed: for a ledger that outlives the store. Tells nothing of the person. */
    uint8_t (*subject)[16]; /* in the arena */
    int subjects;
};

/* 1; 0: the caller knows nobody by this number; ERR_PRECONDITION: they are of none of these versions (n 0: of any).
 * Blocks until the files are clean. */
int patient_erase(const struct study *s, const struct caller *c, int64_t id, const struct patient_match *only,
                  const struct audit_entry *audit, struct arena *a, struct erase_receipt *ret, struct err *e);

/* In a body outside of any gate: erases the person with this key, if there is one, once more; after a restore. The
 * number of rows it found of them, or -1. After the commit: db_scrub. */
int patient_erase_again(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a, struct err *e);

#endif
