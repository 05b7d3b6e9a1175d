/* Tokens are made here, with keys made here: every refusal by one that is wrong in that point alone. */
#include "test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/digest.h"
#include "identity/id_token.h"
#include "jwk.h"

enum { NOW = 1900000000 };
static const char good[] = "{\"iss\":\"https://id.example/realms/s\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1900000300,"
                           "\"iat\":1900000000,\"typ\":\"Bearer\",\"preferred_username\":\"alice\","
                           "\"realm_access\":{\"roles\":[\"dottore\",\"offline_access\"]}}";
static const struct token_rules rules = {"https://id.example/realms/s", "lazaret", false, "realm_access.roles"};

static EVP_PKEY *rsa, *small, *p256, *p384;
static char jwk[8][2048]; /* of the same, in this order */
enum { RSA_KEY, SMALL_KEY, P256_KEY, P384_KEY };

static int make_keys(void **unused)
{
    (void)unused;
    rsa = EVP_RSA_gen(2048);
    small = EVP_RSA_gen(1024);
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    jwk_of_rsa(rsa, jwk[RSA_KEY], "");
    jwk_of_rsa(small, jwk[SMALL_KEY], "");
    jwk_of_ec(p256, "P-256", 32, jwk[P256_KEY]);
    jwk_of_ec(p384, "P-384", 48, jwk[P384_KEY]);
    return !(rsa && small && p256 && p384);
}

static int drop_keys(void **unused)
{
    (void)unused;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
    return 0;
}

/* Is refused, by a sentence that says so and says nothing of the token. */
static void refused(struct slice token, const char *key, const struct token_rules *r, int64_t now, const char *says)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct token t;
    struct err e = {.code = ERR_NONE};
    if (token_check(r, token, slice_of(key), now * 1000000, a, &t, &e) == 0)
        fail_msg("accepted, though: %s", says);
    if (e.code != ERR_TOKEN || !strstr(e.detail, says))
        fail_msg("%s: '%s' does not say '%s'", err_name(e.code), e.detail, says);
    CHECK(!strstr(e.detail, "alice") && !strstr(e.detail, "u1") && !strstr(e.detail, "eyJ"));
}

TEST(a_token_of_each_algorithm_is_accepted_and_says_who_it_is)
{
    const struct {
        const char *alg;
        EVP_PKEY *key;
        int jwk;
    } row[] = {{"RS256", rsa, RSA_KEY}, {"RS384", rsa, RSA_KEY},   {"PS256", rsa, RSA_KEY},
               {"PS384", rsa, RSA_KEY}, {"ES256", p256, P256_KEY}, {"ES384", p384, P384_KEY}};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct err e;
        struct token t;
        char *h = arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"k1\",\"typ\":\"%s\"}", row[i].alg, i % 2 ? "at+jwt" : "JWT");
        struct slice token = jws_sign(a, h, good, row[i].key, row[i].alg);
        if (token_check(&rules, token, slice_of(jwk[row[i].jwk]), NOW * INT64_C(1000000), a, &t, &e))
            fail_msg("%s: %s", row[i].alg, e.detail);
        CHECK_STR(t.subject, "u1");
        CHECK_STR(t.name, "alice");
        CHECK_INT(t.roles, 1u << ROLE_DOCTOR);
        CHECK(t.until_us == INT64_C(1900000360) * 1000000);
        char *last = (char *)token.p + token.n - 8;
        *last = *last == 'A' ? 'B' : 'A';
        refused(token, jwk[row[i].jwk], &rules, NOW, "signature");
    }
}

#define H(alg) "{\"alg\":\"" alg "\",\"kid\":\"k1\"}"

