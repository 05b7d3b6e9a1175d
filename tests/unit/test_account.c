/* Accounts over a real store: invitations, passwords, lock-out, passkeys made by a device in software. */
#include "house.h"
#include "soft_key.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "identity/credential.h"
#include "identity/session.h"
#include "store/place.h"

#define ORIGIN "https://study.example"
#define GOOD   "xkq7 vmw2 pt9"
#define OTHER  "hqz4 rnd8 wk3"
enum { UP = 0x01, UV = 0x04, BE = 0x08, AT = 0x40 };

struct desk_house {
    struct house h;
    struct accounts x;
    struct arena *a;
};

static void build(struct desk_house *d)
{
    struct err e;
    house_build(&d->h);
    d->a = arena_new(8 << 20);
    d->x = (struct accounts){.people = {d->h.db, d->h.keyring, d->h.scope}, .passkeys = {ORIGIN, "study.example"}};
    CHECK_OK(passwords_start(2, &d->x.passwords, &e));
}

static void raze(struct desk_house *d)
{
    passwords_stop(d->x.passwords);
    arena_free(d->a);
    house_raze(&d->h);
}

/* As a process that ended and began anew. */
static void restart(struct desk_house *d)
{
    struct err e;
    keyring_close(d->h.keyring);
    db_close(d->h.db);
    CHECK_OK(db_open(d->h.db_path, false, &d->h.db, &e));
    CHECK_OK(keyring_open(d->h.key_path, d->h.db, &d->h.keyring, &e));
    d->x.people = (struct people){d->h.db, d->h.keyring, d->h.scope};
}

static void add(struct desk_house *d, const char *name, enum role role, char code[INVITATION_TEXT])
{
    struct err e;
    enum desk_done done;
    CHECK_OK(account_add(&d->x.people, slice_of(name), role, "root", d->a, &done, code, &e));
}

static void accept(struct desk_house *d, const char *name, enum role role, uint8_t staff[16])
{
    struct err e;
    char code[INVITATION_TEXT];
    struct invitation i;
    add(d, name, role, code);
    CHECK_OK(account_accept(&d->x, slice_of(code), SLICE(GOOD), NULL, d->a, &i, &e));
    memcpy(staff, i.staff, 16);
}

/* What a sign-in answers: ERR_NONE, or why not. */
static enum err_code sign_in(struct desk_house *d, const char *name, const char *password, struct attempt *ret)
{
    struct err e = {.code = ERR_NONE};
    struct attempt t;
    int rc = account_sign_in(&d->x, slice_of(name), slice_of(password), d->a, ret ? ret : &t, &e);
    CHECK((rc == 0) == (e.code == ERR_NONE));
    return e.code;
}

TEST(an_account_is_made_with_its_role_proposed_or_granted)
{
    struct desk_house d;
    struct err e;
    enum desk_done done;
    char code[INVITATION_TEXT], again[INVITATION_TEXT];
    build(&d);
    CHECK_OK(account_add(&d.x.people, SLICE("Anna.Rossi"), ROLE_DOCTOR, "root", d.a, &done, code, &e));
    CHECK_INT(done, DESK_PROPOSED); /* it sees people: another has to approve */
    CHECK_INT(strlen(code), 22);
    CHECK_OK(account_add(&d.x.people, SLICE("dario"), ROLE_AUDITOR, "root", d.a, &done, code, &e));
    CHECK_INT(done, DESK_GRANTED);
    CHECK_INT(account_add(&d.x.people, SLICE("anna.rossi"), ROLE_DOCTOR, "root", d.a, &done, again, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    static const struct {
        const char *name, *by;
        enum role role;
    } bad[] = {{"", "root", ROLE_DOCTOR},      {"anna rossi", "root", ROLE_DOCTOR}, {"caf\xc3\xa9", "root", ROLE_DOCTOR},
               {"bea", "root", ROLE_OPERATOR}, {"bea", "", ROLE_DOCTOR},            {"bea", "provider", ROLE_DOCTOR}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_INT(account_add(&d.x.people, slice_of(bad[i].name), bad[i].role, bad[i].by, d.a, &done, again, &e), -1);
        CHECK_INT(e.code, ERR_USAGE);
    }
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM account"), 2);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM invitation"), 2);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM role_grant WHERE since IS NULL"), 1);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM staff WHERE state = 'active'"), 1);
    raze(&d);
}

