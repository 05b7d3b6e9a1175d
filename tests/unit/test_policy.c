#include "test.h"

#include <string.h>

#include "base/own.h"
#include "policy/policy.h"

/* Typed by hand from the tables of the study and the gateway, so that a slip in matrix.def does not agree with itself. A
 * letter a view for anonymous, client, operator, doctor, installer, monitor, researcher, auditor, admin, participant:
 * - none, o own, a all, s assigned, v visited, p under pseudonyms, c cohort, r redacted, t status alone, q how a queue stands. */
TEST(every_role_sees_exactly_what_the_policy_grants)
{
    static const char none[] = "----------", all[] = "aaaaaaaaaa";
    static const struct {
        enum entity entity;
        const char *create, *read, *update, *remove;
    } row[] = {
        {ENTITY_HEALTH, none, all, none, none},
        {ENTITY_METRICS, none, all, none, none},
        {ENTITY_API_DOCS, none, all, none, none},
        {ENTITY_MODEL, "--a-------", "-aaa---aa-", none, none},
        {ENTITY_JOB, "-oao------", "-oao----q-", none, "-oao----q-"},
        {ENTITY_TOKEN, "oo--------", "oo--------", none, none},
        {ENTITY_CLIENT, "--a-------", "--a-------", none, none},
        {ENTITY_WEBHOOK, "-o--------", "-o--------", "-o--------", "-o--------"},
        {ENTITY_AUDIT, none, "--ao---ato", none, none},
        {ENTITY_AUDIT_TREE, none, all, none, none},
        {ENTITY_KEYS, none, "--a-------", none, none},
        {ENTITY_GRANT, "--ao----a-", "--ao---aa-", "-------aa-", none},
        {ENTITY_BREAK_GLASS, "---o-o----", "---o-o-a--", "-------a--", "---o-o----"},
        {ENTITY_PROJECT, "------o---", "------oa--", "-------a--", "------oa--"},
        {ENTITY_PATIENT_DETAIL, "---a------", "---a-----o", "---a------", "---a------"},
        {ENTITY_PATIENT_GENERAL, "---a------", "---av----o", "---a-----o", none},
        {ENTITY_CONTACT, "---a------", "---a-----o", "---a-----o", "---a------"},
        {ENTITY_NOTE, "---a------", "---a-----o", "---a------", none},
        {ENTITY_SCREENING, "---a------", "---a-pc--o", "---a------", none},
        {ENTITY_INSTALLATION, "----sp----", "---asp---o", "----sp----", none},
        {ENTITY_DOCUMENT, "----s-----", "---asr----", "----s-----", "----s-----"},
        {ENTITY_TICKET, "----pp----", "---app----", "----pp----", none},
        {ENTITY_TICKET_ENTRY, "----pp----", "---app----", none, none},
        {ENTITY_ASSIGNMENT, "----o-----", "----oa----", none, "----oa----"},
        {ENTITY_SENSOR, "----s-----", "---as-----", "----s-----", none},
        {ENTITY_STREAM, none, "---a-pc--o", "---a-p----", none},
        {ENTITY_PATIENT_LOOKUP, "---a------", "---a------", none, none},
        {ENTITY_INSTALLATION_LOOKUP, "---a------", "---as-----", none, none},
        {ENTITY_STREAM_LOOKUP, "---a------", "---a-pc---", none, none},
        {ENTITY_ALIAS, "---ooo----", "---oooo---", none, none},
        {ENTITY_VISIT, none, "---ao-----", none, none},
        {ENTITY_ME, none, "-o-oooooo-", none, none},
        {ENTITY_SIGN_IN, all, all, none, none},
        {ENTITY_CREDENTIAL, "---oooooo-", "---oooooo-", "---oooooo-", "---oooooo-"},
        {ENTITY_CONSENT, "---a-----o", "---a-tta-o", "---a-----o", none},
        {ENTITY_SESSION, "oooooooooo", "oooooooooo", "oooooooooo", "oooooooooo"}, /* by the cookie, looked at by its handlers */
    };
    static const struct {
        const char *name;
        char letter;
    } letter[] = {{"NONE", '-'},    {"OWN", 'o'},    {"ALL", 'a'},      {"ASSIGNED", 's'}, {"VISITED", 'v'},
                  {"ALIASED", 'p'}, {"COHORT", 'c'}, {"REDACTED", 'r'}, {"STATUS", 't'},
                  {"QUEUE", 'q'}};
    static const enum action action[] = {ACTION_CREATE, ACTION_READ, ACTION_UPDATE, ACTION_DELETE};
    CHECK_INT(COUNT(row), ENTITY_COUNT); /* a new entity needs a row here */
    CHECK_INT(COUNT(action), ACTION_COUNT);
    CHECK_INT(ROLE_COUNT, 11);
    CHECK_INT(ROLE_EMERGENCY, 10); /* the next test */
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *const want[] = {row[i].create, row[i].read, row[i].update, row[i].remove};
        for (size_t k = 0; k < COUNT(action); k++)
            for (int role = 0; role < ROLE_EMERGENCY; role++) {
                enum view view = policy_view((enum role)role, row[i].entity, action[k]);
                char is = '?';
                for (size_t n = 0; n < COUNT(letter); n++)
                    if (strcmp(view_name(view), letter[n].name) == 0)
                        is = letter[n].letter;
                if (is != want[k][role])
                    fail_msg("%s %s %s: %c, want %c", role_name((enum role)role), action_name(action[k]),
                             entity_name(row[i].entity), is, want[k][role]);
                CHECK(view == VIEW_NONE || view_row(view)->entity == row[i].entity);
            }
    }
}

