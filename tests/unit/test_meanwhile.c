/* What somebody else does at the same time, and what cannot be ended, checked or believed then. */
#include "identity_scene.h"

/* --- what others do meanwhile --- */

#define MEANWHILE(name, sql)                                                                                           \
    static void name(void *scene)                                                                                      \
    {                                                                                                                  \
        struct scene *s = scene;                                                                                       \
        house_sql(&s->h, sql);                                                                                         \
    }
MEANWHILE(suspended, "UPDATE staff SET state = 'suspended'")
MEANWHILE(withdrawn, "UPDATE role_grant SET until = 2, since = coalesce(since, 1)")
MEANWHILE(cookie_seen_to,
          "UPDATE session_cookie SET replaced_at = (SELECT max(created_at) FROM session) WHERE replaced_at IS NOT NULL")
MEANWHILE(cookie_gone, "UPDATE session_cookie SET next = NULL WHERE next IS NOT NULL")
MEANWHILE(person_gone, "PRAGMA foreign_keys=OFF; DELETE FROM staff")

static void forgotten(void *scene)
{
    known_forget(((struct scene *)scene)->known);
}

static void others_do(void (**when)(void *), void (*what)(void *), struct scene *s)
{
    meanwhile_scene = s;
    *when = what;
}

TEST(an_invitation_whose_owner_is_suspended_meanwhile_is_none)
{
    struct scene s;
    struct invitation i;
    struct err e;
    set_up(&s);
    others_do(&meanwhile, suspended, &s);
    CHECK_INT(account_accept(&s.accounts, slice_of(s.code), SLICE(GOOD), NULL, s.life, &i, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    tear_down(&s);
}

TEST(an_invitation_whose_role_is_withdrawn_meanwhile_is_none)
{
    struct scene s;
    struct invitation i;
    struct err e;
    set_up(&s);
    others_do(&meanwhile, withdrawn, &s);
    CHECK_INT(account_accept(&s.accounts, slice_of(s.code), SLICE(GOOD), NULL, s.life, &i, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    tear_down(&s);
}

/* Of a cookie that is used late: whose successor somebody has just given out, and whose successor is not known. */
TEST(a_late_cookie_that_somebody_sees_to_serves_and_one_without_a_successor_ends_the_session)
{
    struct scene s;
    struct session x;
    struct caller c;
    struct err e;
    set_up(&s);
    for (int i = 0; i < 2; i++) {
        cookie_late(&s);
        others_do(&meanwhile, i ? cookie_gone : cookie_seen_to, &s);
        struct session_ask q = {.cookie = slice_of(s.cookie)};
        CHECK_INT(session_identify(&s.sessions, &q, s.life, &x, &c, &e), i ? 0 : 1);
        CHECK_INT(house_number(&s.h, "SELECT count(*) FROM session WHERE ended_why = 'copied cookie'"), i);
    }
    tear_down(&s);
}

TEST(who_is_forgotten_while_being_looked_up_is_not_remembered)
{
    struct scene s;
    struct caller c;
    struct err e;
    set_up(&s);
    others_do(&meanwhile_looking, forgotten, &s);
    CHECK_OK(known_identify(s.known, s.h.db, s.h.scope, s.by_key, NULL, s.life, &c, &e));
    house_sql(&s.h, "UPDATE client SET key_hash = x'00' WHERE name = 'bot'");
    CHECK_INT(known_identify(s.known, s.h.db, s.h.scope, s.by_key, NULL, s.life, &c, &e), -1);
    tear_down(&s);
}

TEST(a_session_whose_person_is_gone_is_an_error)
{
    struct scene s;
    struct session x;
    struct caller c;
    struct err e;
    enum desk_done done;
    char id[UUID_TEXT];
    set_up(&s);
    session_fresh(&s);
    uuid_text(s.staff, id);
    others_do(&meanwhile, person_gone, &s);
    CHECK_INT(desk_approve(people(&s), slice_of(id), ROLE_AUDITOR, "root", s.life, &done, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    struct session_ask q = {.cookie = slice_of(s.cookie), .quiet = true};
    CHECK_INT(session_identify(&s.sessions, &q, s.life, &x, &c, &e), -1);
    CHECK_INT(e.code, ERR_STORE);
    tear_down(&s);
}

TEST(a_session_that_cannot_be_ended_is_an_error_and_not_somebody)
{
    static const struct {
        const char *sql;
        bool late;
    } row[] = {{"UPDATE staff SET state = 'suspended'", false},
               {"UPDATE staff SET state = 'active'; UPDATE session SET until = 1", false},
               {"UPDATE session_cookie SET next = NULL WHERE next IS NOT NULL", true}};
    struct scene s;
    struct session x;
    struct caller c;
    struct err e;
    set_up(&s);
    for (size_t i = 0; i < COUNT(row); i++) {
        session_fresh(&s);
        if (row[i].late)
            cookie_late(&s);
        house_sql(&s.h, row[i].sql);
        struct session_ask q = {.cookie = slice_of(s.cookie)};
        fail_words = "ended_at = ";
        int rc = session_identify(&s.sessions, &q, s.life, &x, &c, &e);
        fail_words = NULL;
        if (rc != -1 || e.code != ERR_STORE)
            fail_msg("row %zu: %d", i, rc);
        house_sql(&s.h, "UPDATE staff SET state = 'active'");
    }
    tear_down(&s);
}

TEST(a_password_that_could_not_be_checked_is_neither_right_nor_wrong)
{
    struct scene s;
    struct err e;
    struct attempt t;
    set_up(&s);
    pwhash_starves = true;
    int rc = account_sign_in(&s.accounts, SLICE("anna"), SLICE(GOOD), s.life, &t, &e);
    pwhash_starves = false;
    CHECK(rc == -1 && e.code == ERR_NO_MEMORY);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM sign_in_failure WHERE failures > 0"), 0);
    sodium_away = true;
    struct passwords *p;
    rc = passwords_start(1, &p, &e);
    sodium_away = false;
    CHECK(rc == -1 && e.code == ERR_NO_MEMORY);
    tear_down(&s);
}

TEST(a_token_that_covers_what_is_no_scope_any_more_is_refused)
{
    struct scene s;
    struct err e;
    struct caller c;
    struct assertion spent;
    const char *token;
    set_up(&s);
    CHECK_OK(programs_judge(s.programs, assertion(-1, s.life), s.life, &c, &spent, &e));
    CHECK_OK(programs_token(s.programs, &c, &spent, 1, &operator_does, s.life, &token, &e));
    house_sql(&s.h, "UPDATE client_token SET scopes = 'system/Monk.r'");
    CHECK_INT(client_identify(s.h.db, s.h.scope, bearer(&s, token), NULL, s.life, &c, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_invitation_whose_owner_is_suspended_meanwhile_is_none),
        T(an_invitation_whose_role_is_withdrawn_meanwhile_is_none),
        T(a_late_cookie_that_somebody_sees_to_serves_and_one_without_a_successor_ends_the_session),
        T(who_is_forgotten_while_being_looked_up_is_not_remembered),
        T(a_session_whose_person_is_gone_is_an_error),
        T(a_session_that_cannot_be_ended_is_an_error_and_not_somebody),
        T(a_password_that_could_not_be_checked_is_neither_right_nor_wrong),
        T(a_token_that_covers_what_is_no_scope_any_more_is_refused)};
    int failed = cmocka_run_group_tests(tests, make_key, drop_key);
    arena_thread_end();
    return failed;
}
