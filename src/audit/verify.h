/* verify.h -- is the log what was signed? Everything is computed again: each entry's leaf, the tree, the root of each
 * full tile, and for each checkpoint its signature and root.
 *
 * What is found: a changed byte of an entry, a leaf, a tile or a checkpoint; an entry removed, moved or put in below a
 * checkpoint; a tail cut off below one; a tile or a checkpoint that fits nothing. What is not: whatever came behind the
 * last checkpoint (at most a second), a log cut back to an earlier checkpoint with all that followed removed, or one
 * made anew by whoever has the key. Against these two only a checkpoint helps that somebody else kept (`kept`), or a
 * witness (witness.h), which would not have signed it.
 *
 * An export is one file for one who does not trust the store:
 *
 *     "lazaret-audit-export/1 " VERIFIER-KEY "\n"            the key as in note.h
 *     'E' length entry                                        for each entry, from the first; length: u16, big endian
 *     'C' length note                                         each checkpoint behind the last entry it is of
 *     'Z' length size                                         the end: how many entries, in decimal digits
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <stdio.h>

#include "audit/note.h"
#include "store/db.h"

enum { AUDIT_FINDINGS = 16 };

struct audit_report {
    const struct note_key *witness; /* set by the caller: whose cosignatures have to hold, and be there; or NULL */
    int64_t entries, checkpoints, covered; /* covered: the entries that a checkpoint is of */
    int64_t cosignatures, cosigned,
        cosigned_at; /* the witness': how many, the entries it signed, when (s since 1970) */
    int findings;    /* all of them; the first AUDIT_FINDINGS are told */
    char finding[AUDIT_FINDINGS][200];
    void (*progress)(void *arg, int64_t done, int64_t of); /* set by the caller, or NULL */
    void *arg;
};

/* With `k` NULL no signature is looked at. 0: all holds. -1: the first finding (ERR_STORE), the others are in *r; or it
 * could not be told. */
int audit_verify_with(struct db *db, const struct note_key *k, struct slice kept, struct audit_report *r,
                      struct err *e);
/* The same without signatures: *ret_entries is how many entries there are. */
int audit_verify(struct db *db, int64_t *ret_entries, struct err *e);

/* Records of the entries from `from` on, at most `most`, and below `end`, with the checkpoints behind them. */
int audit_export(struct db *db, int64_t from, int most, int64_t end, struct arena *a, struct buf *out,
                 int64_t *ret_next, struct err *e);
void audit_export_head(struct buf *out, const struct note_key *k);
void audit_export_tail(struct buf *out, int64_t size);
/* A whole export. `k` NULL: the key the file itself names, then in *ret_key. */
int audit_verify_export(FILE *f, const struct note_key *k, struct slice kept, struct audit_report *r,
                        struct note_key *ret_key, struct err *e);

#endif
