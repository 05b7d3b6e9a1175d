#include "house.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "identity/desk.h"
#include "identity/session.h"

#define MINUTE INT64_C(60000000)

/* A store with people in it, and sessions of them. */
struct place {
    struct house h;
    struct arena *a;
    struct sessions s;
    struct person alice, bob;
};

static struct person somebody(struct place *p, const char *name, uint32_t roles)
{
    uint8_t who[SHA256_BYTES];
    struct person made;
    struct err e;
    struct arrival x = {.who = who, .issuer = "https://id.example", .subject = name, .name = name, .by = "provider", .roles = roles};
    CHECK_OK(person_hash(&p->s.people, PERSON_WHO, x.issuer, slice_of(name), who, &e));
    CHECK_OK(person_arrive(&p->s.people, &x, NULL, p->a, &made, &e));
    for (int role = 0; role < ROLE_COUNT; role++)
        if (roles >> role & 1) {
            enum desk_done done;
            CHECK_OK(desk_approve(&p->s.people, slice_of(name), (enum role)role, "chief", p->a, &done, &e));
        }
    return made;
}

static void set_up(struct place *p)
{
    house_build(&p->h);
    p->a = arena_new(16 << 20);
    p->s = (struct sessions){.people = {p->h.db, p->h.keyring, p->h.scope}, .idle_us = 30 * MINUTE, .life_us = 600 * MINUTE};
    p->alice = somebody(p, "alice", 1u << ROLE_DOCTOR | 1u << ROLE_RESEARCHER);
    p->bob = somebody(p, "bob", 1u << ROLE_MONITOR);
}

static void tear_down(struct place *p)
{
    arena_free(p->a);
    house_raze(&p->h);
}

static const char *opened(struct place *p, const struct person *who)
{
    const char *cookie;
    struct err e;
    struct session_new x = {.how = SESSION_PASSWORD};
    memcpy(x.staff, who->id, 16);
    CHECK_OK(session_open(&p->s, &x, NULL, p->a, &cookie, &e));
    CHECK_INT(strlen(cookie), SESSION_COOKIE_TEXT);
    return cookie;
}

struct asked {
    int rc;
    enum err_code code;
    struct session session;
    struct caller caller;
};

static struct asked ask(struct place *p, const char *cookie)
{
    struct asked got = {.rc = 0};
    struct err e = {.code = ERR_NONE};
    struct session_ask q = {.cookie = slice_of(cookie)};
    got.rc = session_identify(&p->s, &q, p->a, &got.session, &got.caller, &e);
    got.code = e.code;
    return got;
}

/* As if so much time had gone by. */
static void later(struct place *p, int64_t us)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "UPDATE session SET created_at = created_at - %lld, seen_at = seen_at - %lld, until = until - %lld, "
             "said_until = said_until - %lld, "
             "renew_at = renew_at - %lld; UPDATE session_cookie SET made_at = made_at - %lld, replaced_at = replaced_at - %lld",
             (long long)us, (long long)us, (long long)us, (long long)us, (long long)us, (long long)us, (long long)us);
    house_sql(&p->h, sql);
}

static int64_t ended(struct place *p, const char *why)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM session WHERE ended_why = '%s'", why);
    return house_number(&p->h, sql);
}

TEST(a_cookie_is_a_caller_in_one_role)
{
    struct place p;
    set_up(&p);
    const char *cookie = opened(&p, &p.bob);
    struct asked got = ask(&p, cookie);
    CHECK_INT(got.rc, 1);
    CHECK_INT(got.caller.role, ROLE_MONITOR);
    CHECK_STR(got.caller.display, "bob");
    CHECK_STR(got.caller.subject, "bob");
    CHECK(memcmp(got.caller.id, p.bob.id, 16) == 0);
    CHECK(got.session.cookie == NULL);
    CHECK(got.session.until_us > clock_now_us() + 29 * MINUTE && got.session.until_us <= clock_now_us() + 30 * MINUTE);
    CHECK_INT(house_number(&p.h, "SELECT count(*) FROM session_cookie WHERE used_at IS NOT NULL"), 1);
    tear_down(&p);
}

