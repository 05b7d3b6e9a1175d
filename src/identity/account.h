/* account.h -- accounts without an identity provider: by invitation, with a password, passkeys, or both.
 *
 * An account is a person (person.h) of the issuer "local", whose subject is the login name: 1 to 64 of a-z 0-9 . _ - @
 * , capitals made small. Nobody can make one but who may use this program's commands (`lazaret user add`): there is no
 * open registration, on purpose. What is printed then is an invitation: 128 random bits, of which the SHA-256 is kept;
 * good once, for INVITATION_HOURS, and only while the role it was made for is proposed or held. Whoever accepts it sets
 * a password or makes a passkey (credential.h). A second invitation is how a lost or stolen credential is replaced: it
 * ends every session, the password and the passkeys at once.
 *
 * Whether a name exists is told to nobody: an unknown one costs the same hash, gets the same answers, and is locked the
 * same way. An attempt is written down as failed before its password is looked at, so neither many at once nor a kill
 * in between are free. After ACCOUNT_FREE failures in a row the name waits ACCOUNT_DELAY_S, twice as long after each
 * further one up to ACCOUNT_DELAY_MAX_S; while it waits no password of it is looked at and nothing is counted. Success
 * forgets it all, as does a day without an attempt. Passkeys do not wait, so who has one is not locked out by others.
 *
 * `audit` as in session.h. Functions that change something block for a commit; those with a password also for its hash
 * (password.h: ERR_BUSY). Sentences of ERR_TOKEN, ERR_BAD_REQUEST, ERR_CONFLICT, ERR_RATE and ERR_NOT_FOUND may be told
 * to whoever asked. Knows nothing of HTTP. */
#ifndef IDENTITY_ACCOUNT_H
#define IDENTITY_ACCOUNT_H

#include "identity/desk.h"
#include "identity/passkey.h"
#include "identity/password.h"
#include "identity/proved.h"

#define ACCOUNT_ISSUER "local"
enum {
    ACCOUNT_NAME_MAX = 64,
    ACCOUNT_FREE = 5,
    ACCOUNT_DELAY_S = 30,
    ACCOUNT_DELAY_MAX_S = 3600,
    INVITATION_HOURS = 48,
    INVITATION_TEXT = 23 /* with its NUL */
};

struct accounts {
    struct people people;
    struct passwords *passwords;
    struct passkey_rules passkeys; /* rp_id NULL: there are none here */
};

/* --- by who may use the commands --- */

/* A new account, with the role proposed (or granted, where one person is enough: desk_approve). ERR_CONFLICT when the
 * name is taken, ERR_USAGE. */
int account_add(const struct people *p, struct slice name, enum role role, const char *by, struct arena *a,
                enum desk_done *ret_done, char ret_code[INVITATION_TEXT], struct err *e);
/* `who`: a login name or an id. ERR_NOT_FOUND. */
int account_invite(const struct people *p, struct slice who, const char *by, struct arena *a,
                   char ret_code[INVITATION_TEXT], struct err *e);

/* --- by whoever has an invitation --- */

struct invitation {
    uint8_t id[16], staff[16];
    const char *name; /* the login name */
    bool has_role;
    enum role role;
    int64_t until_us;
    struct proved proved; /* once it was used: the credential that was set by it */
};
/* ERR_NOT_FOUND: used, too old, replaced, or never one; its role was withdrawn; the account is suspended. */
int invitation_find(const struct people *p, struct slice code, struct arena *a, struct invitation *ret, struct err *e);
/* In a body: it is used by this. ERR_NOT_FOUND as above. */
int invitation_use(struct tx *tx, const struct people *p, const struct invitation *x, struct arena *a, struct err *e);
/* Uses it, and sets the password. */
int account_accept(const struct accounts *x, struct slice code, struct slice password, const struct audit_entry *audit,
                   struct arena *a, struct invitation *ret, struct err *e);

/* --- by whoever has a password --- */

/* Who it was, as far as that is known; never told. */
struct attempt {
    bool known;
    uint8_t staff[16];
    int wait_s;           /* of ERR_RATE */
    struct proved proved; /* of who signed in: by what */
};
/* 0: *ret is who signed in. -1: ERR_TOKEN, or ERR_RATE while the name waits; then, too, *ret is filled, for the log. */
int account_sign_in(const struct accounts *x, struct slice name, struct slice password, struct arena *a,
                    struct attempt *ret, struct err *e);
/* The same of somebody who is signed in. */
int account_again(const struct accounts *x, const uint8_t staff[16], struct slice password, struct arena *a,
                  struct attempt *ret, struct err *e);
/* A new password, after account_again with the old one; ends all sessions. *proved: what they proved (ERR_TOKEN when
 * that was ended meanwhile; ERR_SUSPENDED), and afterwards the new password. */
int account_change(const struct accounts *x, const uint8_t staff[16], struct slice password, struct proved *proved,
                   const struct audit_entry *audit, struct arena *a, struct err *e);

/* 1: they have an account here; 0: an identity provider vouches for them, or nobody; -1. */
int account_exists(const struct people *p, const uint8_t staff[16], struct arena *a, struct err *e);
/* 1: has a password, 0: has not (or no account), -1. */
int account_has_password(const struct people *p, const uint8_t staff[16], struct arena *a, struct err *e);
/* In a body, as its first: others who change them wait. -1: ERR_SUSPENDED; ERR_TOKEN when what they proved does not
 * hold any more. */
int account_lock(struct tx *tx, const struct people *p, const uint8_t staff[16], const struct proved *proved,
                 struct arena *a, struct err *e);
/* In a body: an entry of the audit log. `actor`: the person, where `audit` names nobody. */
int account_audit(struct tx *tx, const struct people *p, const struct audit_entry *audit, const uint8_t actor[16],
                  const char *action, const char *object, const uint8_t id[16], const char *why, struct err *e);

#endif
