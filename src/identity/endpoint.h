/* endpoint.h -- where a client wants to be told of its jobs: webhook endpoints, their secrets, their health.
 *
 * Every client has one of kind ORIGIN, whose id is the client's: jobs name an address below the registered origin, and
 * the result goes along. Endpoints of kind URL are made by the client; they are told of all its jobs, thinly (id and
 * state) unless it asks for more.
 *
 * A secret is "whsec_" and 32 random bytes in base64 (Standard Webhooks 1.0.0), sealed, shown once. After a rotation
 * the old one is valid for a while, and deliveries are signed with both. */
#ifndef IDENTITY_ENDPOINT_H
#define IDENTITY_ENDPOINT_H

#include "audit/audit.h"
#include "identity/client.h"

enum { ENDPOINTS_MAX = 16, ENDPOINT_URL_MAX = 512, SECRET_TEXT = 6 + 44 + 1 };
enum { KEEP_HOURS = 24, KEEP_HOURS_MAX = 168 }; /* how long an old secret is valid: unless something is said, at most */

struct endpoint {
    uint8_t id[16], client[16];
    bool origin, full, disabled;
    const char *url;          /* an origin, or "" when none is registered */
    const char *secret, *old; /* opened; old NULL: none is valid any more */
    const char *disabled_why;
    int64_t created_at, failing_since, not_before, old_until;
};

/* A new secret into out[SECRET_TEXT], and sealed for the endpoint `id`. */
int endpoint_secret(struct keyring *k, const uint8_t scope[16], const uint8_t id[16], struct arena *a, char *out,
                    struct slice *ret_sealed, struct err *e);

/* `url`: https://host[:port]/path, or http://; what it resolves to is judged when something is sent. ERR_USAGE when it
 * is malformed, ERR_CONFLICT when there are ENDPOINTS_MAX. Audited. */
int endpoint_add(struct db *db, struct keyring *k, const struct caller *c, const char *url, bool full,
                 const struct audit_entry *audit, struct arena *a, struct endpoint *ret, struct err *e);
/* The caller's endpoints, without their secrets; at most `max`. Returns how many, or -1. */
int endpoint_list(struct db *db, const struct caller *c, struct arena *a, struct endpoint *ret, int max, struct err *e);

/* Everybody's, or those of the client named; ERR_NOT_FOUND when there is no such client. rows: client's name, id, kind,
 * url, payload, created_at, disabled_why or NULL, failing_since or NULL, how many events wait. */
int endpoint_all(struct db *db, const uint8_t scope[16], const char *client, struct arena *a, struct rows *ret,
                 struct err *e);

enum endpoint_change { ENDPOINT_REMOVE, ENDPOINT_ENABLE, ENDPOINT_ROTATE };
/* 1: done; 0: the caller has no such endpoint (the operator has everybody's). ROTATE: *ret has the new secret, and the
 * old one stays valid for `keep_us`. REMOVE: of kind URL only; ERR_CONFLICT for the other. Audited. */
int endpoint_change(struct db *db, struct keyring *k, const struct caller *c, const uint8_t id[16],
                    enum endpoint_change what, int64_t keep_us, const struct audit_entry *audit, struct arena *a,
                    struct endpoint *ret, struct err *e);

/* With its secrets opened, for who signs. 1, 0 there is none, -1. */
int endpoint_open(struct db *db, struct keyring *k, const uint8_t scope[16], const uint8_t id[16], struct arena *a,
                  struct endpoint *ret, struct err *e);

#endif
