/* passkey.h -- a passkey that a browser made or used (WebAuthn Level 3, 7.1 and 7.2), judged.
 *
 * Registration: attestation is none, or packed by the credential's own key; whoever else vouches for the device was not
 * asked. Algorithms are ES256, EdDSA and RS256. Somebody was there and proved to the device who they are (user
 * verification): so a passkey is two factors in one. libfido2 checks signatures and reads keys; before it is given
 * anything that is CBOR, that was walked over here: of definite lengths, none of them longer than what is there, and
 * nothing behind its end. The browser's JSON is read by base/json, so a doubled member is refused.
 *
 * Not judged here, because it takes a store: whether the challenge is one of ours (passkey_client gives it), whether
 * the credential is known, and whether its counter goes on.
 *
 * Refusals are sentences that may be told: ERR_BAD_REQUEST of what was made, ERR_TOKEN of what was used. Else
 * ERR_NO_MEMORY. Pure, does not block, any thread. Slices point into what was given or lie in the arena. */
#ifndef IDENTITY_PASSKEY_H
#define IDENTITY_PASSKEY_H

#include "base/arena.h"
#include "base/err.h"

enum {
    PASSKEY_CLIENT_MAX = 4096, /* bytes of what a browser sends */
    PASSKEY_ATTESTATION_MAX = 8192,
    PASSKEY_DATA_MAX = 2048,
    PASSKEY_SIGNATURE_MAX = 1024,
    PASSKEY_ID_MAX = 1023,
    PASSKEY_KEY_MAX = 259 /* RSA of 2048 bits and its exponent */
};

struct passkey_rules {
    const char *origin; /* "https://study.example:8443" */
    const char *rp_id;  /* "study.example" */
};
/* Of the address that browsers know this server by, https://HOST[:PORT] or, of this machine alone,
 * http://localhost[:PORT]. 1; 0: passkeys need a name of a host there, and TLS; -1: memory is out. */
int passkey_rules(const char *url, struct arena *a, struct passkey_rules *ret, struct err *e);

enum passkey_deed { PASSKEY_MAKE, PASSKEY_USE };
/* What the browser says it did, and where; `text` is what the device signed. */
struct passkey_client {
    struct slice text, challenge; /* the challenge's bytes */
};
int passkey_client(const struct passkey_rules *rules, enum passkey_deed deed, struct slice client_data, struct arena *a,
                   struct passkey_client *ret, struct err *e);

struct passkey {
    int64_t algorithm; /* COSE: -7, -8, -257 */
    struct slice id, key;
    uint32_t count;
    bool eligible, backed_up; /* may it be copied to another device, and was it */
};
int passkey_made(const struct passkey_rules *rules, const struct passkey_client *client, struct slice attestation,
                 struct arena *a, struct passkey *ret, struct err *e);

/* `p` holds what was known; on success its count and backed_up are what was said now. */
int passkey_used(const struct passkey_rules *rules, const struct passkey_client *client, struct slice data,
                 struct slice signature, struct passkey *p, struct err *e);
/* May `now` follow `before`? A counter that goes back or stands is that of a copy; 0 for ever is none (6.1.1). */
bool passkey_count_follows(uint32_t before, uint32_t now);

#endif
