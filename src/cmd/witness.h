/* witness.h -- asking the witness of the settings (audit.witness.url and .key): a thread of a process that stays, and
 * `lazaret audit witness`. What is asked, and what its answers mean, is audit/witness.h's. */
#ifndef CMD_WITNESS_H
#define CMD_WITNESS_H

#include "audit/witness.h"
#include "cmd/config.h"

struct witness;
/* NULL in *ret when no witness is set. ERR_CONFIG: half of it is, an address that is not https (or http on this
 * machine), or a key that is no witness'. `s` outlives it. */
int witness_open(const struct config *c, struct audit_signer *s, struct witness **ret, struct err *e);
/* The thread. */
int witness_start(struct witness *w, struct err *e);
/* Ends the thread, if it runs; NULL is fine. */
void witness_close(struct witness *w);

/* Asks now, at most three times ASK_MS long; any thread. 1: the newest checkpoint is cosigned; 0: nothing is signed
 * yet; -1 with a sentence, which is noted too. */
int witness_round(struct witness *w, struct err *e);
const struct note_key *witness_key(const struct witness *w);

#endif
