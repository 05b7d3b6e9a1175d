/* assertion.h -- how a program proves that it holds a private key: a client assertion (private_key_jwt), judged.
 *
 * RFC 7523 3 and SMART App Launch 2.2, Backend Services: a JWS by RS256, RS384, PS256, PS384, ES256 or ES384 (never by
 * none, never by a shared secret: the list is token.h's) with iss and sub both the client's id, which here is its name;
 * aud the token endpoint's URL or the issuer's, and nothing beside it (an assertion that others may use as well is not
 * proof for one of them); exp at most ASSERTION_LIFE_S ahead; a jti, which is good once. Clocks may be
 * ASSERTION_LEEWAY_S apart.
 *
 * A jku in the header is not asked for keys; it may stand there when it is the URL that is registered. typ is JWT or
 * not there: an access token (at+jwt) is no assertion.
 *
 * A refusal is ERR_ASSERTION with a sentence that may be told to whoever sent it. Pure; any thread. */
#ifndef IDENTITY_ASSERTION_H
#define IDENTITY_ASSERTION_H

#include "identity/token.h"

enum { ASSERTION_LIFE_S = 300, ASSERTION_LEEWAY_S = 30, JTI_MAX = 255 };
/* What a client may register. */
enum { KEYSET_MAX = 16384, KEYSET_KEYS_MAX = 8, RSA_BITS_MOST = 8192 };

struct assertion_rules {
    const char *client;            /* whose it has to be */
    const char *endpoint, *issuer; /* aud is one of these */
    const char *keys_url;          /* what jku may say; NULL: nothing */
};

struct assertion {
    uint8_t jti[32];  /* the SHA-256 of it: what is remembered until then */
    int64_t until_us; /* wall clock; leeway included */
    int64_t keys_at;  /* when the keys were registered that it was judged by; program.h's */
};

/* There is no such client, or it has no such key, or that key did not sign this: one sentence for all three. */
extern const char assertion_unproven[];

/* Who it says it is of, and by which key: read, not believed. */
int assertion_head(struct slice text, struct arena *a, struct token_head *ret, const char **ret_client, struct err *e);
/* The whole judgement, with the JWK (JSON text) that the head asked for; first the signature, and where that does not
 * verify, assertion_unproven, so that who has no key is told no more. */
int assertion_check(const struct assertion_rules *rules, struct slice text, struct slice jwk, int64_t now_us,
                    struct arena *a, struct assertion *ret, struct err *e);

/* Is this JSON text a key set (RFC 7517) that a client may register or publish? Each key an RSA key of 2048 to 8192
 * bits or one on P-256 or P-384, for signatures, with a kid of its own, and without a private member: who sends one has
 * given a secret away. How many keys, or -1: ERR_USAGE with a sentence. */
int keyset_check(struct slice text, struct arena *a, struct err *e);

#endif
