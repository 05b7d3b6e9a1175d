/* note.h -- the texts in which a log speaks to strangers, as c2sp.org has them: signed-note, tlog-checkpoint,
 * tlog-proof.
 *
 *     lazaret.local/audit                           a checkpoint: the log's origin,
 *     4711                                          how many entries,
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=  the root of their RFC 6962 tree; this far is signed
 *
 *     — lazaret.local/audit Az3grlgt...             key name, base64(key id (4) | Ed25519 signature (64))
 *
 * A verifier key is NAME+KEYID+base64(0x01 | public key), its key id the first four bytes of SHA-256(NAME | 0x0A | 0x01
 * | public key). A witness' has 0x04 in place of both 0x01, and its line (c2sp.org/tlog-cosignature) is
 *
 *     — witness.example/w1 jWbPPwAA...              name, base64(key id (4) | seconds since 1970 (8) | signature (64))
 *
 * over "cosignature/v1\ntime SECONDS\n" and the checkpoint's signed text. What is read is taken for hostile: a form the
 * texts do not allow is refused, with a sentence. */
#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

#include "audit/tree.h"
#include "base/buf.h"
#include "crypto/sign.h"

enum {
    NOTE_NAME = 128,                           /* bytes of a key's name, at most */
    NOTE_MAX = 64 * 1024,                      /* of a note that is read */
    NOTE_KEY_TEXT = NOTE_NAME + 1 + 8 + 1 + 45 /* a verifier key's text and its NUL */
};

enum note_kind { NOTE_LOG = 1, NOTE_WITNESS = 4 };

struct note_key {
    enum note_kind kind;
    char name[NOTE_NAME + 1];
    uint8_t id[4];
    uint8_t public[SIGN_PUBLIC];
};

/* false: no name of a key (empty, too long, spaces, plus, control characters, no UTF-8). */
bool note_key_of(enum note_kind kind, struct slice name, const uint8_t public[SIGN_PUBLIC], struct note_key *ret);
char *note_key_text(const struct note_key *k, char out[NOTE_KEY_TEXT]); /* returns out */
bool note_key_read(enum note_kind kind, struct slice text, struct note_key *ret);

struct checkpoint {
    uint64_t size;
    struct tree_hash root;
};

void checkpoint_write(struct buf *b, const struct note_key *k, const uint8_t seed[SIGN_SEED],
                      const struct checkpoint *c);
/* A checkpoint of this log with a signature of this key that holds; other keys' signatures are passed over. NULL for
 * `k`: whoever made it. Otherwise -1 and why. */
int checkpoint_read(struct slice note, const struct note_key *k, struct checkpoint *ret, const char **why);

/* The witness' line among a checkpoint's signatures, with its newline; *ret_at is when it signed, in seconds since
 * 1970. 1; 0: there is none; -1: it does not hold, and why. Who signed the checkpoint is not looked at. */
int cosignature_read(struct slice note, const struct note_key *witness, struct slice *ret_line, int64_t *ret_at,
                     const char **why);

/* c2sp.org/tlog-proof@v1: the entry at `index` is in the tree of the checkpoint. */
void proof_write(struct buf *b, uint64_t index, const struct tree_hash *proof, int n, struct slice note);
/* The tree of the checkpoint continues that of the first `from` entries: the body of a tlog-witness add-checkpoint
 * request ("old FROM", hashes, an empty line, the checkpoint). */
void growth_write(struct buf *b, uint64_t from, const struct tree_hash *proof, int n, struct slice note);

#endif
