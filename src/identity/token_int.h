/* token_int.h -- the parts of judging a JWS that are shared: by access tokens (token.c), ID tokens and logout tokens
 * (id_token.c) and a client's assertion (assertion.c). Refusals are ERR_TOKEN. */
#ifndef IDENTITY_TOKEN_INT_H
#define IDENTITY_TOKEN_INT_H

#include "base/json.h"
#include "identity/token.h"

/* base64url without padding, and with no bits left over that are not zero: one text for each value. */
int token_decode(struct slice s, struct arena *a, struct slice *ret);
/* One of the first two parts, "header" or "content": a JSON object. */
int token_part(struct slice part, const char *which, struct arena *a, struct json *ret, struct err *e);
/* As token_head, of a token whose header's typ, if it says one, is of `typs` (ended by NULL). */
int token_head_typ(struct slice token, const char *const *typs, struct arena *a, struct token_head *ret, struct err *e);
/* Does this key fit the head's algorithm, and verify the signature? */
int token_signed(const struct token_head *head, struct slice token, struct slice jwk, struct arena *a, struct err *e);
/* The same; *ret is what the token claims. */
int token_open(const struct token_head *head, struct slice token, struct slice jwk, struct arena *a, struct json *ret,
               struct err *e);
/* Is this modulus, in base64url, one of 2048 bits at least? */
bool token_rsa_long_enough(struct slice n, struct arena *a);

/* NumericDate: 1, 0 absent, -1 not one. */
int token_time(const struct json *j, const char *name, int64_t *ret);
/* exp (which has to be there), nbf and iat against the clock; *ret is exp with its leeway. */
int token_times(const struct json *j, int64_t now_us, int64_t leeway_s, int64_t life_s, int64_t *ret_until_us,
                struct err *e);
bool token_meant_for(const struct json *j, const char *audience); /* aud holds it */
uint32_t token_roles(const struct json *j, const char *path, struct arena *a);
int token_who(const struct json *j, struct arena *a, char subject[SUBJECT_MAX + 1], char name[STAFF_NAME_MAX + 1],
              struct err *e);

#endif
