/* What accounts, people, clients, programs and passkeys refuse, each with its code: the ways that nothing else takes.
 */
#include "fail.h"
#include "house.h"
#include "soft_key.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "identity/account.h"
#include "identity/assertion.h"
#include "identity/challenge.h"
#include "identity/credential.h"
#include "identity/desk.h"
#include "identity/known.h"
#include "identity/program.h"
#include "identity/scopes.h"
#include "identity/session.h"
#include "identity/staff.h"

FAIL_DEATHS
FAIL_WRAP(BIO *, BIO_new, (const BIO_METHOD *how), (how), NULL)
FAIL_WRAP(BIO *, BIO_new_mem_buf, (const void *p, int n), (p, n), NULL)
FAIL_WRAP(int, X509_digest, (const X509 *x, const EVP_MD *how, unsigned char *to, unsigned *n), (x, how, to, n), 0)
FAIL_WRAP(int, X509_NAME_digest, (const X509_NAME *x, const EVP_MD *how, unsigned char *to, unsigned *n),
          (x, how, to, n), 0)

#define GOOD "xkq7 vmw2 pt9"

static int64_t clock_off; /* us */
int64_t __real_clock_now_us(void);
int64_t __wrap_clock_now_us(void);
int64_t __wrap_clock_now_us(void)
{
    return __real_clock_now_us() + clock_off;
}

struct scene {
    struct house h;
    struct arena *a;
    struct accounts x;
    uint8_t anna[16];
};

static void set_up(struct scene *s)
{
    struct err e;
    struct invitation i;
    enum desk_done done;
    char code[INVITATION_TEXT];
    house_build(&s->h);
    s->a = arena_new(64 << 20);
    s->x = (struct accounts){.people = {s->h.db, s->h.keyring, s->h.scope},
                             .passkeys = {"https://study.example", "study.example"}};
    CHECK_OK(passwords_start(2, &s->x.passwords, &e));
    CHECK_OK(account_add(&s->x.people, SLICE("anna"), ROLE_AUDITOR, "root", s->a, &done, code, &e));
    CHECK_OK(account_accept(&s->x, slice_of(code), SLICE(GOOD), NULL, s->a, &i, &e));
    memcpy(s->anna, i.staff, 16);
}

static void tear_down(struct scene *s)
{
    passwords_stop(s->x.passwords);
    arena_free(s->a);
    house_raze(&s->h);
}

