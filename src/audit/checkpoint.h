/* checkpoint.h -- what is signed of the log, and proofs against it.
 *
 * The tree is over the leaves of the table `audit`; the roots of its full tiles (256 leaves, 256 tiles, ...) are kept
 * in audit_tile, so that a root or a proof reads at most 255 rows a level. They are added when a checkpoint is made,
 * which is not in the transaction of an access: an entry costs no more than its row. A checkpoint is made when a second
 * has passed since the last one and something is new, or sooner, every fifth of a second, when 256 entries are; at the
 * end of the process; and before a proof of an entry that has none yet. What a crash leaves without one gets it at the
 * next start. Tiles and checkpoint of one signature are one transaction; where processes share a store, under the lock
 * of the indexer.
 *
 * Nothing is signed over a log that does not continue the last checkpoint: entries missing below it, or a changed leaf
 * among those that are in no full tile yet.
 *
 * The key is Ed25519, made once for an installation; its seed is a data key of the domain "audit" (keys/keyring.h). */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include "audit/note.h"
#include "keys/keyring.h"

#define AUDIT_ORIGIN "lazaret.local/audit"

struct audit_signer;

/* Takes the installation's key, or makes it. `origin`: the name it is to have; "" for whatever it has, or AUDIT_ORIGIN.
 * ERR_CONFIG when it has another one or that is no name. */
int audit_signer_open(struct db *db, struct keyring *k, const uint8_t scope[ID_BYTES], const char *origin,
                      struct audit_signer **ret, struct err *e);
void audit_signer_close(struct audit_signer *s); /* NULL is fine */
const struct note_key *audit_signer_key(const struct audit_signer *s);
struct db *audit_signer_db(const struct audit_signer *s);

/* Signs what there is, unless that is signed already. Blocks for a commit. ERR_STORE: the log was changed. */
int audit_checkpoint(struct audit_signer *s, struct err *e);
/* The newest checkpoint's note, in `a`, with the lines of its witnesses (witness.h); ERR_NOT_FOUND when there is none.
 */
int audit_newest(struct audit_signer *s, struct arena *a, struct slice *ret, struct checkpoint *ret_what,
                 struct err *e);
/* That of a size that was signed. */
int audit_signed(struct audit_signer *s, int64_t size, struct arena *a, struct slice *ret, struct checkpoint *ret_what,
                 struct err *e);

/* The tlog-proof of an entry, against the newest checkpoint, which is made if it does not reach that far.
 * ERR_NOT_FOUND.
 */
int audit_prove(struct audit_signer *s, int64_t index, struct arena *a, struct buf *out, struct err *e);
/* The same of what is signed already; nothing is written. ERR_NOT_FOUND: not yet, or never. */
int audit_prove_signed(struct audit_signer *s, int64_t index, struct arena *a, struct buf *out, struct err *e);
/* That checkpoint `to` (a size that was signed; -1: the newest) continues the first `from` entries. */
int audit_prove_growth(struct audit_signer *s, int64_t from, int64_t to, struct arena *a, struct buf *out,
                       struct err *e);

/* c2sp.org/tlog-tiles: the first `width` (1 .. 256) hashes of tile `n` of a level, or entries, each behind its length
 * (u16, big endian). ERR_NOT_FOUND: they are not all below the newest checkpoint. */
int audit_tile(struct audit_signer *s, int level, int64_t n, int width, struct arena *a, struct buf *out,
               struct err *e);
int audit_tile_entries(struct audit_signer *s, int64_t n, int width, struct arena *a, struct buf *out, struct err *e);

/* The thread that gives indices (audit.h), makes checkpoints and sorts (audit_sort); its end makes the last one. */
struct audit_keeper;
int audit_keeper_start(struct audit_signer *s, struct audit_keeper **ret, struct err *e);
void audit_keeper_stop(struct audit_keeper *x); /* NULL is fine */

#endif
