#include "house.h"

#include <unistd.h>

#include "crypto/digest.h"
#include "identity/endpoint.h"
#include "identity/known.h"

#define X64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(a_clients_name_and_origin_have_the_form_the_header_gives)
{
    static const struct {
        const char *name, *origin;
        enum err_code code;
    } row[] = {
        {"bot", NULL, ERR_NONE},
        {"Bot.2_x-y", NULL, ERR_NONE},
        {X64, NULL, ERR_NONE},
        {"", NULL, ERR_USAGE},
        {X64 "0", NULL, ERR_USAGE},
        {"a b", NULL, ERR_USAGE},
        {"a/b", NULL, ERR_USAGE},
        {"a\nb", NULL, ERR_USAGE},
        {"caf\xC3\xA9", NULL, ERR_USAGE},
        {"o1", "https://ehr.example", ERR_NONE},
        {"o2", "https://ehr.example:8443", ERR_NONE},
        {"o3", "http://127.0.0.1:9", ERR_NONE},
        {"o4", "http://[::1]:9", ERR_NONE},
        {"o5", "https://ehr.example/", ERR_USAGE},
        {"o5", "https://:443", ERR_USAGE},
        {"o5", "https://ehr.example:", ERR_USAGE},
        {"o5", "https://ehr.example:0", ERR_USAGE},
        {"o5", "https://ehr.example:65536", ERR_USAGE},
        {"o5", "https://ehr.example:1:2", ERR_USAGE},
        {"o5", "https://[::1", ERR_USAGE},
        {"o5", "https://[]", ERR_USAGE},
        {"o5", "https://[::1]x", ERR_USAGE},
        {"o5", "https://::1", ERR_USAGE},
        {"o5", "https://ehr.example/hook", ERR_USAGE},
        {"o5", "https://user@ehr.example", ERR_USAGE},
        {"o5", "https://ehr.example?x", ERR_USAGE},
        {"o5", "https://ehr.example#x", ERR_USAGE},
        {"o5", "ftp://ehr.example", ERR_USAGE},
        {"o5", "HTTPS://ehr.example", ERR_USAGE},
        {"o5", "https://", ERR_USAGE},
        {"o5", "ehr.example", ERR_USAGE},
        {"o5", "", ERR_USAGE},
        {"bot", NULL, ERR_CONFLICT}, /* taken */
    };
    struct house h;
    house_build(&h);
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct err e = {.code = ERR_NONE};
        struct client_secrets s;
        int rc = client_add(h.db, h.keyring, h.scope, row[i].name, row[i].origin, &operator_does, a, &s, &e);
        if (e.code != row[i].code || rc != (row[i].code ? -1 : 0))
            fail_msg("row %zu: %s", i, rc ? e.detail : "accepted");
    }
    CHECK_INT(house_number(&h, "SELECT count(*) FROM client"), 7);
    house_raze(&h);
}

