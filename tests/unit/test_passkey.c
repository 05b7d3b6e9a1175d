/* Passkeys are made and used here, by keys made here: every refusal by one that is wrong in that point alone. */
#include "soft_key.h"

#include "identity/passkey.h"

#define HOST   "study.example"
#define ORIGIN "https://study.example:8443"
static const struct passkey_rules rules = {ORIGIN, HOST};
static const char made[] = "{\"type\":\"webauthn.create\",\"challenge\":\"AAECAwQ\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}";
static const char used[] = "{\"type\":\"webauthn.get\",\"challenge\":\"AAECAwQ\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}";
enum { UP = 0x01, UV = 0x04, BE = 0x08, BS = 0x10, AT = 0x40, ED = 0x80 };

TEST(the_public_address_says_origin_and_host)
{
    static const struct {
        const char *url, *rp_id;
    } row[] = {
        {"https://study.example", "study.example"}, {"https://study.example:8443", "study.example"}, {"http://localhost:8080", "localhost"},
        {"https://localhost", "localhost"},         {"http://study.example", NULL},                  {"https://192.0.2.7:8443", NULL},
        {"https://[::1]:8443", NULL},               {"https://study.example/lazaret", NULL},         {"https://study.example:1/x", NULL},
        {"https://", NULL}, {"https://1.-", "1.-"},                         {"ftp://study.example", NULL},                   {"", NULL},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct passkey_rules r = {NULL, NULL};
        struct err e;
        CHECK_INT(passkey_rules(row[i].url, a, &r, &e), row[i].rp_id != NULL);
        if (row[i].rp_id) {
            CHECK_STR(r.rp_id, row[i].rp_id);
            CHECK_STR(r.origin, row[i].url);
        }
    }
}

