#include "policy/policy.h"

static const unsigned char matrix[ENTITY_COUNT][ACTION_COUNT][ROLE_COUNT] = {
#define SEES(entity, action, anonymous, client, operator_)                                                             \
    [ENTITY_##entity][ACTION_##action] = {VIEW_##anonymous, VIEW_##client, VIEW_##operator_},
#include "policy/matrix.def"
#undef SEES
};

enum view policy_view(enum role role, enum entity entity, enum action action)
{
    return (enum view)matrix[entity][action][role];
}

const char *role_name(enum role role)
{
    static const char *const name[ROLE_COUNT] = {"anonymous", "client", "operator"};
    return name[role];
}

const char *entity_name(enum entity entity)
{
    static const char *const name[ENTITY_COUNT] = {"Health",          "Metrics", "ApiDocs", "Model", "Job",
                                                   "WebhookEndpoint", "Client",  "Audit",   "Keys"};
    return name[entity];
}

const char *action_name(enum action action)
{
    static const char *const name[ACTION_COUNT] = {"create", "read", "update", "delete"};
    return name[action];
}

const char *view_name(enum view view)
{
    static const char *const name[] = {"none", "own", "all"};
    return name[view];
}