TEST(neither_code_nor_name_nor_password_is_in_the_store)
{
    struct desk_house d;
    char code[INVITATION_TEXT], sql[512], hex[128];
    struct invitation i;
    struct err e;
    build(&d);
    add(&d, "annarossi", ROLE_DOCTOR, code);
    CHECK_OK(account_accept(&d.x, slice_of(code), SLICE(GOOD), NULL, d.a, &i, &e));
    static const char *const column[] = {"code FROM invitation", "person FROM staff", "who FROM staff", "password FROM account",
                                         "entry FROM audit"};
    const char *const canary[] = {code, "annarossi", GOOD, "argon2id"};
    for (size_t c = 0; c < COUNT(column); c++)
        for (size_t k = 0; k < COUNT(canary); k++) {
            hex_encode(canary[k], strlen(canary[k]), hex);
            const char *from = strstr(column[c], " FROM ");
            snprintf(sql, sizeof sql, "SELECT count(*)%s WHERE instr(%.*s, x'%s') > 0", from, (int)(from - column[c]), column[c], hex);
            if (house_shared())
                snprintf(sql, sizeof sql, "SELECT count(*)%s WHERE position('\\x%s'::bytea in %.*s) > 0", from, hex,
                         (int)(from - column[c]), column[c]);
            CHECK_INT(house_number(&d.h, sql), 0);
        }
    raze(&d);
}

struct late_use {
    struct desk_house *d;
    struct invitation i;
};

static int use_late(struct tx *tx, void *arg, struct err *e)
{
    struct late_use *x = arg;
    return invitation_use(tx, &x->d->x.people, &x->i, x->d->a, e);
}

