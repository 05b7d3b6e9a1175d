#include "test.h"

#include <sodium.h>

#include "crypto/chunked.h"
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

/* The classical cases of 256 bits: McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, 13 to 16 (the mode
 * became SP 800-38D). */
TEST(gcm_reproduces_its_published_cases_13_to_16)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000",
                      key[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                      text[] = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                               "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
    static const struct {
        const char *key, *iv, *aad;
        struct slice plain; /* hexadecimal */
        const char *sealed;
    } row[] = {
        {zeros, "000000000000000000000000", "", {"", 0}, "530f8afbc74536b9a963b4f1c4cb738b"},
        {zeros, "000000000000000000000000", "", {zeros, 32}, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
        {key, "cafebabefacedbaddecaf888", "", {text, 128},
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
         "b094dac5d93471bdec1a502270e3cc6c"},
        {key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", {text, 120},
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
         "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t k[32], iv[12], aad[20], plain[64], sealed[80], opened[64];
        int n_aad = hex_decode(slice_of(row[i].aad), aad, sizeof aad), n = hex_decode(row[i].plain, plain, sizeof plain);
        hex_decode(slice_of(row[i].key), k, sizeof k);
        hex_decode(slice_of(row[i].iv), iv, sizeof iv);
        struct slice a = {(char *)aad, (size_t)n_aad}, p = {(char *)plain, (size_t)n}, s = {(char *)sealed, (size_t)n + 16};
        CHECK_INT(gcm_seal(k, iv, a, p, sealed), 0);
        check_hex(sealed, s.n, row[i].sealed);
        CHECK_INT(gcm_open(k, iv, a, s, opened), 0);
        CHECK(n == 0 || memcmp(opened, plain, (size_t)n) == 0);
        for (size_t bit = 0; bit < 8 * s.n; bit++) {
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK_INT(gcm_open(k, iv, a, s, opened), -1);
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void counting(uint8_t *p, size_t n, uint8_t from)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(from + i);
}

/* RFC 5869, A.1 to A.3. The info of A.1 and A.2 is no text without NUL, but has none, so it can be a label. */
TEST(hkdf_reproduces_rfc_5869_cases_1_to_3)
{
    uint8_t ikm[80], salt[80], okm[82];
    char info[81] = "";
    memset(ikm, 0x0b, 22);
    counting(salt, 13, 0);
    counting((uint8_t *)info, 10, 0xf0);
    hkdf((struct slice){(char *)ikm, 22}, (struct slice){(char *)salt, 13}, info, okm, 42);
    check_hex(okm, 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    hkdf((struct slice){(char *)ikm, 22}, SLICE(""), "", okm, 42);
    check_hex(okm, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    counting(ikm, 80, 0);
    counting(salt, 80, 0x60);
    counting((uint8_t *)info, 80, 0xb0);
    hkdf((struct slice){(char *)ikm, 80}, (struct slice){(char *)salt, 80}, info, okm, 82);
    check_hex(okm, 82,
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
              "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
              "cc30c58179ec3e87c14c01d5c1f3434f1d87");
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

/* TEST 1024 of RFC 8032, 7.1: 1023 bytes. */
static const char message_1023[] =
    "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98"
    "fa6e264bf09efe12ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d8"
    "79de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d"
    "658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc"
    "1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4fe"
    "ba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e"
    "06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbef"
    "efd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7"
    "aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
    "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2"
    "d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
    "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270"
    "88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc"
    "2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b07"
    "07e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba"
    "b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51a"
    "ddd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429e"
    "c96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
    "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c"
    "42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8"
    "ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
    "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
    "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649"
    "de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4"
    "88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3"
    "2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e"
    "6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
    "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b5"
    "0d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1"
    "369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d"
    "b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c"
    "0618983f8741c5ef68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0";

/* RFC 8032, 7.1, all five: tests 1 to 3, 1024, and SHA(abc), whose message is SHA-512("abc"). */
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
        {"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
         "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e", message_1023,
         "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
         "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"},
        {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
         "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
         "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
         "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t seed[SIGN_SEED], public[SIGN_PUBLIC], message[1023], sig[SIGN_BYTES];
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

/* C2: each bit of what is sealed and of each thing it is bound to, and each of them in another's place. */
TEST(no_bit_of_a_sealed_value_its_key_or_its_place_may_be_another)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct key k;
    struct slice sealed, plain;
    struct id {
        uint8_t byte[16];
    } id[3];
    for (int i = 0; i < 3; i++)
        counting(id[i].byte, 16, (uint8_t)(50 * i));
    key_make(&k);
    struct seal_place at = {id[0].byte, id[1].byte, id[2].byte, 0x0102, 0x0304, 0x05060708}, moved;
    CHECK_OK(seal(&k, &at, SLICE("secret"), a, &sealed, &e));
    CHECK_OK(seal_open(&k, &at, sealed, a, &plain, &e));
    for (int which = 0; which < 3; which++)
        for (int bit = 0; bit < 128; bit++) {
            id[which].byte[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK_INT(seal_open(&k, &at, sealed, a, &plain, &e), -1);
            id[which].byte[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    for (int bit = 0; bit < 32; bit++) {
        moved = at, moved.revision ^= 1u << bit;
        CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
        moved = at, moved.table ^= (uint16_t)(bit < 16 ? 1u << bit : 0), moved.column ^= (uint16_t)(bit < 16 ? 0 : 1u << (bit - 16));
        CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    }
    for (int bit = 0; bit < 8 * KEY_BYTES; bit++) {
        k.secret[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(seal_open(&k, &at, sealed, a, &plain, &e), -1);
        k.secret[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int bit = 0; bit < 8 * KEY_ID_BYTES; bit++) {
        k.id[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(seal_open(&k, &at, sealed, a, &plain, &e), -1);
        k.id[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    const uint8_t *const ids[] = {id[0].byte, id[1].byte, id[2].byte};
    for (int i = 1; i < 6; i++) { /* every other order of scope, row and subject */
        static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        moved = at, moved.scope = ids[order[i][0]], moved.row = ids[order[i][1]], moved.subject = ids[order[i][2]];
        CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    }
    moved = at, moved.table = at.column, moved.column = at.table;
    CHECK_INT(seal_open(&k, &moved, sealed, a, &plain, &e), -1);
    CHECK_OK(seal_open(&k, &at, sealed, a, &plain, &e));
}

/* --- chunked --- */

/* "00(16384)": so many of them. */
static size_t spell_out(const char *hex, uint8_t *out, size_t max)
{
    size_t n = 0;
    while (*hex) {
        CHECK(n < max);
        CHECK_INT(hex_decode((struct slice){hex, 2}, out + n, 1), 1);
        hex += 2;
        size_t times = *hex == '(' ? strtoul(hex + 1, NULL, 10) : 1;
        if (*hex == '(')
            hex = strchr(hex, ')') + 1;
        CHECK(n + times <= max);
        memset(out + n, out[n], times);
        n += times;
    }
    return n;
}

/* What opens of a sealed message, from its beginning: so many bytes. *ret_whole: it is all there is, and nothing behind
 * it. */
static size_t open_message(const uint8_t key[KEY_BYTES], struct slice context, struct slice in, uint8_t *out,
                           bool *ret_whole)
{
    struct chunked c;
    size_t n = 0;
    *ret_whole = false;
    if (in.n < CHUNKED_HEAD || chunked_resume(key, context, (const uint8_t *)in.p, &c))
        return 0;
    for (size_t at = CHUNKED_HEAD, len; at < in.n; at += len) {
        len = in.n - at < CHUNK_SEALED ? in.n - at : CHUNK_SEALED;
        if (chunked_open(&c, (struct slice){in.p + at, len}, out + n))
            break;
        n += len - CHUNK_MORE;
    }
    *ret_whole = c.ended;
    return n;
}

TEST(chunked_messages_are_those_of_wycheproof)
{
    static const struct {
        int id;
        const char *key, *context, *sealed;
        bool valid;
        size_t n;
        const char *hash;
    } row[] = {
#define VECTOR(id, comment, key, context, sealed, valid, n, hash) {id, key, context, sealed, valid, n, hash},
#include "chunked_vectors.def"
#undef VECTOR
    };
    static uint8_t in[1 << 16], out[1 << 16], again[1 << 16];
    for (size_t i = 0; i < COUNT(row); i++) {
        uint8_t key[KEY_BYTES], context[32], hash[crypto_hash_sha512_BYTES];
        bool whole;
        CHECK_INT(hex_decode(slice_of(row[i].key), key, sizeof key), KEY_BYTES);
        struct slice c = {(char *)context, (size_t)hex_decode(slice_of(row[i].context), context, sizeof context)};
        struct slice sealed = {(char *)in, spell_out(row[i].sealed, in, sizeof in)};
        size_t n = open_message(key, c, sealed, out, &whole);
        if (whole != row[i].valid || n != row[i].n)
            fail_msg("%d: %zu bytes, %s", row[i].id, n, whole ? "whole" : "not whole");
        crypto_hash_sha512(hash, out, n);
        if (*row[i].hash)
            check_hex(hash, sizeof hash, row[i].hash);
        if (!row[i].valid)
            continue;
        struct chunked w;
        chunked_begin(key, in, c, &w, again);
        for (size_t at = 0; !w.ended; at += CHUNK_TEXT)
            CHECK_INT(chunked_seal(&w, (struct slice){(char *)out + at, n - at < CHUNK_TEXT ? n - at : CHUNK_TEXT},
                                   again + CHUNKED_HEAD + at / CHUNK_TEXT * CHUNK_SEALED),
                      0);
        CHECK(memcmp(again, in, sealed.n) == 0);
        CHECK_INT(chunked_seal(&w, SLICE("more"), again), -1);
    }
}

/* The nonce of chunk 2^n, against the bare cipher: the number is a big-endian integer at the nonce's end. */
TEST(chunks_are_numbered_to_the_last)
{
    uint8_t key[KEY_BYTES] = {7}, salt[CHUNKED_SALT] = {9}, head[CHUNKED_HEAD], out[5 + CHUNK_MORE],
            want[5 + CHUNK_MORE];
    static uint8_t full[CHUNK_SEALED], text[CHUNK_TEXT];
    for (int bit = 0; bit < 38; bit++) {
        struct chunked c;
        chunked_begin(key, salt, SLICE("numbers"), &c, head);
        c.next = UINT64_C(1) << bit;
        uint8_t iv[GCM_IV];
        memcpy(iv, c.iv, sizeof iv);
        iv[GCM_IV - 1 - bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(gcm_seal(c.key, iv, SLICE(""), SLICE("chunk"), want), 0);
        CHECK_INT(chunked_seal(&c, SLICE("chunk"), out), 0);
        CHECK(memcmp(out, want, sizeof out) == 0);
    }
    struct chunked c;
    chunked_begin(key, salt, SLICE("numbers"), &c, head);
    c.next = (UINT64_C(1) << 38) - 1;
    CHECK_INT(chunked_seal(&c, (struct slice){(char *)text, CHUNK_TEXT}, full), 0);
    CHECK_INT(chunked_seal(&c, SLICE(""), out), -1);
}

TEST(a_chunk_that_does_not_open_gives_nothing_and_ends_it)
{
    uint8_t key[KEY_BYTES] = {1}, salt[CHUNKED_SALT] = {2}, head[CHUNKED_HEAD], sealed[3][8 + CHUNK_MORE], out[8];
    struct chunked c;
    for (int i = 0; i < 3; i++) {
        salt[0] = (uint8_t)i;
        chunked_begin(key, salt, SLICE("a"), &c, head);
        CHECK_INT(chunked_seal(&c, SLICE("the text"), sealed[i]), 0);
    }
    for (size_t bit = 0; bit < 8 * sizeof sealed[2]; bit++) {
        CHECK_INT(chunked_resume(key, SLICE("a"), head, &c), 0);
        memset(out, 'x', sizeof out);
        sealed[2][bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(chunked_open(&c, (struct slice){(char *)sealed[2], sizeof sealed[2]}, out), -1);
        CHECK(memcmp(out, "the text", 1) != 0 && !c.ended);
        sealed[2][bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(chunked_open(&c, (struct slice){(char *)sealed[2], sizeof sealed[2]}, out),
                  -1); /* nor the right one behind it */
    }
    CHECK_INT(chunked_resume(key, SLICE("a"), head, &c), 0); /* another message of the same key */
    CHECK_INT(chunked_open(&c, (struct slice){(char *)sealed[0], sizeof sealed[0]}, out), -1);
    for (size_t bit = 0; bit < 8 * CHUNKED_HEAD; bit++) {
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(chunked_resume(key, SLICE("a"), head, &c), -1);
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK_INT(chunked_resume(key, SLICE("b"), head, &c), -1);
}

RUN(T(signatures_are_those_of_rfc_8032),
    T(xaes_reproduces_its_published_vectors), T(hkdf_reproduces_rfc_5869_cases_1_to_3), T(hmac_reproduces_rfc_4231_cases_2_and_6),
    T(a_sealed_value_opens_only_where_it_was_sealed), T(gcm_reproduces_its_published_cases_13_to_16),
    T(no_bit_of_a_sealed_value_its_key_or_its_place_may_be_another),
    T(chunked_messages_are_those_of_wycheproof), T(chunks_are_numbered_to_the_last),
    T(a_chunk_that_does_not_open_gives_nothing_and_ends_it))
