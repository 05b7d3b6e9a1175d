/* Passkeys and tokens while the library, the store or memory fails: nobody is let in by what could not be looked at. */
#include "fail_store.h"
#include "soft_key.h"

#include <cjose/cjose.h>
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include "base/clock.h"
#include "identity/assertion.h"
#include "identity/credential.h"
#include "identity/id_token.h"
#include "jwk.h"

#define ORIGIN "https://study.example"
#define GOOD   "xkq7 vmw2 pt9"
enum { UP = 0x01, UV = 0x04, AT = 0x40 };

FAIL_WRAP(fido_cred_t *, fido_cred_new, (void), (), NULL)
FAIL_WRAP(int, fido_cred_set_rp, (fido_cred_t * c, const char *id, const char *name), (c, id, name), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_cred_set_clientdata, (fido_cred_t * c, const unsigned char *p, size_t n), (c, p, n),
          FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_cred_set_uv, (fido_cred_t * c, fido_opt_t uv), (c, uv), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_cred_set_fmt, (fido_cred_t * c, const char *fmt), (c, fmt), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_cred_set_attstmt, (fido_cred_t * c, const unsigned char *p, size_t n), (c, p, n), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_cred_verify_self, (const fido_cred_t *c), (c), FIDO_ERR_INTERNAL)
FAIL_WRAP(const unsigned char *, fido_cred_id_ptr, (const fido_cred_t *c), (c), NULL)
FAIL_WRAP(const unsigned char *, fido_cred_pubkey_ptr, (const fido_cred_t *c), (c), NULL)
FAIL_WRAP(fido_assert_t *, fido_assert_new, (void), (), NULL)
FAIL_WRAP(int, fido_assert_set_rp, (fido_assert_t * x, const char *id), (x, id), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_set_clientdata, (fido_assert_t * x, const unsigned char *p, size_t n), (x, p, n),
          FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_set_count, (fido_assert_t * x, size_t n), (x, n), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_set_up, (fido_assert_t * x, fido_opt_t up), (x, up), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_set_uv, (fido_assert_t * x, fido_opt_t uv), (x, uv), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_set_authdata_raw, (fido_assert_t * x, size_t i, const unsigned char *p, size_t n),
          (x, i, p, n), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_set_sig, (fido_assert_t * x, size_t i, const unsigned char *p, size_t n), (x, i, p, n),
          FIDO_ERR_INTERNAL)
FAIL_WRAP(int, fido_assert_verify, (const fido_assert_t *x, size_t i, int alg, const void *key), (x, i, alg, key),
          FIDO_ERR_INTERNAL)
FAIL_WRAP(es256_pk_t *, es256_pk_new, (void), (), NULL)
FAIL_WRAP(eddsa_pk_t *, eddsa_pk_new, (void), (), NULL)
FAIL_WRAP(rs256_pk_t *, rs256_pk_new, (void), (), NULL)
FAIL_WRAP(int, es256_pk_from_ptr, (es256_pk_t * k, const void *p, size_t n), (k, p, n), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, eddsa_pk_from_ptr, (eddsa_pk_t * k, const void *p, size_t n), (k, p, n), FIDO_ERR_INTERNAL)
FAIL_WRAP(int, rs256_pk_from_ptr, (rs256_pk_t * k, const void *p, size_t n), (k, p, n), FIDO_ERR_INTERNAL)

static bool no_memory(cjose_err *why)
{
    return why->code = CJOSE_ERR_NO_MEMORY, true;
}
FAIL_WRAP(cjose_jwk_t *, cjose_jwk_import, (const char *p, size_t n, cjose_err *why), (p, n, why),
          (no_memory(why), NULL))
FAIL_WRAP(cjose_jws_t *, cjose_jws_import, (const char *p, size_t n, cjose_err *why), (p, n, why),
          (no_memory(why), NULL))
