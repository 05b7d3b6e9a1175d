/* oidc.h -- signing in with a browser at an OpenID Connect provider: the code flow with PKCE, from here to there and
 * back (OpenID Connect Core 1.0; RFC 7636; RFC 9207; RFC 9700). The browser never sees a token: they stay here, sealed
 * in the session's row, and the browser has the session's cookie.
 *
 * A sign-in that has begun is known by a cookie alone, sealed, for OIDC_LOGIN_S: state, nonce, PKCE verifier and where
 * to go after. So strangers who begin sign-ins write nothing here. Its state must come back in the provider's answer:
 * then the browser that ends the sign-in is the one that began it.
 *
 * What the provider must show: its name in the answer, where it announces that; an ID token for us with our nonce
 * (id_token.h); an access token that holds (token.h), of the same subject. An access token that is no JWT is opaque:
 * roles are then those of the ID token.
 *
 * Tokens are renewed here shortly before the access token expires, when the session is next used. What the provider
 * says then of roles counts; if it refuses, the session ends. While it does not answer, sessions go on, but where the
 * token's roles count (staff.approval = token) only until that token expires.
 *
 * At most OIDC_AT_ONCE handlers wait for the provider, ASK_MS each; the others are told so (ERR_PROVIDER). */
#ifndef IDENTITY_OIDC_H
#define IDENTITY_OIDC_H

#include "identity/session.h"
#include "identity/staff.h"

enum { OIDC_LOGIN_S = 600, OIDC_AT_ONCE = 8, OIDC_BACK_MAX = 512, OIDC_COOKIE_MAX = 4096 };

struct oidc_config {
    struct staff *staff; /* which provider, and what its tokens must be */
    const struct sessions *sessions;
    const char *client;      /* our client id there */
    const char *secret_file; /* "": a public client, which PKCE alone protects */
    const char *scopes;      /* "openid profile" */
    const char *url;         /* "https://lazaret.example": where browsers find us; nothing behind the host */
};

struct oidc;
/* ERR_CONFIG with a sentence. Does not ask the provider. All of *c outlives it. */
int oidc_start(const struct oidc_config *c, struct oidc **ret, struct err *e);
void oidc_stop(struct oidc *o); /* NULL is fine; before the staff it was given */

/* Is this a place of ours that a browser may be sent to after a sign-in: a path, nothing else? */
bool oidc_back_ok(struct slice back);
/* Where to send the browser, and the cookie to give it. `back` must be ok. `again`: the provider is to have them prove
 * who they are also where they are signed in there; without it, it may tell when they did that once. ERR_PROVIDER. */
int oidc_begin(struct oidc *o, struct slice back, bool again, struct arena *a, const char **ret_url,
               const char **ret_cookie, struct err *e);

struct oidc_answer {
    struct slice code, state, iss, error; /* of the query, unescaped; {NULL,0}: not there */
    struct slice cookie;                  /* the one of oidc_begin */
};
struct oidc_end {
    const char *back; /* where they wanted to go; NULL: not known */
    bool known;       /* who they are is known: */
    struct caller caller;
    const char *cookie; /* of the session; on success */
};
/* Ends the sign-in. *ret is filled as far as it went. -1: ERR_SIGN_IN (the answer is not one to a sign-in that was
 * begun here, or the provider says no), ERR_TOKEN, ERR_PROVIDER, ERR_PENDING, ERR_SUSPENDED; e->detail may be told. */
int oidc_finish(struct oidc *o, const struct oidc_answer *x, const struct audit_entry *audit, struct arena *a,
                struct oidc_end *ret, struct err *e);

/* Renews the tokens of a session that is due (session.h). 1: done, or the provider refused and the session has ended;
 * who it is has to be asked again. 0: nothing changed. Never an error of the request: what fails is logged. */
int oidc_renew(struct oidc *o, const struct session *x, const struct audit_entry *audit, struct arena *a);

/* Where the provider ends its own session (RP-initiated logout); NULL when it has no such place. To be called before
 * the session ends, since its ID token says who it is. */
int oidc_logout_url(struct oidc *o, const struct session *x, struct arena *a, const char **ret, struct err *e);

/* A logout token that the provider sent; *ret: how many sessions ended. ERR_TOKEN, ERR_PROVIDER. */
int oidc_backchannel(struct oidc *o, struct slice token, const struct audit_entry *audit, struct arena *a, int *ret,
                     struct err *e);

#endif
