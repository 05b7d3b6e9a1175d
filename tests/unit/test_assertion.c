/* Assertions are made here, with keys made here: every refusal by one that is wrong in that point alone. */
#include "test.h"

#include <openssl/hmac.h>

#include "crypto/digest.h"
#include "identity/assertion.h"
#include "identity/scopes.h"
#include "jwk.h"

#define NOW       INT64_C(1900000000)
#define AUD       "https://gw.example/auth/token"
#define GOOD_HEAD "{\"alg\":\"ES384\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define CLAIMS(iss, sub, aud, exp, jti, more)                                                                          \
    "{\"iss\":" iss ",\"sub\":" sub ",\"aud\":" aud ",\"exp\":" exp ",\"jti\":" jti more "}"
#define GOOD CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j1\"", "")

static const struct assertion_rules rules = {"bot", AUD, "https://gw.example", "https://bot.example/jwks"};

static EVP_PKEY *rsa, *small, *p256, *p384, *other;
static char jwk[5][2048]; /* of the same, in this order */
enum { RSA_KEY, SMALL_KEY, P256_KEY, P384_KEY, OTHER_KEY };

static int make_keys(void **unused)
{
    (void)unused;
    rsa = EVP_RSA_gen(2048);
    small = EVP_RSA_gen(1024);
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    other = EVP_EC_gen("P-384");
    jwk_of_rsa(rsa, jwk[RSA_KEY], "");
    jwk_of_rsa(small, jwk[SMALL_KEY], "");
    jwk_of_ec(p256, "P-256", 32, jwk[P256_KEY]);
    jwk_of_ec(p384, "P-384", 48, jwk[P384_KEY]);
    jwk_of_ec(other, "P-384", 48, jwk[OTHER_KEY]);
    return !(rsa && small && p256 && p384 && other);
}

static int drop_keys(void **unused)
{
    (void)unused;
    EVP_PKEY *all[] = {rsa, small, p256, p384, other};
    for (size_t i = 0; i < COUNT(all); i++)
        EVP_PKEY_free(all[i]);
    return 0;
}

static int check(struct slice text, const char *key, struct assertion *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    return assertion_check(&rules, text, slice_of(key), NOW * 1000000, a, ret, e);
}

/* By a sentence that says so. */
static void refused(struct slice text, const char *key, const char *says)
{
    struct assertion x;
    struct err e = {.code = ERR_NONE};
    if (check(text, key, &x, &e) == 0)
        fail_msg("accepted, though: %s", says);
    if (e.code != ERR_ASSERTION || !strstr(e.detail, says))
        fail_msg("want '%s', got %s: '%s'", says, err_name(e.code), e.detail);
}

TEST(every_algorithm_of_the_list_is_accepted_with_its_key)
{
    static const struct {
        const char *alg;
        int key;
    } row[] = {{"RS256", RSA_KEY}, {"RS384", RSA_KEY},  {"PS256", RSA_KEY},
               {"PS384", RSA_KEY}, {"ES256", P256_KEY}, {"ES384", P384_KEY}};
    EVP_PKEY *key[] = {rsa, small, p256, p384};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct assertion x;
        struct err e;
        uint8_t jti[SHA256_BYTES];
        const char *head = arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"k1\"}", row[i].alg);
        CHECK_OK(check(jws_sign(a, head, GOOD, key[row[i].key], row[i].alg), jwk[row[i].key], &x, &e));
        sha256(SLICE("j1"), jti);
        CHECK(memcmp(x.jti, jti, sizeof jti) == 0);
        CHECK_INT(x.until_us, (NOW + 300 + ASSERTION_LEEWAY_S) * 1000000);
    }
}