TEST(what_the_browser_says_is_of_this_page_and_this_deed)
{
#define MAKE(type, challenge, origin, more) "{\"type\":\"" type "\",\"challenge\":\"" challenge "\",\"origin\":\"" origin "\"" more "}"
    static const struct {
        const char *text;
        enum passkey_deed deed;
        bool good;
    } row[] = {
        {made, PASSKEY_MAKE, true},
        {used, PASSKEY_USE, true},
        {made, PASSKEY_USE, false},
        {used, PASSKEY_MAKE, false},
        {MAKE("webauthn.get", "AAECAwQ", ORIGIN, ""), PASSKEY_USE, true},
        {MAKE("webauthn.get", "AAECAwQ", ORIGIN, ",\"other_keys_can_be_added_here\":\"x\""), PASSKEY_USE, true},
        {MAKE("webauthn.get", "AAECAwQ", ORIGIN, ",\"crossOrigin\":true"), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", ORIGIN, ",\"crossOrigin\":\"false\""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", ORIGIN, ",\"topOrigin\":\"" ORIGIN "\""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", ORIGIN, ",\"origin\":\"https://evil.example\""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", "https://study.example", ""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", "https://study.example:84430", ""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", "http://study.example:8443", ""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ", "https://study.example:8443.evil.example", ""), PASSKEY_USE, false},
        {MAKE("webauthn.get", "AAECAwQ=", ORIGIN, ""), PASSKEY_USE, false}, /* padded */
        {MAKE("webauthn.get", "AAECAwR", ORIGIN, ""), PASSKEY_USE, false},  /* another text of the same bytes */
        {MAKE("webauthn.get", "A+/=", ORIGIN, ""), PASSKEY_USE, false},
        {"{\"type\":\"webauthn.get\",\"origin\":\"" ORIGIN "\"}", PASSKEY_USE, false},
        {"{\"type\":\"webauthn.get\",\"challenge\":\"AAECAwQ\"}", PASSKEY_USE, false},
        {"{\"type\":\"webauthn.get\",\"challenge\":7,\"origin\":\"" ORIGIN "\"}", PASSKEY_USE, false},
        {"[]", PASSKEY_USE, false},
        {"", PASSKEY_USE, false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 16);
        struct passkey_client c;
        struct err e = {.code = ERR_NONE};
        int rc = passkey_client(&rules, row[i].deed, slice_of(row[i].text), a, &c, &e);
        if ((rc == 0) != row[i].good)
            fail_msg("row %zu: %s", i, rc ? e.detail : "taken");
        if (rc == 0)
            assert_memory_equal(c.challenge.p, "\0\1\2\3\4", c.challenge.n);
        else
            CHECK_INT(e.code, row[i].deed == PASSKEY_MAKE ? ERR_BAD_REQUEST : ERR_TOKEN);
    }
}

struct maker {
    int algorithm, says; /* what its key is, and what the attestation says */
    const char *host, *id, *format, *client;
    unsigned flags;
    bool foreign; /* signed by another key */
    const char *behind;
    const char *statement; /* else what soft_attest writes */
};

static int make_one(const struct maker *m, EVP_PKEY *k, struct arena *a, struct passkey *ret, struct err *e)
{
    struct soft_bytes data = {0}, sig = {0}, all = {0};
    struct passkey_client c;
    const char *client = m->client ? m->client : made;
    soft_data(&data, m->host ? m->host : HOST, m->flags ? m->flags : UP | UV | AT, 7, k, m->algorithm, m->id ? m->id : "0123456789abcdef");
    if (m->behind)
        soft_add(&data, m->behind, strlen(m->behind));
    EVP_PKEY *other = m->foreign ? soft_make(m->algorithm) : NULL;
    bool none = !m->format || strcmp(m->format, "none") == 0;
    if (!none)
        soft_sign(&sig, other ? other : k, m->algorithm, &data, made);
    soft_attest(&all, none ? "none" : m->format, &data, none ? NULL : &sig, m->says ? m->says : m->algorithm);
    EVP_PKEY_free(other);
    CHECK_INT(passkey_client(&rules, PASSKEY_MAKE, slice_of(client), a, &c, e), 0);
    return passkey_made(&rules, &c, soft_slice(&all), a, ret, e);
}

TEST(a_passkey_is_made_for_this_host_by_somebody_who_was_verified)
{
    static const char other_client[] =
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAECAwU\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}";
    char long_id[1026];
    memset(long_id, 'x', sizeof long_id);
    long_id[1024] = 0;
    const struct {
        struct maker m;
        bool good;
    } row[] = {
        {{.algorithm = SOFT_ES256}, true},
        {{.algorithm = SOFT_EDDSA}, true},
        {{.algorithm = SOFT_RS256}, true},
        {{.algorithm = SOFT_ES256, .format = "packed"}, true},
        {{.algorithm = SOFT_EDDSA, .format = "packed"}, true},
        {{.algorithm = SOFT_ES256, .flags = UP | UV | AT | BE | BS}, true},
        {{.algorithm = SOFT_ES256, .flags = UP | UV | AT | ED, .behind = "\xa1" "cfmtaa"}, true}, /* an extension nobody asked for */
        {{.algorithm = SOFT_ES256, .format = "packed", .foreign = true}, false},
        {{.algorithm = SOFT_ES256, .format = "packed", .client = other_client}, false}, /* signed something else */
        {{.algorithm = SOFT_ES256, .format = "packed", .says = SOFT_EDDSA}, false},
        {{.algorithm = SOFT_ES256, .format = "tpm"}, false},
        {{.algorithm = SOFT_ES256, .host = "evil.example"}, false},
        {{.algorithm = SOFT_ES256, .flags = UP | AT}, false}, /* nobody was verified */
        {{.algorithm = SOFT_ES256, .flags = UV | AT}, false}, /* nobody was there */
        {{.algorithm = SOFT_ES256, .flags = UP | UV}, false}, /* a key that is not said to be there */
        {{.algorithm = SOFT_ES256, .flags = UP | UV | AT | BS}, false},
        {{.algorithm = SOFT_ES256, .flags = UP | UV | AT | ED}, false},
        {{.algorithm = SOFT_ES256, .behind = "x"}, false},
        {{.algorithm = SOFT_ES256, .id = ""}, false},
        {{.algorithm = SOFT_ES256, .id = long_id}, false},
    };
    EVP_PKEY *keys[] = {soft_make(SOFT_ES256), soft_make(SOFT_EDDSA), soft_make(SOFT_RS256)};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 18);
        struct err e = {.code = ERR_NONE};
        struct passkey p = {.count = 0};
        int algorithm = row[i].m.algorithm;
        EVP_PKEY *k = keys[algorithm == SOFT_ES256 ? 0 : algorithm == SOFT_EDDSA ? 1 : 2];
        int rc = make_one(&row[i].m, k, a, &p, &e);
        if ((rc == 0) != row[i].good)
            fail_msg("row %zu: %s", i, rc ? e.detail : "taken");
        if (rc == 0) {
            CHECK_INT(p.algorithm, algorithm);
            CHECK_SLICE(p.id, "0123456789abcdef");
            CHECK_INT(p.count, 7);
            CHECK(p.eligible == !!(row[i].m.flags & BE) && p.backed_up == !!(row[i].m.flags & BS));
        } else {
            CHECK_INT(e.code, ERR_BAD_REQUEST);
        }
    }
    for (size_t i = 0; i < COUNT(keys); i++)
        EVP_PKEY_free(keys[i]);
}

