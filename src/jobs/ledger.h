/* ledger.h -- which jobs and which subjects were erased, in a file outside of the store and of every backup's reach.
 *
 * The keys of jobs and of subjects lie in the store, so a backup that is older than an erasure holds them again. What
 * was erased can stay so only if something that was not put back with the backup remembers it: this file (DIR.erased,
 * beside the data folder as the root key is). A restore wants it and erases again what it names.
 *
 *     lazaret-erased 1 ROOT_ID\n              which store's: the fingerprint of the first root key it had
 *     UUID TIME\n ...                         a job and when it was erased; ids alone, nothing of a patient
 *     subject SCOPE UUID TIME\n ...           a subject whose keys were destroyed (keys/subject.h)
 *
 * A job's line is there, synced, before its erasure is answered. What a crash leaves between an erasure's commit and
 * its line is made up for at the next start (ledger_catch_up), and so is, within a minute, what other processes on a
 * shared store erased. A line may be there twice. Without a file one is made, with every erasure the store still knows.
 */
#ifndef JOBS_LEDGER_H
#define JOBS_LEDGER_H

#include "store/db.h"

struct ledger;
int ledger_open(const char *path, const char *store_id, struct ledger **ret, struct err *e);
void ledger_close(struct ledger *l); /* NULL is fine */
/* `n` ids of 16 bytes each, erased at that time; durable when it returns 0. Any thread. */
int ledger_note(struct ledger *l, const uint8_t *const *id, size_t n, int64_t at, struct err *e);
/* The same of a subject. */
int ledger_note_subject(struct ledger *l, const uint8_t scope[16], const uint8_t subject[16], int64_t at,
                        struct err *e);
/* Adds what the store says was erased and the ledger does not: all of it to a new ledger, else the last day's, and
 * after the first call what came since. */
int ledger_catch_up(struct ledger *l, struct db *db, struct err *e);

struct erased {
    const uint8_t (*id)[16]; /* of jobs; sorted */
    size_t n;
    const uint8_t (*subject)[32]; /* scope and subject; sorted */
    size_t subjects;
};
/* 1 and the ids it names, in `a`; 0: there is no such file; -1: it is another store's, or no ledger. */
int ledger_read(const char *path, const char *store_id, struct arena *a, struct erased *ret, struct err *e);
/* Whose it says it is, in `a`. 1, 0, -1 alike. */
int ledger_whose(const char *path, struct arena *a, const char **ret_store_id, struct err *e);
bool erased_has(const struct erased *x, const uint8_t id[16]);
bool erased_has_subject(const struct erased *x, const uint8_t scope_and_subject[32]);

#endif