FAIL_WRAP(bool, cjose_jws_verify, (cjose_jws_t * jws, const cjose_jwk_t *k, cjose_err *why), (jws, k, why),
          (no_memory(why), false))

/* --- the library of the device's messages --- */

static const int algorithm[] = {SOFT_ES256, SOFT_EDDSA, SOFT_RS256};
static const struct passkey_rules rules = {ORIGIN, "study.example"};

/* Each call fails once: no passkey comes out of it, and none that was registered lets anybody in. */
TEST(a_passkey_that_could_not_be_looked_at_wholly_is_none)
{
    static const char made_by[] = "{\"type\":\"webauthn.create\",\"challenge\":\"AAAA\",\"origin\":\"" ORIGIN "\"}",
                      used_by[] = "{\"type\":\"webauthn.get\",\"challenge\":\"AAAA\",\"origin\":\"" ORIGIN "\"}";
    for (size_t i = 0; i < COUNT(algorithm); i++)
        for (int packed = 0; packed < 2; packed++) {
            OWN_ARENA struct arena *a = arena_new(16 << 20);
            EVP_PKEY *k = soft_make(algorithm[i]);
            struct soft_bytes data = {0}, again = {0}, sig = {0}, use = {0}, all = {0};
            struct passkey p = {.algorithm = 0};
            struct passkey_client client;
            struct err e;
            fail_arm(0);
            soft_data(&data, "study.example", UP | UV | AT, 0, k, algorithm[i], "0123456789abcdef");
            soft_sign(&sig, k, algorithm[i], &data, made_by);
            soft_attest(&all, packed ? "packed" : "none", &data, packed ? &sig : NULL, algorithm[i]);
            CHECK_OK(passkey_client(&rules, PASSKEY_MAKE, slice_of(made_by), a, &client, &e));
            for (long n = 1, done = 0; !done; n++) {
                struct passkey got = {.algorithm = 0};
                fail_arm(n);
                int rc = passkey_made(&rules, &client, soft_slice(&all), a, &got, &e);
                done = fail_seen < n;
                /* the algorithms are tried one after the other: what fails with another one is passed over */
                if ((done && rc) || (rc ? got.key.p != NULL : got.algorithm != algorithm[i]))
                    fail_msg("algorithm %d, packed %d: call %ld of making it", algorithm[i], packed, n);
                p = got;
            }
            soft_data(&again, "study.example", UP | UV, 1, NULL, algorithm[i], "0123456789abcdef");
            soft_sign(&use, k, algorithm[i], &again, used_by);
            CHECK_OK(passkey_client(&rules, PASSKEY_USE, slice_of(used_by), a, &client, &e));
            for (long n = 1, done = 0; !done; n++) {
                struct passkey now = p;
                fail_arm(n);
                int rc = passkey_used(&rules, &client, soft_slice(&again), soft_slice(&use), &now, &e);
                done = fail_seen < n;
                if (done != (rc == 0) || (rc && now.count != p.count))
                    fail_msg("algorithm %d: call %ld of using it", algorithm[i], n);
            }
            struct passkey unknown = p;
            unknown.algorithm = -1;
            fail_arm(0);
            CHECK_INT(passkey_used(&rules, &client, soft_slice(&again), soft_slice(&use), &unknown, &e), -1);
            EVP_PKEY_free(k);
        }
}

