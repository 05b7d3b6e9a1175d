/* desk.h -- managing the study's people: who may hold which role, who is suspended.
 *
 * A role that sees people's data (doctor, installer, monitor, researcher) takes two: one proposes, another approves.
 * The identity provider's proposal counts as one of the two. Where somebody manages from afar (people.manager), every
 * role takes two: else one of them could make a second self that approves. Who may not hold two roles is told so by
 * policy's sentence. Suspending somebody ends their sessions in the same transaction.
 *
 * `who`: an id, or the name or subject somebody signed in with, if only one person has it. `by`: who does this, and
 * stands in the audit log. ERR_NOT_FOUND, ERR_CONFLICT, ERR_USAGE with a sentence. Each blocks for a commit. */
#ifndef IDENTITY_DESK_H
#define IDENTITY_DESK_H

#include "identity/person.h"

enum desk_done { DESK_PROPOSED, DESK_GRANTED };

/* A JSON array of everybody: id, name, subject, state, roles, proposals. `by`: only those for whom they proposed a
 * role, and of those no role but what they proposed; NULL: all. */
int desk_list(const struct people *p, const char *by, struct arena *a, struct json_out *out, struct err *e);
int desk_propose(const struct people *p, struct slice who, enum role role, const char *by, struct arena *a,
                 struct err *e);
/* Approves the open proposal; without one, proposes (and a role that sees nobody's data is granted at once). */
int desk_approve(const struct people *p, struct slice who, enum role role, const char *by, struct arena *a,
                 enum desk_done *ret, struct err *e);
/* Ends a role or withdraws its proposal. */
int desk_remove(const struct people *p, struct slice who, enum role role, const char *by, struct arena *a,
                struct err *e);
/* on: no right any more. Else the roles count again. */
int desk_suspend(const struct people *p, struct slice who, bool on, const char *by, struct arena *a, struct err *e);

/* May `by` do this with that role? ERR_USAGE. The others ask it, too. */
int desk_may_do(enum role role, const char *by, struct err *e);
/* desk_approve in a body, after desk_may_do. */
int desk_approve_in(struct tx *tx, const struct people *p, const uint8_t id[16], enum role role, const char *by,
                    struct arena *a, enum desk_done *ret, struct err *e);

#endif
