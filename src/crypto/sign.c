#include "crypto/sign.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/wipe.h"

static void pair_of(const uint8_t seed[SIGN_SEED_BYTES], uint8_t public[SIGN_PUBLIC_BYTES],
                    uint8_t secret[crypto_sign_SECRETKEYBYTES])
{
    if (sodium_init() < 0 || crypto_sign_seed_keypair(public, secret, seed))
        abort();
}

void sign_public(const uint8_t seed[SIGN_SEED_BYTES], uint8_t ret[SIGN_PUBLIC_BYTES])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    pair_of(seed, ret, secret);
    wipe(secret, sizeof secret);
}

void sign(const uint8_t seed[SIGN_SEED_BYTES], struct slice text, uint8_t ret[SIGN_BYTES])
{
    uint8_t public[SIGN_PUBLIC_BYTES], secret[crypto_sign_SECRETKEYBYTES];
    pair_of(seed, public, secret);
    if (crypto_sign_detached(ret, NULL, (const uint8_t *)text.p, text.n, secret))
        abort();
    wipe(secret, sizeof secret);
}

bool sign_holds(const uint8_t key[SIGN_PUBLIC_BYTES], struct slice text, const uint8_t signature[SIGN_BYTES])
{
    return sodium_init() >= 0 && crypto_sign_verify_detached(signature, (const uint8_t *)text.p, text.n, key) == 0;
}
