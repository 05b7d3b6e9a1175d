#include "house.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "identity/known.h"
#include "identity/program.h"
#include "identity/scopes.h"
#include "jwk.h"

static EVP_PKEY *key;
static char set[2100];

static int make_key(void **unused)
{
    char jwk[2048];
    (void)unused;
    key = EVP_EC_gen("P-384");
    jwk_of_ec(key, "P-384", 48, jwk);
    snprintf(set, sizeof set, "{\"keys\":[%s]}", jwk);
    return !key;
}

static int drop_key(void **unused)
{
    (void)unused;
    EVP_PKEY_free(key);
    return 0;
}

struct desk {
    struct house h;
    struct programs *p;
    struct arena *a;
    const char *api_key;
};

static void add(struct desk *d, const char *name)
{
    struct client_secrets s;
    struct err e;
    CHECK_OK(client_add(d->h.db, d->h.keyring, d->h.scope, name, NULL, &operator_does, d->a, &s, &e));
    CHECK_OK(program_keys(d->h.db, d->h.scope, name, set, NULL, false, &operator_does, d->a, &e));
    d->api_key = s.api_key;
}

static void open_desk(struct desk *d)
{
    struct err e;
    house_build(&d->h);
    d->a = arena_new(16 << 20);
    struct programs_config c = {.db = d->h.db, .scope = d->h.scope, .issuer = "https://gw.example"};
    CHECK_OK(programs_start(&c, &d->p, &e));
    add(d, "bot");
}

static void close_desk(struct desk *d)
{
    programs_stop(d->p);
    arena_free(d->a);
    house_raze(&d->h);
}

static struct slice assertion(struct desk *d, const char *client, const char *jti)
{
    const char *claims = arena_printf(d->a,
                                      "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"https://gw.example/auth/token\",\"exp\":%lld,"
                                      "\"jti\":\"%s\"}",
                                      client, client, (long long)(clock_now_us() / 1000000 + 200), jti);
    return jws_sign(d->a, "{\"alg\":\"ES384\",\"kid\":\"k1\"}", claims, key, "ES384");
}

/* The token, or NULL with *e. */
static const char *sign_in(struct desk *d, struct slice text, struct err *e)
{
    struct caller c;
    struct assertion spent;
    uint32_t scopes;
    const char *token;
    struct audit_entry audit = {.actor = "bot", .role = "client", .action = "create", .outcome = "permit"};
    CHECK_INT(scopes_parse(SLICE("system/*.rs system/Bundle.c"), &scopes, e), 0);
    if (programs_judge(d->p, text, d->a, &c, &spent, e) || programs_token(d->p, &c, &spent, scopes, &audit, d->a, &token, e))
        return NULL;
    return token;
}

static int who(struct desk *d, const char *token, struct caller *ret, struct err *e)
{
    return client_identify(d->h.db, d->h.scope, slice_of(arena_printf(d->a, "Bearer %s", token)), NULL, d->a, ret, e);
}

TEST(an_assertion_buys_one_token_that_says_who_and_what)
{
    struct desk d;
    struct err e;
    struct caller c;
    open_desk(&d);
    struct slice text = assertion(&d, "bot", "one");
    const char *token = sign_in(&d, text, &e);
    CHECK(token != NULL && strlen(token) == 3 + 43 && strncmp(token, "lt_", 3) == 0);
    CHECK_OK(who(&d, token, &c, &e));
    CHECK_STR(c.name, "bot");
    CHECK(c.role == ROLE_CLIENT && c.scoped && c.until_us > clock_now_us() && c.until_us <= clock_now_us() + 300 * INT64_C(1000000));
    CHECK(scopes_cover(c.scopes, ENTITY_JOB, ACTION_CREATE, false) && !scopes_cover(c.scopes, ENTITY_JOB, ACTION_DELETE, true));
    CHECK_OK(who(&d, d.api_key, &c, &e));
    CHECK(!c.scoped && c.until_us == 0);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_token"), 1);

    CHECK(sign_in(&d, text, &e) == NULL);
    CHECK_INT(e.code, ERR_ASSERTION);
    CHECK(strstr(e.detail, "used before") != NULL);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_token"), 1); /* nothing of a refused one stays */
    add(&d, "other");
    CHECK(sign_in(&d, assertion(&d, "other", "one"), &e) != NULL); /* a jti is one client's */
    close_desk(&d);
}

