/* seal.h -- authenticated encryption of stored values, bound to the place they are stored in.
 *
 * Suite 1 is XAES-256-GCM (C2SP XAES-256-GCM: AES-256-GCM under a key derived per message from a 24-byte random nonce,
 * so random nonces do not run out; SP 800-38D, SP 800-108r1). A sealed value is
 *
 *     01 | suite (1) | key id (8) | nonce (24) | ciphertext | tag (16)            50 bytes more than the plaintext
 *
 * and the additional data is  "laz/v1/field" | scope 16 | table u16 | column u16 | row 16 | subject 16 | revision u32
 * (big endian). A value moved to another row, column, subject or scope, or an old revision put back, does not open. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/err.h"

enum { KEY_BYTES = 32, KEY_ID_BYTES = 8, ID_BYTES = 16, SEAL_OVERHEAD = 50 };

/* A secret key and the public id that says which one it is. Wipe with key_wipe when done. */
struct key {
    uint8_t id[KEY_ID_BYTES];
    uint8_t secret[KEY_BYTES];
};

struct seal_place {
    const uint8_t *scope;   /* ID_BYTES */
    const uint8_t *row;     /* ID_BYTES */
    const uint8_t *subject; /* ID_BYTES, or NULL for none */
    uint16_t table, column; /* numbers of store/places.def: never reused */
    uint32_t revision;
};

void key_make(struct key *ret); /* random */
void key_wipe(struct key *k);

/* ERR_KEYS when the cipher fails, ERR_NO_MEMORY. Does not block. */
int seal(const struct key *k, const struct seal_place *at, struct slice plain, struct arena *a, struct slice *ret,
         struct err *e);
/* ERR_KEYS when it was not sealed by this key at this place, or was changed. */
int seal_open(const struct key *k, const struct seal_place *at, struct slice sealed, struct arena *a, struct slice *ret,
              struct err *e);

/* HKDF-SHA-256 (RFC 5869), output of up to 255*32 bytes. `label` is the info: "laz/v1/...". */
void hkdf(struct slice secret, struct slice salt, const char *label, void *ret, size_t n);

/* The bare AEADs, for their test vectors: `out` holds n + 16 bytes. gcm_ is what XAES uses, under a key for one
 * message.
 */
enum { GCM_IV = 12 };
int gcm_seal(const uint8_t key[KEY_BYTES], const uint8_t iv[GCM_IV], struct slice aad, struct slice plain,
             uint8_t *out);
int gcm_open(const uint8_t key[KEY_BYTES], const uint8_t iv[GCM_IV], struct slice aad, struct slice sealed,
             uint8_t *out);
int xaes_seal(const uint8_t key[KEY_BYTES], const uint8_t nonce[24], struct slice aad, struct slice plain,
              uint8_t *out);
int xaes_open(const uint8_t key[KEY_BYTES], const uint8_t nonce[24], struct slice aad, struct slice sealed,
              uint8_t *out);

#endif
