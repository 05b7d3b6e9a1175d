/* token.h -- an access token of an identity provider: a JWS in compact form (RFC 7515, RFC 9068), judged.
 *
 * Accepted is what holds on every point: the form, the algorithm (RS256 RS384 PS256 PS384 ES256 ES384 and nothing
 * else), the key (its type, and what it says it is for, fit the algorithm), the signature, who issued it, whom it is
 * meant for, its time, and that it is an access token, not an ID token. libcjose checks signatures and nothing else;
 * what it is given was read by base/json first, so a duplicated member is refused before anybody chooses one of the
 * two.
 *
 * A refusal is ERR_TOKEN with a sentence that may be told to whoever sent the token; it never holds any of it. Pure but
 * for the clock; does not block; any thread. */
#ifndef IDENTITY_TOKEN_H
#define IDENTITY_TOKEN_H

#include "base/arena.h"
#include "base/err.h"
#include "policy/policy.h"

enum {
    TOKEN_MAX = 16384,
    TOKEN_LEEWAY_S = 60,
    TOKEN_LIFE_S = 86400,
    SUBJECT_MAX = 255,
    STAFF_NAME_MAX = 128,
    KID_MAX = 256
};

struct token_rules {
    const char *issuer;   /* iss is exactly this */
    const char *audience; /* aud holds it, */
    bool azp;             /* or azp is it */
    const char *roles;    /* where roles are: "realm_access.roles" */
};

/* Which key a token asks for. */
struct token_head {
    char alg[8];
    char kid[KID_MAX + 1]; /* "": none said */
};

struct token {
    char subject[SUBJECT_MAX + 1];
    char name[STAFF_NAME_MAX + 1]; /* preferred_username, else name; "": neither */
    uint32_t roles;                /* bits of enum role, of the names that policy knows */
    int64_t until_us;              /* wall clock; leeway included */
    int64_t signed_in_us;          /* auth_time; where that is not said, iat; 0: neither */
};

/* Reads the form and the header, before any key is known. */
int token_head(struct slice token, struct arena *a, struct token_head *ret, struct err *e);
/* The key that a header asks for, as JSON text, out of a key set (RFC 7517): by its kid; without a kid, the only one
 * that fits the algorithm. Of several with one kid, the one that fits. 1, or 0: there is none. -1: memory is out. */
int token_key(struct slice jwks, const struct token_head *head, struct arena *a, struct slice *ret, struct err *e);
/* The whole judgement, with the JWK (JSON text) that the head asked for. `now_us`: the wall clock. */
int token_check(const struct token_rules *rules, struct slice token, struct slice jwk, int64_t now_us, struct arena *a,
                struct token *ret, struct err *e);

#endif
