/* identity_scene.h -- a house with a client, an account and a session, of which everything can be refused. */
#ifndef IDENTITY_SCENE_H
#define IDENTITY_SCENE_H
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-function"

#include "fail_store.h"

#include <errno.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "identity/account.h"
#include "identity/challenge.h"
#include "identity/desk.h"
#include "identity/endpoint.h"
#include "identity/known.h"
#include "identity/program.h"
#include "identity/scope.h"
#include "identity/scopes.h"
#include "identity/session.h"
#include "jwk.h"

#define GOOD   "xkq7 vmw2 pt9"
#define OTHER  "hqz4 rnd8 wk3"
#define MINUTE INT64_C(60000000)

/* Argon2 at its least: a sweep hashes hundreds of times. */
static bool pwhash_starves, sodium_away;
FAIL_WRAP_IF(int, crypto_pwhash_str_verify, (const char *stored, const char *p, unsigned long long n), (stored, p, n),
             (errno = ENOMEM, -1), pwhash_starves)
FAIL_WRAP_IF(int, sodium_init, (void), (), -1, sodium_away)

int __real_crypto_pwhash_str_alg(char *out, const char *p, unsigned long long n, unsigned long long ops, size_t memory,
                                 int alg);
int __wrap_crypto_pwhash_str_alg(char *out, const char *p, unsigned long long n, unsigned long long ops, size_t memory,
                                 int alg);
int __wrap_crypto_pwhash_str_alg(char *out, const char *p, unsigned long long n, unsigned long long ops, size_t memory,
                                 int alg)
{
    (void)ops, (void)memory;
    return fail_hit()
               ? -1
               : __real_crypto_pwhash_str_alg(out, p, n, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN, alg);
}

static EVP_PKEY *program_key;
static char key_set[2100];

struct scene {
    struct house h;
    struct arena *life;
    struct accounts accounts;
    struct sessions sessions;
    struct programs *programs;
    struct known *known;
    struct caller client;
    struct endpoint endpoint;
    const char *cookie;
    struct slice by_key, by_token; /* Authorization headers */
    uint8_t staff[16];
    char code[INVITATION_TEXT];
    struct program_cert cert;
};

static const struct people *people(struct scene *s)
{
    return &s->accounts.people;
}

static inline struct slice bearer(struct scene *s, const char *secret)
{
    return slice_of(arena_printf(s->life, "Bearer %s", secret));
}

static inline void add_client(struct scene *s, const char *name)
{
    struct client_secrets secrets;
    struct err e;
    CHECK_OK(client_add(s->h.db, s->h.keyring, s->h.scope, name, "https://hook.example", &operator_does, s->life,
                        &secrets, &e));
    CHECK_OK(program_keys(s->h.db, s->h.scope, name, key_set, NULL, false, &operator_does, s->life, &e));
    s->by_key = bearer(s, secrets.api_key);
}

static inline struct slice assertion(int turn, struct arena *a)
{
    const char *claims =
        arena_printf(a,
                     "{\"iss\":\"bot\",\"sub\":\"bot\",\"aud\":\"https://gw.example/auth/token\",\"exp\":%lld,"
                     "\"jti\":\"%d\"}",
                     (long long)(clock_now_us() / 1000000 + 200), turn);
    return jws_sign(a, "{\"alg\":\"ES384\",\"kid\":\"k1\"}", claims, program_key, "ES384");
}

static inline void add_account(struct scene *s, const char *name, enum role role, char code[INVITATION_TEXT])
{
    enum desk_done done;
    struct err e;
    CHECK_OK(account_add(people(s), slice_of(name), role, "root", s->life, &done, code, &e));
}

