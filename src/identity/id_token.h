/* id_token.h -- an ID token and a logout token of an identity provider, judged (OpenID Connect Core 1.0, 3.1.3.7;
 * OpenID Connect Back-Channel Logout 1.0, 2.6).
 *
 * Form, algorithm, key and signature hold as for an access token (token.h). Then:
 *   ID token      iss is the provider; aud holds our client id, and azp, where there are several audiences or where it
 * is said, is our client id; exp and iat hold; the nonce is the one of this sign-in; at_hash, where it is there, is
 * that of the access token it came with. logout token  typ is logout+jwt (or JWT, as some providers still say); iss,
 * aud and iat hold; it is at most LOGOUT_TOKEN_S old; it has a jti, and the one event that makes it a logout token; it
 * says sub or sid, and has no nonce, so that no ID token can be taken for one. Whether its jti was there before is the
 *                 caller's to know.
 *
 * A refusal is ERR_TOKEN with a sentence that holds nothing of the token. Pure but for memory; any thread. */
#ifndef IDENTITY_ID_TOKEN_H
#define IDENTITY_ID_TOKEN_H

#include "identity/token.h"

enum { SID_MAX = 255, LOGOUT_JTI_MAX = 255, LOGOUT_TOKEN_S = 300 };

struct id_rules {
    const char *issuer, *client;
    const char *roles; /* where roles are; token.h */
};

struct id_token {
    char subject[SUBJECT_MAX + 1];
    char name[STAFF_NAME_MAX + 1];
    char sid[SID_MAX + 1]; /* the provider's session; "": not said */
    uint32_t roles;
    int64_t auth_us;  /* when they proved who they are; 0: not said */
    int64_t until_us; /* leeway included */
};

struct logout_token {
    char subject[SUBJECT_MAX + 1]; /* "": not said */
    char sid[SID_MAX + 1];         /* "": not said */
    char jti[LOGOUT_JTI_MAX + 1];
    int64_t until_us; /* when it is too old to be taken, leeway included */
};

/* The header; then the key is asked for, then the judgement. */
int id_token_head(struct slice token, struct arena *a, struct token_head *ret, struct err *e);
/* `nonce` NULL: a token that came with renewed tokens, which may have none. `access`: the access token it came with. */
int id_token_check(const struct id_rules *rules, struct slice token, struct slice jwk, const char *nonce,
                   struct slice access, int64_t now_us, struct arena *a, struct id_token *ret, struct err *e);

int logout_token_head(struct slice token, struct arena *a, struct token_head *ret, struct err *e);
int logout_token_check(const struct id_rules *rules, struct slice token, struct slice jwk, int64_t now_us,
                       struct arena *a, struct logout_token *ret, struct err *e);

#endif
