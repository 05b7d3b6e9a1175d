/* witness.h -- what a witness (c2sp.org/tlog-witness) is asked, and what becomes of its answer.
 *
 * A witness remembers the newest checkpoint it saw of a log and signs another only if that continues it. So a log that
 * was rewritten with its own key, or cut back, gets no cosignature any more: that is what verifying alone cannot find.
 * It is sent sizes and hashes, never an entry.
 *
 * Nothing waits for a witness: checkpoints are made and published without it, and it is asked for the newest one, once
 * in a while, by whoever calls witness_ask and sends what that says (this module opens no connection). Its lines are
 * kept beside the checkpoint they are of, and stand in it wherever it is told: published, in proofs, in an export.
 *
 * Calls block for the store. */
#ifndef AUDIT_WITNESS_H
#define AUDIT_WITNESS_H

#include "audit/checkpoint.h"

struct witness_asking {
    int64_t size, old;       /* of the newest checkpoint; of the one the witness is to have seen last */
    struct slice note, body; /* that checkpoint; the body of POST PREFIX/add-checkpoint */
};
/* What to ask about the newest checkpoint. `old`: as the witness said; -1: as the store knows. 1; 0: it has signed that
 * already, or nothing is signed; -1. */
int witness_ask(struct audit_signer *s, const struct note_key *w, int64_t old, struct arena *a,
                struct witness_asking *ret, struct err *e);
/* 1: it cosigned, which is stored now; 0: it saw another checkpoint last, ask again with *ret_old; -1: ERR_STORE when
 * what it saw and this log are not one log, ERR_PROVIDER for all else it may answer, with a sentence. */
int witness_answered(struct audit_signer *s, const struct note_key *w, const struct witness_asking *x, long status,
                     struct slice body, struct arena *a, int64_t *ret_old, struct err *e);

/* Why it did not sign, or that all is well again (NULL). Written only when that changes. */
int witness_note(struct db *db, const struct note_key *w, const char *problem, struct err *e);

struct witness_state {
    int64_t cosigned, at; /* entries; when, in seconds since 1970. 0: never */
    int64_t signed_size;  /* entries of the newest checkpoint; 0: there is none */
    int64_t since;        /* of the problem: wall clock, us */
    struct slice problem; /* {NULL, 0}: none */
};
int witness_look(struct db *db, const struct note_key *w, struct arena *a, struct witness_state *ret, struct err *e);

/* The note at row *at of (size, note, line), which may be several rows of one size, with its witnesses' lines; *at is
 * moved behind them. {NULL, 0}: no memory. */
struct slice cosigned_note(const struct rows *r, int *at, struct arena *a);

#endif