TEST(a_used_assertion_is_refused_by_a_process_that_opens_the_store_anew)
{
    struct desk d;
    struct err e;
    open_desk(&d);
    struct slice text = assertion(&d, "bot", "one");
    CHECK(sign_in(&d, text, &e) != NULL);
    programs_stop(d.p);
    db_close(d.h.db);
    CHECK_OK(db_open(d.h.db_path, false, &d.h.db, &e));
    struct programs_config c = {.db = d.h.db, .scope = d.h.scope, .issuer = "https://gw.example"};
    CHECK_OK(programs_start(&c, &d.p, &e));
    CHECK(sign_in(&d, text, &e) == NULL);
    CHECK(strstr(e.detail, "used before") != NULL);
    close_desk(&d);
}

TEST(a_token_ends_with_its_time_its_key_set_and_its_client)
{
    static const char *const ends[] = {"UPDATE client_token SET until = 1", "UPDATE client SET disabled_at = 1", NULL, NULL, NULL};
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct desk d;
        struct err e;
        struct caller c;
        const char *fresh;
        open_desk(&d);
        const char *token = sign_in(&d, assertion(&d, "bot", "one"), &e);
        CHECK(token != NULL);
        CHECK_OK(who(&d, token, &c, &e));
        if (ends[i])
            house_sql(&d.h, ends[i]);
        else if (i == 2)
            CHECK_OK(client_rotate(d.h.db, d.h.scope, "bot", &operator_does, d.a, &fresh, &e));
        else
            CHECK_OK(program_keys(d.h.db, d.h.scope, "bot", i == 3 ? set : NULL, NULL, false, &operator_does, d.a, &e));
        CHECK_INT(who(&d, token, &c, &e), -1);
        CHECK_INT(e.code, ERR_TOKEN);
        CHECK_INT(c.role, ROLE_ANONYMOUS);
        close_desk(&d);
    }
}

/* Judged by keys that are changed before the token is made: no token outlives its keys. */
TEST(keys_that_change_meanwhile_give_no_token)
{
    struct desk d;
    struct err e;
    struct caller c;
    struct assertion spent;
    const char *token;
    open_desk(&d);
    CHECK_OK(programs_judge(d.p, assertion(&d, "bot", "one"), d.a, &c, &spent, &e));
    CHECK_OK(program_keys(d.h.db, d.h.scope, "bot", NULL, NULL, false, &operator_does, d.a, &e));
    CHECK_INT(programs_token(d.p, &c, &spent, 1, &operator_does, d.a, &token, &e), -1);
    CHECK_INT(e.code, ERR_ASSERTION);
    CHECK_OK(program_keys(d.h.db, d.h.scope, "bot", set, NULL, false, &operator_does, d.a, &e)); /* the same, anew */
    CHECK_INT(programs_token(d.p, &c, &spent, 1, &operator_does, d.a, &token, &e), -1);
    CHECK_INT(e.code, ERR_ASSERTION);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_token"), 0);
    close_desk(&d);
}

TEST(what_has_expired_is_forgotten_and_nothing_else)
{
    struct desk d;
    struct err e;
    open_desk(&d);
    CHECK(sign_in(&d, assertion(&d, "bot", "one"), &e) != NULL);
    CHECK(sign_in(&d, assertion(&d, "bot", "two"), &e) != NULL);
    house_sql(&d.h, "UPDATE client_assertion SET until = 1; UPDATE client_token SET until = 1");
    CHECK(sign_in(&d, assertion(&d, "bot", "three"), &e) != NULL);
    CHECK(sign_in(&d, assertion(&d, "bot", "four"), &e) != NULL);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_assertion"), 2);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_token"), 2);
    close_desk(&d);
}