TEST(secrets_have_their_form_and_are_not_in_the_store)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct client_secrets s;
    struct rows r;
    uint8_t hash[SHA256_BYTES], id[16];
    struct endpoint x;
    house_build(&h);
    CHECK_OK(client_add(h.db, h.keyring, h.scope, "bot", "https://ehr.example", &operator_does, a, &s, &e));
    CHECK_INT(strlen(s.api_key), 3 + 43);
    CHECK(strncmp(s.api_key, "lz_", 3) == 0);
    CHECK_INT(strspn(s.api_key + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    CHECK_INT(strlen(s.webhook_secret), 6 + 44);
    CHECK(strncmp(s.webhook_secret, "whsec_", 6) == 0);
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT c.key_hash, w.secret, c.id FROM client c JOIN webhook_endpoint w ON w.id = c.id"), 1);
    sha256(slice_of(s.api_key), hash);
    CHECK(memcmp(row_at(&r, 0, 0)->s.p, hash, sizeof hash) == 0);
    CHECK(memmem(row_at(&r, 0, 1)->s.p, row_at(&r, 0, 1)->s.n, s.webhook_secret + 6, 44) == NULL);
    memcpy(id, row_at(&r, 0, 2)->s.p, 16);
    CHECK_INT(endpoint_open(h.db, h.keyring, h.scope, id, a, &x, &e), 1);
    CHECK_STR(x.url, "https://ehr.example");
    CHECK_STR(x.secret, s.webhook_secret);
    CHECK(x.origin && x.full && !x.disabled && !x.old);
    id[0] ^= 1;
    CHECK_INT(endpoint_open(h.db, h.keyring, h.scope, id, a, &x, &e), 0);
    house_raze(&h);
}

/* `header` NULL: none; "%s" in it is the key. */
static void identified(struct house *h, const char *key, const char *header, const char *open, const char *name, int rc)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct caller c;
    struct err e = {.code = ERR_NONE};
    char text[256] = "";
    const char *at = header ? strstr(header, "%s") : NULL;
    if (header)
        snprintf(text, sizeof text, "%.*s%s%s", at ? (int)(at - header) : (int)strlen(header), header, at ? key : "", at ? at + 2 : "");
    int got = client_identify(h->db, h->scope, header ? slice_of(text) : (struct slice){NULL, 0}, open, a, &c, &e);
    if (got != rc)
        fail_msg("'%s' answered %d: %s", header ? header : "(none)", got, e.detail);
    if (rc)
        CHECK_INT(e.code, ERR_NOT_SIGNED_IN);
    CHECK_INT(c.role, name ? ROLE_CLIENT : ROLE_ANONYMOUS);
    CHECK_STR(c.name, name ? name : "");
    CHECK(memcmp(c.scope, h->scope, 16) == 0);
}

TEST(the_authorization_header_names_a_client_or_nobody)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static const struct {
        const char *header, *open, *name;
        int rc;
    } row[] = {
        {"Bearer %s", NULL, "bot", 0},
        {"bearer %s", NULL, "bot", 0},
        {"BEARER   %s", NULL, "bot", 0},
        {"Bearer %s ", NULL, "bot", 0},
        {NULL, NULL, NULL, 0},              /* anonymous, for the policy to judge */
        {NULL, "bot", "bot", 0},            /* the open client */
        {NULL, "ghost", NULL, -1},          /* which is not there */
        {"Bearer wrong", "bot", NULL, -1},  /* a header is never ignored */
        {"", "bot", NULL, -1},
        {"Bearer", NULL, NULL, -1},
        {"Bearer ", NULL, NULL, -1},
        {"Bearer lz_", NULL, NULL, -1},
        {"Bearer %sx", NULL, NULL, -1},
        {"Bearer x%s", NULL, NULL, -1},
        {"Bearer %s %s", NULL, NULL, -1},
        {"Basic %s", NULL, NULL, -1},
        {"%s", NULL, NULL, -1},
        {"Bearer\t%s", NULL, NULL, -1},
    };
    struct house h;
    struct err e;
    struct client_secrets s;
    house_build(&h);
    CHECK_OK(client_add(h.db, h.keyring, h.scope, "bot", NULL, &operator_does, a, &s, &e));
    for (size_t i = 0; i < COUNT(row); i++)
        identified(&h, s.api_key, row[i].header, row[i].open, row[i].name, row[i].rc);

    const char *fresh;
    CHECK_OK(client_rotate(h.db, h.scope, "bot", &operator_does, a, &fresh, &e));
    identified(&h, s.api_key, "Bearer %s", NULL, NULL, -1); /* the old key stopped working */
    identified(&h, fresh, "Bearer %s", NULL, "bot", 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM audit"), 2);
    CHECK_INT(client_rotate(h.db, h.scope, "ghost", &operator_does, a, &fresh, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_OK(client_limit(h.db, h.scope, "bot", 5, -1, &operator_does, a, &e));
    CHECK_INT(client_limit(h.db, h.scope, "ghost", 5, -1, &operator_does, a, &e), -1);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM audit"), 3); /* made, a new key, a limit; not what failed */

    house_sql(&h, "UPDATE client SET disabled_at = 1;");
    identified(&h, fresh, "Bearer %s", NULL, NULL, -1);
    identified(&h, fresh, NULL, "bot", NULL, -1);
    house_raze(&h);
}

TEST(a_key_of_another_scope_names_nobody)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct client_secrets s;
    uint8_t other[16], again[16];
    house_build(&h);
    CHECK_OK(scope_gateway(h.db, "second", other, &e));
    CHECK_OK(scope_gateway(h.db, "second", again, &e));
    CHECK(memcmp(other, again, 16) == 0);
    CHECK_OK(client_add(h.db, h.keyring, other, "bot", NULL, &operator_does, a, &s, &e));
    identified(&h, s.api_key, "Bearer %s", NULL, NULL, -1);
    memcpy(h.scope, other, 16);
    identified(&h, s.api_key, "Bearer %s", NULL, "bot", 0);
    house_raze(&h);
}

TEST(a_known_client_is_forgotten_when_its_key_changes)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct client_secrets s;
    struct known *k;
    struct caller c;
    const char *key;
    house_build(&h);
    CHECK_OK(known_open(&k, &e));
    CHECK_OK(client_add(h.db, h.keyring, h.scope, "bot", "https://bot.example", &operator_does, a, &s, &e));
    struct slice old = slice_of(arena_printf(a, "Bearer %s", s.api_key));
    CHECK_OK(known_identify(k, h.db, h.scope, old, NULL, a, &c, &e));
    CHECK_OK(client_rotate(h.db, h.scope, "bot", &operator_does, a, &key, &e));
    CHECK_OK(known_identify(k, h.db, h.scope, old, NULL, a, &c, &e)); /* known: the store is not asked */
    CHECK_STR(c.name, "bot");
    CHECK_STR(c.webhook_origin, "https://bot.example");
    known_forget(k);
    CHECK_INT(known_identify(k, h.db, h.scope, old, NULL, a, &c, &e), -1);
    CHECK_INT(e.code, ERR_NOT_SIGNED_IN);
    CHECK_OK(known_identify(k, h.db, h.scope, slice_of(arena_printf(a, "Bearer %s", key)), NULL, a, &c, &e));
    CHECK_INT(known_identify(k, h.db, h.scope, SLICE("Bearer lz_nobodys"), NULL, a, &c, &e), -1);
    CHECK_OK(known_identify(k, h.db, h.scope, (struct slice){NULL, 0}, NULL, a, &c, &e));
    CHECK_INT(c.role, ROLE_ANONYMOUS);
    known_close(k);
    house_raze(&h);
}