TEST(a_header_that_is_not_what_is_accepted_is_refused)
{
    static const struct {
        const char *header, *says;
    } row[] = {
        {H("none"), "not signed by"},
        {H("HS256"), "not signed by"},
        {H("RS512"), "not signed by"},
        {H("EdDSA"), "not signed by"},
        {H("rs256"), "not signed by"},
        {"{}", "not signed by"},
        {"{\"alg\":[\"RS256\"]}", "not signed by"},
        {"{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", "crit"},
        {"{\"alg\":\"RS256\",\"crit\":[]}", "crit"},
        {"{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", "typ"},
        {"{\"alg\":\"RS256\",\"typ\":1}", "typ"},
        {"{\"alg\":\"RS256\",\"kid\":7}", "names its key"},
        {"{\"alg\":\"RS256\",\"kid\":\"a\\u0000b\"}", "not JSON that can be trusted"},
        {"{\"alg\":\"RS256\",\"alg\":\"RS256\"}", "not JSON that can be trusted"},
        {"{\"alg\":\"RS256\"} ", NULL},
        {"{\"alg\":\"RS256\"}x", "not JSON"},
        {"[\"RS256\"]", "not a JSON object"},
        {H("ES256"), "type of its key"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct slice token = jws_sign(a, row[i].header, good, rsa, "RS256");
        if (row[i].says)
            refused(token, jwk[RSA_KEY], &rules, NOW, row[i].says);
    }
}

TEST(a_signature_by_the_public_key_as_a_secret_is_refused)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char *text = arena_take(a, 65536), *p = text;
    unsigned char mac[32];
    unsigned n;
    p += base64url_encode(H("HS256"), strlen(H("HS256")), p);
    *p++ = '.';
    p += base64url_encode(good, strlen(good), p);
    HMAC(EVP_sha256(), jwk[RSA_KEY], (int)strlen(jwk[RSA_KEY]), (unsigned char *)text, (size_t)(p - text), mac, &n);
    *p++ = '.';
    p += base64url_encode(mac, n, p);
    refused((struct slice){text, (size_t)(p - text)}, jwk[RSA_KEY], &rules, NOW, "not signed by");
}

TEST(a_key_that_is_not_for_this_is_refused)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char other[2048];
    struct slice token = jws_sign(a, H("RS256"), good, rsa, "RS256");
    refused(token, jwk[P256_KEY], &rules, NOW, "type of its key");
    jwk_of_rsa(rsa, other, ",\"use\":\"enc\"");
    refused(token, other, &rules, NOW, "not meant for signatures");
    jwk_of_rsa(rsa, other, ",\"alg\":\"PS256\"");
    refused(token, other, &rules, NOW, "another algorithm");
    jwk_of_rsa(rsa, other, ",\"alg\":\"RS256\",\"use\":\"sig\"");
    struct token t;
    struct err e;
    CHECK_OK(token_check(&rules, token, slice_of(other), NOW * INT64_C(1000000), a, &t, &e));
    refused(jws_sign(a, H("ES256"), good, p256, "ES256"), jwk[P384_KEY], &rules, NOW, "curve");
    refused(jws_sign(a, H("RS256"), good, small, "RS256"), jwk[SMALL_KEY], &rules, NOW, "2048");
    refused(token, "{\"kty\":\"oct\",\"k\":\"AAAA\"}", &rules, NOW, "type of its key");
    refused(token, "{", &rules, NOW, "cannot be read");
    refused(token, "[]", &rules, NOW, "cannot be read");
    refused(token, "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", &rules, NOW, "2048");
    refused(token, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"\"}", &rules, NOW, "2048");
    refused(token, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAA\"}", &rules, NOW, "2048"); /* nothing but zeros */
    char bits[400], number[260] = {0};
    memset(number, 0x7f, 256); /* 2047 bits */
    base64url_encode(number, 256, bits);
    refused(token, arena_printf(a, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}", bits), &rules, NOW, "2048");
    refused(token, arena_printf(a, "{\"kty\":\"RSA\",\"use\":7,\"n\":\"AAAA\"}"), &rules, NOW, "not meant for signatures");
    refused(token, arena_printf(a, "{\"kty\":\"RSA\",\"alg\":7,\"n\":\"AAAA\"}"), &rules, NOW, "another algorithm");
    refused(jws_sign(a, H("ES256"), good, p256, "ES256"), "{\"kty\":\"EC\",\"crv\":7}", &rules, NOW, "curve");
    EVP_PKEY *stranger = EVP_RSA_gen(2048);
    refused(jws_sign(a, H("RS256"), good, stranger, "RS256"), jwk[RSA_KEY], &rules, NOW, "signature");
    EVP_PKEY_free(stranger);
}

