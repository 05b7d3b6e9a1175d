/* study.h -- what every record of the study is kept with: the store, the keys, and the scope it belongs to. */
#ifndef STUDY_STUDY_H
#define STUDY_STUDY_H

#include "audit/audit.h"
#include "base/json.h"
#include "identity/client.h"
#include "keys/keyring.h"

struct roster;
struct study {
    struct db *db;
    struct keyring *keyring;
    const uint8_t *scope;  /* 16 bytes; outlives it */
    struct roster *roster; /* names, in memory alone */
};

/* Reads (or makes, the first time) the keys that rows are linked and found by, so that nobody who looks for a row waits
 * for them. Blocks for commits the first time. */
int study_open(struct db *db, struct keyring *k, const uint8_t scope[16], struct study *ret, struct err *e);
void study_close(struct study *s); /* of one that is all zeros, too */

/* Where what an alias means is sealed, for whoever seals it anew: its row is its number for this holder, in `row`. */
struct seal_place alias_place(const uint8_t scope[16], struct slice holder, int64_t number, uint8_t row[16]);

/* What the caller calls what the audit log calls by each of `n` numbers, up to 100; 0: they know nothing by it. Blocks
 * for a commit. */
int study_own_numbers(const struct study *s, const struct caller *c, const int64_t *number, int n, int64_t *ret,
                      struct arena *a, struct err *e);

/* A change is made only of what has one of these revisions; n 0: whichever it has. */
enum { STUDY_REVS = 8 };
struct study_revs {
    int64_t rev[STUDY_REVS];
    int n;
};
bool study_is_of(const struct study_revs *only, int64_t rev);

#endif
