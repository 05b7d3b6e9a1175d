/* token_int.h -- the parts of judging a JWS that an access token (token.c) and a client's assertion (assertion.c)
 * share. Refusals are ERR_TOKEN. */
#ifndef IDENTITY_TOKEN_INT_H
#define IDENTITY_TOKEN_INT_H

#include "base/json.h"
#include "identity/token.h"

/* base64url without padding, and with no bits left over that are not zero: one text for each value. */
int token_decode(struct slice s, struct arena *a, struct slice *ret);
/* One of the first two parts, "header" or "content": a JSON object. */
int token_part(struct slice part, const char *which, struct arena *a, struct json *ret, struct err *e);
/* Does this key fit the head's algorithm, and verify the signature? */
int token_signed(const struct token_head *head, struct slice token, struct slice jwk, struct arena *a, struct err *e);
/* Is this modulus, in base64url, one of 2048 bits at least? */
bool token_rsa_long_enough(struct slice n, struct arena *a);
/* exp (which has to be there), nbf and iat. */
int token_times(const struct json *j, int64_t now_us, int64_t leeway_s, int64_t life_s, int64_t *ret_until_us,
                struct err *e);

#endif