/* The call is refused with this code. */
#define REFUSED(call, want)                                                                                            \
    do {                                                                                                               \
        e.code = ERR_NONE;                                                                                             \
        if ((call) != -1 || e.code != (want))                                                                          \
            fail_msg("%s: %s, not %s", #call, err_name(e.code), err_name(want));                                       \
    } while (0)

static struct person arrive(struct scene *s, const char *issuer, const char *name, uint32_t roles)
{
    uint8_t who[32];
    struct person p;
    struct err e;
    struct arrival x = {.who = who, .issuer = issuer, .subject = name, .name = name, .by = "provider", .roles = roles};
    CHECK_OK(person_hash(&s->x.people, PERSON_WHO, issuer, slice_of(name), who, &e));
    CHECK_OK(person_arrive(&s->x.people, &x, NULL, s->a, &p, &e));
    x.roles = roles | 1u << ROLE_RESEARCHER; /* known already, and more is proposed */
    CHECK_OK(person_arrive(&s->x.people, &x, &p, s->a, &p, &e));
    CHECK_INT(p.proposed, x.roles);
    return p;
}

TEST(the_desk_refuses_what_cannot_be_meant)
{
    struct scene s;
    struct err e;
    enum desk_done done;
    set_up(&s);
    const struct people *d = &s.x.people;
    arrive(&s, "https://one.example", "mara", 0);
    REFUSED(desk_propose(d, SLICE("ghost"), ROLE_DOCTOR, "root", s.a, &e), ERR_NOT_FOUND);
    REFUSED(desk_propose(d, SLICE("01890000-0000-7000-8000-000000000000"), ROLE_DOCTOR, "root", s.a, &e),
            ERR_NOT_FOUND);
    REFUSED(desk_propose(d, SLICE("mara"), ROLE_DOCTOR, "ro ot", s.a, &e), ERR_USAGE);
    REFUSED(desk_propose(d, SLICE("mara"), ROLE_DOCTOR,
                         "01234567890123456789012345678901234567890123456789012345678901234", s.a, &e),
            ERR_USAGE);
    REFUSED(desk_propose(d, SLICE("mara"), ROLE_OPERATOR, "root", s.a, &e), ERR_USAGE);
    REFUSED(desk_approve(d, SLICE("anna"), ROLE_AUDITOR, "root", s.a, &done, &e), ERR_CONFLICT); /* held */
    REFUSED(desk_propose(d, SLICE("anna"), ROLE_ADMIN, "root", s.a, &e), ERR_CONFLICT);          /* not beside it */
    CHECK_OK(desk_propose(d, SLICE("mara"), ROLE_DOCTOR, "root", s.a, &e));
    REFUSED(desk_propose(d, SLICE("mara"), ROLE_DOCTOR, "root", s.a, &e), ERR_CONFLICT);        /* proposed */
    REFUSED(desk_approve(d, SLICE("mara"), ROLE_DOCTOR, "root", s.a, &done, &e), ERR_CONFLICT); /* by the same */
    CHECK_OK(desk_approve(d, SLICE("mara"), ROLE_DOCTOR, "chief", s.a, &done, &e));
    CHECK_INT(done, DESK_GRANTED);
    REFUSED(desk_suspend(d, SLICE("mara"), false, "root", s.a, &e), ERR_CONFLICT);        /* is not suspended */
    REFUSED(desk_remove(d, SLICE("mara"), ROLE_MONITOR, "root", s.a, &e), ERR_NOT_FOUND); /* does not hold it */
    CHECK_OK(desk_suspend(d, SLICE("mara"), true, "root", s.a, &e));
    CHECK_OK(desk_remove(d, SLICE("mara"), ROLE_DOCTOR, "root", s.a, &e));
    CHECK_OK(desk_suspend(d, SLICE("mara"), false, "root", s.a, &e)); /* nothing is left to be active in */
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM staff WHERE state = 'pending'"), 1);
    arrive(&s, "https://two.example", "mara", 0);
    REFUSED(desk_suspend(d, SLICE("mara"), true, "root", s.a, &e), ERR_CONFLICT); /* which of the two? */
    char id[UUID_TEXT];
    CHECK_OK(desk_suspend(d, slice_of(uuid_text(s.anna, id)), true, "root", s.a, &e));
    CHECK_OK(desk_suspend(d, slice_of(id), false, "root", s.a, &e));
    arrive(&s, "https://one.example", id, 0); /* an id is that of one, though somebody else calls themselves so */
    struct person p;
    CHECK_OK(desk_suspend(d, slice_of(id), true, "root", s.a, &e));
    CHECK_INT(person_by_id(d, s.anna, s.a, &p, &e), 1);
    CHECK(p.suspended);
    tear_down(&s);
}

TEST(accounts_refuse_what_they_do_not_know)
{
    static const uint8_t nobody[16] = {9};
    struct scene s;
    struct err e;
    struct attempt t;
    struct proved none = {.by_password = false};
    struct invitation i;
    char code[INVITATION_TEXT], id[UUID_TEXT];
    enum desk_done done;
    set_up(&s);
    const struct people *p = &s.x.people;
    struct person mara = arrive(&s, "https://one.example", "mara", 0);
    REFUSED(account_invite(p, SLICE("anna"), "", s.a, code, &e), ERR_USAGE);
    REFUSED(account_invite(p, slice_of(uuid_text(mara.id, id)), "root", s.a, code, &e),
            ERR_NOT_FOUND); /* of a provider */
    CHECK_OK(account_invite(p, slice_of(uuid_text(s.anna, id)), "root", s.a, code, &e));
    REFUSED(account_change(&s.x, nobody, SLICE(GOOD), &none, NULL, s.a, &e), ERR_CONFLICT);
    REFUSED(account_change(&s.x, mara.id, SLICE(GOOD), &none, NULL, s.a, &e), ERR_CONFLICT);
    REFUSED(account_again(&s.x, nobody, SLICE(GOOD), s.a, &t, &e), ERR_TOKEN);
    CHECK_INT(account_has_password(p, nobody, s.a, &e), 0);
    CHECK_OK(account_add(p, SLICE("a.b-c_d@e.f.g.h.i.j.k.l.m.n.o.p.q.r"), ROLE_DOCTOR, "root", s.a, &done, code, &e));
    CHECK_OK(
        account_accept(&s.x, slice_of(code), SLICE(GOOD), NULL, s.a, &i, &e)); /* of more parts than are looked at */
    house_sql(&s.h, "UPDATE account SET password = NULL");
    REFUSED(account_sign_in(&s.x, SLICE("anna"), SLICE(GOOD), s.a, &t, &e), ERR_TOKEN);
    REFUSED(account_change(&s.x, s.anna, SLICE("xkq7 \0 vmw2 pt9"), &none, NULL, s.a, &e), ERR_BAD_REQUEST);
    static char longer[PASSWORD_MOST + 1];
    for (size_t k = 0; k < sizeof longer; k++)
        longer[k] = (char)('a' + k * k % 23);
    REFUSED(account_change(&s.x, s.anna, (struct slice){longer, sizeof longer}, &none, NULL, s.a, &e), ERR_BAD_REQUEST);
    CHECK_OK(account_add(p, SLICE("bea"), ROLE_DOCTOR, "root", s.a, &done, code, &e));
    house_sql(&s.h, "UPDATE invitation SET role = 'monk' WHERE ended_at IS NULL");
    REFUSED(invitation_find(p, slice_of(code), s.a, &i, &e), ERR_NOT_FOUND);
    REFUSED(account_add(p, SLICE("0123456789012345678901234567890123456789012345678901234567890123456"), ROLE_DOCTOR,
                        "root", s.a, &done, code, &e),
            ERR_USAGE);
    tear_down(&s);
}

TEST(a_challenge_is_good_for_five_minutes_and_not_for_a_clock_that_was_put_back)
{
    static const int64_t off[] = {(CHALLENGE_S + 1) * INT64_C(1000000), -INT64_C(1000000)};
    struct scene s;
    struct err e;
    char text[CHALLENGE_TEXT];
    uint8_t raw[CHALLENGE_BYTES];
    set_up(&s);
    CHECK_OK(challenge_make(&s.x.people, CHALLENGE_SIGN_IN, NULL, text, &e));
    CHECK_INT(base64url_decode(slice_of(text), raw, sizeof raw), (int)sizeof raw);
    struct slice c = {(char *)raw, sizeof raw};
    for (size_t i = 0; i < COUNT(off); i++) {
        clock_off = off[i];
        int rc = challenge_check(&s.x.people, CHALLENGE_SIGN_IN, NULL, c, &e);
        clock_off = 0;
        CHECK(rc == -1 && e.code == ERR_TOKEN);
    }
    CHECK_OK(challenge_check(&s.x.people, CHALLENGE_SIGN_IN, NULL, c, &e));
    tear_down(&s);
}

TEST(clients_and_programs_refuse_what_they_do_not_know)
{
    static const char no_subject[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    struct scene s;
    struct err e;
    struct client_secrets secrets;
    struct caller c;
    struct known *k;
    struct program_cert cert = {.until_us = 0};
    set_up(&s);
    REFUSED(program_keys(s.h.db, s.h.scope, "ghost", NULL, NULL, false, &operator_does, s.a, &e), ERR_NOT_FOUND);
    CHECK_OK(client_add(s.h.db, s.h.keyring, s.h.scope, "bot", "https://h.example", &operator_does, s.a, &secrets, &e));
    REFUSED(program_keys(s.h.db, s.h.scope, "bot", NULL, NULL, false, &operator_does, s.a, &e), ERR_NOT_FOUND);
    REFUSED(program_keys(s.h.db, s.h.scope, "bot", NULL, "http://keys.example", false, &operator_does, s.a, &e),
            ERR_USAGE);
    REFUSED(program_cert_remove(s.h.db, s.h.scope, "bot", NULL, false, &operator_does, s.a, &e), ERR_NOT_FOUND);
    REFUSED(program_cert_remove(s.h.db, s.h.scope, "bot", &cert, false, &operator_does, s.a, &e), ERR_NOT_FOUND);
    CHECK_OK(program_cert_add(s.h.db, s.h.scope, "bot", &cert, false, &operator_does, s.a, &e));
    REFUSED(program_cert_add(s.h.db, s.h.scope, "bot", &cert, false, &operator_does, s.a, &e), ERR_CONFLICT);
    REFUSED(program_cert_read(slice_of(no_subject), true, &cert, &e), ERR_USAGE);
    REFUSED(client_rotate(s.h.db, s.h.scope, "ghost", &operator_does, s.a, &(const char *){NULL}, &e), ERR_NOT_FOUND);
    /* an origin as no client has it is not remembered; they are known all the same */
    house_sql(&s.h,
              "UPDATE client SET webhook_origin = "
              "'https://0123456789012345678901234567890123456789012345678901234567890123456789"
              "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
              "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789'");
    CHECK_OK(known_open(&k, &e));
    struct slice bearer = slice_of(arena_printf(s.a, "Bearer %s", secrets.api_key));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(known_identify(k, s.h.db, s.h.scope, bearer, NULL, s.a, &c, &e));
        CHECK_INT(c.role, ROLE_CLIENT);
    }
    known_close(k);
    known_close(NULL);
    tear_down(&s);
}

TEST(scopes_have_a_limit_and_cover_actions_alone)
{
    static char longer[SCOPES_TEXT_MAX + 1];
    uint32_t scopes;
    struct err e;
    REFUSED(scopes_parse((struct slice){longer, sizeof longer}, &scopes, &e), ERR_SCOPE_UNKNOWN);
    CHECK_OK(scopes_parse(SLICE("system/*.cruds"), &scopes, &e));
    CHECK(scopes_cover(scopes, ENTITY_JOB, ACTION_READ, true));
    CHECK(!scopes_cover(scopes, ENTITY_JOB, ACTION_COUNT, true));
    CHECK(!scopes_cover(scopes, ENTITY_PATIENT_DETAIL, ACTION_UPDATE, true));
    REFUSED(scopes_parse((struct slice){"system/*.r\0", 11}, &scopes, &e), ERR_SCOPE_UNKNOWN);
    char room[256];
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    for (const char *const *all = scopes_all(); *all; all++) /* what is told is understood */
        CHECK_OK(scopes_parse(slice_of(*all), &scopes, &e));
    struct buf b = buf_in(a, sizeof room);
    scopes_needed(ENTITY_JOB, ACTION_CREATE, false, &b);
    CHECK_OK(scopes_parse(buf_text(&b), &scopes, &e));
    CHECK(scopes_cover(scopes, ENTITY_JOB, ACTION_CREATE, false));
}

TEST(a_bearer_token_of_staff_has_two_dots_and_is_no_clients)
{
    static const struct {
        const char *text;
        bool is;
    } row[] = {{"Bearer a.b.c", true},     {"bearer  a.b.c ", true},   {"Basic a.b.c", false}, {"Bearer a.b", false},
               {"Bearer lz_a.b.c", false}, {"Bearer lt_a.b.c", false}, {"Bearer", false},      {"", false}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct slice token;
        CHECK_INT(staff_token(slice_of(row[i].text), &token), row[i].is);
        if (row[i].is)
            CHECK_SLICE(token, "a.b.c");
    }
}

/* --- certificates --- */

static void put_cert(struct buf *out, EVP_PKEY *k, bool subject, const char *ends)
{
    X509 *x = X509_new();
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    if (ends)
        CHECK_INT(ASN1_STRING_set(X509_getm_notAfter(x), ends, -1), 1);
    else
        X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    if (subject)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"bot", -1, -1,
                                   0);
    X509_set_pubkey(x, k);
    CHECK(X509_sign(x, k, EVP_sha256()) > 0 && PEM_write_bio_X509(b, x));
    long n = BIO_get_mem_data(b, &p);
    buf_add(out, p, (size_t)n);
    BIO_free(b);
    X509_free(x);
}