TEST(a_token_that_is_no_token_is_refused)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct slice token = jws_sign(a, H("RS256"), good, rsa, "RS256");
    for (size_t n = 0; n < token.n; n += n < 8 ? 1 : 37) { /* cut anywhere */
        struct token t;
        struct err e;
        OWN_ARENA struct arena *b = arena_new(1 << 20);
        CHECK_INT(token_check(&rules, (struct slice){token.p, n}, slice_of(jwk[RSA_KEY]), NOW * INT64_C(1000000), b, &t, &e),
                  -1);
        CHECK_INT(e.code, ERR_TOKEN);
    }
    char *long_one = arena_take(a, TOKEN_MAX + 2);
    memset(long_one, 'A', TOKEN_MAX + 1);
    refused((struct slice){long_one, TOKEN_MAX + 1}, jwk[RSA_KEY], &rules, NOW, "longer than");
    memset(long_one, 'k', KID_MAX + 1);
    long_one[KID_MAX + 1] = 0;
    refused(jws_sign(a, arena_printf(a, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", long_one), good, rsa, "RS256"), jwk[RSA_KEY],
            &rules, NOW, "names its key");
    refused(SLICE("..."), jwk[RSA_KEY], &rules, NOW, "three parts");
    refused(SLICE("a.b.c.d"), jwk[RSA_KEY], &rules, NOW, "three parts");
    refused(SLICE("a b.b.c"), jwk[RSA_KEY], &rules, NOW, "base64url");
    refused(SLICE("e30=.e30.AA"), jwk[RSA_KEY], &rules, NOW, "base64url");
    refused(SLICE("e31.e30.AA"), jwk[RSA_KEY], &rules, NOW, "base64url"); /* bits left over */
}

TEST(claims_decide_one_by_one)
{
    static const struct {
        const char *claims, *says; /* NULL: accepted */
    } row[] = {
#define C(iss, aud, sub, times, more)                                                                                  \
    "{\"iss\":\"" iss "\",\"aud\":" aud ",\"sub\":" sub "," times more "}"
#define ISS "https://id.example/realms/s"
#define TIMES(exp, nbf, iat) "\"exp\":" exp ",\"nbf\":" nbf ",\"iat\":" iat
#define OK_T TIMES("1900000300", "1900000000", "1900000000")
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ""), NULL},
        {C(ISS, "[\"account\",\"lazaret\"]", "\"u1\"", OK_T, ""), NULL},
        {C(ISS "/", "\"lazaret\"", "\"u1\"", OK_T, ""), "issuer"},
        {C("https://id.example/realms/S", "\"lazaret\"", "\"u1\"", OK_T, ""), "issuer"},
        {"{\"aud\":\"lazaret\",\"sub\":\"u1\"," OK_T "}", "issuer"},
        {C(ISS, "\"account\"", "\"u1\"", OK_T, ""), "audience"},
        {C(ISS, "\"lazaret2\"", "\"u1\"", OK_T, ""), "audience"},
        {C(ISS, "[]", "\"u1\"", OK_T, ""), "audience"},
        {C(ISS, "[[\"lazaret\"]]", "\"u1\"", OK_T, ""), "audience"},
        {C(ISS, "{\"lazaret\":1}", "\"u1\"", OK_T, ""), "audience"},
        {C(ISS, "\"account\"", "\"u1\"", OK_T, ",\"azp\":\"lazaret\""), "audience"}, /* the setting is off */
        {C(ISS, "\"lazaret\"", "\"\"", OK_T, ""), "sub"},
        {C(ISS, "\"lazaret\"", "7", OK_T, ""), "sub"},
        {C(ISS, "\"lazaret\"", "\"a\\nb\"", OK_T, ""), "sub"},
        {C(ISS, "\"lazaret\"", "\"u1\"", "\"iat\":1", ""), "exp"},
        {C(ISS, "\"lazaret\"", "\"u1\"", "\"exp\":\"1900000300\"", ""), "exp"},
        {C(ISS, "\"lazaret\"", "\"u1\"", "\"exp\":19e8", ""), "exp"},
        {C(ISS, "\"lazaret\"", "\"u1\"", "\"exp\":1900000300.5E0", ""), "exp"},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900000300", "\"x\"", "1"), ""), "no numbers"},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900000300", "1", "\"x\""), ""), "no numbers"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"auth_time\":\"x\""), "auth_time"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"auth_time\":1899999000"), NULL},
        {C(ISS, "\"lazaret\"", "\"u1\"", "\"exp\":1900000300", ""), NULL}, /* nothing says when they signed in */
        {"{\"iss\":\"" ISS "\",\"sub\":\"u1\"," OK_T "}", "audience"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"typ\":7"), "no access token"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"typ\":\"JWT\""), NULL},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"c_hash\":\"n\""), "ID token"},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1899999941", "1", "1"), ""), NULL}, /* within the leeway */
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1899999940", "1", "1"), ""), "expired"},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900000300", "1900000060", "1"), ""), NULL},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900000300", "1900000061", "1"), ""), "not valid yet"},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900000300", "1", "1900000060"), ""), NULL},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900000300", "1", "1900000061"), ""), "future"},
        {C(ISS, "\"lazaret\"", "\"u1\"", TIMES("1900086401", "1", "1"), ""), "longer than 86400 s"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"typ\":\"ID\""), "no access token"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"typ\":\"Refresh\""), "no access token"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"typ\":\"at+jwt\""), NULL},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"nonce\":\"n\""), "ID token"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"at_hash\":\"n\""), "ID token"},
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"sub\":\"u2\""), "trusted"}, /* twice */
        {C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",\"iss\":\"" ISS "\""), "trusted"},
        {"7", "not a JSON object"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct token t;
        struct err e;
        struct slice token = jws_sign(a, H("RS256"), row[i].claims, rsa, "RS256");
        if (row[i].says)
            refused(token, jwk[RSA_KEY], &rules, NOW, row[i].says);
        else if (token_check(&rules, token, slice_of(jwk[RSA_KEY]), NOW * INT64_C(1000000), a, &t, &e))
            fail_msg("%s: %s", row[i].claims, e.detail);
    }
}