TEST(what_is_remembered_of_a_token_ends_with_it)
{
    struct desk d;
    struct err e;
    struct caller c;
    struct known *k;
    open_desk(&d);
    CHECK_OK(known_open(&k, &e));
    const char *token = sign_in(&d, assertion(&d, "bot", "one"), &e);
    CHECK(token != NULL);
    struct slice header = slice_of(arena_printf(d.a, "Bearer %s", token));
    house_sql(&d.h, arena_printf(d.a, "UPDATE client_token SET until = %lld", (long long)clock_now_us() + 300000));
    CHECK_OK(known_identify(k, d.h.db, d.h.scope, header, NULL, d.a, &c, &e));
    CHECK(c.scoped);
    house_sql(&d.h, "DELETE FROM client_token"); /* known: the store is not asked */
    CHECK_OK(known_identify(k, d.h.db, d.h.scope, header, NULL, d.a, &c, &e));
    while (clock_now_us() < c.until_us)
        usleep(10000);
    CHECK_INT(known_identify(k, d.h.db, d.h.scope, header, NULL, d.a, &c, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    known_close(k);
    close_desk(&d);
}

TEST(certificates_are_whose_they_were_registered_for)
{
    struct desk d;
    struct err e;
    struct caller c;
    struct program_cert one = {.subject = "CN=one", .until_us = 1}, subject = {.subject = "CN=one", .until_us = 1};
    uint8_t other[32] = {9};
    open_desk(&d);
    add(&d, "other");
    memset(one.hash, 1, 32);
    memset(subject.hash, 2, 32);
    CHECK_INT(client_identify_cert(d.h.db, d.h.scope, one.hash, subject.hash, d.a, &c, &e), -1);
    CHECK_INT(e.code, ERR_NOT_SIGNED_IN);
    CHECK_OK(program_cert_add(d.h.db, d.h.scope, "other", &subject, true, &operator_does, d.a, &e));
    CHECK_OK(client_identify_cert(d.h.db, d.h.scope, one.hash, subject.hash, d.a, &c, &e));
    CHECK_STR(c.name, "other");
    CHECK_OK(program_cert_add(d.h.db, d.h.scope, "bot", &one, false, &operator_does, d.a, &e));
    CHECK_OK(client_identify_cert(d.h.db, d.h.scope, one.hash, subject.hash, d.a, &c, &e));
    CHECK_STR(c.name, "bot"); /* the certificate before its subject */
    CHECK(!c.scoped);
    CHECK_INT(client_identify_cert(d.h.db, d.h.scope, subject.hash, one.hash, d.a, &c, &e), -1); /* one is not the other */
    CHECK_INT(client_identify_cert(d.h.db, d.h.scope, other, other, d.a, &c, &e), -1);
    CHECK_INT(program_cert_add(d.h.db, d.h.scope, "other", &one, false, &operator_does, d.a, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    for (int i = 2; i <= CLIENT_CERTS_MAX + 1; i++) {
        one.hash[0] = (uint8_t)(10 + i);
        CHECK_INT(program_cert_add(d.h.db, d.h.scope, "bot", &one, false, &operator_does, d.a, &e), i <= CLIENT_CERTS_MAX ? 0 : -1);
    }
    CHECK_OK(program_cert_remove(d.h.db, d.h.scope, "bot", NULL, false, &operator_does, d.a, &e));
    CHECK_INT(program_cert_remove(d.h.db, d.h.scope, "bot", NULL, false, &operator_does, d.a, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    house_sql(&d.h, "UPDATE client SET disabled_at = 1");
    memset(one.hash, 1, 32);
    CHECK_INT(client_identify_cert(d.h.db, d.h.scope, one.hash, subject.hash, d.a, &c, &e), -1);
    close_desk(&d);
}

TEST(every_change_is_in_the_audit_log_or_does_not_happen)
{
    struct desk d;
    struct err e;
    open_desk(&d);
    int64_t before = house_number(&d.h, "SELECT count(*) FROM audit");
    CHECK(sign_in(&d, assertion(&d, "bot", "one"), &e) != NULL);
    CHECK_OK(program_keys(d.h.db, d.h.scope, "bot", set, NULL, false, &operator_does, d.a, &e));
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM audit"), before + 2);
    house_sql(&d.h, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the disk is full'); END;");
    CHECK(sign_in(&d, assertion(&d, "bot", "two"), &e) == NULL);
    CHECK_INT(program_keys(d.h.db, d.h.scope, "bot", NULL, NULL, false, &operator_does, d.a, &e), -1);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_keys"), 1);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM client_assertion"), 1);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_assertion_buys_one_token_that_says_who_and_what),
        T(a_used_assertion_is_refused_by_a_process_that_opens_the_store_anew),
        T(a_token_ends_with_its_time_its_key_set_and_its_client),
        T(keys_that_change_meanwhile_give_no_token),
        T(what_has_expired_is_forgotten_and_nothing_else),
        T(what_is_remembered_of_a_token_ends_with_it),
        T(certificates_are_whose_they_were_registered_for),
        T(every_change_is_in_the_audit_log_or_does_not_happen),
    };
    int failed = cmocka_run_group_tests(tests, make_key, drop_key);
    arena_thread_end();
    return failed;
}