TEST(what_the_browser_says_has_a_limit_and_needs_memory)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static char longer[PASSKEY_CLIENT_MAX + 1];
    static const char said[] = "{\"type\":\"webauthn.get\",\"challenge\":\"AAAA\",\"origin\":\"" ORIGIN "\"}";
    struct passkey_client c;
    struct passkey_rules r;
    struct err e;
    CHECK_INT(passkey_client(&rules, PASSKEY_USE, (struct slice){longer, sizeof longer}, a, &c, &e), -1);
    CHECK_INT(e.code, ERR_TOKEN);
    for (long n = 1, done = 0; !done; n++) {
        OWN_ARENA struct arena *b = arena_new(1 << 20);
        fault_arm(FAULT_ALLOC, n, 0);
        int rc = passkey_client(&rules, PASSKEY_USE, slice_of(said), b, &c, &e);
        done = fault_count(FAULT_ALLOC) < n;
        fault_arm(FAULT_ALLOC, 0, 0);
        CHECK(done == (rc == 0) && (rc == 0 || e.code == ERR_NO_MEMORY || arena_failed(b)));
    }
    for (long n = 1; n <= 2; n++) {
        fault_arm(FAULT_ALLOC, n, 0);
        CHECK_INT(passkey_rules(ORIGIN, a, &r, &e), -1);
        fault_arm(FAULT_ALLOC, 0, 0);
        CHECK_INT(e.code, ERR_NO_MEMORY);
    }
}

/* --- passkeys over a store --- */

struct scene {
    struct house h;
    struct arena *life;
    struct accounts x;
    EVP_PKEY *key;
    uint8_t staff[16], id[16];
    uint32_t count;
    struct json sent;
};

static const char *b64(struct scene *s, struct slice bytes)
{
    char *out = arena_take(s->life, bytes.n * 2 + 8);
    base64url_encode(bytes.p, bytes.n, out);
    return out;
}

static struct json parsed(struct scene *s, struct slice text)
{
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(s->life, text, &j, &f), 0);
    return j;
}

static const char *challenge_in(struct scene *s, struct buf *b)
{
    struct json j = parsed(s, buf_text(b));
    return arena_str(s->life, json_get_text(&j, 0, "challenge", s->life));
}

static void device_registers(void *scene)
{
    struct scene *s = scene;
    struct soft_bytes data = {0}, all = {0};
    struct buf b = buf_in(s->life, 65536);
    struct json_out o = json_out(&b);
    struct err e;
    house_sql(&s->h, "DELETE FROM passkey WHERE backed_up = 0");
    CHECK_OK(credential_offer(&s->x, s->staff, s->life, &o, &e));
    const char *client = arena_printf(
        s->life, "{\"type\":\"webauthn.create\",\"challenge\":\"%s\",\"origin\":\"" ORIGIN "\"}", challenge_in(s, &b));
    soft_data(&data, "study.example", UP | UV | AT, 0, s->key, SOFT_ES256, "0123456789abcdef");
    soft_attest(&all, "none", &data, NULL, SOFT_ES256);
    s->sent = parsed(s, slice_of(arena_printf(
                            s->life,
                            "{\"id\":\"%s\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"%s\","
                            "\"attestationObject\":\"%s\"}}",
                            b64(s, SLICE("0123456789abcdef")), b64(s, slice_of(client)), b64(s, soft_slice(&all)))));
}

static struct slice handle_said;   /* what the device says of whom it is; .p NULL: of the person */
static const uint8_t *asked_staff; /* whom it is asked of; NULL: of whoever it is */

static void device_answers(void *scene)
{
    struct scene *s = scene;
    struct soft_bytes data = {0}, sig = {0};
    struct buf b = buf_in(s->life, 8192);
    struct json_out o = json_out(&b);
    struct err e;
    CHECK_OK(credential_ask(&s->x, asked_staff, s->life, &o, &e));
    const char *client = arena_printf(
        s->life, "{\"type\":\"webauthn.get\",\"challenge\":\"%s\",\"origin\":\"" ORIGIN "\"}", challenge_in(s, &b));
    soft_data(&data, "study.example", UP | UV, ++s->count, NULL, SOFT_ES256, "0123456789abcdef");
    soft_sign(&sig, s->key, SOFT_ES256, &data, client);
    s->sent = parsed(
        s, slice_of(arena_printf(s->life,
                                 "{\"id\":\"%s\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"%s\","
                                 "\"authenticatorData\":\"%s\",\"signature\":\"%s\",\"userHandle\":\"%s\"}}",
                                 b64(s, SLICE("0123456789abcdef")), b64(s, slice_of(client)), b64(s, soft_slice(&data)),
                                 b64(s, soft_slice(&sig)),
                                 b64(s, handle_said.p ? handle_said : (struct slice){(const char *)s->staff, 16}))));
}