TEST(azp_counts_where_the_setting_says_so_and_only_that_client)
{
    static const struct token_rules azp = {ISS, "lazaret", true, "roles"};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct token t;
    struct err e;
    CHECK_OK(token_check(&azp, jws_sign(a, H("RS256"), C(ISS, "\"account\"", "\"u1\"", OK_T, ",\"azp\":\"lazaret\""), rsa, "RS256"),
                         slice_of(jwk[RSA_KEY]), NOW * INT64_C(1000000), a, &t, &e));
    refused(jws_sign(a, H("RS256"), C(ISS, "\"account\"", "\"u1\"", OK_T, ",\"azp\":\"other\""), rsa, "RS256"), jwk[RSA_KEY], &azp,
            NOW, "azp");
    refused(jws_sign(a, H("RS256"), C(ISS, "\"account\"", "\"u1\"", OK_T, ",\"azp\":7"), rsa, "RS256"), jwk[RSA_KEY],
            &azp, NOW, "azp");
}

TEST(a_name_is_what_can_be_shown_or_none)
{
    static const struct {
        const char *claims, *name;
    } row[] = {
        {",\"preferred_username\":\"alice\",\"name\":\"Alice A.\"", "alice"},
        {",\"preferred_username\":\"\",\"name\":\"Alice A.\"", "Alice A."},
        {",\"preferred_username\":7,\"name\":\"Alice A.\"", "Alice A."},
        {",\"name\":\"a\\u007fb\"", ""},
        {",\"name\":\"a\\nb\"", ""},
        {"", ""},
    };
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    char longer[STAFF_NAME_MAX + 2] = {0};
    struct token t;
    struct err e;
    for (size_t i = 0; i <= COUNT(row); i++) {
        memset(longer, 'n', STAFF_NAME_MAX + 1);
        const char *more = i < COUNT(row) ? row[i].claims : arena_printf(a, ",\"name\":\"%s\"", longer);
        char *claims = arena_printf(a, C(ISS, "\"lazaret\"", "\"u1\"", OK_T, "%s"), more);
        CHECK_OK(token_check(&rules, jws_sign(a, H("RS256"), claims, rsa, "RS256"), slice_of(jwk[RSA_KEY]),
                             NOW * INT64_C(1000000), a, &t, &e));
        CHECK_STR(t.name, i < COUNT(row) ? row[i].name : "");
    }
}

