/* sign.h -- Ed25519 signatures (RFC 8032; libsodium, which refuses keys and signatures that are not canonical).
 *
 * A secret is its 32-byte seed; wipe it when done. Nothing here blocks. */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { SIGN_SEED = 32, SIGN_PUBLIC = 32, SIGN_BYTES = 64 };

/* The public key of a seed. */
void sign_public(const uint8_t seed[SIGN_SEED], uint8_t ret[SIGN_PUBLIC]);
void sign_make(const uint8_t seed[SIGN_SEED], struct slice message, uint8_t ret[SIGN_BYTES]);
bool sign_verify(const uint8_t public[SIGN_PUBLIC], struct slice message, const uint8_t signature[SIGN_BYTES]);

#endif