#define DEED(name) static int name(void *scene, int turn __attribute__((unused)), struct arena *a, struct err *e)

/* A refusal of what a library could not do is a refusal; it need not be told as one that may go away. */
static int told(int rc, struct err *e)
{
    if (rc < 0 && (e->code == ERR_BAD_REQUEST || e->code == ERR_TOKEN))
        e->code = ERR_BUSY;
    return rc;
}

DEED(offer)
{
    struct scene *s = scene;
    struct buf b = buf_in(a, 65536);
    struct json_out o = json_out(&b);
    return credential_offer(&s->x, s->staff, a, &o, e);
}

DEED(ask)
{
    struct scene *s = scene;
    struct buf b = buf_in(a, 8192);
    struct json_out o = json_out(&b);
    return credential_ask(&s->x, s->staff, a, &o, e);
}

DEED(register_key)
{
    struct scene *s = scene;
    return told(credential_add(&s->x, s->staff, NULL, NULL, &s->sent, 0, SLICE("phone"), NULL, a, s->id, e), e);
}

DEED(use_key)
{
    struct scene *s = scene;
    struct attempt t;
    return told(credential_use(&s->x, NULL, &s->sent, 0, NULL, a, &t, e), e);
}

DEED(list_keys)
{
    struct scene *s = scene;
    struct buf b = buf_in(a, 8192);
    struct json_out o = json_out(&b);
    return credential_list(&s->x, s->staff, a, &o, e);
}

DEED(remove_key)
{
    struct scene *s = scene;
    return credential_remove(&s->x, s->staff, s->id, NULL, a, e);
}

static void registered(void *scene)
{
    struct scene *s = scene;
    struct err e;
    device_registers(s);
    CHECK_OK(credential_add(&s->x, s->staff, NULL, NULL, &s->sent, 0, SLICE("phone"), NULL, s->life, s->id, &e));
}

static void set_up(struct scene *s)
{
    static const char *const domain[] = {"challenge", "session", "client", "staff", "staff.who"};
    struct invitation i;
    struct key key;
    struct err e;
    enum desk_done done;
    char code[INVITATION_TEXT];
    fail_arm_kind(FAIL_CALLS, 0);
    *s = (struct scene){.life = arena_new(256 << 20), .key = soft_make(SOFT_ES256)};
    house_build(&s->h);
    s->x = (struct accounts){.people = {s->h.db, s->h.keyring, s->h.scope}, .passkeys = rules};
    CHECK_OK(passwords_start(2, &s->x.passwords, &e));
    for (size_t k = 0; k < COUNT(domain); k++) /* there, so that no sweep makes one beside what it does */
        CHECK_OK(keyring_domain(s->h.keyring, s->h.scope, domain[k], &key, &e));
    CHECK_OK(account_add(&s->x.people, SLICE("anna"), ROLE_AUDITOR, "root", s->life, &done, code, &e));
    CHECK_OK(account_accept(&s->x, slice_of(code), SLICE(GOOD), NULL, s->life, &i, &e));
    memcpy(s->staff, i.staff, 16);
}

static void tear_down(struct scene *s)
{
    EVP_PKEY_free(s->key);
    passwords_stop(s->x.passwords);
    arena_free(s->life);
    house_raze(&s->h);
}