TEST(claims_decide_one_by_one)
{
    static const struct {
        const char *claims, *says; /* NULL: accepted */
    } row[] = {
        {GOOD, NULL},
        {CLAIMS("\"bot\"", "\"bot\"", "\"https://gw.example\"", "1900000300", "\"j\"", ""), NULL},
        {CLAIMS("\"bot\"", "\"bot\"", "[\"" AUD "\"]", "1900000300", "\"j\"", ""), NULL},
        {CLAIMS("\"bot\"", "\"bot\"", "[\"https://gw.example\",\"" AUD "\"]", "1900000300", "\"j\"", ""), NULL},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000330", "\"j\"", ""), NULL}, /* clocks differ */
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1899999971", "\"j\"", ""), NULL},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000100", "\"j\"", ",\"nbf\":1900000030,\"iat\":1900000030"), NULL},
        {CLAIMS("\"other\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ""), "another client's"},
        {CLAIMS("\"bot\"", "\"other\"", "\"" AUD "\"", "1900000300", "\"j\"", ""), "another client's"},
        {CLAIMS("7", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ""), "another client's"},
        {CLAIMS("\"bot\"", "[\"bot\"]", "\"" AUD "\"", "1900000300", "\"j\"", ""), "another client's"},
        {"{\"sub\":\"bot\",\"aud\":\"" AUD "\",\"exp\":1900000300,\"jti\":\"j\"}", "another client's"},
        {"{\"iss\":\"bot\",\"aud\":\"" AUD "\",\"exp\":1900000300,\"jti\":\"j\"}", "another client's"},
        {"{\"iss\":\"bot\",\"sub\":\"bot\",\"exp\":1900000300,\"jti\":\"j\"}", "not meant for this server"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"https://other.example/auth/token\"", "1900000300", "\"j\"", ""), "not meant"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "/\"", "1900000300", "\"j\"", ""), "not meant"},
        {CLAIMS("\"bot\"", "\"bot\"", "[\"" AUD "\",\"https://other.example\"]", "1900000300", "\"j\"", ""), "not meant"},
        {CLAIMS("\"bot\"", "\"bot\"", "[]", "1900000300", "\"j\"", ""), "not meant"},
        {CLAIMS("\"bot\"", "\"bot\"", "[7]", "1900000300", "\"j\"", ""), "not meant"},
        {CLAIMS("\"bot\"", "\"bot\"", "{}", "1900000300", "\"j\"", ""), "not meant"},
        {"{\"iss\":\"bot\",\"sub\":\"bot\",\"aud\":\"" AUD "\",\"jti\":\"j\"}", "(exp)"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "\"1900000300\"", "\"j\"", ""), "(exp)"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1.9e9", "\"j\"", ""), "(exp)"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "-1", "\"j\"", ""), "(exp)"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1899999970", "\"j\"", ""), "expired"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000331", "\"j\"", ""), "longer than"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ",\"nbf\":1900000031"), "nbf"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ",\"iat\":1900000031"), "iat"},
        {"{\"iss\":\"bot\",\"sub\":\"bot\",\"aud\":\"" AUD "\",\"exp\":1900000300}", "jti"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"\"", ""), "jti"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "7", ""), "jti"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ",\"jti\":\"k\""), "not JSON"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ",\"aud\":\"" AUD "\""), "not JSON"},
        {CLAIMS("\"bot\"", "\"bot\"", "\"" AUD "\"", "1900000300", "\"j\"", ",\"sub\":\"other\""), "not JSON"},
        {"[]", "not a JSON object"},
        {"\"bot\"", "not a JSON object"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct slice text = jws_sign(a, GOOD_HEAD, row[i].claims, p384, "ES384");
        struct assertion x;
        struct err e = {.code = ERR_NONE};
        if (row[i].says)
            refused(text, jwk[P384_KEY], row[i].says);
        else if (check(text, jwk[P384_KEY], &x, &e))
            fail_msg("row %zu: %s", i, e.detail);
    }
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char jti[JTI_MAX + 2] = {0};
    memset(jti, 'j', JTI_MAX + 1);
    const char *claims = arena_printf(a, "{\"iss\":\"bot\",\"sub\":\"bot\",\"aud\":\"" AUD "\",\"exp\":1900000300,\"jti\":\"%s\"}", jti);
    refused(jws_sign(a, GOOD_HEAD, claims, p384, "ES384"), jwk[P384_KEY], "jti");
}