struct user {
    int algorithm;
    const char *host, *client;
    unsigned flags;
    bool foreign, eligible, with_key, cut, unsigned_;
    const char *behind;
};

static int use_one(const struct user *u, EVP_PKEY *k, struct passkey *p, struct arena *a, struct err *e)
{
    struct soft_bytes data = {0}, sig = {0};
    struct passkey_client c;
    EVP_PKEY *other = u->foreign ? soft_make(u->algorithm) : NULL;
    soft_data(&data, u->host ? u->host : HOST, u->flags ? u->flags : UP | UV, 9, u->with_key ? k : NULL, u->algorithm, "0123456789abcdef");
    if (u->behind)
        soft_add(&data, u->behind, strlen(u->behind));
    soft_sign(&sig, other ? other : k, u->algorithm, &data, used);
    EVP_PKEY_free(other);
    data.n -= u->cut;
    sig.n = u->unsigned_ ? 0 : sig.n;
    CHECK_INT(passkey_client(&rules, PASSKEY_USE, slice_of(u->client ? u->client : used), a, &c, e), 0);
    return passkey_used(&rules, &c, soft_slice(&data), soft_slice(&sig), p, e);
}

TEST(a_passkey_is_used_by_its_key_for_this_host_with_verification)
{
    static const char other[] = "{\"type\":\"webauthn.get\",\"challenge\":\"AAECAwU\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}";
    static const struct {
        struct user u;
        bool good;
    } row[] = {
        {{.algorithm = SOFT_ES256}, true},
        {{.algorithm = SOFT_EDDSA}, true},
        {{.algorithm = SOFT_RS256}, true},
        {{.algorithm = SOFT_ES256, .eligible = true, .flags = UP | UV | BE | BS}, true},
        {{.algorithm = SOFT_ES256, .foreign = true}, false},
        {{.algorithm = SOFT_EDDSA, .foreign = true}, false},
        {{.algorithm = SOFT_RS256, .foreign = true}, false},
        {{.algorithm = SOFT_ES256, .client = other}, false},
        {{.algorithm = SOFT_ES256, .host = "evil.example"}, false},
        {{.algorithm = SOFT_ES256, .flags = UP}, false},
        {{.algorithm = SOFT_ES256, .flags = UV}, false},
        {{.algorithm = SOFT_ES256, .flags = UP | UV | BE}, false}, /* it was bound to its device */
        {{.algorithm = SOFT_ES256, .eligible = true}, false},
        {{.algorithm = SOFT_ES256, .with_key = true, .flags = UP | UV | AT}, false},
        {{.algorithm = SOFT_ES256, .with_key = true}, false},
        {{.algorithm = SOFT_ES256, .flags = UP | UV | ED}, false},
        {{.algorithm = SOFT_ES256, .behind = "x"}, false},
        {{.algorithm = SOFT_ES256, .cut = true}, false},
        {{.algorithm = SOFT_ES256, .unsigned_ = true}, false},
    };
    EVP_PKEY *keys[] = {soft_make(SOFT_ES256), soft_make(SOFT_EDDSA), soft_make(SOFT_RS256)};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 18);
        struct err e = {.code = ERR_NONE};
        struct passkey p = {.count = 0};
        int algorithm = row[i].u.algorithm;
        EVP_PKEY *k = keys[algorithm == SOFT_ES256 ? 0 : algorithm == SOFT_EDDSA ? 1 : 2];
        CHECK_OK(make_one(&(struct maker){.algorithm = algorithm, .flags = UP | UV | AT | (row[i].u.eligible ? BE : 0)}, k, a, &p, &e));
        int rc = use_one(&row[i].u, k, &p, a, &e);
        if ((rc == 0) != row[i].good)
            fail_msg("row %zu: %s", i, rc ? e.detail : "taken");
        CHECK_INT(p.count, rc == 0 ? 9 : 7);
        CHECK(rc == 0 || e.code == ERR_TOKEN);
    }
    for (size_t i = 0; i < COUNT(keys); i++)
        EVP_PKEY_free(keys[i]);
}