TEST(passkeys_are_registered_used_and_removed_wholly_or_not_at_all)
{
    struct scene s;
    set_up(&s);
    sweep_before = device_registers;
    sweep(&s.h, "register", register_key, &s, 0);
    sweep_before = device_answers;
    sweep(&s.h, "use", use_key, &s, FAIL_MAY_PASS);
    sweep_before = NULL;
    sweep(&s.h, "offer", offer, &s, FAIL_MAY_PASS);
    sweep(&s.h, "ask", ask, &s, FAIL_MAY_PASS);
    sweep(&s.h, "list", list_keys, &s, FAIL_MAY_PASS);
    sweep_before = registered;
    sweep(&s.h, "remove", remove_key, &s, 0);
    sweep_before = NULL;
    tear_down(&s);
}

TEST(what_a_browser_sends_that_is_no_passkey_is_refused_by_its_form)
{
    static const struct {
        const char *sent, *label;
        bool using;
    } row[] = {
        {"[]", "phone", false},
        {"{}", "phone", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\"}", "phone", false},
        {"{\"id\":\"AAAA\",\"type\":\"password\",\"response\":{\"clientDataJSON\":\"AAAA\"}}", "phone", false},
        {"{\"id\":\"AAAA\",\"response\":{\"clientDataJSON\":\"AAAA\"}}", "phone", false},
        {"{\"id\":\"!\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\"}}", "phone", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\"}}", "phone", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\"}}", "", true},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\",\"authenticatorData\":"
         "\"AAAA\"}}",
         "", true},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\",\"attestationObject\":"
         "\"AAAA\"}}",
         "", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\",\"attestationObject\":"
         "\"AAAA\"}}",
         "a\nb", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\",\"attestationObject\":"
         "\"AAAA\"}}",
         "a\x7f", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\",\"attestationObject\":"
         "\"AAAA\"}}",
         "\xff", false},
        {"{\"id\":\"AAAA\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"AAAA\",\"attestationObject\":"
         "\"AAAA\"}}",
         "0123456789012345678901234567890123456789012345678901234567890123456789", false},
    };
    struct scene s;
    struct attempt t;
    struct err e;
    set_up(&s);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct json sent = parsed(&s, slice_of(row[i].sent));
        int rc = row[i].using
                     ? credential_use(&s.x, NULL, &sent, 0, NULL, s.life, &t, &e)
                     : credential_add(&s.x, s.staff, NULL, NULL, &sent, 0, slice_of(row[i].label), NULL, s.life, s.id, &e);
        if (rc == 0 || e.code != ERR_BAD_REQUEST)
            fail_msg("row %zu: %s", i, rc ? err_name(e.code) : "taken");
    }
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM passkey"), 0);
    tear_down(&s);
}

