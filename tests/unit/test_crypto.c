#include "test.h"

#include "crypto/digest.h"
#include "crypto/seal.h"

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

RUN(T(xaes_reproduces_its_published_vectors), T(hkdf_reproduces_rfc_5869_case_3), T(hmac_reproduces_rfc_4231_cases_2_and_6),
    T(a_sealed_value_opens_only_where_it_was_sealed))
