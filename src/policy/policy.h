/* policy.h -- the one policy: role and action on an entity give a view. Additive; what no row of matrix.def grants is
 * denied. Pure; knows nothing of tokens or HTTP. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

enum role { ROLE_ANONYMOUS, ROLE_CLIENT, ROLE_OPERATOR, ROLE_COUNT };
enum view { VIEW_NONE, VIEW_OWN, VIEW_ALL };
enum entity {
    ENTITY_HEALTH,
    ENTITY_METRICS,
    ENTITY_API_DOCS,
    ENTITY_MODEL,
    ENTITY_JOB,
    ENTITY_WEBHOOK,
    ENTITY_CLIENT,
    ENTITY_AUDIT,
    ENTITY_KEYS,
    ENTITY_COUNT
};
enum action { ACTION_CREATE, ACTION_READ, ACTION_UPDATE, ACTION_DELETE, ACTION_COUNT };

enum view policy_view(enum role role, enum entity entity, enum action action);
const char *role_name(enum role role);       /* "client" */
const char *entity_name(enum entity entity); /* "Job", as audit entries say it */
const char *action_name(enum action action); /* "read" */
const char *view_name(enum view view);       /* "own" */

#endif