TEST(what_is_no_cookie_of_a_session_is_nobody)
{
    struct place p;
    set_up(&p);
    char *other = arena_str(p.a, slice_of(opened(&p, &p.bob)));
    other[7] = other[7] == 'A' ? 'B' : 'A';
    const char *const row[] = {"", "A", other, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < COUNT(row); i++)
        CHECK_INT(ask(&p, row[i]).rc, 0);
    tear_down(&p);
}

TEST(who_holds_several_roles_chooses_one_and_gets_a_new_cookie)
{
    struct place p;
    struct err e;
    set_up(&p);
    const char *cookie = opened(&p, &p.alice);
    struct asked got = ask(&p, cookie);
    CHECK_INT(got.rc, -1);
    CHECK_INT(got.code, ERR_ROLE_CHOICE);
    CHECK(memcmp(got.session.staff, p.alice.id, 16) == 0);
    CHECK_INT(session_role(&p.s, &got.session, got.caller.roles, ROLE_MONITOR, NULL, p.a, &e), -1);
    CHECK_INT(e.code, ERR_ROLE_CHOICE);
    CHECK_OK(session_role(&p.s, &got.session, got.caller.roles, ROLE_RESEARCHER, NULL, p.a, &e));
    CHECK(strcmp(got.session.cookie, cookie) != 0);
    CHECK_INT(ask(&p, got.session.cookie).caller.role, ROLE_RESEARCHER);
    CHECK_INT(ask(&p, cookie).caller.role, ROLE_RESEARCHER); /* a request that was under way */
    struct session_ask q = {.cookie = slice_of(got.session.cookie), .wanted = SLICE("doctor")};
    CHECK_INT(session_identify(&p.s, &q, p.a, &got.session, &got.caller, &e), -1);
    CHECK_INT(e.code, ERR_ROLE_CHOICE);
    tear_down(&p);
}

TEST(a_role_that_is_removed_is_gone_with_the_next_request)
{
    struct place p;
    struct err e;
    set_up(&p);
    const char *cookie = opened(&p, &p.alice);
    struct asked got = ask(&p, cookie);
    CHECK_OK(session_role(&p.s, &got.session, got.caller.roles, ROLE_DOCTOR, NULL, p.a, &e));
    cookie = got.session.cookie;
    CHECK_INT(ask(&p, cookie).caller.role, ROLE_DOCTOR);
    CHECK_OK(desk_remove(&p.s.people, SLICE("alice"), ROLE_DOCTOR, "chief", p.a, &e));
    CHECK_INT(ask(&p, cookie).code, ERR_ROLE_CHOICE); /* not silently the other one */
    CHECK_OK(desk_remove(&p.s.people, SLICE("alice"), ROLE_RESEARCHER, "chief", p.a, &e));
    CHECK_INT(ask(&p, cookie).code, ERR_PENDING);
    tear_down(&p);
}

TEST(who_is_suspended_has_no_session_any_more_not_even_when_resumed)
{
    struct place p;
    struct err e;
    set_up(&p);
    const char *cookie = opened(&p, &p.bob), *other = opened(&p, &p.alice);
    CHECK_OK(desk_suspend(&p.s.people, SLICE("bob"), true, "chief", p.a, &e));
    CHECK_INT(ended(&p, "suspended"), 1);
    CHECK_INT(ask(&p, cookie).rc, 0);
    CHECK_OK(desk_suspend(&p.s.people, SLICE("bob"), false, "chief", p.a, &e));
    CHECK_INT(ask(&p, cookie).rc, 0);
    CHECK_INT(ask(&p, other).code, ERR_ROLE_CHOICE);
    /* by an older program, which knows of no sessions */
    cookie = opened(&p, &p.bob);
    house_sql(&p.h, "UPDATE staff SET state = 'suspended'");
    CHECK_INT(ask(&p, cookie).code, ERR_SUSPENDED);
    CHECK_INT(ended(&p, "suspended"), 2);
    struct session_new x = {.how = SESSION_PASSWORD};
    memcpy(x.staff, p.bob.id, 16);
    CHECK_INT(session_open(&p.s, &x, NULL, p.a, &cookie, &e), -1);
    CHECK_INT(e.code, ERR_SUSPENDED);
    tear_down(&p);
}

