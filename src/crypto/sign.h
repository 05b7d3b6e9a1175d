/* sign.h -- Ed25519 signatures (RFC 8032; libsodium). Never fail: without them the process ends. */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stdint.h>

#include "base/str.h"

enum { SIGN_SEED_BYTES = 32, SIGN_PUBLIC_BYTES = 32, SIGN_BYTES = 64 };

/* The seed is the secret; the public key follows from it. */
void sign_public(const uint8_t seed[SIGN_SEED_BYTES], uint8_t ret[SIGN_PUBLIC_BYTES]);
void sign(const uint8_t seed[SIGN_SEED_BYTES], struct slice text, uint8_t ret[SIGN_BYTES]);
bool sign_holds(const uint8_t key[SIGN_PUBLIC_BYTES], struct slice text, const uint8_t signature[SIGN_BYTES]);

#endif
