/* person.h -- one of the study's people: the row, the sealed name in it, the roles that count, the one they act in.
 *
 * Whoever signs in, by whatever means, has one row, found by a keyed hash of who vouches for them (`issuer`) and what
 * it calls them (`subject`), so that a reader of the store cannot find out a subject by trying. It begins `pending`,
 * without a right; a role makes it `active`; `suspended` ends every right with the next request. Rows are read at every
 * request and nothing of them is remembered, so what any process changes is true for the next one.
 *
 * Names and subjects are personal data: sealed in the store, in no log; logs and the audit say the row's id. Knows
 * nothing of tokens, passwords or sessions. */
#ifndef IDENTITY_PERSON_H
#define IDENTITY_PERSON_H

#include "base/json.h"
#include "identity/client.h"

/* Where people are; all three outlive whoever holds it. */
struct people {
    struct db *db;
    struct keyring *keyring;
    const uint8_t *scope; /* 16 bytes */
    /* The role of who manages people by it, from afar. NULL: the operator, on this machine. */
    const char *manager;
};

struct person {
    uint8_t id[16];
    bool active, suspended;
    uint32_t held, proposed; /* bits of enum role */
    struct slice sealed;     /* the name, in the arena it was found with */
};

/* The hash a person is found by. Of something else that a provider names (a session), with another `kind`. */
int person_hash(const struct people *p, const char *kind, const char *issuer, struct slice subject, uint8_t ret[32],
                struct err *e);
#define PERSON_WHO "" /* the kind of a subject */

/* 1, 0 nobody, -1. */
int person_find(const struct people *p, const uint8_t who[32], struct arena *a, struct person *ret, struct err *e);
int person_by_id(const struct people *p, const uint8_t id[16], struct arena *a, struct person *ret, struct err *e);
/* In a body, and others who change the same person in one wait until it ends. */
int person_lock(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], struct arena *a, struct person *ret,
                struct err *e);
/* The sealed name, as an object of iss, sub and name. */
int person_open(const struct people *p, const uint8_t id[16], struct slice sealed, struct arena *a, struct json *ret,
                struct err *e);

struct arrival {
    const uint8_t *who; /* person_hash of: */
    const char *issuer, *subject;
    const char *name; /* "": none */
    uint32_t roles;   /* to be proposed, unless they are held or proposed already */
    const char *by;   /* who proposes them: "provider" */
};
/* Makes the row if *p is NULL, or adds proposals to it; *ret is then the person as they are now. Blocks for a commit if
 * there is something to write. */
int person_arrive(const struct people *all, const struct arrival *x, const struct person *p, struct arena *a,
                  struct person *ret, struct err *e);

/* In a body. */
int person_propose(struct tx *tx, const uint8_t scope[16], const uint8_t id[16], enum role role, const char *by,
                   struct err *e);
int person_audit(struct tx *tx, const uint8_t scope[16], const char *actor, const char *actor_role, const char *action,
                 const char *object, const uint8_t id[16], const char *why, struct err *e);

/* Fills *ret but for `role`, which is ROLE_ANONYMOUS then, `subject` and `display`. What `said` names counts instead of
 * what is held here, if it is not NULL. Of two roles that may not be held together neither counts.
 * -1: ERR_SUSPENDED, or ERR_PENDING when no role counts; e->detail may be told to them, and ret->id is set. */
int person_caller(const struct people *all, const struct person *p, const uint32_t *said, struct arena *a,
                  struct caller *ret, struct err *e);
/* The names of roles, "doctor, monitor", for a sentence. */
const char *person_role_names(uint32_t roles, struct arena *a);
/* Without what is no role of staff. */
uint32_t person_staff_roles(uint32_t roles);

#endif