TEST(headers_decide_one_by_one)
{
    static const struct {
        const char *head, *says;
    } row[] = {
        {"{\"alg\":\"ES384\",\"kid\":\"k1\",\"typ\":\"jwt\"}", NULL},
        {"{\"alg\":\"ES384\"}", NULL},
        {"{\"alg\":\"ES384\",\"jku\":\"https://bot.example/jwks\"}", NULL},
        {"{\"alg\":\"ES384\",\"jku\":\"https://evil.example/jwks\"}", "jku"},
        {"{\"alg\":\"ES384\",\"jku\":7}", "jku"},
        {"{\"alg\":\"ES384\",\"typ\":\"at+jwt\"}", "something else"},
        {"{\"alg\":\"ES384\",\"typ\":7}", "typ"},
        {"{\"alg\":\"ES384\",\"crit\":[\"x\"],\"x\":1}", "crit"},
        {"{\"alg\":\"none\"}", "not signed by"},
        {"{\"alg\":\"None\"}", "not signed by"},
        {"{\"alg\":\"HS256\"}", "not signed by"},
        {"{\"alg\":\"HS384\"}", "not signed by"},
        {"{\"alg\":\"EdDSA\"}", "not signed by"},
        {"{\"alg\":\"ES512\"}", "not signed by"},
        {"{\"alg\":[\"ES384\"]}", "not signed by"},
        {"{\"kid\":\"k1\"}", "not signed by"},
        {"{\"alg\":\"none\",\"alg\":\"ES384\"}", "not JSON"},
        {"{\"alg\":\"ES256\"}", "no client of this name"}, /* not its curve */
        {"{\"alg\":\"RS256\"}", "no client of this name"}, /* not its type */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct slice text = jws_sign(a, row[i].head, GOOD, p384, "ES384");
        struct assertion x;
        struct err e = {.code = ERR_NONE};
        if (row[i].says)
            refused(text, jwk[P384_KEY], row[i].says);
        else if (check(text, jwk[P384_KEY], &x, &e))
            fail_msg("row %zu: %s", i, e.detail);
    }
    static const struct assertion_rules no_url = {"bot", AUD, "https://gw.example", NULL}; /* its keys are held here */
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct assertion x;
    struct err e = {.code = ERR_NONE};
    CHECK_INT(assertion_check(&no_url, jws_sign(a, row[2].head, GOOD, p384, "ES384"), slice_of(jwk[P384_KEY]),
                              NOW * INT64_C(1000000), a, &x, &e), -1);
    CHECK(e.code == ERR_ASSERTION && strstr(e.detail, "jku") != NULL);
}

TEST(what_is_not_signed_by_the_key_is_refused_in_one_sentence)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static const char says[] = "no client of this name has a key that signed this";
    refused(jws_sign(a, GOOD_HEAD, GOOD, other, "ES384"), jwk[P384_KEY], says);
    refused(jws_sign(a, "{\"alg\":\"RS256\"}", GOOD, small, "RS256"), jwk[SMALL_KEY], says);
    struct slice text = jws_sign(a, GOOD_HEAD, GOOD, p384, "ES384"), unsigned_ = text;
    char *changed = arena_str(a, text);
    changed[text.n - 5] = changed[text.n - 5] == 'A' ? 'B' : 'A';
    refused(slice_of(changed), jwk[P384_KEY], says);
    unsigned_.n = text.n - 128; /* up to the last dot */
    refused(unsigned_, jwk[P384_KEY], says);
    refused(SLICE("x"), jwk[P384_KEY], "three parts");
    refused(SLICE(""), jwk[P384_KEY], "three parts");

    /* HS256 with the public key as the secret */
    unsigned char mac[32];
    char *forged = arena_take(a, 65536), *p = forged;
    static const char head[] = "{\"alg\":\"HS256\",\"kid\":\"k1\"}";
    p += base64url_encode(head, strlen(head), p);
    *p++ = '.';
    p += base64url_encode(GOOD, strlen(GOOD), p);
    HMAC(EVP_sha256(), jwk[P384_KEY], (int)strlen(jwk[P384_KEY]), (unsigned char *)forged, (size_t)(p - forged), mac, NULL);
    *p++ = '.';
    p += base64url_encode(mac, sizeof mac, p);
    refused(slice_of(forged), jwk[P384_KEY], "not signed by");
}

TEST(whose_an_assertion_says_it_is)
{
    static const struct {
        const char *claims, *client; /* NULL: refused */
    } row[] = {{GOOD, "bot"},
               {"{\"iss\":\"x\",\"sub\":\"x\"}", "x"},
               {"{\"iss\":\"x\",\"sub\":\"y\"}", NULL},
               {"{\"iss\":\"x\"}", NULL},
               {"{\"sub\":\"x\"}", NULL},
               {"{\"iss\":\"\",\"sub\":\"\"}", NULL},
               {"{\"iss\":1,\"sub\":1}", NULL},
               {"{\"iss\":\"a\\u0000b\",\"sub\":\"a\\u0000b\"}", NULL}};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct token_head head;
        struct err e = {.code = ERR_NONE};
        const char *client = NULL;
        int rc = assertion_head(jws_sign(a, GOOD_HEAD, row[i].claims, p384, "ES384"), a, &head, &client, &e);
        CHECK_INT(rc, row[i].client ? 0 : -1);
        if (rc)
            CHECK_INT(e.code, ERR_ASSERTION);
        else
            CHECK_STR(client, row[i].client);
    }
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char longer[SUBJECT_MAX + 2] = {0};
    struct token_head head;
    const char *client;
    struct err e;
    memset(longer, 'c', SUBJECT_MAX + 1);
    const char *claims = arena_printf(a, "{\"iss\":\"%s\",\"sub\":\"%s\"}", longer, longer);
    CHECK_INT(assertion_head(jws_sign(a, GOOD_HEAD, claims, p384, "ES384"), a, &head, &client, &e), -1);
    CHECK_INT(e.code, ERR_ASSERTION);
}