TEST(a_file_is_one_certificate_that_says_when_it_ends_or_is_refused)
{
    static char much[CERT_PEM_MAX + 1];
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    EVP_PKEY *k = EVP_EC_gen("P-256");
    struct program_cert got;
    struct err e;
    struct buf b[4];
    for (size_t i = 0; i < COUNT(b); i++)
        b[i] = buf_in(a, 8192);
    put_cert(&b[0], k, true, NULL);
    put_cert(&b[1], k, false, NULL);
    put_cert(&b[2], k, true, NULL);
    put_cert(&b[2], k, true, NULL);
    put_cert(&b[3], k, true, "19x");
    CHECK_OK(program_cert_read(buf_text(&b[0]), true, &got, &e));
    CHECK_STR(got.subject, "CN=bot");
    CHECK(got.until_us > clock_now_us());
    CHECK_OK(program_cert_read(buf_text(&b[1]), false, &got, &e));
    CHECK_STR(got.subject, "");
    REFUSED(program_cert_read(buf_text(&b[1]), true, &got, &e), ERR_USAGE);
    REFUSED(program_cert_read(buf_text(&b[2]), true, &got, &e), ERR_USAGE);
    REFUSED(program_cert_read(buf_text(&b[3]), true, &got, &e), ERR_USAGE);
    REFUSED(program_cert_read((struct slice){much, sizeof much}, true, &got, &e), ERR_USAGE);
    for (long n = 1, done = 0; !done; n++) {
        fail_arm(n);
        int rc = program_cert_read(buf_text(&b[0]), n % 2, &got, &e);
        done = fail_seen < n;
        fail_arm(0);
        CHECK(done == (rc == 0));
    }
    EVP_PKEY_free(k);
}