TEST(it_ends_when_idle_and_in_any_case_after_its_time)
{
    static const struct {
        int64_t step;
        int steps;
        const char *why;
    } row[] = {{29 * MINUTE, 1, NULL}, {31 * MINUTE, 1, "idle"}, {20 * MINUTE, 29, NULL}, {20 * MINUTE, 30, "expired"}};
    struct place p;
    set_up(&p);
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *cookie = opened(&p, &p.bob);
        struct asked got = {.rc = 1};
        for (int k = 0; k < row[i].steps; k++) {
            CHECK_INT(got.rc, 1);
            later(&p, row[i].step);
            got = ask(&p, cookie);
            cookie = got.session.cookie ? got.session.cookie : cookie;
        }
        CHECK_INT(got.rc, row[i].why ? 0 : 1);
        if (row[i].why)
            CHECK_INT(ended(&p, row[i].why), 1);
        struct err e;
        int n;
        CHECK_OK(session_end_all(&p.s, p.bob.id, "the next row", NULL, p.a, &n, &e));
    }
    const char *cookie = opened(&p, &p.bob);
    later(&p, -10 * MINUTE);
    CHECK_INT(ask(&p, cookie).rc, 0);
    CHECK_INT(ended(&p, "the clock was put back"), 1);
    tear_down(&p);
}

TEST(the_cookie_is_replaced_and_the_old_one_serves_on_for_a_minute)
{
    struct place p;
    set_up(&p);
    const char *first = opened(&p, &p.bob);
    CHECK_INT(ask(&p, first).rc, 1);
    later(&p, 16 * MINUTE);
    struct asked got = ask(&p, first), beside = ask(&p, first);
    CHECK(got.session.cookie && strcmp(got.session.cookie, first) != 0);
    CHECK_INT(beside.rc, 1);
    CHECK(beside.session.cookie == NULL); /* one of two at a time gets it */
    CHECK_INT(ask(&p, got.session.cookie).rc, 1);
    later(&p, MINUTE / 2);
    CHECK_INT(ask(&p, first).rc, 1);
    CHECK_INT(ask(&p, got.session.cookie).rc, 1);
    tear_down(&p);
}

TEST(a_copied_cookie_that_is_used_late_ends_the_session)
{
    struct place p;
    set_up(&p);
    const char *first = opened(&p, &p.bob);
    later(&p, 16 * MINUTE);
    const char *second = ask(&p, first).session.cookie;
    CHECK_INT(ask(&p, second).rc, 1);
    later(&p, 2 * MINUTE);
    CHECK_INT(ask(&p, first).rc, 0);
    CHECK_INT(ended(&p, "copied cookie"), 1);
    CHECK_INT(ask(&p, second).rc, 0); /* whoever of the two it was */
    tear_down(&p);
}

TEST(a_new_cookie_that_got_lost_on_its_way_is_given_anew)
{
    struct place p;
    set_up(&p);
    const char *first = opened(&p, &p.bob);
    later(&p, 16 * MINUTE);
    const char *lost = ask(&p, first).session.cookie;
    CHECK(lost != NULL);
    later(&p, 5 * MINUTE);
    struct asked got = ask(&p, first);
    CHECK_INT(got.rc, 1);
    CHECK(got.session.cookie && strcmp(got.session.cookie, lost) != 0);
    CHECK_INT(ask(&p, got.session.cookie).rc, 1);
    CHECK_INT(house_number(&p.h, "SELECT count(*) FROM session_cookie WHERE replaced_at IS NULL"), 1);
    later(&p, 2 * MINUTE);
    CHECK_INT(ask(&p, first).rc, 0); /* the new one was used this time */
    CHECK_INT(ended(&p, "copied cookie"), 1);
    tear_down(&p);
}

TEST(a_look_writes_nothing)
{
    struct place p;
    struct err e;
    struct session x;
    struct caller c;
    set_up(&p);
    struct session_ask q = {.cookie = slice_of(opened(&p, &p.bob)), .quiet = true};
    later(&p, 20 * MINUTE);
    CHECK_INT(session_identify(&p.s, &q, p.a, &x, &c, &e), 1);
    CHECK(x.cookie == NULL);
    later(&p, 11 * MINUTE);
    CHECK_INT(session_identify(&p.s, &q, p.a, &x, &c, &e), 0);
    tear_down(&p);
}

