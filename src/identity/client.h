/* client.h -- programs that call the gateway: their names, API keys and webhook secrets.
 *
 * A program says who it is in one of three ways:
 *   - an API key;
 *   - an access token, which it got for a signed assertion (program.h) and which may cover less than the client may;
 *   - a certificate, checked by TLS under tls.client_ca and registered here (program.h). A connection's own: what a
 *     header says of certificates is never believed.
 *
 * An API key is "lz_" and 32 random bytes in base64url; only its SHA-256 is stored (the key is random, so a slow hash
 * would protect nothing). An access token is "lt_" and the same, for ACCESS_TOKEN_S: an opaque one, not a JWT, because
 * nobody but this server reads it, it is looked up as fast as a key, and it ends at once with the client, its key or
 * its key set, which a signed one would outlive. The key and the webhook secret (endpoint.h) are shown once, when made.
 * Knows nothing of routes or records. */
#ifndef IDENTITY_CLIENT_H
#define IDENTITY_CLIENT_H

#include "audit/audit.h"
#include "keys/keyring.h"
#include "policy/policy.h"
#include "store/db.h"

enum { CLIENT_NAME_MAX = 64, ACCESS_TOKEN_S = 300, GLASS_ID_TEXT = 37 };

/* Who is asking: one role, one scope. */
struct caller {
    enum role role;
    uint8_t scope[16], id[16];
    char name[CLIENT_NAME_MAX + 1];
    int64_t rate, burst;        /* requests a second (0: any number) and at once; -1: what the settings say */
    bool scoped;                /* an access token: may do what its scopes cover alone, */
    uint32_t scopes;            /* the bits of scopes.h, */
    int64_t until_us;           /* and not after this; 0: no end */
    const char *webhook_origin; /* in the arena of the call that identified it; NULL: none registered */
    /* of staff, in that arena, too; NULL and 0 of everybody else. `id` and `name` are then the row's id: */
    const char *subject, *display; /* personal data: what the provider calls them */
    uint32_t roles;                /* that they hold, bits of enum role; `role` is the one they act in */
    int64_t signed_in_at_us;       /* when they last showed who they are; 0: nobody says */
    /* in the role EMERGENCY (study/glass.h): the id of the glass they broke, and the role they did it in */
    char glass[GLASS_ID_TEXT]; /* "": none */
    enum role behind;
};

struct client_secrets {
    const char *api_key, *webhook_secret;
};

/* Changes are audited in their transaction: `audit` says who and how, the rest is filled in.
 *
 * `name`: 1 to 64 of A-Z a-z 0-9 . _ - ; `origin` (or NULL): scheme://host[:port] webhooks may go to.
 * ERR_CONFLICT when the name is taken, ERR_USAGE when it or the origin is malformed. Blocks for a commit. */
int client_add(struct db *db, struct keyring *k, const uint8_t scope[16], const char *name, const char *origin,
               const struct audit_entry *audit, struct arena *a, struct client_secrets *ret, struct err *e);
/* A new API key; the old one and every access token stop working with the commit. ERR_NOT_FOUND. */
int client_rotate(struct db *db, const uint8_t scope[16], const char *name, const struct audit_entry *audit,
                  struct arena *a, const char **ret_key, struct err *e);
/* How often the client may ask: `rate` requests a second (0: any number), `burst` at once; -1: as the settings say.
 * Whoever has its callers remembered forgets them after this (known_forget). ERR_NOT_FOUND. */
int client_limit(struct db *db, const uint8_t scope[16], const char *name, int64_t rate, int64_t burst,
                 const struct audit_entry *audit, struct arena *a, struct err *e);
/* rows: name, webhook_origin or NULL, created_at, disabled_at or NULL, rate or NULL, burst or NULL, key set or NULL,
 * its URL or NULL, id */
int client_list(struct db *db, const uint8_t scope[16], struct arena *a, struct rows *ret, struct err *e);

/* Who the Authorization header's text (may be {NULL,0}) is. Without one: `open_client`, if that is not NULL, else
 * anonymous. -1 ERR_NOT_SIGNED_IN for a header that names nobody, ERR_TOKEN for an access token that is not, or no
 * longer, good; ret is then anonymous. */
int client_identify(struct db *db, const uint8_t scope[16], struct slice authorization, const char *open_client,
                    struct arena *a, struct caller *ret, struct err *e);

/* Who has this certificate (its SHA-256), or else certificates of this subject (the SHA-256 of its DER).
 * ERR_NOT_SIGNED_IN: nobody. */
int client_identify_cert(struct db *db, const uint8_t scope[16], const uint8_t cert[32], const uint8_t subject[32],
                         struct arena *a, struct caller *ret, struct err *e);

/* In a body: every access token of the client ends. */
int client_end_tokens(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], struct err *e);
/* In a body: `audit`, of a change to this client. */
int client_audit(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], const struct audit_entry *audit,
                 struct err *e);
/* "lz_" or "lt_" and 32 random bytes, and the hash that is stored of it; NULL: memory is out. */
const char *client_secret(const char *prefix, struct arena *a, uint8_t ret_hash[32]);

/* Somebody of staff sends a job of their own: jobs belong to clients, so a row of their id and nobody's key is made on
 * first use. It is disabled, so that it signs nobody in whatever key it is given, and client_list does not have it.
 * Blocks for a commit the first time. */
int client_of_staff(struct db *db, const struct caller *who, const struct audit_entry *audit, struct arena *a,
                    struct err *e);

/* The client that jobs sent from the command line belong to, with the operator's role; made on first use. */
int client_operator(struct db *db, struct keyring *k, const uint8_t scope[16], struct arena *a, struct caller *ret,
                    struct err *e);

#endif