/* "%s" is a good key's members. */
TEST(a_key_set_has_public_keys_that_are_long_enough)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    static const char good[] = "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                               "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"";
    static const struct {
        const char *set, *says; /* NULL: accepted */
    } row[] = {
        {"{\"keys\":[{\"kid\":\"a\",%s}]}", NULL},
        {"{\"keys\":[{\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"ES256\",\"x5t\":\"ignored\",%s}],\"more\":1}", NULL},
        {"{\"keys\":[{\"kid\":\"a\",\"use\":\"enc\",%s}]}", "(use)"},
        {"{\"keys\":[{\"kid\":\"a\",\"use\":1,%s}]}", "(use)"},
        {"{\"keys\":[{%s}]}", "kid"},
        {"{\"keys\":[{\"kid\":\"\",%s}]}", "kid"},
        {"{\"keys\":[{\"kid\":7,%s}]}", "kid"},
        {"{\"keys\":[{\"kid\":\"a\",\"d\":\"AA\",%s}]}", "secret"},
        {"{\"keys\":[{\"kid\":\"a\",\"d\":null,%s}]}", "secret"},
        {"{\"keys\":[{\"kid\":\"a\",\"k\":\"AA\",%s}]}", "secret"},
        {"{\"keys\":[{\"kid\":\"a\",\"p\":\"AA\",%s}]}", "secret"},
        {"{\"keys\":[{\"kid\":\"a\",\"oth\":[],%s}]}", "secret"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"oct\"}]}", "neither"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}]}", "neither"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}]}", "neither"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}]}", "neither"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", "no point"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\"}]}", "2048"},
        {"{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\"}]}", "2048"},
        {"{\"keys\":[{\"kid\":\"a\"}]}", "neither"},
        {"{\"keys\":[{\"kid\":\"a\",%s},{\"kid\":\"a\",\"kty\":\"RSA\"}]}", "kid of its own"},
        {"{\"keys\":[7]}", "kid"},
        {"{\"keys\":{}}", "RFC 7517"},
        {"{\"keys\":[]}", "no key"},
        {"{}", "RFC 7517"},
        {"[]", "RFC 7517"},
        {"", "not JSON"},
        {"{\"keys\":[],\"keys\":[]}", "not JSON"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct err e = {.code = ERR_NONE};
        const char *at = strstr(row[i].set, "%s");
        const char *text = at ? arena_printf(a, "%.*s%s%s", (int)(at - row[i].set), row[i].set, good, at + 2) : row[i].set;
        int n = keyset_check(slice_of(text), a, &e);
        if (row[i].says ? n >= 0 || e.code != ERR_USAGE || !strstr(e.detail, row[i].says) : n != 1)
            fail_msg("row %zu: %d, %s", i, n, e.detail);
    }
    struct err e;
    CHECK_INT(keyset_check(slice_of(arena_printf(a, "{\"keys\":[%s]}", jwk[RSA_KEY])), a, &e), 1);
    CHECK_INT(keyset_check(slice_of(arena_printf(a, "{\"keys\":[%s]}", jwk[SMALL_KEY])), a, &e), -1);
    char *weak = arena_printf(a, "{\"keys\":[%s]}", jwk[RSA_KEY]), *ex = strstr(weak, "\"e\":\"AQAB\"");
    CHECK(ex != NULL);
    memcpy(ex, "\"e\":\"AQ\"  ", 10); /* 1: anybody could sign */
    CHECK_INT(keyset_check(slice_of(weak), a, &e), -1);
    CHECK(strstr(e.detail, "exponent") != NULL);
    char longer[1400] = {0};
    memset(longer, 'A', KID_MAX + 1);
    CHECK_INT(keyset_check(slice_of(arena_printf(a, "{\"keys\":[{\"kid\":\"%s\",%s}]}", longer, good)), a, &e), -1);
    CHECK(strstr(e.detail, "kid") != NULL);
    memset(longer, 'B', 1372); /* 8232 bits */
    CHECK_INT(keyset_check(slice_of(arena_printf(a, "{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}]}",
                                                 longer)),
                           a, &e),
              -1);
    CHECK(strstr(e.detail, "8192") != NULL);
}

