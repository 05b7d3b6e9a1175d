#include "crypto/sign.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/wipe.h"

_Static_assert((int)SIGN_SEED == crypto_sign_SEEDBYTES && (int)SIGN_PUBLIC == crypto_sign_PUBLICKEYBYTES &&
                   (int)SIGN_BYTES == crypto_sign_BYTES,
               "libsodium's Ed25519");

/* libsodium keeps the public key behind the seed. */
static void expand(const uint8_t seed[SIGN_SEED], uint8_t public[SIGN_PUBLIC],
                   uint8_t secret[crypto_sign_SECRETKEYBYTES])
{
    if (sodium_init() < 0 || crypto_sign_seed_keypair(public, secret, seed))
        abort();
}

void sign_public(const uint8_t seed[SIGN_SEED], uint8_t ret[SIGN_PUBLIC])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    expand(seed, ret, secret);
    wipe(secret, sizeof secret);
}

void sign_make(const uint8_t seed[SIGN_SEED], struct slice message, uint8_t ret[SIGN_BYTES])
{
    uint8_t public[SIGN_PUBLIC], secret[crypto_sign_SECRETKEYBYTES];
    expand(seed, public, secret);
    if (crypto_sign_detached(ret, NULL, (const unsigned char *)message.p, message.n, secret))
        abort();
    wipe(secret, sizeof secret);
}

bool sign_verify(const uint8_t public[SIGN_PUBLIC], struct slice message, const uint8_t signature[SIGN_BYTES])
{
    return crypto_sign_verify_detached(signature, (const unsigned char *)message.p, message.n, public) == 0;
}