TEST(a_client_that_another_process_changed_is_known_for_a_second_and_no_longer)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct client_secrets s;
    struct known *k;
    struct caller c;
    const char *key;
    house_build(&h);
    CHECK_OK(known_open(&k, &e));
    CHECK_OK(client_add(h.db, h.keyring, h.scope, "bot", NULL, &operator_does, a, &s, &e));
    struct slice old = slice_of(arena_printf(a, "Bearer %s", s.api_key));
    CHECK_OK(known_identify(k, h.db, h.scope, old, NULL, a, &c, &e));
    CHECK_OK(client_rotate(h.db, h.scope, "bot", &operator_does, a, &key, &e)); /* which forgets in its own process */
    usleep(KNOWN_SHARED_S * 1000000 + 100000);
    CHECK_INT(known_identify(k, h.db, h.scope, old, NULL, a, &c, &e), house_shared() ? -1 : 0);
    CHECK_OK(known_identify(k, h.db, h.scope, slice_of(arena_printf(a, "Bearer %s", key)), NULL, a, &c, &e));
    known_close(k);
    house_raze(&h);
}

static const struct audit_entry does = {.actor = "bot", .role = "client", .action = "update", .outcome = "permit"};

static struct caller made(struct house *h, const char *name, struct arena *a)
{
    struct client_secrets s;
    struct caller c;
    struct err e;
    CHECK_OK(client_add(h->db, h->keyring, h->scope, name, NULL, &operator_does, a, &s, &e));
    CHECK_OK(client_identify(h->db, h->scope, (struct slice){NULL, 0}, name, a, &c, &e));
    return c;
}

