/* staff.h -- the study's people: who an access token is, which roles they hold, which one they act in.
 *
 * A person is an issuer and a subject. The first token makes a row that is `pending` and has no right; a role makes it
 * `active`; `suspended` ends every right with the next request, whatever tokens say. What a token says of roles is
 *   - a proposal, as a rule: somebody here approves it;
 *   - the role itself, where `trust` is set: of the token's roles those that may be held together (of two that may not,
 *     neither is).
 * A role that sees people's data (doctor, installer, monitor, researcher) takes two: one proposes, another approves.
 * The provider's proposal counts as one of the two. Who may not hold two roles is told so by policy's sentence.
 *
 * A token that was checked is remembered by its SHA-256 until it expires or the provider's keys change; the person's
 * row is read at every request, so what is changed here, by any process, is true for the next request. Names and
 * subjects are personal data: sealed in the store, in no log; logs and the audit say the row's id. */
#ifndef IDENTITY_STAFF_H
#define IDENTITY_STAFF_H

#include "base/json.h"
#include "identity/client.h"
#include "identity/issuer.h"

struct staff_config {
    struct db *db;
    struct keyring *keyring;
    const uint8_t *scope; /* 16 bytes; outlives it, as the texts do */
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

/* --- managing; `who`: an id, or the name or subject the provider gave, if only one person has it. `by`: who does this,
 * and stands in the audit log. ERR_NOT_FOUND, ERR_CONFLICT, ERR_USAGE with a sentence. Each blocks for a commit. --- */

struct staff_desk {
    struct db *db;
    struct keyring *keyring;
    const uint8_t *scope;
};
enum staff_done { STAFF_PROPOSED, STAFF_GRANTED };

/* A JSON array of everybody: id, name, subject, state, roles, proposals. */
int staff_list(const struct staff_desk *d, struct arena *a, struct json_out *out, struct err *e);
int staff_propose(const struct staff_desk *d, struct slice who, enum role role, const char *by, struct arena *a,
                  struct err *e);
/* Approves the open proposal; without one, proposes (and a role that sees nobody's data is granted at once). */
int staff_approve(const struct staff_desk *d, struct slice who, enum role role, const char *by, struct arena *a,
                  enum staff_done *ret, struct err *e);
/* Ends a role or withdraws its proposal. */
int staff_remove(const struct staff_desk *d, struct slice who, enum role role, const char *by, struct arena *a,
                 struct err *e);
/* on: no right any more. Else the roles count again. */
int staff_suspend(const struct staff_desk *d, struct slice who, bool on, const char *by, struct arena *a,
                  struct err *e);

#endif