/* Breaking the glass opens this and nothing else, for reading, without asking for consent. */
TEST(breaking_the_glass_opens_who_somebody_is_and_what_their_health_is)
{
    static const enum entity opened[] = {ENTITY_PATIENT_DETAIL, ENTITY_PATIENT_GENERAL, ENTITY_CONTACT, ENTITY_NOTE,
                                         ENTITY_SCREENING};
    int n = 0;
    for (int entity = 0; entity < ENTITY_COUNT; entity++)
        for (int action = 0; action < ACTION_COUNT; action++)
            n += policy_view(ROLE_EMERGENCY, (enum entity)entity, (enum action)action) != VIEW_NONE;
    CHECK_INT(n, COUNT(opened));
    for (size_t i = 0; i < COUNT(opened); i++) {
        const struct view_row *v = view_row(policy_view(ROLE_EMERGENCY, opened[i], ACTION_READ));
        assert_non_null(v);
        CHECK_INT(v->reach, REACH_ONE);
        CHECK(!v->consent);
        CHECK_STR(v->purpose, "BTG");
        CHECK_STR(v->fields, "*");
    }
    CHECK(!role_is_staff(ROLE_EMERGENCY));
    enum role role;
    CHECK(!role_named(SLICE("emergency"), &role));
}

TEST(roles_entities_actions_and_views_have_the_names_the_audit_uses)
{
    static const char *const entity[] = {"Health", "Metrics", "ApiDocs", "Model", "Job", "WebhookEndpoint", "Client",
                                          "Audit", "AuditTree", "Keys"};
    CHECK_STR(role_name(ROLE_ANONYMOUS), "anonymous");
    CHECK_STR(role_name(ROLE_CLIENT), "client");
    CHECK_STR(role_name(ROLE_OPERATOR), "operator");
    for (size_t i = 0; i < COUNT(entity); i++)
        CHECK_STR(entity_name((enum entity)i), entity[i]);
    CHECK_STR(action_name(ACTION_CREATE), "create");
    CHECK_STR(action_name(ACTION_READ), "read");
    CHECK_STR(action_name(ACTION_UPDATE), "update");
    CHECK_STR(action_name(ACTION_DELETE), "delete");
    CHECK(view_row(VIEW_NONE) == NULL);
    CHECK_STR(view_row(VIEW_JOB_OWN)->name, "OWN");
}

TEST(identity_providers_give_roles_of_the_study_by_their_names_alone)
{
    static const struct {
        const char *text;
        int role; /* -1: none */
    } row[] = {{"doctor", ROLE_DOCTOR},         {"dottore", ROLE_DOCTOR},   {"installer", ROLE_INSTALLER},
               {"iit", ROLE_INSTALLER},         {"monitor", ROLE_MONITOR},  {"imt", ROLE_MONITOR},
               {"researcher", ROLE_RESEARCHER}, {"unimi", ROLE_RESEARCHER}, {"auditor", ROLE_AUDITOR},
               {"dpo", ROLE_AUDITOR},           {"admin", ROLE_ADMIN},      {"participant", ROLE_PARTICIPANT},
               {"emergency", -1},                {"operator", -1},                {"client", -1},             {"anonymous", -1},
               {"", -1},                        {"Doctor", -1},             {"doctor ", -1},
               {"doc", -1},                     {"offline_access", -1}};
    for (size_t i = 0; i < COUNT(row); i++) {
        enum role role;
        bool found = role_named(slice_of(row[i].text), &role);
        CHECK_INT(found ? (int)role : -1, row[i].role);
    }
    CHECK(role_is_staff(ROLE_ADMIN));
    CHECK(!role_is_staff(ROLE_PARTICIPANT) && !role_is_staff(ROLE_OPERATOR) && !role_is_staff(ROLE_CLIENT));
}