TEST(a_key_set_is_refused_for_each_thing_it_may_not_be)
{
    static char longer[KEYSET_MAX + 1];
    static const char *const row[] = {
        "{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kid\":\"\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"!\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kid\":\"a\",\"use\":7,\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kid\":\"a\",\"kty\":7}]}",
        "{\"keys\":[7]}",
        "{\"keys\":{}}",
        "[]",
        "{\"keys\":[]}",
    };
    struct err e;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++)
        REFUSED(keyset_check(slice_of(row[i]), a, &e), ERR_USAGE);
    REFUSED(keyset_check((struct slice){longer, sizeof longer}, a, &e), ERR_USAGE);
    EVP_PKEY *k = EVP_RSA_gen(2048);
    static const char *const exponent[] = {
        "", ",\"e\":\"!\"", ",\"e\":\"AQ\"", ",\"e\":\"Ag\"", ",\"e\":\"BA\"", ",\"e\":\"AQABAQABAQABAQAB\""};
    struct soft_bytes n = {0};
    soft_number(&n, k, OSSL_PKEY_PARAM_RSA_N, 256);
    char text[400];
    base64url_encode(n.b + 3, 256, text); /* behind the head of the byte string */
    for (size_t i = 0; i < COUNT(exponent); i++) {
        REFUSED(keyset_check(slice_of(arena_printf(a, "{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"%s\"%s}]}",
                                                   text, exponent[i])),
                             a, &e),
                ERR_USAGE);
        CHECK(strstr(e.detail, "exponent") != NULL);
    }
    struct buf b = buf_in(a, KEYSET_MAX);
    buf_str(&b, "{\"keys\":[");
    for (int i = 0; i <= KEYSET_KEYS_MAX; i++)
        buf_printf(&b, "%s{\"kid\":\"k%d\",\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", i ? "," : "", i, text);
    buf_str(&b, "]}");
    if (!buf_failed(&b))
        REFUSED(keyset_check(buf_text(&b), a, &e), ERR_USAGE);
    REFUSED(
        keyset_check(
            slice_of(arena_printf(
                a, "{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"},{\"kid\":\"a\"}]}", text)),
            a, &e),
        ERR_USAGE);
    EVP_PKEY_free(k);
}