TEST(seen_is_written_once_a_minute)
{
    struct place p;
    set_up(&p);
    const char *cookie = opened(&p, &p.bob);
    ask(&p, cookie);
    int64_t seen = house_number(&p.h, "SELECT seen_at FROM session");
    ask(&p, cookie);
    CHECK_INT(house_number(&p.h, "SELECT seen_at FROM session"), seen);
    later(&p, MINUTE);
    ask(&p, cookie);
    CHECK(house_number(&p.h, "SELECT seen_at FROM session") > seen);
    tear_down(&p);
}

TEST(sessions_end_one_by_one_all_of_a_person_and_as_the_provider_says)
{
    struct place p;
    struct err e;
    int n;
    const char *cookie[3];
    set_up(&p);
    const struct audit_entry audit = {.request = "r"};
    for (int i = 0; i < 3; i++) {
        struct session_provider provider = {.issuer = "https://id.example", .sid = i ? SLICE("s1") : SLICE("s0"),
                                            .tokens = SLICE("{\"refresh\":\"canary\"}"), .said = 1u << ROLE_MONITOR,
                                            .said_until_us = INT64_MAX};
        struct session_new x = {.how = SESSION_OIDC, .provider = &provider};
        memcpy(x.staff, p.bob.id, 16);
        CHECK_OK(session_open(&p.s, &x, &audit, p.a, &cookie[i], &e));
    }
    const char *own = opened(&p, &p.bob), *other = opened(&p, &p.alice);
    struct asked got = ask(&p, cookie[0]);
    struct slice tokens;
    CHECK_OK(session_tokens(&p.s, got.session.id, p.a, &tokens, &e));
    CHECK_SLICE(tokens, "{\"refresh\":\"canary\"}");
    struct buf b = buf_in(p.a, 65536);
    struct json_out o = json_out(&b);
    CHECK_OK(session_list(&p.s, &got.session, p.a, &o, &e));
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(p.a, buf_text(&b), &j, &f), 0);
    CHECK_INT(j.node[0].len, 4);
    CHECK_OK(session_end_provider(&p.s, "https://id.example", SLICE("s1"), (struct slice){NULL, 0}, NULL, NULL, &audit, p.a, &n, &e));
    CHECK_INT(n, 2);
    CHECK_INT(ask(&p, cookie[1]).rc + ask(&p, cookie[2]).rc, 0);
    CHECK_INT(ask(&p, cookie[0]).rc + ask(&p, own).rc, 2);
    CHECK_OK(session_end_provider(&p.s, "https://other.example", (struct slice){NULL, 0}, SLICE("bob"), NULL, NULL, &audit, p.a, &n, &e));
    CHECK_INT(n, 0);
    CHECK_OK(session_end(&p.s, got.session.id, "signed out", &audit, &e));
    CHECK_OK(session_end(&p.s, got.session.id, "signed out", &audit, &e));
    CHECK_INT(ask(&p, cookie[0]).rc, 0);
    CHECK_INT(house_number(&p.h, "SELECT count(*) FROM session WHERE tokens IS NOT NULL"), 0);
    CHECK_OK(session_end_provider(&p.s, "https://id.example", (struct slice){NULL, 0}, SLICE("bob"), NULL, NULL, &audit, p.a, &n, &e));
    CHECK_INT(n, 1);
    CHECK_OK(session_end_all(&p.s, p.alice.id, "signed out", &audit, p.a, &n, &e));
    CHECK_INT(n, 1);
    CHECK_INT(ask(&p, other).rc, 0);
    tear_down(&p);
}

TEST(what_a_token_says_of_roles_counts_until_it_is_too_old)
{
    struct place p;
    struct err e;
    const char *cookie;
    set_up(&p);
    p.s.trust = true;
    struct session_provider provider = {.issuer = "https://id.example", .tokens = SLICE("{}"), .said = 1u << ROLE_AUDITOR,
                                        .said_until_us = clock_now_us() + 5 * MINUTE, .renew_us = clock_now_us() + 4 * MINUTE};
    struct session_new x = {.how = SESSION_OIDC, .provider = &provider};
    memcpy(x.staff, p.bob.id, 16);
    CHECK_OK(session_open(&p.s, &x, NULL, p.a, &cookie, &e));
    struct asked got = ask(&p, cookie);
    CHECK_INT(got.caller.role, ROLE_AUDITOR);
    CHECK(!got.session.renew);
    CHECK_INT(session_renewing(&p.s, got.session.id, MINUTE, &e), 0);
    later(&p, 4 * MINUTE);
    got = ask(&p, cookie);
    CHECK(got.rc == 1 && got.session.renew);
    CHECK_INT(session_renewing(&p.s, got.session.id, MINUTE, &e), 1);
    CHECK_INT(session_renewing(&p.s, got.session.id, MINUTE, &e), 0); /* another thread */
    later(&p, MINUTE);
    CHECK_INT(ask(&p, cookie).code, ERR_PROVIDER);
    provider.said = 1u << ROLE_RESEARCHER;
    provider.said_until_us = clock_now_us() + 5 * MINUTE;
    CHECK_OK(session_renewed(&p.s, got.session.id, &provider, p.a, &e));
    CHECK_INT(ask(&p, cookie).caller.role, ROLE_RESEARCHER);
    p.s.trust = false;
    CHECK_INT(ask(&p, cookie).caller.role, ROLE_MONITOR); /* what is held here */
    tear_down(&p);
}