TEST(a_subject_is_bounded)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char sub[SUBJECT_MAX + 2] = {0};
    struct token t;
    struct err e;
    memset(sub, 's', SUBJECT_MAX);
    char *claims = arena_printf(a, C(ISS, "\"lazaret\"", "\"%s\"", OK_T, ""), sub);
    CHECK_OK(token_check(&rules, jws_sign(a, H("RS256"), claims, rsa, "RS256"), slice_of(jwk[RSA_KEY]), NOW * INT64_C(1000000), a,
                         &t, &e));
    sub[SUBJECT_MAX] = 's';
    claims = arena_printf(a, C(ISS, "\"lazaret\"", "\"%s\"", OK_T, ""), sub);
    refused(jws_sign(a, H("RS256"), claims, rsa, "RS256"), jwk[RSA_KEY], &rules, NOW, "sub");
}

TEST(roles_are_found_where_the_setting_says_in_every_shape)
{
    enum { D = 1 << ROLE_DOCTOR, I = 1 << ROLE_INSTALLER, M = 1 << ROLE_MONITOR, R = 1 << ROLE_RESEARCHER };
    static const struct {
        const char *path, *claims;
        uint32_t roles;
    } row[] = {
        {"realm_access.roles", "\"realm_access\":{\"roles\":[\"doctor\",\"researcher\"]}", D | R},
        {"realm_access.roles", "\"realm_access\":{\"roles\":[\"dottore\",\"iit\",\"imt\",\"unimi\"]}", D | I | M | R},
        {"realm_access.roles", "\"realm_access\":{\"roles\":[\"Doctor\",\"offline_access\",7,null,[\"doctor\"]]}", 0},
        {"realm_access.roles", "\"realm_access\":[\"doctor\"]", 0},
        {"realm_access.roles", "\"roles\":[\"doctor\"]", 0},
        {"resource_access.lazaret.roles", "\"resource_access\":{\"lazaret\":{\"roles\":[\"monitor\"]}}", M},
        {"resource_access.lazaret.roles", "\"resource_access\":{\"other\":{\"roles\":[\"monitor\"]}}", 0},
        {"roles", "\"roles\":\"doctor,researcher\"", D | R},
        {"roles", "\"roles\":\"doctor researcher\"", D | R},
        {"roles", "\"roles\":\" doctor, researcher,\"", D | R},
        {"roles", "\"roles\":\"doctorresearcher\"", 0},
        {"roles", "\"roles\":\"\"", 0},
        {"roles", "\"roles\":7", 0},
        {"https://id.example/roles", "\"https://id.example/roles\":[\"doctor\"]", D},
        {"roles", "\"roles\":[\"client\",\"operator\",\"anonymous\"]", 0}, /* never a provider's to give */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct token_rules r = {ISS, "lazaret", false, row[i].path};
        struct token t;
        struct err e;
        char *claims = arena_printf(a, C(ISS, "\"lazaret\"", "\"u1\"", OK_T, ",%s"), row[i].claims);
        CHECK_OK(token_check(&r, jws_sign(a, H("RS256"), claims, rsa, "RS256"), slice_of(jwk[RSA_KEY]), NOW * INT64_C(1000000), a,
                             &t, &e));
        if (t.roles != row[i].roles)
            fail_msg("%s in %s: %x, want %x", row[i].path, row[i].claims, t.roles, row[i].roles);
    }
}