TEST(where_there_are_no_passkeys_or_no_account_none_is_asked_for)
{
    struct scene s;
    struct err e;
    uint8_t nobody[16] = {5};
    struct attempt t;
    set_up(&s);
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 8192);
    struct json_out o = json_out(&b);
    CHECK_INT(credential_offer(&s.x, nobody, a, &o, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    device_answers(&s); /* of a key that was never registered */
    CHECK_INT(credential_use(&s.x, NULL, &s.sent, 0, NULL, a, &t, &e), -1);
    CHECK(e.code == ERR_TOKEN && !t.known);
    device_registers(&s);
    house_sql(&s.h, "DELETE FROM challenge_used");
    s.x.passkeys.rp_id = NULL;
    CHECK(credential_offer(&s.x, s.staff, a, &o, &e) == -1 && e.code == ERR_CONFLICT);
    CHECK(credential_ask(&s.x, NULL, a, &o, &e) == -1 && e.code == ERR_CONFLICT);
    CHECK(credential_add(&s.x, s.staff, NULL, NULL, &s.sent, 0, SLICE("phone"), NULL, a, s.id, &e) == -1 &&
          e.code == ERR_CONFLICT);
    CHECK(credential_use(&s.x, NULL, &s.sent, 0, NULL, a, &t, &e) == -1 && e.code == ERR_CONFLICT);
    tear_down(&s);
}

static void used_elsewhere(void *scene)
{
    struct scene *s = scene;
    house_sql(&s->h, "UPDATE passkey SET uses = uses + 1");
}

static enum err_code added(struct scene *s)
{
    struct err e = {.code = ERR_NONE};
    return credential_add(&s->x, s->staff, NULL, NULL, &s->sent, 0, SLICE("phone"), NULL, s->life, s->id, &e) ? e.code
                                                                                                        : ERR_NONE;
}

static enum err_code used_by(struct scene *s, const uint8_t *staff)
{
    struct err e = {.code = ERR_NONE};
    struct attempt t;
    return credential_use(&s->x, staff, &s->sent, 0, NULL, s->life, &t, &e) ? e.code : ERR_NONE;
}

TEST(a_passkey_that_others_use_or_add_at_the_same_time_counts_once)
{
    struct scene s;
    set_up(&s);
    device_registers(&s);
    for (int i = 0; i < CREDENTIAL_EACH; i++) {
        CHECK_INT(added(&s), ERR_NONE);
        house_sql(&s.h, arena_printf(s.life,
                                     "UPDATE passkey SET backed_up = 1, credential = x'%04x' WHERE backed_up = 0", i));
        device_registers(&s);
    }
    CHECK_INT(added(&s), ERR_CONFLICT); /* enough of them */
    house_sql(&s.h, "DELETE FROM passkey");
    device_registers(&s);
    char *text = arena_str(s.life, (struct slice){s.sent.text, s.sent.size});
    char *id = strstr(text, "\"id\":\"");
    CHECK(id != NULL);
    id[6] = id[6] == 'A' ? 'B' : 'A'; /* another name than the device's */
    s.sent = parsed(&s, slice_of(text));
    CHECK_INT(added(&s), ERR_BAD_REQUEST);
    registered(&s);
    device_answers(&s);
    meanwhile = used_elsewhere;
    meanwhile_scene = &s;
    CHECK_INT(used_by(&s, NULL), ERR_TOKEN);
    tear_down(&s);
}

TEST(a_passkey_is_its_owners_and_says_so)
{
    static const char other[16] = {7}, more[17] = {0};
    struct scene s;
    set_up(&s);
    registered(&s);
    const uint8_t *const stranger = (const uint8_t *)other;
    const struct {
        const uint8_t *staff;
        struct slice handle;
        enum err_code code;
    } row[] = {
        {NULL, {NULL, 0}, ERR_NONE},       {NULL, {other, 16}, ERR_TOKEN},   {NULL, {more, 17}, ERR_TOKEN},
        {NULL, {other, 0}, ERR_TOKEN},     {s.staff, {NULL, 0}, ERR_NONE},   {s.staff, {other, 0}, ERR_NONE},
        {s.staff, {other, 16}, ERR_TOKEN}, {stranger, {NULL, 0}, ERR_TOKEN}, {stranger, {other, 0}, ERR_TOKEN},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        asked_staff = row[i].staff;
        handle_said = row[i].handle;
        device_answers(&s);
        enum err_code code = used_by(&s, row[i].staff);
        if (code != row[i].code)
            fail_msg("row %zu: %s", i, err_name(code));
    }
    asked_staff = NULL;
    handle_said = (struct slice){NULL, 0};
    tear_down(&s);
}

/* --- tokens --- */

enum { NOW = 1900000000 };
static const char
    id_claims[] =
        "{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1900000300,\"iat\":1900000000,"
        "\"nonce\":\"n\",\"sid\":\"s\",\"preferred_username\":\"\\u0061lice\",\"roles\":[\"doctor\"]}",
    access_claims[] =
        "{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1900000300,\"iat\":1900000000,"
        "\"typ\":\"Bearer\",\"preferred_username\":\"\\u0061lice\",\"roles\":[\"doctor\"]}",
    logout[] =
        "{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"iat\":1900000000,\"jti\":\"\\u0031\","
        "\"sid\":\"s\",\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}}}",
    assertion[] =
        "{\"iss\":\"b\\u006ft\",\"sub\":\"bot\",\"aud\":\"https://gw.example\",\"exp\":1900000300,\"jti\":\"\\u0031\"}",
    by_path[] =
        "{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1900000300,\"realm\":{\"roles\":"
        "\"\\u0064octor researcher\"}}";

static int judge(int which, struct slice text, struct slice jwk, struct arena *a, struct err *e)
{
    static const struct token_rules token = {"https://id.example", "lazaret", false, "roles"};
    static const struct token_rules path = {"https://id.example", "lazaret", false, "realm.roles"};
    static const struct id_rules id = {"https://id.example", "lazaret", "roles"};
    static const struct assertion_rules ours = {"bot", "https://gw.example/auth/token", "https://gw.example", NULL};
    struct assertion spent;
    struct token t;
    struct id_token i;
    struct logout_token l;
    return which == 0   ? token_check(&token, text, jwk, NOW * INT64_C(1000000), a, &t, e)
           : which == 1 ? id_token_check(&id, text, jwk, "n", SLICE(""), NOW * INT64_C(1000000), a, &i, e)
           : which == 2 ? assertion_check(&ours, text, jwk, NOW * INT64_C(1000000), a, &spent, e)
           : which == 3 ? token_check(&path, text, jwk, NOW * INT64_C(1000000), a, &t, e)
                        : logout_token_check(&id, text, jwk, NOW * INT64_C(1000000), a, &l, e);
}

TEST(a_token_that_could_not_be_looked_at_wholly_is_not_believed)
{
    static const struct {
        const char *header, *claims;
    } row[] = {{"{\"alg\":\"ES256\",\"kid\":\"k1\"}", access_claims},
               {"{\"alg\":\"ES256\",\"kid\":\"k1\"}", id_claims},
               {"{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"\\u004aWT\"}", assertion},
               {"{\"alg\":\"ES256\",\"kid\":\"k1\"}", by_path},
               {"{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}", logout}};
    OWN_ARENA struct arena *life = arena_new(16 << 20);
    EVP_PKEY *k = EVP_EC_gen("P-256");
    char jwk[2048];
    fail_arm_kind(FAIL_CALLS, 0);
    jwk_of_ec(k, "P-256", 32, jwk);
    for (int i = 0; i < (int)COUNT(row); i++) {
        struct slice text = jws_sign(life, row[i].header, row[i].claims, k, "ES256");
        for (enum fail_kind kind = FAIL_CALLS; kind <= FAIL_ARENAS; kind++)
            for (long n = 1, done = 0; !done; n++) {
                OWN_ARENA struct arena *a = arena_new(1 << 20);
                struct err e = {.code = ERR_NONE, .detail = ""};
                fail_arm_kind(kind, n);
                int rc = judge(i, text, slice_of(jwk), a, &e);
                done = fail_count_kind(kind) < n;
                fail_arm_kind(kind, 0);
                if (done != (rc == 0) || (rc && kind == FAIL_CALLS && e.code != ERR_NO_MEMORY))
                    fail_msg("token %d, failure %ld of kind %d: %s", i, n, (int)kind, e.detail);
            }
    }
    EVP_PKEY_free(k);
}

RUN(T(a_passkey_that_could_not_be_looked_at_wholly_is_none), T(what_the_browser_says_has_a_limit_and_needs_memory),
    T(passkeys_are_registered_used_and_removed_wholly_or_not_at_all),
    T(what_a_browser_sends_that_is_no_passkey_is_refused_by_its_form),
    T(where_there_are_no_passkeys_or_no_account_none_is_asked_for),
    T(a_passkey_that_others_use_or_add_at_the_same_time_counts_once), T(a_passkey_is_its_owners_and_says_so),
    T(a_token_that_could_not_be_looked_at_wholly_is_not_believed))