/* --- passkeys --- */

static void put_attestation(struct soft_bytes *x, const char *third, const struct soft_bytes *data,
                            const void *statement, size_t n)
{
    SOFT_ADD(x, 0xa3);
    soft_text(x, "fmt");
    soft_text(x, "packed");
    soft_text(x, "attStmt");
    soft_add(x, statement, n);
    soft_text(x, third);
    soft_blob(x, data->b, data->n);
}

TEST(an_attestation_or_a_key_of_another_form_is_refused)
{
    static const char client[] =
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAAA\",\"origin\":\"https://study.example\"}";
    static const struct {
        const char *third;
        unsigned char statement[24];
        size_t n, cut; /* of the authenticator's data */
    } row[] = {
        {"authXata", {0xa0}, 1, 0},
        {"authData", {0xa0}, 1, 0},                         /* packed, and signs nothing */
        {"authData", {0x01}, 1, 0},                         /* no map */
        {"authData", {0xa2, 0x01, 0x02, 0x03, 0x04}, 5, 0}, /* keys that are numbers */
        {"authData", {0xa2, 0x63, 'a', 'l', 'g', 0x26, 0x63, 'x', 'y', 'z', 0x40}, 11, 0},
        {"authData", {0xa2, 0x63, 'a', 'l', 'g', 0x27, 0x63, 's', 'i', 'g', 0x40}, 11, 0}, /* of another algorithm */
        {"authData", {0xa2, 0x63, 'a', 'l', 'g', 0x07, 0x63, 's', 'i', 'g', 0x40}, 11, 0},
        {"authData", {0xa2, 0x63, 'a', 'l', 'g', 0x26, 0x63, 's', 'i', 'g', 0x60}, 11, 0}, /* a text for a signature */
        {"authData", {0xa2, 0x63, 'a', 'l', 'g', 0x26, 0x63, 's', 'i', 'g', 0x40}, 11, 0}, /* an empty one */
        {"authData", {0xa0}, 1, 20},
        {"authData", {0xa0}, 1, 77},
        {"authData", {0xa0}, 1, 95},
        {"authData", {0xa0}, 1, 110},
        {"authData", {0xc0, 0x01}, 2, 0},
        {"authData", {0xff}, 1, 0},
        {"authData", {0xa1, 0x63, 'a', 'l', 'g', 0x26}, 6, 0},                             /* no signature */
        {"authData", {0xa2, 0x43, 'a', 'l', 'g', 0x26, 0x63, 's', 'i', 'g', 0x40}, 11, 0}, /* bytes for a name */
        {"authData",
         {0xa2, 0x63, 's', 'i', 'g', 0x01, 0x63, 'a', 'l', 'g', 0x26},
         11,
         0}, /* a number for a signature */
    };
    static const struct passkey_rules rules = {"https://study.example", "study.example"};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    EVP_PKEY *k = soft_make(SOFT_ES256);
    struct passkey_client c;
    struct passkey p;
    struct err e;
    CHECK_OK(passkey_client(&rules, PASSKEY_MAKE, slice_of(client), a, &c, &e));
    for (size_t i = 0; i < COUNT(row); i++) {
        struct soft_bytes data = {0}, all = {0};
        soft_data(&data, "study.example", 0x01 | 0x04 | 0x40, 0, k, SOFT_ES256, "0123456789abcdef");
        data.n -= row[i].cut;
        put_attestation(&all, row[i].third, &data, row[i].statement, row[i].n);
        e.code = ERR_NONE;
        if (passkey_made(&rules, &c, soft_slice(&all), a, &p, &e) != -1 || e.code != ERR_BAD_REQUEST)
            fail_msg("row %zu", i);
    }
    struct soft_bytes data = {0}, all = {0}; /* a key of none of the three kinds */
    soft_data(&data, "study.example", 0x01 | 0x04 | 0x40, 0, k, SOFT_ES256, "0123456789abcdef");
    data.b[37 + 16 + 2 + 16 + 4] = 0x25;
    soft_attest(&all, "none", &data, NULL, SOFT_ES256);
    REFUSED(passkey_made(&rules, &c, soft_slice(&all), a, &p, &e), ERR_BAD_REQUEST);
    EVP_PKEY_free(k);
}