TEST(a_key_is_found_by_its_kid_and_without_one_only_if_there_is_no_choice)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char *two = arena_printf(a, "{\"keys\":[%s,%s,{\"kty\":\"OKP\",\"kid\":\"k9\"},7]}", jwk[RSA_KEY], jwk[P256_KEY]);
    char *twice = arena_printf(a, "{\"keys\":[%s,%s]}", jwk[RSA_KEY], jwk[RSA_KEY]);
    const struct {
        const char *set, *alg, *kid;
        int found;
        const char *key;
    } row[] = {
        {two, "RS256", "k1", 1, jwk[RSA_KEY]}, {two, "ES256", "k1", 1, jwk[P256_KEY]},
        {two, "RS256", "k2", 0, NULL},         {two, "RS256", "k9", 1, "{\"kty\":\"OKP\",\"kid\":\"k9\"}"},
        {two, "RS256", "", 1, jwk[RSA_KEY]},   {twice, "RS256", "", 0, NULL},
        {twice, "ES256", "", 0, NULL},         {"{\"keys\":[]}", "RS256", "k1", 0, NULL},
        {"{}", "RS256", "k1", 0, NULL},        {"[]", "RS256", "k1", 0, NULL},
        {"x", "RS256", "k1", 0, NULL},
        {two, "HS256", "k1", 1, jwk[RSA_KEY]}, /* there, and fit for nothing of this name: told by token_signed */
        {"{\"keys\":[{\"kty\":\"RSA\"},{\"kid\":7}]}", "RS256", "k1", 0, NULL},
        {"{\"keys\":[{\"kid\":\"k1\",\"n\":1},{\"kid\":\"k1\",\"n\":2}]}", "RS256", "k1", 1, "{\"kid\":\"k1\",\"n\":1}"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct token_head head = {.alg = ""};
        struct slice key = {NULL, 0};
        struct err e;
        snprintf(head.alg, sizeof head.alg, "%s", row[i].alg);
        snprintf(head.kid, sizeof head.kid, "%s", row[i].kid);
        CHECK_INT(token_key(slice_of(row[i].set), &head, a, &key, &e), row[i].found);
        if (row[i].key)
            CHECK_SLICE(key, row[i].key);
    }
}

/* --- ID tokens and logout tokens --- */

static const struct id_rules id_rules = {"https://id.example", "lazaret", "realm_access.roles"};
#define ID(iss, aud, more) "{\"iss\":\"" iss "\",\"aud\":" aud ",\"sub\":\"u1\",\"exp\":1900000300,\"iat\":1900000000" more "}"
#define GOOD_ISS           "https://id.example"
#define NONCE              ",\"nonce\":\"n1\""

