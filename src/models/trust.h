/* trust.h -- whose models are taken: the signers an operator trusts, and what a signature says.
 *
 * A signature is Ed25519 (crypto/sign.h) over "lazaret.model/1", a NUL and the 32 bytes of the version's digest
 * (pack.h), so it speaks for the manifest and every file. In the manifest it is {"alg":"ed25519", "keyId", "sig"}:
 * keyId is the first 16 hexadecimal digits of the SHA-256 of the public key, sig is base64. It says who vouches for a
 * model; not that it is right, which its self-tests show, nor that it is harmless, which the sandbox sees to.
 *
 * A signature that names a trusted key and does not hold is refused, whatever else was said. While nobody is trusted,
 * models need no signature. From the first trusted key on, one without a trusted signature is taken or promoted only
 * when the operator says so each time. When somebody is trusted no longer, what is stable stays so, and what only they
 * signed is not promoted again. */
#ifndef MODELS_TRUST_H
#define MODELS_TRUST_H

#include "audit/audit.h"
#include "crypto/sign.h"
#include "models/manifest.h"

enum { SIGNER_NAME_MAX = 64, KEY_ID_TEXT = 17, SIGNERS_MAX = 64 };

char *trust_key_id(const uint8_t public[SIGN_PUBLIC], char ret[KEY_ID_TEXT]);
void trust_sign(const uint8_t seed[SIGN_SEED], const uint8_t digest[32], uint8_t ret[SIGN_BYTES]);
bool trust_holds(const uint8_t public[SIGN_PUBLIC], const uint8_t digest[32], const uint8_t signature[SIGN_BYTES]);

/* `name`: 1 to 64 of A-Z a-z 0-9 . _ - @. ERR_USAGE; ERR_CONFLICT when the name or the key is there, or SIGNERS_MAX
 * are. */
int trust_add(struct db *db, const uint8_t scope[16], const char *name, const uint8_t public[SIGN_PUBLIC],
              const struct audit_entry *audit, struct arena *a, struct err *e);
/* ERR_NOT_FOUND */
int trust_remove(struct db *db, const uint8_t scope[16], const char *name, const struct audit_entry *audit,
                 struct arena *a, struct err *e);
/* rows: name, key id, public key, since */
int trust_list(struct db *db, const uint8_t scope[16], struct arena *a, struct rows *ret, struct err *e);

/* What is to be made of the signature in a manifest. */
struct trust_verdict {
    const char *signer;            /* in the arena; NULL: none that is trusted */
    uint8_t signature[SIGN_BYTES]; /* the signer's */
    char key_id[KEY_ID_TEXT];
};
/* ERR_BAD_REQUEST when the signature is malformed or does not hold; ERR_NOT_ALLOWED when it takes a trusted one and
 * there is none, unless `unsigned_ok`. */
int trust_judge(struct db *db, const uint8_t scope[16], const struct manifest *m, const uint8_t digest[32],
                bool unsigned_ok, struct arena *a, struct trust_verdict *ret, struct err *e);
/* In a body: keeps the verdict's signature of a version. */
int trust_keep(struct tx *tx, const uint8_t scope[16], const uint8_t digest[32], const struct trust_verdict *v,
               struct err *e);
/* The signer of a version in the registry, as of now: *ret is NULL when no trusted signature is there. */
int trust_signer(struct db *db, const uint8_t scope[16], const uint8_t digest[32], struct arena *a, const char **ret,
                 struct err *e);
/* May it be promoted? ERR_NOT_ALLOWED, as trust_judge. */
int trust_allows(struct db *db, const uint8_t scope[16], const uint8_t digest[32], bool unsigned_ok, struct arena *a,
                 struct err *e);

#endif