/* --- sessions --- */

TEST(a_session_of_a_provider_may_have_no_tokens_and_one_of_nobody_is_not_begun)
{
    static const struct session_provider bare = {
        .issuer = "https://id.example", .said = 1u << ROLE_AUDITOR, .said_until_us = INT64_MAX / 2};
    struct scene s;
    struct err e;
    const char *cookie;
    struct session x;
    struct caller c;
    struct slice tokens;
    set_up(&s);
    struct sessions all = {.people = s.x.people, .trust = true, .idle_us = 60000000, .life_us = 600000000};
    struct session_new n = {.how = SESSION_OIDC, .provider = &bare};
    REFUSED(session_open(&all, &n, NULL, s.a, &cookie, &e), ERR_CONFLICT);
    memcpy(n.staff, s.anna, 16);
    CHECK_OK(session_open(&all, &n, NULL, s.a, &cookie, &e));
    struct session_ask q = {.cookie = slice_of(cookie)};
    CHECK_INT(session_identify(&all, &q, s.a, &x, &c, &e), 1);
    CHECK_OK(session_tokens(&all, x.id, s.a, &tokens, &e));
    CHECK(tokens.p == NULL);
    q.wanted = SLICE("doctor");
    REFUSED(session_identify(&all, &q, s.a, &x, &c, &e), ERR_ROLE_CHOICE);
    q.wanted = SLICE("monk");
    REFUSED(session_identify(&all, &q, s.a, &x, &c, &e), ERR_ROLE_CHOICE);
    q.wanted = SLICE(" auditor ");
    CHECK_INT(session_identify(&all, &q, s.a, &x, &c, &e), 1);
    CHECK_OK(session_end(&all, x.id, "test", NULL, &e));
    REFUSED(session_again(&all, &x, SESSION_PASSWORD, NULL, &e), ERR_TOKEN); /* it has ended */
    REFUSED(session_role(&all, &x, 1u << ROLE_AUDITOR, ROLE_AUDITOR, NULL, s.a, &e), ERR_SESSION);
    CHECK_OK(session_open(&all, &n, NULL, s.a, &cookie,
                          &e)); /* what the provider said of roles has an end, and is not renewed */
    house_sql(&s.h, "UPDATE session SET said = 'monk auditor', role = 'monk' WHERE ended_at IS NULL");
    q = (struct session_ask){.cookie = slice_of(cookie)};
    CHECK_INT(session_identify(&all, &q, s.a, &x, &c, &e), 1); /* a role that was taken out counts for nothing */
    CHECK(c.role == ROLE_AUDITOR && !x.has_role);
    house_sql(&s.h, "UPDATE session SET said_until = 1 WHERE ended_at IS NULL");
    q = (struct session_ask){.cookie = slice_of(cookie)};
    CHECK_INT(session_identify(&all, &q, s.a, &x, &c, &e), 0);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM session WHERE ended_why = 'expired'"), 1);
    tear_down(&s);
}

RUN(T(the_desk_refuses_what_cannot_be_meant), T(accounts_refuse_what_they_do_not_know),
    T(a_challenge_is_good_for_five_minutes_and_not_for_a_clock_that_was_put_back),
    T(clients_and_programs_refuse_what_they_do_not_know), T(scopes_have_a_limit_and_cover_actions_alone),
    T(a_key_set_is_refused_for_each_thing_it_may_not_be), T(an_attestation_or_a_key_of_another_form_is_refused),
    T(a_bearer_token_of_staff_has_two_dots_and_is_no_clients),
    T(a_file_is_one_certificate_that_says_when_it_ends_or_is_refused),
    T(a_session_of_a_provider_may_have_no_tokens_and_one_of_nobody_is_not_begun))