TEST(an_id_token_is_of_this_provider_this_client_and_this_sign_in)
{
    static const struct {
        const char *claims, *says; /* NULL: it is good */
    } row[] = {
        {ID(GOOD_ISS, "\"lazaret\"", NONCE), NULL},
        {ID(GOOD_ISS, "[\"lazaret\"]", NONCE), NULL},
        {ID(GOOD_ISS, "[\"lazaret\",\"x\"]", NONCE ",\"azp\":\"lazaret\""), NULL},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"sid\":\"s1\",\"auth_time\":1899999990"), NULL},
        {ID("https://id.example/", "\"lazaret\"", NONCE), "iss"},
        {ID(GOOD_ISS, "\"other\"", NONCE), "aud"},
        {ID(GOOD_ISS, "[]", NONCE), "aud"},
        {ID(GOOD_ISS, "[\"lazaret\",\"x\"]", NONCE), "azp"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"azp\":\"x\""), "azp"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"azp\":7"), "azp"},
        {ID(GOOD_ISS, "\"lazaret\"", ""), "nonce"},
        {ID(GOOD_ISS, "\"lazaret\"", ",\"nonce\":\"n2\""), "nonce"},
        {ID(GOOD_ISS, "\"lazaret\"", ",\"nonce\":\"n11\""), "nonce"},
        {ID(GOOD_ISS, "\"lazaret\"", ",\"nonce\":[\"n1\"]"), "nonce"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"at_hash\":\"AAAAAAAAAAAAAAAAAAAAAA\""), "at_hash"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"at_hash\":1"), "at_hash"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"sid\":\"\""), "sid"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"sid\":7"), "sid"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"sid\":\"a\\u0000b\""), "not JSON"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"at_hash\":\"AA\""), "at_hash"},
        {"{\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1900000300,\"iat\":1900000000,\"nonce\":\"n1\"}", "iss"},
        {ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"auth_time\":\"x\""), "auth_time"},
        {"{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1900000300,\"nonce\":\"n1\"}", "iat"},
        {"{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"sub\":\"u1\",\"exp\":1899999000,\"iat\":1899998000,\"nonce\":\"n1\"}",
         "expired"},
        {"{\"iss\":\"https://id.example\",\"aud\":\"lazaret\",\"exp\":1900000300,\"iat\":1900000000,\"nonce\":\"n1\"}", "sub"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct id_token t;
        struct err e = {.detail = ""};
        struct slice token = jws_sign(a, H("RS256"), row[i].claims, rsa, "RS256");
        int rc = id_token_check(&id_rules, token, slice_of(jwk[RSA_KEY]), "n1", SLICE("access"), NOW * INT64_C(1000000), a, &t, &e);
        if (rc != (row[i].says ? -1 : 0) || (row[i].says && !strstr(e.detail, row[i].says)))
            fail_msg("row %zu: %s", i, rc ? e.detail : "accepted");
    }
    /* its own hash of the access token, by the hash of its own algorithm */
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    uint8_t hash[SHA384_BYTES];
    char text[64];
    struct id_token t;
    struct err e;
    sha256(SLICE("access"), hash);
    base64url_encode(hash, 16, text);
    const char *claims = arena_printf(a, ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"at_hash\":\"%s\""), text);
    CHECK_OK(id_token_check(&id_rules, jws_sign(a, H("RS256"), claims, rsa, "RS256"), slice_of(jwk[RSA_KEY]), "n1", SLICE("access"),
                            NOW * INT64_C(1000000), a, &t, &e));
    sha384(SLICE("access"), hash);
    base64url_encode(hash, 24, text);
    claims = arena_printf(a, ID(GOOD_ISS, "\"lazaret\"", NONCE ",\"at_hash\":\"%s\""), text);
    CHECK_OK(id_token_check(&id_rules, jws_sign(a, H("ES384"), claims, p384, "ES384"), slice_of(jwk[P384_KEY]), "n1", SLICE("access"),
                            NOW * INT64_C(1000000), a, &t, &e));
}

#define EVENTS ",\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}}"
#define OUT(more) "{\"iss\":\"https://id.example\",\"aud\":\"lazaret\"" more "}"
#define T0 ",\"iat\":1900000000,\"jti\":\"j1\""