TEST(duties_are_kept_apart)
{
    /* rows and columns: doctor installer monitor researcher auditor admin */
    static const char *const want[] = {".....x", "..x..x", ".x...x", "....xx", "...x.x", "xxxxx."};
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < 6; b++)
            CHECK_INT(role_apart((enum role)(ROLE_DOCTOR + a), (enum role)(ROLE_DOCTOR + b)) != NULL, want[a][b] == 'x');
}

/* What a role that tells of health or streams is not to know is who it is. */
TEST(what_a_role_can_put_together_is_known)
{
    static const struct {
        enum role role;
        const char *joins;
    } row[] = {{ROLE_ANONYMOUS, "nothing"},
               {ROLE_CLIENT, "nothing"},
               {ROLE_OPERATOR, "nothing"},
               {ROLE_DOCTOR, "names, addresses, health, streams"},
               {ROLE_INSTALLER, "addresses"},
               {ROLE_MONITOR, "health, streams"},
               {ROLE_RESEARCHER, "health, streams"},
               {ROLE_AUDITOR, "nothing"},
               {ROLE_ADMIN, "nothing"},
               {ROLE_PARTICIPANT, "nothing"}, /* of others */
               {ROLE_EMERGENCY, "names, addresses, health"}};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    CHECK_INT(COUNT(row), ROLE_COUNT);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct buf b = buf_in(a, 1024);
        policy_tell_joins(row[i].role, &b);
        CHECK_SLICE(buf_text(&b), row[i].joins);
    }
}

TEST(views_that_cut_show_these_fields)
{
    static const struct {
        enum view view;
        const char *fields;
        bool consent;
    } row[] = {{VIEW_JOB_QUEUE, "client model state times priority failure", false},
               {VIEW_PATIENT_GENERAL_VISITED, "last_name address phone", false},
               {VIEW_SCREENING_ALIASED, "neuro_diag age_class created_at", true},
               {VIEW_SCREENING_COHORT, "neuro_diag age_class", true},
               {VIEW_INSTALLATION_ALIASED, "state opened_at closed_at sensors", false},
               {VIEW_DOCUMENT_REDACTED, "size created_at", false},
               {VIEW_STREAM_LOOKUP_COHORT, "stream data_nick", true},
               {VIEW_CONSENT_STATUS, "state purposes", false},
               {VIEW_AUDIT_STATUS, "", false},
               {VIEW_STREAM_ALL, "*", true},
               {VIEW_STREAM_ALIASED, "*", true},
               {VIEW_STREAM_COHORT, "*", true}};
    int cut = 0, asking = 0, want_cut = 0, want_asking = 0;
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_STR(view_row(row[i].view)->fields, row[i].fields);
        CHECK_INT(view_row(row[i].view)->consent, row[i].consent);
        want_cut += strcmp(row[i].fields, "*") != 0;
        want_asking += row[i].consent;
    }
    for (int v = 1; v < VIEW_COUNT; v++) {
        cut += strcmp(view_row((enum view)v)->fields, "*") != 0;
        asking += view_row((enum view)v)->consent;
    }
    CHECK_INT(cut, want_cut); /* and no others */
    CHECK_INT(asking, want_asking);
}

TEST(the_tables_hold_together)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 64 * 1024);
    int faults = policy_check(&b);
    if (faults)
        fail_msg("%.*s", SLICE_FMT(buf_text(&b)));
}

RUN(T(every_role_sees_exactly_what_the_policy_grants), T(breaking_the_glass_opens_who_somebody_is_and_what_their_health_is),
    T(roles_entities_actions_and_views_have_the_names_the_audit_uses),
    T(identity_providers_give_roles_of_the_study_by_their_names_alone), T(duties_are_kept_apart),
    T(what_a_role_can_put_together_is_known),
    T(views_that_cut_show_these_fields), T(the_tables_hold_together))
