/* session.h -- somebody signed in with a browser: from a cookie to a caller (OWASP ASVS 5.0, chapter 7).
 *
 * A cookie is 32 random bytes in base64url; the store has its SHA-256 alone (random, so a slow hash would protect
 * nothing), and says nothing itself: everything about a session is in its row, so that what ends one is true for the
 * next request, in every process. One session acts in one role.
 *
 * A cookie is replaced by a new one every SESSION_ROTATE_S, and at once when the role changes. The old one serves on
 * for SESSION_GRACE_S, for requests that were under way. One that is used later was copied, since whoever got the new
 * one has no use for it: the session ends. Only when the new one was never used, because the answer that brought it was
 * lost, another is given out. A sign-in always begins a new session with a cookie nobody has seen (no fixation).
 *
 * It ends when nothing was asked for `idle_us`, after `life_us` in any case, when they sign out, when the provider says
 * so, when a copied cookie is used, and when the person is suspended. `seen_at` is written at most once in
 * SESSION_SEEN_S, so an idle session may end that much early. A wall clock that was put back past what a session has
 * seen ends it, too. Begin, role and end are in the audit log, in the transaction that makes them so.
 *
 * Functions that change something block for a commit. Knows nothing of HTTP, providers or passwords. */
#ifndef IDENTITY_SESSION_H
#define IDENTITY_SESSION_H

#include "identity/person.h"
#include "identity/proved.h"

enum {
    SESSION_COOKIE_BYTES = 32,
    SESSION_COOKIE_TEXT = 43, /* characters */
    SESSION_ROTATE_S = 900,
    SESSION_GRACE_S = 60,
    SESSION_SEEN_S = 60,
    SESSION_CLOCK_S = 300, /* by how much the clocks of two processes may differ */
    SESSION_EACH = 20,     /* open ones of a person; of more the oldest ends */
    SESSION_KEEP_DAYS = 7  /* what is kept of one that has ended, without its tokens */
};

struct sessions {
    struct people people;
    bool trust; /* the roles that the provider's token said count (`said` below), not those held here */
    int64_t idle_us, life_us;
};

enum session_how { SESSION_OIDC, SESSION_PASSWORD, SESSION_PASSKEY };
const char *session_how_name(enum session_how how); /* "oidc", "password", "passkey" */

/* What an identity provider gave; opaque here but for the times. */
struct session_provider {
    const char *issuer;
    struct slice sid;      /* the provider's name of its session; {NULL,0}: none */
    struct slice tokens;   /* to be sealed */
    uint32_t said;         /* roles in the token, bits of enum role */
    int64_t said_until_us; /* so long they count */
    int64_t renew_us;      /* when to renew the tokens; 0: they cannot be */
};

struct session_new {
    uint8_t staff[16];
    enum session_how how;
    bool has_role; /* else they choose one (session_role), or have one alone */
    enum role role;
    int64_t auth_us;                         /* when they proved who they are; 0: now */
    const struct session_provider *provider; /* of SESSION_OIDC; else NULL */
    const struct proved *proved;             /* must hold still as it begins (ERR_TOKEN); NULL: nothing must */
};

struct session {
    uint8_t id[16], staff[16];
    enum session_how how;
    bool has_role;
    enum role role;
    int64_t created_us, auth_us, until_us; /* wall clock; until: if nothing more is asked */
    const char *cookie; /* not NULL: the cookie is this one from now on; wipe nothing, it is the arena's */
    bool renew;         /* the provider's tokens are due: session_renewing */
};

/* Where a function takes `audit`, it says request, route and trace, and who does it (actor NULL: the person
 * themselves); the rest is filled in. NULL: no request does it.
 *
 * *ret is the cookie. May end others: those that are over, and the oldest of one who has SESSION_EACH. */
int session_open(const struct sessions *s, const struct session_new *x, const struct audit_entry *audit,
                 struct arena *a, const char **ret, struct err *e);

struct session_ask {
    struct slice cookie;
    struct slice wanted; /* the header Lazaret-Role: must be the session's role; {NULL,0}: not sent */
    bool quiet;          /* only a look, that does not count as use: nothing is written, no cookie replaced */
    const struct audit_entry *audit;
};
/* 1: *ret and *ret_caller are filled. 0: no such session, or it is over; *ret is untouched. -1: *ret is filled
 * (`cookie` and `renew`, too) if e->code is one of ERR_SUSPENDED (the session has ended with this), ERR_PENDING,
 * ERR_ROLE_CHOICE: as person_caller and staff_identify; ERR_PROVIDER: what the token said is too old, it has to be
 * renewed; then ret_caller->id says who it is, and e->detail may be told to them. */
int session_identify(const struct sessions *s, const struct session_ask *q, struct arena *a, struct session *ret,
                     struct caller *ret_caller, struct err *e);

/* They act in `role` from now on; x->role and x->cookie are changed. ERR_ROLE_CHOICE when it is none of `roles`. */
int session_role(const struct sessions *s, struct session *x, uint32_t roles, enum role role,
                 const struct audit_entry *audit, struct arena *a, struct err *e);

/* They have proved again, by `how`, who they are: x->auth_us is now. ERR_TOKEN when it ended meanwhile. */
int session_again(const struct sessions *s, struct session *x, enum session_how how, const struct audit_entry *audit,
                  struct err *e);

/* `why`: a few words for the audit log and the row. One that has ended already is no error. */
int session_end(const struct sessions *s, const uint8_t id[16], const char *why, const struct audit_entry *audit,
                struct err *e);
/* Of one person; *ret: how many ended. */
int session_end_all(const struct sessions *s, const uint8_t staff[16], const char *why, const struct audit_entry *audit,
                    struct arena *a, int *ret, struct err *e);
int session_end_all_in(struct tx *tx, const uint8_t scope[16], const uint8_t staff[16], const char *why,
                       const struct audit_entry *audit, struct arena *a, int *ret, struct err *e); /* in a body */
/* Those that began with that session of the provider's, or with `sid` {NULL,0} all of that subject's that it began.
 * `first`, unless NULL, is done in the same body, before it. */
int session_end_provider(const struct sessions *s, const char *issuer, struct slice sid, struct slice subject,
                         tx_body *first, void *arg, const struct audit_entry *audit, struct arena *a, int *ret,
                         struct err *e);

/* A JSON array of one's own open sessions: id, how, role, created_at, seen_at, until, current. */
int session_list(const struct sessions *s, const struct session *current, struct arena *a, struct json_out *out,
                 struct err *e);

/* --- the provider's tokens --- */

/* What was sealed; {NULL,0} when there is nothing. */
int session_tokens(const struct sessions *s, const uint8_t id[16], struct arena *a, struct slice *ret, struct err *e);
/* 1: nobody else renews them for the next `hold_us`. 0: somebody does, or they are not due. */
int session_renewing(const struct sessions *s, const uint8_t id[16], int64_t hold_us, struct err *e);
int session_renewed(const struct sessions *s, const uint8_t id[16], const struct session_provider *x, struct arena *a,
                    struct err *e);

#endif