static inline void set_up(struct scene *s)
{
    struct invitation i;
    struct err e;
    char code[INVITATION_TEXT];
    fail_arm_kind(FAIL_CALLS, 0);
    *s = (struct scene){.life = arena_new(64 << 20)};
    house_build(&s->h);
    s->accounts = (struct accounts){.people = {s->h.db, s->h.keyring, s->h.scope},
                                    .passkeys = {"https://study.example", "study.example"}};
    s->sessions = (struct sessions){
        .people = {s->h.db, s->h.keyring, s->h.scope}, .idle_us = 30 * MINUTE, .life_us = 600 * MINUTE};
    CHECK_OK(passwords_start(2, &s->accounts.passwords, &e));
    CHECK_OK(known_open(&s->known, &e));
    struct programs_config c = {.db = s->h.db, .scope = s->h.scope, .issuer = "https://gw.example"};
    CHECK_OK(programs_start(&c, &s->programs, &e));
    add_client(s, "bot");
    CHECK_OK(client_identify(s->h.db, s->h.scope, s->by_key, NULL, s->life, &s->client, &e));
    CHECK_OK(endpoint_add(s->h.db, s->h.keyring, &s->client, "https://hook.example/in", true, &operator_does, s->life,
                          &s->endpoint, &e));
    add_account(s, "anna", ROLE_AUDITOR, code);
    CHECK_OK(account_accept(&s->accounts, slice_of(code), SLICE(GOOD), NULL, s->life, &i, &e));
    memcpy(s->staff, i.staff, 16);
    add_account(s, "bea", ROLE_AUDITOR, s->code);
    struct session_new x = {.how = SESSION_PASSWORD};
    memcpy(x.staff, s->staff, 16);
    CHECK_OK(session_open(&s->sessions, &x, NULL, s->life, &s->cookie, &e));
    static const char *const domain[] = {"challenge", "session", "client", "staff", "staff.who"};
    struct key key;
    for (size_t k = 0; k < COUNT(domain); k++) /* there, so that no sweep makes one beside what it does */
        CHECK_OK(keyring_domain(s->h.keyring, s->h.scope, domain[k], &key, &e));
}

static inline void tear_down(struct scene *s)
{
    programs_stop(s->programs);
    known_close(s->known);
    passwords_stop(s->accounts.passwords);
    arena_free(s->life);
    house_raze(&s->h);
}

static const struct session_provider provider = {.issuer = "https://id.example",
                                                 .sid = SLICE("sid"),
                                                 .tokens = SLICE("{}"),
                                                 .said = 1u << ROLE_AUDITOR,
                                                 .said_until_us = INT64_MAX / 2,
                                                 .renew_us = 1};

/* A cookie that is due to be replaced; the one given out is the next one's. */
static inline void cookie_due(void *scene)
{
    struct scene *s = scene;
    house_sql(
        &s->h,
        "UPDATE session_cookie SET made_at = 1, replaced_at = NULL WHERE used_at IS NOT NULL OR replaced_at IS NULL");
}

static inline void cookie_late(void *scene)
{
    struct scene *s = scene;
    struct session_new x = {.how = SESSION_PASSWORD};
    struct err e;
    char sql[128];
    memcpy(x.staff, s->staff, 16);
    CHECK_OK(session_open(&s->sessions, &x, NULL, s->life, &s->cookie, &e));
    cookie_due(s);
    struct session got;
    struct caller c;
    struct session_ask q = {.cookie = slice_of(s->cookie)};
    CHECK_INT(session_identify(&s->sessions, &q, s->life, &got, &c, &e), 1);
    snprintf(sql, sizeof sql, "UPDATE session_cookie SET replaced_at = replaced_at - %lld", (long long)(10 * MINUTE));
    house_sql(&s->h, sql);
}

static inline void session_fresh(void *scene)
{
    struct scene *s = scene;
    struct session_new x = {.how = SESSION_OIDC, .provider = &provider};
    struct err e;
    memcpy(x.staff, s->staff, 16);
    CHECK_OK(session_open(&s->sessions, &x, NULL, s->life, &s->cookie, &e));
}

static inline int make_key(void **unused)
{
    char jwk[2048];
    (void)unused;
    program_key = EVP_EC_gen("P-384");
    jwk_of_ec(program_key, "P-384", 48, jwk);
    snprintf(key_set, sizeof key_set, "{\"keys\":[%s]}", jwk);
    return !program_key;
}

static inline int drop_key(void **unused)
{
    (void)unused;
    EVP_PKEY_free(program_key);
    return 0;
}

#endif