TEST(an_endpoint_is_its_clients_alone_and_its_old_secret_lasts_as_long_as_was_said)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct house h;
    struct err e;
    struct endpoint x, y, list[4];
    house_build(&h);
    struct caller bot = made(&h, "bot", a), other = made(&h, "other", a);
    CHECK_OK(endpoint_add(h.db, h.keyring, &bot, "https://ehr.example/hook?a=1", false, &does, a, &x, &e));
    CHECK_INT(strlen(x.secret), 50);
    CHECK_INT(endpoint_list(h.db, &bot, a, list, 4, &e), 2); /* and the one every client has */
    CHECK_INT(endpoint_list(h.db, &other, a, list, 4, &e), 1);
    CHECK(list[0].secret == NULL);
    for (int what = ENDPOINT_REMOVE; what <= ENDPOINT_ROTATE; what++)
        CHECK_INT(endpoint_change(h.db, h.keyring, &other, x.id, (enum endpoint_change)what, 0, &does, a, &y, &e), 0);
    CHECK_INT(endpoint_change(h.db, h.keyring, &bot, x.id, ENDPOINT_ROTATE, 60000000, &does, a, &y, &e), 1);
    CHECK(strcmp(x.secret, y.secret) != 0);
    const char *first = x.secret, *second = y.secret;
    CHECK_INT(endpoint_open(h.db, h.keyring, h.scope, x.id, a, &x, &e), 1);
    CHECK_STR(x.secret, second);
    CHECK_STR(x.old, first);
    CHECK_INT(endpoint_change(h.db, h.keyring, &bot, x.id, ENDPOINT_ROTATE, 0, &does, a, &y, &e), 1);
    CHECK_INT(endpoint_open(h.db, h.keyring, h.scope, x.id, a, &x, &e), 1);
    CHECK(x.old == NULL);
    CHECK_INT(endpoint_change(h.db, h.keyring, &bot, bot.id, ENDPOINT_REMOVE, 0, &does, a, &y, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(endpoint_change(h.db, h.keyring, &bot, x.id, ENDPOINT_REMOVE, 0, &does, a, &y, &e), 1);
    CHECK_INT(endpoint_open(h.db, h.keyring, h.scope, x.id, a, &x, &e), 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM audit"), 2 + 1 + 3 + 2 + 1);
    house_raze(&h);
}

TEST(only_what_can_be_an_endpoint_is_one_and_not_more_than_sixteen)
{
    char longer[ENDPOINT_URL_MAX + 2] = "https://a.example/";
    memset(longer + strlen(longer), 'x', sizeof longer - 1 - strlen(longer));
    const struct {
        const char *url;
        int rc;
    } row[] = {
        {"https://a.example", 0},        {"http://a.example/x", 0},       {"https://a.example:8443/x?y=z", 0}, {"https://[::1]:1/x", 0},
        {"", -1},                        {"ftp://a.example/", -1},        {"https://", -1},                    {"https:///x", -1},
        {"https://a.example:0/", -1},    {"https://a.example:99999", -1}, {"https://a.example:/x", -1},
        {"https://u:p@a.example/", -1},
        {"https://a.example/a b", -1},   {"https://a.example/\n", -1},    {"https://a.example/#x", -1},
        {"https://[::1/x", -1},
        {"https://a.example\\@b", -1},   {"//a.example", -1},
        {"https://a.example/\x7f", -1}, {"https://a.example?x=\xc3\xa4", -1}, {longer, -1},
    };
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct house h;
    struct err e;
    struct endpoint x;
    house_build(&h);
    struct caller bot = made(&h, "bot", a);
    for (size_t i = 0; i < COUNT(row); i++)
        if (endpoint_add(h.db, h.keyring, &bot, row[i].url, true, &does, a, &x, &e) != row[i].rc)
            fail_msg("%s: %s", row[i].url, row[i].rc ? "taken" : e.detail);
    for (int i = 4; i < ENDPOINTS_MAX; i++)
        CHECK_OK(endpoint_add(h.db, h.keyring, &bot, "https://a.example", true, &does, a, &x, &e));
    CHECK_INT(endpoint_add(h.db, h.keyring, &bot, "https://a.example", true, &does, a, &x, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    struct rows r;
    CHECK_OK(endpoint_all(h.db, h.scope, NULL, a, &r, &e));
    CHECK_INT(r.n, ENDPOINTS_MAX + 1); /* and its origin */
    CHECK_OK(endpoint_all(h.db, h.scope, "bot", a, &r, &e));
    CHECK_INT(r.n, ENDPOINTS_MAX + 1); /* and its origin */
    CHECK_INT(endpoint_all(h.db, h.scope, "ghost", a, &r, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    house_raze(&h);
}

struct placing {
    struct house *h;
    struct caller *c;
    enum err_code code;
};

static void place_in(struct placing *p)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {.code = ERR_NONE};
    struct endpoint x;
    endpoint_add(p->h->db, p->h->keyring, p->c, "https://a.example", true, &does, a, &x, &e);
    p->code = e.code;
}

static void *place_one(void *arg)
{
    place_in(arg);
    arena_thread_end();
    return NULL;
}

TEST(endpoints_that_are_added_beside_each_other_keep_to_sixteen)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct house h;
    struct err e;
    struct endpoint x;
    if (!house_shared())
        return;
    house_build(&h);
    struct caller bot = made(&h, "bot", a);
    for (int i = 1; i < ENDPOINTS_MAX; i++)
        CHECK_OK(endpoint_add(h.db, h.keyring, &bot, "https://a.example", true, &does, a, &x, &e));
    struct placing p = {.h = &h, .c = &bot};
    CHECK(house_beside(&h,
                       "UPDATE client SET name = name; INSERT INTO webhook_endpoint (scope, id, client, kind, url, payload, secret, "
                       "created_at) SELECT scope, x'00000000000000000000000000000001', client, kind, url, payload, secret, created_at "
                       "FROM webhook_endpoint WHERE kind = 'url' LIMIT 1",
                       place_one, &p));
    CHECK_INT(p.code, ERR_CONFLICT);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM webhook_endpoint"), ENDPOINTS_MAX + 1);
    house_raze(&h);
}

TEST(a_clients_limits_are_set_and_taken_away)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct client_secrets s;
    struct caller c;
    house_build(&h);
    CHECK_OK(client_add(h.db, h.keyring, h.scope, "bot", NULL, &does, a, &s, &e));
    struct slice bearer = slice_of(arena_printf(a, "Bearer %s", s.api_key));
    static const int64_t limit[][2] = {{3, 7}, {-1, -1}, {0, -1}};
    for (size_t i = 0; i < COUNT(limit); i++) {
        CHECK_OK(client_limit(h.db, h.scope, "bot", limit[i][0], limit[i][1], &does, a, &e));
        CHECK_OK(client_identify(h.db, h.scope, bearer, NULL, a, &c, &e));
        CHECK(c.rate == limit[i][0] && c.burst == limit[i][1]);
    }
    house_raze(&h);
}

/* Callers are remembered by the first byte of a hash; all of it is compared. */
TEST(who_is_remembered_is_known_by_the_whole_key)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct client_secrets s;
    struct caller c;
    struct known *k;
    house_build(&h);
    CHECK_OK(known_open(&k, &e));
    CHECK_OK(client_add(h.db, h.keyring, h.scope, "bot", NULL, &does, a, &s, &e));
    CHECK_OK(known_identify(k, h.db, h.scope, slice_of(arena_printf(a, "Bearer %s", s.api_key)), NULL, a, &c, &e));
    for (int i = 0; i < 2000; i++) { /* some of them share the place */
        OWN_ARENA struct arena *b = arena_new(1 << 16);
        CHECK_INT(known_identify(k, h.db, h.scope, slice_of(arena_printf(b, "Bearer %.*s%04d", 42, s.api_key, i)), NULL, b, &c, &e), -1);
    }
    known_close(k);
    house_raze(&h);
}

RUN(T(a_known_client_is_forgotten_when_its_key_changes),
    T(a_client_that_another_process_changed_is_known_for_a_second_and_no_longer),
    T(a_clients_name_and_origin_have_the_form_the_header_gives),
    T(secrets_have_their_form_and_are_not_in_the_store),
    T(the_authorization_header_names_a_client_or_nobody), T(a_key_of_another_scope_names_nobody),
    T(an_endpoint_is_its_clients_alone_and_its_old_secret_lasts_as_long_as_was_said),
    T(only_what_can_be_an_endpoint_is_one_and_not_more_than_sixteen),
    T(endpoints_that_are_added_beside_each_other_keep_to_sixteen), T(a_clients_limits_are_set_and_taken_away),
    T(who_is_remembered_is_known_by_the_whole_key))
