#include "test.h"

#include "crypto/digest.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

static void check_hex(const void *p, size_t n, const char *want)
{
    char hex[513];
    hex_encode(p, n, hex);
    CHECK_STR(hex, want);
}

/* The two vectors of the C2SP specification of XAES-256-GCM, v1. */
TEST(xaes_reproduces_its_published_vectors)
{
    uint8_t key[32], out[64];
    const uint8_t *nonce = (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX";
    memset(key, 1, sizeof key);
    CHECK_INT(xaes_seal(key, nonce, SLICE(""), SLICE("XAES-256-GCM"), out), 0);
    check_hex(out, 28, "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    memset(key, 3, sizeof key);
    CHECK_INT(xaes_seal(key, nonce, SLICE("c2sp.org/XAES-256-GCM"), SLICE("XAES-256-GCM"), out), 0);
    check_hex(out, 28, "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

TEST(hkdf_reproduces_rfc_5869_case_3)
{
    uint8_t ikm[22], okm[42];
    memset(ikm, 0x0b, sizeof ikm);
    hkdf((struct slice){(char *)ikm, 22}, SLICE(""), "", okm, sizeof okm);
    check_hex(okm, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(hmac_reproduces_rfc_4231_cases_2_and_6)
{
    uint8_t mac[SHA256_BYTES], key[131];
    struct slice text = SLICE("what do ya want for nothing?");
    hmac_sha256(SLICE("Jefe"), &text, 1, mac);
    check_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    text = SLICE("Test Using Larger Than Block-Size Key - Hash Key First");
    hmac_sha256((struct slice){(char *)key, 131}, &text, 1, mac);
    check_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 8032, 7.1, tests 1 to 3. */
TEST(signatures_are_those_of_rfc_8032)
{
    static const struct {
        const char *seed, *public, *message, *signature;
    } row[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t seed[SIGN_SEED], public[SIGN_PUBLIC], message[4], sig[SIGN_BYTES];
        int n = hex_decode(slice_of(row[i].message), message, sizeof message);
        struct slice text = {(char *)message, (size_t)n};
        hex_decode(slice_of(row[i].seed), seed, sizeof seed);
        sign_public(seed, public);
        check_hex(public, sizeof public, row[i].public);
        sign_make(seed, text, sig);
        check_hex(sig, sizeof sig, row[i].signature);
        CHECK(sign_verify(public, text, sig));
        for (int bit = 0; bit < 8 * SIGN_BYTES; bit++) {
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(!sign_verify(public, text, sig));
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        public[3] ^= 1;
        CHECK(!sign_verify(public, text, sig));
    }
}

TEST(a_sealed_value_opens_only_where_it_was_sealed)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct key k, other;
    uint8_t scope[16] = {1}, row[16] = {2}, row2[16] = {3};
    struct slice sealed, plain;
    key_make(&k);
    key_make(&other);
    struct seal_place at = {scope, row, NULL, 1, 2, 3}, moved;
    CHECK_OK(seal(&k, &at, SLICE("secret"), a, &sealed, &e));
    CHECK_INT(sealed.n, 6 + SEAL_OVERHEAD);
    CHECK_OK(seal_open(&k, &at, sealed, a, &plain, &e));
    CHECK_SLICE(plain, "secret");
    CHECK_INT(seal_open(&other, &at, sealed, a, &plain, &e), -1);
    moved = at, moved.row = row2;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    moved = at, moved.scope = row2;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    moved = at, moved.subject = row2;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    moved = at, moved.table = 9;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    moved = at, moved.column = 9;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    moved = at, moved.revision = 2;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        struct slice bad = arena_copy(a, sealed);
        ((char *)bad.p)[bit / 8] ^= (char)(1 << bit % 8);
        CHECK_INT(seal_open(&k, &at, bad, a, &plain, &e), -1);
    }
    for (size_t n = 0; n < sealed.n; n++)
        CHECK_INT(seal_open(&k, &at, (struct slice){sealed.p, n}, a, &plain, &e), -1);
}

RUN(T(signatures_are_those_of_rfc_8032),
    T(xaes_reproduces_its_published_vectors), T(hkdf_reproduces_rfc_5869_case_3), T(hmac_reproduces_rfc_4231_cases_2_and_6),
    T(a_sealed_value_opens_only_where_it_was_sealed))