TEST(of_too_many_the_oldest_ends_and_what_is_over_is_swept)
{
    struct place p;
    set_up(&p);
    const char *first = opened(&p, &p.bob);
    for (int i = 0; i < SESSION_EACH; i++)
        opened(&p, &p.bob);
    CHECK_INT(ask(&p, first).rc, 0);
    CHECK_INT(ended(&p, "too many"), 1);
    later(&p, 601 * MINUTE);
    opened(&p, &p.alice);
    CHECK_INT(ended(&p, "expired"), SESSION_EACH);
    house_sql(&p.h, "UPDATE session SET ended_at = 1 WHERE ended_at IS NOT NULL");
    opened(&p, &p.alice);
    CHECK_INT(house_number(&p.h, "SELECT count(*) FROM session"), 2);
    CHECK_INT(house_number(&p.h, "SELECT count(*) FROM session_cookie"), 2);
    tear_down(&p);
}

TEST(begin_role_and_end_are_in_the_audit_log_and_no_secret_is_in_the_store)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct place p;
    struct err e;
    set_up(&p);
    const char *cookie = opened(&p, &p.alice);
    struct asked got = ask(&p, cookie);
    CHECK_OK(session_role(&p.s, &got.session, got.caller.roles, ROLE_DOCTOR, NULL, p.a, &e));
    CHECK_OK(session_end(&p.s, got.session.id, "signed out", NULL, &e));
    struct buf b = buf_in(a, 1 << 19);
    struct json_out o = json_out(&b);
    CHECK_OK(audit_index(p.h.db, &e));
    CHECK_OK(audit_list(p.h.db, 0, 100, a, &o, &e));
    buf_byte(&b, 0);
    CHECK(strstr(b.p, "\"why\":\"password\"") && strstr(b.p, "\"why\":\"doctor\"") && strstr(b.p, "\"why\":\"signed out\""));
    CHECK(!strstr(b.p, "alice"));
    struct rows r;
    CHECK(db_rows(p.h.db, a, &r, &e, "SELECT hash FROM session_cookie") == 2);
    for (int i = 0; i < r.n; i++)
        CHECK(row_at(&r, i, 0)->s.n == 32 && !memmem(row_at(&r, i, 0)->s.p, 32, cookie, 8));
    tear_down(&p);
}

RUN(T(a_cookie_is_a_caller_in_one_role), T(what_is_no_cookie_of_a_session_is_nobody),
    T(who_holds_several_roles_chooses_one_and_gets_a_new_cookie), T(a_role_that_is_removed_is_gone_with_the_next_request),
    T(who_is_suspended_has_no_session_any_more_not_even_when_resumed),
    T(it_ends_when_idle_and_in_any_case_after_its_time),
    T(the_cookie_is_replaced_and_the_old_one_serves_on_for_a_minute),
    T(a_copied_cookie_that_is_used_late_ends_the_session),
    T(a_new_cookie_that_got_lost_on_its_way_is_given_anew), T(a_look_writes_nothing), T(seen_is_written_once_a_minute),
    T(sessions_end_one_by_one_all_of_a_person_and_as_the_provider_says),
    T(what_a_token_says_of_roles_counts_until_it_is_too_old),
    T(of_too_many_the_oldest_ends_and_what_is_over_is_swept),
    T(begin_role_and_end_are_in_the_audit_log_and_no_secret_is_in_the_store))
