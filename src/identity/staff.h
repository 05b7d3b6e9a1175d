/* staff.h -- whom an access token is for: from token to person (person.h), and the role they act in.
 *
 * A person is an issuer and a subject; the first token makes their row. What a token says of roles is
 *   - a proposal, as a rule: somebody here approves it (desk.h);
 *   - the role itself, where `trust` is set: of the token's roles those that may be held together (of two that may not,
 *     neither is).
 *
 * A token that was checked is remembered by its SHA-256 until it expires or the provider's keys change; the person's
 * row is read at every request. */
#ifndef IDENTITY_STAFF_H
#define IDENTITY_STAFF_H

#include "identity/issuer.h"
#include "identity/person.h"

struct staff_config {
    struct people people; /* what it names outlives this, as the texts do */
    struct issuer_config issuer;
    struct token_rules rules; /* the issuer is that of `issuer` */
    bool trust;
};

struct staff;
int staff_start(const struct staff_config *c, struct staff **ret, struct err *e);
void staff_stop(struct staff *s); /* NULL is fine */

/* Is this an Authorization header with a token, not with an API key? *ret is the token. */
bool staff_token(struct slice authorization, struct slice *ret);
/* `wanted` is the header Lazaret-Role, or {NULL,0}. -1: ERR_TOKEN, ERR_PROVIDER, ERR_PENDING, ERR_SUSPENDED or
 * ERR_ROLE_CHOICE; e->detail may then be told to whoever asked. ret->id and name are set as soon as the person is
 * known. May wait for the provider (issuer.h), and for a commit when a token is new. */
int staff_identify(struct staff *s, struct slice token, struct slice wanted, struct arena *a, struct caller *ret,
                   struct err *e);

/* --- for oidc.h, which signs people in with a browser at the same provider --- */

struct issuer *staff_issuer(struct staff *s);
const struct staff_config *staff_settings(const struct staff *s);
/* Judges an access token. As staff_identify. */
int staff_check(struct staff *s, struct slice token, struct arena *a, struct token *ret, struct err *e);
/* The person that the provider vouches for; made, or added to by proposals, unless that is so already. */
int staff_person(struct staff *s, const struct token *t, struct arena *a, struct person *ret, struct err *e);

#endif