TEST(a_logout_token_is_young_names_somebody_and_is_no_id_token)
{
    static const struct {
        const char *claims, *says;
    } row[] = {
        {OUT(T0 EVENTS ",\"sub\":\"u1\""), NULL},
        {OUT(T0 EVENTS ",\"sid\":\"s1\""), NULL},
        {OUT(T0 EVENTS ",\"sub\":\"u1\",\"exp\":1900000010"), NULL},
        {OUT(T0 EVENTS), "neither who"},
        {OUT(T0 EVENTS ",\"sub\":\"u1\",\"nonce\":\"n\""), "nonce"},
        {OUT(T0 ",\"sub\":\"u1\""), "events"},
        {OUT(T0 ",\"sub\":\"u1\",\"events\":{}"), "events"},
        {OUT(T0 ",\"sub\":\"u1\",\"events\":[\"http://schemas.openid.net/event/backchannel-logout\"]"), "events"},
        {OUT(T0 ",\"sub\":\"u1\",\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":1}"), "events"},
        {OUT(EVENTS ",\"jti\":\"j1\",\"sub\":\"u1\""), "iat"},
        {OUT(EVENTS ",\"jti\":\"j1\",\"sub\":\"u1\",\"iat\":1899999639"), "too old"},
        {OUT(EVENTS ",\"jti\":\"j1\",\"sub\":\"u1\",\"iat\":1899999641"), NULL},
        {OUT(EVENTS ",\"jti\":\"j1\",\"sub\":\"u1\",\"iat\":1900000061"), "too old"},
        {OUT(T0 EVENTS ",\"sub\":\"u1\",\"exp\":1899999940"), "too old"},
        {OUT(EVENTS ",\"iat\":1900000000,\"sub\":\"u1\""), "jti"},
        {OUT(EVENTS ",\"iat\":1900000000,\"jti\":\"\",\"sub\":\"u1\""), "jti"},
        {OUT(T0 EVENTS ",\"sub\":\"u1\",\"exp\":\"x\""), "iat"},
        {OUT(T0 EVENTS ",\"sub\":\"\""), "neither who"},
        {"{\"iss\":\"https://other.example\",\"aud\":\"lazaret\"" T0 EVENTS ",\"sub\":\"u1\"}", "issuer"},
        {OUT(T0 EVENTS ",\"sub\":\"u1\",\"sid\":\"\""), "neither who"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct logout_token t;
        struct err e = {.detail = ""};
        struct slice token = jws_sign(a, "{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"logout+jwt\"}", row[i].claims, rsa, "RS256");
        int rc = logout_token_check(&id_rules, token, slice_of(jwk[RSA_KEY]), NOW * INT64_C(1000000), a, &t, &e);
        if (rc != (row[i].says ? -1 : 0) || (row[i].says && !strstr(e.detail, row[i].says)))
            fail_msg("row %zu: %s", i, rc ? e.detail : "accepted");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_of_each_algorithm_is_accepted_and_says_who_it_is),
        cmocka_unit_test(a_header_that_is_not_what_is_accepted_is_refused),
        cmocka_unit_test(a_signature_by_the_public_key_as_a_secret_is_refused),
        cmocka_unit_test(a_key_that_is_not_for_this_is_refused),
        cmocka_unit_test(a_token_that_is_no_token_is_refused),
        cmocka_unit_test(claims_decide_one_by_one),
        cmocka_unit_test(azp_counts_where_the_setting_says_so_and_only_that_client),
        cmocka_unit_test(a_name_is_what_can_be_shown_or_none),
        cmocka_unit_test(a_subject_is_bounded),
        cmocka_unit_test(roles_are_found_where_the_setting_says_in_every_shape),
        cmocka_unit_test(an_id_token_is_of_this_provider_this_client_and_this_sign_in),
        cmocka_unit_test(a_logout_token_is_young_names_somebody_and_is_no_id_token),
        cmocka_unit_test(a_key_is_found_by_its_kid_and_without_one_only_if_there_is_no_choice),
    };
    int failed = cmocka_run_group_tests(tests, make_keys, drop_keys);
    arena_thread_end();
    return failed;
}
