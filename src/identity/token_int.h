/* token_int.h -- what the judges of tokens share: access tokens (token.c), ID tokens and logout tokens (id_token.c). */
#ifndef IDENTITY_TOKEN_INT_H
#define IDENTITY_TOKEN_INT_H

#include "base/json.h"
#include "identity/token.h"

/* As token_head, of a token whose header's typ, if it says one, is of `typs` (ended by NULL). */
int token_head_typ(struct slice token, const char *const *typs, struct arena *a, struct token_head *ret, struct err *e);
/* Checks the signature; *ret is what the token claims. */
int token_open(const struct token_head *head, struct slice token, struct slice jwk, struct arena *a, struct json *ret,
               struct err *e);

/* NumericDate: 1, 0 absent, -1 not one. */
int token_time(const struct json *j, const char *name, int64_t *ret);
/* exp, nbf and iat against the clock; *ret is exp with its leeway. */
int token_times(const struct json *j, int64_t now_us, int64_t *ret_until_us, struct err *e);
bool token_meant_for(const struct json *j, const char *audience); /* aud holds it */
uint32_t token_roles(const struct json *j, const char *path, struct arena *a);
int token_who(const struct json *j, struct arena *a, char subject[SUBJECT_MAX + 1], char name[STAFF_NAME_MAX + 1],
              struct err *e);

#endif