TEST(an_invitation_is_good_once_in_time_and_for_its_role)
{
    struct desk_house d;
    struct err e;
    struct invitation i;
    char code[INVITATION_TEXT], newer[INVITATION_TEXT];
    build(&d);
    add(&d, "anna", ROLE_DOCTOR, code);
    CHECK_INT(account_accept(&d.x, slice_of(code), SLICE("too short"), NULL, d.a, &i, &e), -1);
    CHECK_INT(e.code, ERR_BAD_REQUEST); /* and is not used by that */
    CHECK_OK(account_accept(&d.x, slice_of(code), SLICE(GOOD), NULL, d.a, &i, &e));
    CHECK_STR(i.name, "anna");
    CHECK(i.has_role && i.role == ROLE_DOCTOR);
    CHECK_INT(account_accept(&d.x, slice_of(code), SLICE(OTHER), NULL, d.a, &i, &e), -1); /* twice */
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_INT(sign_in(&d, "anna", GOOD, NULL), ERR_NONE);

    add(&d, "bea", ROLE_DOCTOR, code); /* too old */
    house_sql(&d.h, "UPDATE invitation SET until = 1000000 WHERE ended_at IS NULL");
    CHECK_INT(account_accept(&d.x, slice_of(code), SLICE(GOOD), NULL, d.a, &i, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_OK(account_invite(&d.x.people, SLICE("bea"), "root", d.a, newer, &e));
    struct late_use late = {.d = &d}; /* found in time, used too late */
    CHECK_OK(invitation_find(&d.x.people, slice_of(newer), d.a, &late.i, &e));
    house_sql(&d.h, "UPDATE invitation SET until = 1000000 WHERE ended_at IS NULL");
    CHECK_INT(tx_run(d.h.db, use_late, &late, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_OK(account_invite(&d.x.people, SLICE("bea"), "root", d.a, newer, &e));
    CHECK_OK(invitation_find(&d.x.people, slice_of(newer), d.a, &i, &e));
    CHECK_OK(account_invite(&d.x.people, SLICE("BEA"), "root", d.a, code, &e)); /* replaced */
    CHECK_INT(invitation_find(&d.x.people, slice_of(newer), d.a, &i, &e), -1);
    CHECK_OK(invitation_find(&d.x.people, slice_of(code), d.a, &i, &e));

    add(&d, "carla", ROLE_DOCTOR, code); /* its role is withdrawn; another is not what it was made for */
    CHECK_OK(desk_remove(&d.x.people, SLICE("carla"), ROLE_DOCTOR, "root", d.a, &e));
    CHECK_OK(desk_propose(&d.x.people, SLICE("carla"), ROLE_RESEARCHER, "root", d.a, &e));
    CHECK_INT(account_accept(&d.x, slice_of(code), SLICE(GOOD), NULL, d.a, &i, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);

    add(&d, "dina", ROLE_DOCTOR, code); /* suspended */
    CHECK_OK(desk_suspend(&d.x.people, SLICE("dina"), true, "root", d.a, &e));
    CHECK_INT(invitation_find(&d.x.people, slice_of(code), d.a, &i, &e), -1);
    static const char *const wrong[] = {"", "x", "AAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t k = 0; k < COUNT(wrong); k++) {
        CHECK_INT(invitation_find(&d.x.people, slice_of(wrong[k]), d.a, &i, &e), -1);
        CHECK_INT(e.code, ERR_NOT_FOUND);
    }
    CHECK_INT(account_invite(&d.x.people, SLICE("ghost"), "root", d.a, code, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    raze(&d);
}

struct racing {
    struct desk_house *d;
    const char *code;
    int won, lost;
    pthread_mutex_t lock;
};

static void race_once(struct racing *r)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {.code = ERR_NONE};
    struct invitation i;
    int rc = account_accept(&r->d->x, slice_of(r->code), SLICE(GOOD), NULL, a, &i, &e);
    pthread_mutex_lock(&r->lock);
    r->won += rc == 0;
    r->lost += rc && e.code == ERR_NOT_FOUND;
    pthread_mutex_unlock(&r->lock);
}

static void *race(void *arg)
{
    race_once(arg);
    arena_thread_end();
    return NULL;
}

TEST(of_several_who_accept_at_once_one_does)
{
    struct desk_house d;
    char code[INVITATION_TEXT];
    pthread_t t[4];
    build(&d);
    struct racing r = {.d = &d, .code = code, .lock = PTHREAD_MUTEX_INITIALIZER};
    add(&d, "anna", ROLE_DOCTOR, code);
    for (size_t i = 0; i < COUNT(t); i++)
        CHECK_INT(pthread_create(&t[i], NULL, race, &r), 0);
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_join(t[i], NULL);
    CHECK_INT(r.won, 1);
    CHECK_INT(r.lost, 3);
    raze(&d);
}

TEST(a_name_nobody_has_is_answered_at_the_same_cost)
{
    struct desk_house d;
    struct attempt t;
    uint8_t staff[16];
    char code[INVITATION_TEXT];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    add(&d, "bea", ROLE_DOCTOR, code); /* has no password yet */
    static const char *const name[] = {"anna", "bea", "ghost", "", "no name at all", "caf\xc3\xa9"};
    for (size_t i = 0; i < COUNT(name); i++) {
        uint64_t before = passwords_hashed(d.x.passwords);
        CHECK_INT(sign_in(&d, name[i], OTHER, &t), ERR_TOKEN);
        CHECK_INT(passwords_hashed(d.x.passwords) - before, 1);
        CHECK(t.known == (i < 2));
    }
    CHECK_INT(sign_in(&d, "ANNA", GOOD, &t), ERR_NONE);
    CHECK(t.known && memcmp(t.staff, staff, 16) == 0);
    raze(&d);
}

TEST(after_five_failures_a_name_waits_longer_and_longer_whether_it_exists_or_not)
{
    static const char *const name[] = {"anna", "ghost"};
    struct desk_house d;
    struct attempt t;
    uint8_t staff[16];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    for (size_t n = 0; n < COUNT(name); n++) {
        for (int i = 0; i < ACCOUNT_FREE; i++)
            CHECK_INT(sign_in(&d, name[n], OTHER, &t), ERR_TOKEN);
        uint64_t before = passwords_hashed(d.x.passwords);
        CHECK_INT(sign_in(&d, name[n], GOOD, &t), ERR_RATE); /* the right one neither */
        CHECK_INT(passwords_hashed(d.x.passwords), before);
        CHECK(t.wait_s > ACCOUNT_DELAY_S - 10 && t.wait_s <= ACCOUNT_DELAY_S);
        restart(&d);
        CHECK_INT(sign_in(&d, name[n], GOOD, &t), ERR_RATE);
        for (int delay = 2 * ACCOUNT_DELAY_S; delay <= 8 * ACCOUNT_DELAY_MAX_S; delay *= 2) {
            int want = delay < ACCOUNT_DELAY_MAX_S ? delay : ACCOUNT_DELAY_MAX_S;
            house_sql(&d.h, "UPDATE sign_in_failure SET until = 1"); /* the time has passed */
            CHECK_INT(sign_in(&d, name[n], OTHER, &t), ERR_TOKEN);
            CHECK_INT(sign_in(&d, name[n], GOOD, &t), ERR_RATE);
            CHECK(t.wait_s > want - 10 && t.wait_s <= want);
        }
    }
    house_sql(&d.h, "UPDATE sign_in_failure SET until = 1");
    CHECK_INT(sign_in(&d, "anna", GOOD, &t), ERR_NONE);
    CHECK_INT(sign_in(&d, "anna", OTHER, &t), ERR_TOKEN); /* and counts from one again */
    CHECK_INT(house_number(&d.h, "SELECT min(failures) FROM sign_in_failure"), 1);
    raze(&d);
}

TEST(failures_are_forgotten_after_a_day_and_a_time_too_far_ahead_is_not_believed)
{
    struct desk_house d;
    struct attempt t;
    char sql[128];
    build(&d);
    for (int i = 0; i < ACCOUNT_FREE; i++)
        CHECK_INT(sign_in(&d, "ghost", OTHER, &t), ERR_TOKEN);
    snprintf(sql, sizeof sql, "UPDATE sign_in_failure SET until = %lld", (long long)(clock_now_us() + 7200 * INT64_C(1000000)));
    house_sql(&d.h, sql);
    CHECK_INT(sign_in(&d, "ghost", OTHER, &t), ERR_TOKEN);
    snprintf(sql, sizeof sql, "UPDATE sign_in_failure SET last_at = %lld", (long long)(clock_now_us() - 90000 * INT64_C(1000000)));
    house_sql(&d.h, sql);
    CHECK_INT(sign_in(&d, "someone", OTHER, &t), ERR_TOKEN);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM sign_in_failure"), 1);
    raze(&d);
}

struct guessing {
    struct desk_house *d;
    int judged, waited;
    pthread_mutex_t lock;
};

static void guess_once(struct guessing *g)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {.code = ERR_NONE};
    struct attempt t;
    account_sign_in(&g->d->x, SLICE("anna"), SLICE(OTHER), a, &t, &e);
    pthread_mutex_lock(&g->lock);
    g->judged += e.code == ERR_TOKEN;
    g->waited += e.code == ERR_RATE;
    pthread_mutex_unlock(&g->lock);
}

static void *guess(void *arg)
{
    guess_once(arg);
    arena_thread_end();
    return NULL;
}

TEST(many_at_once_get_no_more_attempts)
{
    struct desk_house d;
    uint8_t staff[16];
    pthread_t t[10];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    struct guessing g = {.d = &d, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (size_t i = 0; i < COUNT(t); i++)
        CHECK_INT(pthread_create(&t[i], NULL, guess, &g), 0);
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_join(t[i], NULL);
    /* where the store gave up on one, it was not judged either */
    if (g.judged > ACCOUNT_FREE || g.judged < 1 || g.judged + g.waited > (int)COUNT(t))
        fail_msg("%d were judged, %d waited", g.judged, g.waited);
    raze(&d);
}

TEST(a_password_is_changed_and_a_second_invitation_ends_all_that_was)
{
    struct desk_house d;
    struct err e;
    struct attempt t;
    struct invitation i;
    uint8_t staff[16];
    char code[INVITATION_TEXT];
    const char *cookie;
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    struct sessions s = {.people = d.x.people, .idle_us = 600000000, .life_us = 6000000000};
    struct session_new open = {.how = SESSION_PASSWORD};
    memcpy(open.staff, staff, 16);
    CHECK_OK(session_open(&s, &open, NULL, d.a, &cookie, &e));
    CHECK_INT(account_again(&d.x, staff, SLICE(OTHER), d.a, &t, &e), -1);
    CHECK_OK(account_again(&d.x, staff, SLICE(GOOD), d.a, &t, &e));
    CHECK_INT(account_change(&d.x, staff, SLICE("anna anna anna"), &t.proved, NULL, d.a, &e), -1);
    CHECK_INT(e.code, ERR_BAD_REQUEST);
    CHECK_OK(account_change(&d.x, staff, SLICE(OTHER), &t.proved, NULL, d.a, &e));
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM session WHERE ended_at IS NULL"), 0);
    CHECK_INT(sign_in(&d, "anna", GOOD, NULL), ERR_TOKEN);
    CHECK_INT(sign_in(&d, "anna", OTHER, NULL), ERR_NONE);
    CHECK_OK(session_open(&s, &open, NULL, d.a, &cookie, &e));
    CHECK_OK(account_invite(&d.x.people, SLICE("anna"), "root", d.a, code, &e));
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM session WHERE ended_at IS NULL"), 0);
    CHECK_INT(sign_in(&d, "anna", OTHER, NULL), ERR_TOKEN);
    CHECK_INT(account_has_password(&d.x.people, staff, d.a, &e), 0);
    CHECK_OK(account_accept(&d.x, slice_of(code), SLICE(GOOD), NULL, d.a, &i, &e));
    CHECK_INT(sign_in(&d, "anna", GOOD, NULL), ERR_NONE);
    raze(&d);
}

TEST(an_older_hash_is_replaced_when_its_owner_signs_in)
{
    struct desk_house d;
    struct err e;
    uint8_t staff[16];
    char weak[PASSWORD_STORED], sql[1024], hex[600], id[40];
    struct slice sealed;
    struct key key;
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    struct seal_place at = place_of(PLACE_ACCOUNT_PASSWORD, d.h.scope, staff, 0);
    CHECK_INT(crypto_pwhash_str_alg(weak, GOOD, strlen(GOOD), 1, 16 << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
    CHECK_OK(keyring_domain(d.h.keyring, d.h.scope, "staff", &key, &e));
    CHECK_OK(seal(&key, &at, slice_of(weak), d.a, &sealed, &e));
    hex_encode(sealed.p, sealed.n, hex);
    hex_encode(staff, 16, id);
    snprintf(sql, sizeof sql, "UPDATE account SET password = x'%s' WHERE staff = x'%s'", hex, id);
    house_sql(&d.h, sql);
    CHECK_INT(sign_in(&d, "anna", GOOD, NULL), ERR_NONE);
    struct rows r;
    struct slice text;
    CHECK_INT(db_rows(d.h.db, d.a, &r, &e, "SELECT password FROM account"), 1);
    CHECK_OK(keyring_unseal(d.h.keyring, &at, row_at(&r, 0, 0)->s, d.a, &text, &e));
    CHECK(slice_starts(text, "$argon2id$v=19$m=47104,t=1,p=1$"));
    CHECK_INT(sign_in(&d, "anna", GOOD, NULL), ERR_NONE);
    raze(&d);
}

/* --- passkeys --- */

/* What challenge a browser was given, out of the options. */
static const char *challenge_in(struct desk_house *d, struct buf *b)
{
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(d->a, buf_text(b), &j, &f), 0);
    return arena_str(d->a, json_get_text(&j, 0, "challenge", d->a));
}

static const char *b64(struct desk_house *d, struct slice s)
{
    char *out = arena_take(d->a, s.n * 2 + 8);
    base64url_encode(s.p, s.n, out);
    return out;
}

struct device {
    EVP_PKEY *key;
    const char *id, *origin;
    uint32_t count;
    unsigned flags;
    const uint8_t *staff;
};

static struct json sent_of(struct desk_house *d, const char *text)
{
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(d->a, slice_of(text), &j, &f), 0);
    return j;
}

static struct json registration(struct desk_house *d, const struct device *v, const char *challenge)
{
    struct soft_bytes data = {0}, all = {0};
    const char *client = arena_printf(d->a, "{\"type\":\"webauthn.create\",\"challenge\":\"%s\",\"origin\":\"%s\"}", challenge,
                                      v->origin ? v->origin : ORIGIN);
    soft_data(&data, "study.example", UP | UV | AT, v->count, v->key, SOFT_ES256, v->id);
    soft_attest(&all, "none", &data, NULL, SOFT_ES256);
    return sent_of(d, arena_printf(d->a, "{\"id\":\"%s\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"%s\","
                                         "\"attestationObject\":\"%s\"}}",
                                   b64(d, slice_of(v->id)), b64(d, slice_of(client)), b64(d, soft_slice(&all))));
}

static struct json answer(struct desk_house *d, const struct device *v, const char *challenge)
{
    struct soft_bytes data = {0}, sig = {0};
    const char *client =
        arena_printf(d->a, "{\"type\":\"webauthn.get\",\"challenge\":\"%s\",\"origin\":\"%s\"}", challenge, v->origin ? v->origin : ORIGIN);
    soft_data(&data, "study.example", v->flags ? v->flags : UP | UV, v->count, NULL, SOFT_ES256, v->id);
    soft_sign(&sig, v->key, SOFT_ES256, &data, client);
    return sent_of(d, arena_printf(d->a, "{\"id\":\"%s\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"%s\","
                                         "\"authenticatorData\":\"%s\",\"signature\":\"%s\",\"userHandle\":\"%s\"}}",
                                   b64(d, slice_of(v->id)), b64(d, slice_of(client)), b64(d, soft_slice(&data)), b64(d, soft_slice(&sig)),
                                   b64(d, (struct slice){(const char *)v->staff, 16})));
}

static const char *ask(struct desk_house *d, const uint8_t *staff)
{
    struct err e;
    struct buf b = buf_in(d->a, 8192);
    struct json_out o = json_out(&b);
    CHECK_OK(credential_ask(&d->x, staff, d->a, &o, &e));
    return challenge_in(d, &b);
}

static const char *offer(struct desk_house *d, const uint8_t staff[16])
{
    struct err e;
    struct buf b = buf_in(d->a, 65536);
    struct json_out o = json_out(&b);
    CHECK_OK(credential_offer(&d->x, staff, d->a, &o, &e));
    return challenge_in(d, &b);
}

static int use(struct desk_house *d, const struct device *v, const char *challenge, const uint8_t *staff, struct attempt *t, struct err *e)
{
    struct json sent = answer(d, v, challenge);
    return credential_use(&d->x, staff, &sent, 0, NULL, d->a, t, e);
}

TEST(a_passkey_is_registered_by_invitation_used_and_its_challenge_is_good_once)
{
    struct desk_house d;
    struct err e;
    struct attempt t;
    struct invitation i;
    uint8_t id[16];
    char code[INVITATION_TEXT];
    build(&d);
    add(&d, "anna", ROLE_DOCTOR, code);
    CHECK_OK(invitation_find(&d.x.people, slice_of(code), d.a, &i, &e));
    struct device v = {.key = soft_make(SOFT_ES256), .id = "0123456789abcdef", .staff = i.staff};
    const char *c = offer(&d, i.staff);
    struct json sent = registration(&d, &v, c);
    CHECK_OK(credential_add(&d.x, i.staff, &i, NULL, &sent, 0, SLICE("phone"), NULL, d.a, id, &e));
    v.id = "fedcba9876543210";
    sent = registration(&d, &v, c); /* the challenge was answered; then the invitation was used */
    CHECK_INT(credential_add(&d.x, i.staff, NULL, NULL, &sent, 0, SLICE("other"), NULL, d.a, id, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    sent = registration(&d, &v, offer(&d, i.staff));
    CHECK_INT(credential_add(&d.x, i.staff, &i, NULL, &sent, 0, SLICE("other"), NULL, d.a, id, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM passkey"), 1);

    v.id = "0123456789abcdef";
    c = ask(&d, NULL);
    CHECK_OK(use(&d, &v, c, NULL, &t, &e));
    CHECK(memcmp(t.staff, i.staff, 16) == 0);
    CHECK_INT(use(&d, &v, c, NULL, &t, &e), -1); /* a replay */
    CHECK_INT(e.code, ERR_TOKEN);
    CHECK_STR(e.detail, "this was answered already: begin again");
    EVP_PKEY_free(v.key);
    raze(&d);
}

TEST(a_passkey_is_refused_in_every_point_that_the_store_knows)
{
    struct desk_house d;
    struct err e;
    struct attempt t;
    uint8_t anna[16], bea[16], id[16], other[16];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, anna);
    accept(&d, "bea", ROLE_DOCTOR, bea);
    struct device v = {.key = soft_make(SOFT_ES256), .id = "0123456789abcdef", .staff = anna, .count = 7};
    struct json sent = registration(&d, &v, offer(&d, anna));
    CHECK_INT(credential_add(&d.x, bea, NULL, NULL, &sent, 0, SLICE("phone"), NULL, d.a, id, &e), -1); /* a challenge of anna's */
    CHECK_INT(credential_add(&d.x, anna, NULL, NULL, &sent, 0, SLICE(""), NULL, d.a, id, &e), -1);
    CHECK_INT(e.code, ERR_BAD_REQUEST);
    CHECK_OK(credential_add(&d.x, anna, NULL, NULL, &sent, 0, SLICE("phone"), NULL, d.a, id, &e));
    sent = registration(&d, &v, offer(&d, bea));
    CHECK_INT(credential_add(&d.x, bea, NULL, NULL, &sent, 0, SLICE("stolen"), NULL, d.a, other, &e), -1); /* registered already */
    CHECK_INT(e.code, ERR_CONFLICT);

    v.count = 8;
    CHECK_OK(use(&d, &v, ask(&d, NULL), NULL, &t, &e));
    v.count = 8;
    CHECK_INT(use(&d, &v, ask(&d, NULL), NULL, &t, &e), -1); /* the counter stands */
    CHECK(strstr(e.detail, "went back") != NULL && t.known);
    v.count = 3;
    CHECK_INT(use(&d, &v, ask(&d, NULL), NULL, &t, &e), -1);
    CHECK_INT(house_number(&d.h, "SELECT uses FROM passkey"), 8);
    v.count = 9;
    v.origin = "https://evil.example";
    CHECK_INT(use(&d, &v, ask(&d, NULL), NULL, &t, &e), -1);
    v.origin = NULL;
    v.staff = bea; /* another's handle */
    CHECK_INT(use(&d, &v, ask(&d, NULL), NULL, &t, &e), -1);
    v.staff = anna;
    CHECK_INT(use(&d, &v, ask(&d, anna), NULL, &t, &e), -1); /* a challenge for a step up */
    CHECK_INT(use(&d, &v, ask(&d, NULL), anna, &t, &e), -1);
    CHECK_INT(use(&d, &v, ask(&d, bea), bea, &t, &e), -1); /* bea's step up by anna's passkey */
    CHECK_INT(use(&d, &v, offer(&d, anna), NULL, &t, &e), -1);
    CHECK_INT(use(&d, &v, offer(&d, anna), anna, &t, &e), -1); /* of hers, but to register another */
    CHECK_STR(e.detail, "the challenge was for something else");
    CHECK_INT(use(&d, &v, "AAAA", NULL, &t, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    CHECK_OK(use(&d, &v, ask(&d, anna), anna, &t, &e));
    EVP_PKEY_free(v.key);
    raze(&d);
}

TEST(the_last_way_in_cannot_be_removed_and_another_persons_passkey_neither)
{
    struct desk_house d;
    struct err e;
    struct invitation i;
    uint8_t bea[16], id[16], second[16];
    char code[INVITATION_TEXT];
    build(&d);
    add(&d, "anna", ROLE_DOCTOR, code);
    accept(&d, "bea", ROLE_DOCTOR, bea);
    CHECK_OK(invitation_find(&d.x.people, slice_of(code), d.a, &i, &e));
    struct device v = {.key = soft_make(SOFT_ES256), .id = "0123456789abcdef", .staff = i.staff};
    struct json sent = registration(&d, &v, offer(&d, i.staff));
    CHECK_OK(credential_add(&d.x, i.staff, &i, NULL, &sent, 0, SLICE("phone"), NULL, d.a, id, &e));
    CHECK_INT(credential_remove(&d.x, bea, id, NULL, d.a, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_INT(credential_remove(&d.x, i.staff, id, NULL, d.a, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    v.id = "fedcba9876543210";
    sent = registration(&d, &v, offer(&d, i.staff));
    CHECK_OK(credential_add(&d.x, i.staff, NULL, NULL, &sent, 0, SLICE("key ring"), NULL, d.a, second, &e));
    CHECK_OK(credential_remove(&d.x, i.staff, id, NULL, d.a, &e));
    struct buf b = buf_in(d.a, 8192);
    struct json_out o = json_out(&b);
    CHECK_OK(credential_list(&d.x, i.staff, d.a, &o, &e));
    CHECK(memmem(b.p, b.n, "key ring", 8) && !memmem(b.p, b.n, "phone", 5));
    EVP_PKEY_free(v.key);
    raze(&d);
}

/* --- what ends while somebody is proving who they are --- */

static enum err_code begin(struct desk_house *d, const uint8_t staff[16], const struct proved *proved)
{
    struct sessions s = {.people = d->x.people, .idle_us = 600000000, .life_us = 6000000000};
    struct session_new x = {.how = SESSION_PASSWORD, .proved = proved};
    struct err e = {.code = ERR_NONE};
    const char *cookie;
    memcpy(x.staff, staff, 16);
    session_open(&s, &x, NULL, d->a, &cookie, &e);
    return e.code;
}

static void prove(struct desk_house *d, const uint8_t staff[16], struct attempt *ret)
{
    struct err e;
    CHECK_OK(account_again(&d->x, staff, SLICE(GOOD), d->a, ret, &e));
}

static void invite_anna(struct desk_house *d)
{
    struct err e;
    char code[INVITATION_TEXT];
    CHECK_OK(account_invite(&d->x.people, SLICE("anna"), "root", d->a, code, &e));
}

TEST(no_session_begins_by_a_password_that_is_ended_meanwhile)
{
    struct desk_house d;
    struct err e;
    struct attempt first, second;
    uint8_t staff[16];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    prove(&d, staff, &first);
    prove(&d, staff, &second);
    CHECK_INT(begin(&d, staff, &first.proved), ERR_NONE);
    CHECK_OK(account_change(&d.x, staff, SLICE(OTHER), &second.proved, NULL, d.a, &e));
    CHECK_INT(begin(&d, staff, &first.proved), ERR_TOKEN);
    CHECK_INT(begin(&d, staff, &second.proved), ERR_NONE); /* that is the new one now */
    invite_anna(&d);
    CHECK_INT(begin(&d, staff, &second.proved), ERR_TOKEN);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM session WHERE ended_at IS NULL"), 0);
    raze(&d);
}

TEST(no_password_is_changed_by_one_that_is_ended_meanwhile_nor_of_who_is_suspended)
{
    struct desk_house d;
    struct err e;
    struct attempt t;
    uint8_t staff[16];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    prove(&d, staff, &t);
    house_sql(&d.h, "UPDATE staff SET state = 'suspended'");
    CHECK_INT(account_change(&d.x, staff, SLICE(OTHER), &t.proved, NULL, d.a, &e), -1);
    CHECK_INT(e.code, ERR_SUSPENDED);
    house_sql(&d.h, "UPDATE staff SET state = 'active'");
    invite_anna(&d);
    CHECK_INT(account_change(&d.x, staff, SLICE(OTHER), &t.proved, NULL, d.a, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    CHECK_INT(account_has_password(&d.x.people, staff, d.a, &e), 0);
    raze(&d);
}

TEST(no_passkey_is_registered_in_a_session_that_is_ended_meanwhile_nor_of_who_is_suspended)
{
    struct desk_house d;
    struct err e;
    struct proved proved = {.by_session = false};
    uint8_t staff[16], id[16];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    struct sessions s = {.people = d.x.people, .idle_us = 600000000, .life_us = 6000000000};
    struct session_new open = {.how = SESSION_PASSWORD};
    struct session session;
    struct caller caller;
    struct session_ask q = {.quiet = true};
    const char *cookie;
    memcpy(open.staff, staff, 16);
    CHECK_OK(session_open(&s, &open, NULL, d.a, &cookie, &e));
    q.cookie = slice_of(cookie);
    CHECK(session_identify(&s, &q, d.a, &session, &caller, &e) == -1 && e.code == ERR_PENDING); /* nobody has approved it yet */
    proved_session(&proved, session.id);
    struct device v = {.key = soft_make(SOFT_ES256), .id = "0123456789abcdef", .staff = staff};
    struct json sent = registration(&d, &v, offer(&d, staff));
    house_sql(&d.h, "UPDATE staff SET state = 'suspended'");
    CHECK_INT(credential_add(&d.x, staff, NULL, &proved, &sent, 0, SLICE("phone"), NULL, d.a, id, &e), -1);
    CHECK_INT(e.code, ERR_SUSPENDED);
    house_sql(&d.h, "UPDATE staff SET state = 'active'");
    invite_anna(&d);
    CHECK_INT(credential_add(&d.x, staff, NULL, &proved, &sent, 0, SLICE("phone"), NULL, d.a, id, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    CHECK_INT(house_number(&d.h, "SELECT count(*) FROM passkey"), 0);
    EVP_PKEY_free(v.key);
    raze(&d);
}

TEST(no_session_begins_by_a_passkey_that_is_ended_meanwhile)
{
    struct desk_house d;
    struct err e;
    struct attempt t;
    uint8_t staff[16], id[16];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    struct device v = {.key = soft_make(SOFT_ES256), .id = "0123456789abcdef", .staff = staff};
    struct json sent = registration(&d, &v, offer(&d, staff));
    CHECK_OK(credential_add(&d.x, staff, NULL, NULL, &sent, 0, SLICE("phone"), NULL, d.a, id, &e));
    CHECK_OK(use(&d, &v, ask(&d, NULL), NULL, &t, &e));
    CHECK_INT(begin(&d, staff, &t.proved), ERR_NONE);
    CHECK_OK(credential_remove(&d.x, staff, id, NULL, d.a, &e));
    CHECK_INT(begin(&d, staff, &t.proved), ERR_TOKEN);
    EVP_PKEY_free(v.key);
    raze(&d);
}

struct waiter {
    struct desk_house *d;
    struct attempt t;
    const uint8_t *staff;
    bool invites;
    atomic_bool done;
};

static void *wait_turn(void *arg)
{
    struct waiter *w = arg;
    struct err e;
    if (w->invites)
        invite_anna(w->d);
    else
        CHECK_OK(account_change(&w->d->x, w->staff, SLICE(OTHER), &w->t.proved, NULL, w->d->a, &e));
    w->done = true;
    arena_thread_end();
    return NULL;
}

/* Else what the other one adds, and nobody sees before its commit, outlives it. */
TEST(who_ends_credentials_waits_for_who_changes_the_same_person)
{
    struct desk_house d;
    uint8_t staff[16];
    if (!house_shared())
        return;
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, staff);
    for (int invites = 0; invites < 2; invites++) {
        struct waiter w = {.d = &d, .staff = staff, .invites = invites};
        pthread_t thread;
        PGconn *other = PQconnectdb(d.h.db_path);
        if (!invites)
            prove(&d, staff, &w.t);
        PQclear(PQexec(other, "BEGIN; UPDATE staff SET changed_at = changed_at"));
        CHECK(!pthread_create(&thread, NULL, wait_turn, &w));
        usleep(invites ? 300 * 1000 : 1500 * 1000); /* the other one has a password to hash */
        bool waited = !w.done;
        PQclear(PQexec(other, "COMMIT"));
        PQfinish(other);
        pthread_join(thread, NULL);
        CHECK(waited && w.done);
    }
    raze(&d);
}

TEST(a_passkey_that_was_put_into_the_store_does_not_open)
{
    struct desk_house d;
    struct err e;
    struct attempt t;
    uint8_t anna[16], bea[16], id[16];
    char sql[256], hex[40];
    build(&d);
    accept(&d, "anna", ROLE_DOCTOR, anna);
    accept(&d, "bea", ROLE_DOCTOR, bea);
    struct device v = {.key = soft_make(SOFT_ES256), .id = "0123456789abcdef", .staff = anna};
    struct device w = {.key = soft_make(SOFT_ES256), .id = "fedcba9876543210", .staff = bea};
    struct json sent = registration(&d, &v, offer(&d, anna));
    CHECK_OK(credential_add(&d.x, anna, NULL, NULL, &sent, 0, SLICE("a"), NULL, d.a, id, &e));
    sent = registration(&d, &w, offer(&d, bea));
    CHECK_OK(credential_add(&d.x, bea, NULL, NULL, &sent, 0, SLICE("b"), NULL, d.a, id, &e));
    hex_encode(id, 16, hex); /* bea's key in anna's row */
    snprintf(sql, sizeof sql, "UPDATE passkey SET passkey = (SELECT passkey FROM passkey WHERE id = x'%s')", hex);
    house_sql(&d.h, sql);
    CHECK_INT(use(&d, &v, ask(&d, NULL), NULL, &t, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    EVP_PKEY_free(v.key);
    EVP_PKEY_free(w.key);
    raze(&d);
}

RUN(T(an_account_is_made_with_its_role_proposed_or_granted), T(neither_code_nor_name_nor_password_is_in_the_store),
    T(an_invitation_is_good_once_in_time_and_for_its_role), T(of_several_who_accept_at_once_one_does),
    T(a_name_nobody_has_is_answered_at_the_same_cost), T(after_five_failures_a_name_waits_longer_and_longer_whether_it_exists_or_not),
    T(failures_are_forgotten_after_a_day_and_a_time_too_far_ahead_is_not_believed), T(many_at_once_get_no_more_attempts),
    T(a_password_is_changed_and_a_second_invitation_ends_all_that_was), T(an_older_hash_is_replaced_when_its_owner_signs_in),
    T(a_passkey_is_registered_by_invitation_used_and_its_challenge_is_good_once),
    T(a_passkey_is_refused_in_every_point_that_the_store_knows),
    T(the_last_way_in_cannot_be_removed_and_another_persons_passkey_neither), T(a_passkey_that_was_put_into_the_store_does_not_open),
    T(no_session_begins_by_a_password_that_is_ended_meanwhile),
    T(no_password_is_changed_by_one_that_is_ended_meanwhile_nor_of_who_is_suspended),
    T(no_passkey_is_registered_in_a_session_that_is_ended_meanwhile_nor_of_who_is_suspended),
    T(no_session_begins_by_a_passkey_that_is_ended_meanwhile), T(who_ends_credentials_waits_for_who_changes_the_same_person))
