#include "test.h"

#include "policy/policy.h"

/* Typed by hand, so that a slip in matrix.def does not agree with itself. One letter a view for anonymous, client,
 * operator: - none, o own, a all. */
TEST(every_role_sees_exactly_what_the_policy_grants)
{
    static const struct {
        enum entity entity;
        const char *create, *read, *update, *remove;
    } row[] = {
        {ENTITY_HEALTH, "---", "aaa", "---", "---"},   {ENTITY_METRICS, "---", "aaa", "---", "---"},
        {ENTITY_API_DOCS, "---", "aaa", "---", "---"}, {ENTITY_MODEL, "--a", "-aa", "---", "---"},
        {ENTITY_JOB, "-oa", "-oa", "---", "-oa"},      {ENTITY_CLIENT, "--a", "--a", "---", "---"},
        {ENTITY_WEBHOOK, "-o-", "-o-", "-o-", "-o-"},
        {ENTITY_AUDIT, "---", "--a", "---", "---"},    {ENTITY_KEYS, "---", "--a", "---", "---"},
    };
    static const enum action action[] = {ACTION_CREATE, ACTION_READ, ACTION_UPDATE, ACTION_DELETE};
    CHECK_INT(COUNT(row), ENTITY_COUNT); /* a new entity needs a row here */
    CHECK_INT(COUNT(action), ACTION_COUNT);
    CHECK_INT(ROLE_COUNT, 3);
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *const want[] = {row[i].create, row[i].read, row[i].update, row[i].remove};
        for (size_t k = 0; k < COUNT(action); k++)
            for (int role = 0; role < ROLE_COUNT; role++) {
                enum view view = policy_view((enum role)role, row[i].entity, action[k]);
                char letter = view == VIEW_NONE ? '-' : view == VIEW_OWN ? 'o' : 'a';
                if (letter != want[k][role])
                    fail_msg("%s %s %s: %c, want %c", role_name((enum role)role), action_name(action[k]),
                             entity_name(row[i].entity), letter, want[k][role]);
            }
    }
}

TEST(roles_entities_actions_and_views_have_the_names_the_audit_uses)
{
    static const char *const entity[] = {"Health", "Metrics", "ApiDocs", "Model", "Job", "WebhookEndpoint", "Client", "Audit", "Keys"};
    CHECK_STR(role_name(ROLE_ANONYMOUS), "anonymous");
    CHECK_STR(role_name(ROLE_CLIENT), "client");
    CHECK_STR(role_name(ROLE_OPERATOR), "operator");
    for (size_t i = 0; i < COUNT(entity); i++)
        CHECK_STR(entity_name((enum entity)i), entity[i]);
    CHECK_STR(action_name(ACTION_CREATE), "create");
    CHECK_STR(action_name(ACTION_READ), "read");
    CHECK_STR(action_name(ACTION_UPDATE), "update");
    CHECK_STR(action_name(ACTION_DELETE), "delete");
    CHECK_STR(view_name(VIEW_NONE), "none");
    CHECK_STR(view_name(VIEW_OWN), "own");
    CHECK_STR(view_name(VIEW_ALL), "all");
}

RUN(T(every_role_sees_exactly_what_the_policy_grants), T(roles_entities_actions_and_views_have_the_names_the_audit_uses))
