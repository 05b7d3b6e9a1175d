/* policy.h -- the one policy: role and action on an entity give a view. Additive; what no row of matrix.def grants is
 * denied.
 *
 * Who acts is in roles.def, what is acted on in entities.def, what a view shows in views.def, who has which in
 * matrix.def, and what breaking the glass opens in emergency.def. That the tables say what they are meant to say,
 * policy_check proves: which tables a role can join, alone and with every other role one person may hold beside it.
 *
 * Pure; knows nothing of tokens, HTTP or rows. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>

#include "base/buf.h"
#include "store/gate.h"

enum role {
#define ROLE(name, kind, text, aliases, who) ROLE_##name,
#define APART(a, b, why)
#define JOINS(role, identifying, sensitive)
#include "policy/roles.def"
#undef ROLE
#undef APART
#undef JOINS
    ROLE_COUNT
};

enum entity {
#define ENTITY(name, noun, tells, keys, fields) ENTITY_##name,
#include "policy/entities.def"
#undef ENTITY
    ENTITY_COUNT
};

enum action { ACTION_CREATE, ACTION_READ, ACTION_UPDATE, ACTION_DELETE, ACTION_COUNT };

/* A view belongs to one entity: VIEW_JOB_OWN. */
enum view {
    VIEW_NONE,
#define VIEW(entity, name, scope, as, consent, purpose, fields, words) VIEW_##entity##_##name,
#include "policy/views.def"
#undef VIEW
    VIEW_COUNT,
#define ENTITY(name, noun, tells, keys, fields) VIEW_##name##_NONE = VIEW_NONE,
#include "policy/entities.def"
#undef ENTITY
};

enum reach { REACH_EVERY, REACH_OWN, REACH_ASSIGNED, REACH_VISITED, REACH_COHORT, REACH_ONE };
enum shown_as { AS_NAMED, AS_ALIAS, AS_EXPORT };

struct view_row {
    enum entity entity;
    const char *name; /* "OWN" */
    enum reach reach;
    enum shown_as as;
    bool consent;        /* only while it is active */
    const char *purpose; /* v3-ActReason; NULL: none */
    const char *fields;  /* names, separated by blanks; "*": all */
    const char *words;
};

enum view policy_view(enum role role, enum entity entity, enum action action);
/* NULL for VIEW_NONE. */
const struct view_row *view_row(enum view view);

const char *role_name(enum role role);       /* "client" */
const char *role_words(enum role role);      /* who that is */
const char *entity_name(enum entity entity); /* "Job", as audit entries say it */
const char *action_name(enum action action); /* "read" */
const char *view_name(enum view view);       /* "OWN", as matrix.def says it; "NONE" */

/* A role of the study by its name or an alias, as identity providers say it. False: there is none, or it is not one
 * that a provider can give. */
bool role_named(struct slice text, enum role *ret);
/* May the study's people hold it? */
bool role_is_staff(enum role role);
/* Why one person may not hold both; NULL: they may. */
const char *role_apart(enum role a, enum role b);

/* Does the view show this field of its entity? */
bool view_shows(enum view view, struct slice field);

/* What of the study's tables a role's statements may touch: columns.def, cut to what the role sees (store/gate.h).
 * NULL: the role has no gate, so it touches none of them. */
const struct gate *policy_gate(enum role role);
/* All there are. */
int policy_gates(const struct gate *ret[ROLE_COUNT]);

/* What the policy grants a role, as sentences. */
void policy_tell(enum role role, struct buf *out);

/* What the role can put together of one person, part by part: "names, addresses; streams". "nothing" */
void policy_tell_joins(enum role role, struct buf *out);

/* Proves the tables: which keys lead where for each role, and each set of roles that one person may hold; no name or
 * address meets health or streams but where roles.def says so; no write shows what may not be read; every view names
 * fields there are and is in use. Writes a sentence for each fault; returns how many. */
int policy_check(struct buf *out);

#endif