TEST(a_signature_has_a_length)
{
    static char longer[PASSKEY_SIGNATURE_MAX + 1], much[PASSKEY_DATA_MAX + 1];
    OWN_ARENA struct arena *a = arena_new(1 << 18);
    EVP_PKEY *k = soft_make(SOFT_ES256);
    struct soft_bytes data = {0};
    struct passkey_client c;
    struct passkey p;
    struct err e = {.code = ERR_NONE};
    CHECK_OK(make_one(&(struct maker){.algorithm = SOFT_ES256, .flags = UP | UV | AT}, k, a, &p, &e));
    CHECK_OK(passkey_client(&rules, PASSKEY_USE, slice_of(used), a, &c, &e));
    soft_data(&data, "study.example", UP | UV, 9, NULL, SOFT_ES256, NULL);
    const struct slice row[][2] = {{soft_slice(&data), {longer, 0}},
                                   {soft_slice(&data), {longer, sizeof longer}},
                                   {{much, sizeof much}, {longer, 1}}};
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_INT(passkey_used(&rules, &c, row[i][0], row[i][1], &p, &e), -1);
        CHECK(e.code == ERR_TOKEN && strstr(e.detail, "too long") != NULL);
    }
    EVP_PKEY_free(k);
}

TEST(a_counter_goes_on_or_is_none)
{
    static const struct {
        uint32_t before, now;
        bool follows;
    } row[] = {{0, 0, true},  {0, 1, true},  {1, 2, true},           {7, 7, false},
               {7, 6, false}, {7, 0, false}, {UINT32_MAX, 0, false}, {1, UINT32_MAX, true}};
    for (size_t i = 0; i < COUNT(row); i++)
        CHECK(passkey_count_follows(row[i].before, row[i].now) == row[i].follows);
}

/* What claims to be longer than it is reaches no parser that would make room for it. */
TEST(cbor_that_claims_too_much_is_not_read)
{
    static char most[PASSKEY_ATTESTATION_MAX + 1];
    static const struct {
        const char *p;
        size_t n;
    } row[] = {
        {"\xbf\x63" "fmt", 5},                                                  /* of no definite length */
        {"\xa3\x63" "fmt\x64none\x67" "attStmt\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", 28}, /* 2^63 - 1 members */
        {"\xa3\x63" "fmt\x64none\x67" "attStmt\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\xa0\x68" "authData\x41x", 41},
        {"\xa3\x63" "fmt\x64none\x67" "attStmt\xa0\x68" "authData\x5a\xff\xff\xff\xff", 33},
        {"\xa3\x63" "fmt\x64none\x63" "fmt\x64none\x63" "fmt\x64none", 28},
        {"\xa3", 1},
        {"", 0},
#define FMT  "\x63" "fmt\x64none"
#define STMT "\x67" "attStmt\xa0"
#define DATA "\x68" "authData\x41x"
#define ROW(text) {text, sizeof text - 1}
        ROW("\x83" FMT STMT DATA), /* a list */
        ROW("\xa2" FMT STMT),
        ROW("\xa3" FMT STMT DATA "x"),
        ROW("\xa3" FMT STMT STMT),
        ROW("\xa3" FMT DATA DATA),
        ROW("\xa3" STMT DATA DATA),
        ROW("\xa3" FMT STMT "\x48" "authData\x41x"), /* bytes for a name */
        ROW("\xa3" "\x63" "fmt\x44none" STMT DATA),  /* bytes for a text */
        ROW("\xa3" FMT STMT "\x68" "authData\x61x"), /* a text for bytes */
        ROW("\xa3" FMT STMT "\x01\x41x"),
        {most, PASSKEY_ATTESTATION_MAX + 1},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    struct passkey_client c;
    struct err e;
    struct passkey p;
    CHECK_OK(passkey_client(&rules, PASSKEY_MAKE, slice_of(made), a, &c, &e));
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_INT(passkey_made(&rules, &c, (struct slice){row[i].p, row[i].n}, a, &p, &e), -1);
        CHECK_STR(e.detail, "the attestation object cannot be read");
    }
}

RUN(T(the_public_address_says_origin_and_host), T(what_the_browser_says_is_of_this_page_and_this_deed),
    T(a_passkey_is_made_for_this_host_by_somebody_who_was_verified), T(a_passkey_is_used_by_its_key_for_this_host_with_verification),
    T(a_signature_has_a_length), T(a_counter_goes_on_or_is_none),
    T(cbor_that_claims_too_much_is_not_read))