TEST(scopes_say_what_they_cover_and_no_more)
{
    static const struct {
        const char *asked, *got; /* NULL: refused */
    } row[] = {
        {"system/Bundle.c", "system/Bundle.c"},
        {"system/Bundle.cruds", "system/Bundle.c"},
        {"system/Bundle.c system/Bundle.c", "system/Bundle.c"},
        {"system/GuidanceResponse.rs  openid system/Patient.rs system/Bundle.c", "system/Bundle.c system/GuidanceResponse.rs"},
        {"system/*.rs", "system/GuidanceResponse.rs system/PlanDefinition.rs system/Subscription.rs"},
        {"system/*.d", "system/GuidanceResponse.d system/Subscription.d"},
        {"system/*.cruds", "system/Bundle.c system/GuidanceResponse.rds system/PlanDefinition.rs system/Subscription.cruds"},
        {"", NULL},
        {" ", NULL},
        {"system/Bundle.", NULL},
        {"system/Bundle", NULL},
        {"system/Bundle.r", NULL},
        {"system/Bundle.cc", NULL},
        {"system/GuidanceResponse.sr", NULL},
        {"system/GuidanceResponse.rx", NULL},
        {"system/GuidanceResponse.R", NULL},
        {"system/GuidanceResponse.*", NULL},
        {"system/GuidanceResponse.read", NULL},
        {"system/.r", NULL},
        {"system/Bundle.c?x=y", NULL},
        {"user/Bundle.c", NULL},
        {"patient/*.cruds", NULL},
        {"system/Patient.rs", NULL},
        {"system/Bundle.c\n", NULL},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        uint32_t scopes = 0;
        struct err e = {.code = ERR_NONE};
        struct buf b = buf_in(a, 4096);
        int rc = scopes_parse(slice_of(row[i].asked), &scopes, &e);
        CHECK_INT(rc, row[i].got ? 0 : -1);
        CHECK_INT(e.code, row[i].got ? ERR_NONE : ERR_SCOPE_UNKNOWN);
        scopes_tell(scopes, &b);
        CHECK_SLICE(buf_text(&b), row[i].got ? row[i].got : "");
    }
}

/* Typed by hand: what each scope alone lets through, of everything there is. */
TEST(a_scope_covers_its_own_entity_and_action_alone)
{
    static const struct {
        const char *scope;
        enum entity entity;
        enum action action;
        bool one, list;
    } row[] = {{"system/Bundle.c", ENTITY_JOB, ACTION_CREATE, true, true},
               {"system/GuidanceResponse.r", ENTITY_JOB, ACTION_READ, true, false},
               {"system/GuidanceResponse.s", ENTITY_JOB, ACTION_READ, false, true},
               {"system/GuidanceResponse.d", ENTITY_JOB, ACTION_DELETE, true, true},
               {"system/PlanDefinition.r", ENTITY_MODEL, ACTION_READ, true, false},
               {"system/PlanDefinition.s", ENTITY_MODEL, ACTION_READ, false, true},
               {"system/Subscription.c", ENTITY_WEBHOOK, ACTION_CREATE, true, true},
               {"system/Subscription.r", ENTITY_WEBHOOK, ACTION_READ, true, false},
               {"system/Subscription.s", ENTITY_WEBHOOK, ACTION_READ, false, true},
               {"system/Subscription.u", ENTITY_WEBHOOK, ACTION_UPDATE, true, true},
               {"system/Subscription.d", ENTITY_WEBHOOK, ACTION_DELETE, true, true}};
    for (size_t i = 0; i < COUNT(row); i++) {
        uint32_t scopes;
        struct err e;
        CHECK_OK(scopes_parse(slice_of(row[i].scope), &scopes, &e));
        for (int entity = 0; entity < ENTITY_COUNT; entity++)
            for (int action = 0; action < ACTION_COUNT; action++)
                for (int one = 0; one < 2; one++) {
                    bool mine = entity == (int)row[i].entity && action == (int)row[i].action && (one ? row[i].one : row[i].list);
                    bool me = entity == ENTITY_ME && action == ACTION_READ;
                    if (scopes_cover(scopes, (enum entity)entity, (enum action)action, one) != (mine || me))
                        fail_msg("%s: %s %s", row[i].scope, action_name((enum action)action), entity_name((enum entity)entity));
                }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_algorithm_of_the_list_is_accepted_with_its_key),
        T(claims_decide_one_by_one),
        T(headers_decide_one_by_one),
        T(what_is_not_signed_by_the_key_is_refused_in_one_sentence),
        T(whose_an_assertion_says_it_is),
        T(a_key_set_has_public_keys_that_are_long_enough),
        T(scopes_say_what_they_cover_and_no_more),
        T(a_scope_covers_its_own_entity_and_action_alone),
    };
    int failed = cmocka_run_group_tests(tests, make_keys, drop_keys);
    arena_thread_end();
    return failed;
}
