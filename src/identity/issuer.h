/* issuer.h -- the identity provider's keys: found by its discovery document, fetched, kept, and fetched again.
 *
 * One thread of its own asks the provider; nobody else does, so that at most one request to it is under way. It asks
 *   - at the start, and every five minutes, so that a key that was withdrawn is forgotten;
 *   - again and again with pauses while it fails (1 s to 60 s);
 *   - when a token names a key that is not known, or somebody signs in and nothing young is known, but for that not
 *     more than once in 30 seconds.
 * Who needs the answer of such a fetch waits for it, at most ISSUER_WAIT_MS and at most ISSUER_WAITERS of them;
 * everybody else is answered at once. Keys that were fetched serve until they are `keep_s` old, then nothing does
 * (ERR_PROVIDER).
 *
 * How it is asked: ask.h. */
#ifndef IDENTITY_ISSUER_H
#define IDENTITY_ISSUER_H

#include "identity/token.h"

enum { ISSUER_WAIT_MS = 2000, ISSUER_WAITERS = 8, ISSUER_AGAIN_S = 30 };

struct issuer;
struct issuer_config {
    const char *url; /* "https://id.example/realms/study", without the well-known path; outlives the issuer */
    const char *ca;  /* PEM file; "" or NULL: the system's */
    bool plain;      /* http on loopback is allowed */
    int64_t keep_s;
};

/* ERR_CONFIG when the URL is none that may be asked. Does not wait for the provider. */
int issuer_start(const struct issuer_config *c, struct issuer **ret, struct err *e);
void issuer_stop(struct issuer *x); /* NULL is fine */

/* The key that a token asks for, as JSON text in `a`, and the number of the set it is from. ERR_TOKEN: the provider has
 * no such key. ERR_PROVIDER: it cannot be known. Waits as said above. */
int issuer_key(struct issuer *x, const struct token_head *head, struct arena *a, struct slice *ret_jwk,
               uint64_t *ret_set, struct err *e);
/* Is that set still the newest, and young enough? What was checked by its keys holds as long. ERR_PROVIDER: there is no
 * set that is young enough. 1, 0 or -1. */
int issuer_holds(struct issuer *x, uint64_t set, struct err *e);

/* Where people are sent and codes are taken to, as the discovery document says; checked by ask_address_ok. */
struct issuer_doors {
    const char *authorization, *token, *end_session; /* end_session may be NULL; the others are there */
    bool says_iss;                                   /* it names itself in its answers (RFC 9207) */
    bool secret_in_form;                             /* client_secret_post, because it takes no client_secret_basic */
};
/* ERR_PROVIDER: the document was never fetched, or is too old. Waits as said above. */
int issuer_doors(struct issuer *x, struct arena *a, struct issuer_doors *ret, struct err *e);

#endif
