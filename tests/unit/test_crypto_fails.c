/* A library that fails, in every call there is: nothing is sealed, nothing opened is left, and what must not fail ends
 * the process. */
#include "fail.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <sodium.h>

#include "crypto/digest.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

FAIL_DEATHS
FAIL_WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
FAIL_WRAP(int, EVP_EncryptInit_ex,
          (EVP_CIPHER_CTX * c, const EVP_CIPHER *type, ENGINE *engine, const unsigned char *key,
           const unsigned char *iv),
          (c, type, engine, key, iv), 0)
FAIL_WRAP(int, EVP_CipherInit_ex,
          (EVP_CIPHER_CTX * c, const EVP_CIPHER *type, ENGINE *engine, const unsigned char *key,
           const unsigned char *iv, int enc),
          (c, type, engine, key, iv, enc), 0)
FAIL_WRAP(int, EVP_CIPHER_CTX_set_padding, (EVP_CIPHER_CTX * c, int on), (c, on), 0)
FAIL_WRAP(int, EVP_EncryptUpdate, (EVP_CIPHER_CTX * c, unsigned char *out, int *n, const unsigned char *in, int m),
          (c, out, n, in, m), 0)
FAIL_WRAP(int, EVP_CipherUpdate, (EVP_CIPHER_CTX * c, unsigned char *out, int *n, const unsigned char *in, int m),
          (c, out, n, in, m), 0)
FAIL_WRAP(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *out, int *n), (c, out, n), 0)
FAIL_WRAP(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * c, int what, int n, void *p), (c, what, n, p), 0)
FAIL_WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
FAIL_WRAP(int, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *type, ENGINE *engine), (c, type, engine), 0)
FAIL_WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *p, size_t n), (c, p, n), 0)
FAIL_WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *out, unsigned *n), (c, out, n), 0)
FAIL_WRAP(int, SHA256_Init, (SHA256_CTX * c), (c), 0)
FAIL_WRAP(int, SHA256_Update, (SHA256_CTX * c, const void *p, size_t n), (c, p, n), 0)
FAIL_WRAP(int, SHA256_Final, (unsigned char *out, SHA256_CTX *c), (out, c), 0)
FAIL_WRAP(unsigned char *, SHA384, (const unsigned char *p, size_t n, unsigned char *out), (p, n, out), NULL)
FAIL_WRAP(int, pthread_key_create, (pthread_key_t * key, void (*end)(void *)), (key, end), EAGAIN)
FAIL_WRAP(int, sodium_init, (void), (), -1)
FAIL_WRAP(int, crypto_sign_seed_keypair, (unsigned char *public, unsigned char *secret, const unsigned char *seed),
          (public, secret, seed), -1)
FAIL_WRAP(int, crypto_sign_detached,
          (unsigned char *out, unsigned long long *n, const unsigned char *m, unsigned long long size,
           const unsigned char *secret),
          (out, n, m, size, secret), -1)

/* --- what must not fail --- */

static void digest_text(void)
{
    uint8_t out[SHA384_BYTES];
    sha256(SLICE("text"), out);
}

static void digest_wide(void)
{
    uint8_t out[SHA384_BYTES];
    sha384(SLICE("text"), out);
}

static void digest_in_pieces(void)
{
    struct sha256_run r;
    uint8_t out[SHA256_BYTES];
    sha256_begin(&r);
    sha256_add(&r, SLICE("text"));
    sha256_end(&r, out);
}

static void sign_text(void)
{
    static const uint8_t seed[SIGN_SEED] = {1};
    uint8_t out[SIGN_BYTES];
    sign_make(seed, SLICE("text"), out);
}

static void make_ciphers(void)
{
    static const uint8_t key[KEY_BYTES], iv[GCM_IV];
    uint8_t out[32];
    gcm_seal(key, iv, SLICE(""), SLICE(""), out);
}

/* `calls`: how many of those that can fail there are. The first that comes too late leaves it alive. */
TEST(digests_signatures_and_contexts_end_the_process_when_their_library_fails)
{
    static const struct {
        void (*run)(void);
        long calls;
    } row[] = {{digest_text, 3}, {digest_wide, 1}, {digest_in_pieces, 4}, {sign_text, 3}, {make_ciphers, 5}};
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK(!dies(row[i].run, 0));
        for (long n = 1; n <= row[i].calls; n++)
            if (!dies(row[i].run, n))
                fail_msg("row %zu lives on after call %ld failed", i, n);
    }
}

static void too_many_pieces(void)
{
    struct slice piece[9] = {{NULL, 0}};
    uint8_t mac[SHA256_BYTES];
    hmac_sha256(SLICE("key"), piece, COUNT(piece), mac);
}

static void too_long_output(void)
{
    static uint8_t out[255 * SHA256_BYTES + 1];
    hkdf(SLICE("secret"), SLICE(""), "label", out, sizeof out);
}

TEST(what_the_construction_does_not_allow_ends_the_process)
{
    CHECK(dies(too_many_pieces, 0));
    CHECK(dies(too_long_output, 0));
}

TEST(an_hmac_may_have_an_empty_key_and_pieces_that_come_over_time_are_the_whole)
{
    uint8_t mac[SHA256_BYTES], whole[SHA256_BYTES], parts[SHA256_BYTES];
    char hex[SHA256_TEXT];
    struct slice nothing = SLICE("");
    struct sha256_run r;
    hmac_sha256(SLICE(""), &nothing, 1, mac); /* of nothing, under nothing: as `openssl dgst -hmac ''` has it */
    CHECK_STR(sha256_text(mac, hex), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    sha256(SLICE("one and two"), whole);
    sha256_begin(&r);
    sha256_add(&r, SLICE("one "));
    sha256_add(&r, SLICE("and two"));
    sha256_end(&r, parts);
    CHECK(crypto_equal(whole, parts, sizeof whole));
    parts[31] ^= 1;
    CHECK(!crypto_equal(whole, parts, sizeof whole));
}

/* --- what says that it failed --- */

struct sealing {
    struct key key;
    struct seal_place at;
    struct slice plain, sealed;
    uint8_t scope[ID_BYTES], row[ID_BYTES];
};

static void prepare(struct sealing *x, struct slice plain, struct arena *a)
{
    struct err e;
    key_make(&x->key);
    x->at = (struct seal_place){.scope = x->scope, .row = x->row, .table = 1, .column = 1};
    x->plain = plain;
    fail_arm(0);
    CHECK_OK(seal(&x->key, &x->at, plain, a, &x->sealed, &e));
}

/* Until a run has fewer calls than n. Returns how many a run has. */
static long walk(int (*run)(struct sealing *x, struct arena *a, struct err *e), struct sealing *x)
{
    for (long n = 1;; n++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct err e = {.code = ERR_NONE};
        fail_arm(n);
        int rc = run(x, a, &e);
        if (fail_seen < n) {
            CHECK_INT(rc, 0);
            return n - 1;
        }
        CHECK_INT(rc, -1);
        CHECK_INT(e.code, ERR_KEYS);
    }
}

static int run_seal(struct sealing *x, struct arena *a, struct err *e)
{
    struct slice out = {"untouched", 9};
    int rc = seal(&x->key, &x->at, x->plain, a, &out, e);
    CHECK(rc == 0 || slice_is(out, "untouched"));
    return rc;
}

static int run_open(struct sealing *x, struct arena *a, struct err *e)
{
    struct slice out = {"untouched", 9};
    int rc = seal_open(&x->key, &x->at, x->sealed, a, &out, e);
    CHECK(rc == 0 ? slice_eq(out, x->plain) : slice_is(out, "untouched"));
    return rc;
}

TEST(a_cipher_that_fails_seals_nothing_and_opens_nothing)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct sealing full = {.scope = {1}}, empty = {.scope = {2}};
    prepare(&full, SLICE("secret"), a);
    prepare(&empty, SLICE(""), a);
    CHECK_INT(walk(run_seal, &full), 9); /* four that derive the message's key, five that seal under it */
    CHECK_INT(walk(run_open, &full), 9);
    CHECK_INT(walk(run_seal, &empty), 8);
    CHECK_INT(walk(run_open, &empty), 8);
}

TEST(what_was_deciphered_and_is_not_authentic_is_wiped)
{
    static const uint8_t key[KEY_BYTES] = {7}, iv[GCM_IV] = {9}, zeros[32];
    uint8_t sealed[32 + 16], out[32];
    fail_arm(0);
    CHECK_INT(gcm_seal(key, iv, SLICE("with"), (struct slice){(const char *)zeros, 32}, sealed), 0);
    sealed[40] ^= 1;
    memset(out, 0xee, sizeof out);
    CHECK_INT(gcm_open(key, iv, SLICE("with"), (struct slice){(const char *)sealed, sizeof sealed}, out), -1);
    CHECK(memcmp(out, zeros, sizeof out) == 0);
}

TEST(no_memory_is_told_as_such_and_lengths_that_cannot_be_are_refused)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    OWN_ARENA struct arena *small = arena_new(8);
    struct sealing x = {.scope = {1}};
    struct slice out;
    struct err e;
    uint8_t none[16], iv[GCM_IV] = {0};
    prepare(&x, SLICE("secret"), a);
    CHECK_INT(seal(&x.key, &x.at, x.plain, small, &out, &e), -1);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    fault_arm(FAULT_ALLOC, 1, 0);
    CHECK_INT(seal_open(&x.key, &x.at, x.sealed, a, &out, &e), -1);
    fault_arm(FAULT_ALLOC, 0, 0);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    /* OpenSSL counts in int: never looked at, so nothing need be there */
    struct slice huge = {(const char *)none, (size_t)INT32_MAX + 1};
    CHECK_INT(gcm_seal(x.key.secret, iv, SLICE(""), huge, none), -1);
    CHECK_INT(gcm_open(x.key.secret, iv, SLICE(""), huge, none), -1);
    CHECK_INT(gcm_open(x.key.secret, iv, SLICE(""), (struct slice){(const char *)none, 15}, none), -1);
}

/* The subkey's reduction is done for half of all keys: both kinds. */
TEST(keys_of_either_kind_seal_and_open)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (int i = 0; i < 64; i++) {
        struct sealing x = {.scope = {1}};
        struct err e;
        prepare(&x, SLICE("secret"), a);
        x.key.secret[0] = (uint8_t)i;
        CHECK_OK(run_seal(&x, a, &e));
    }
}

static void *seal_in_thread(void *ret)
{
    static const uint8_t key[KEY_BYTES], iv[GCM_IV];
    uint8_t out[32];
    *(int *)ret = gcm_seal(key, iv, SLICE(""), SLICE("text"), out);
    return NULL;
}

TEST(each_thread_has_contexts_of_its_own)
{
    pthread_t t;
    int rc = -1;
    fail_arm(0);
    CHECK_INT(pthread_create(&t, NULL, seal_in_thread, &rc), 0);
    pthread_join(t, NULL);
    CHECK_INT(rc, 0);
}

/* The deaths first: what the process makes once, it has not made yet. */
RUN(T(digests_signatures_and_contexts_end_the_process_when_their_library_fails),
    T(what_the_construction_does_not_allow_ends_the_process),
    T(an_hmac_may_have_an_empty_key_and_pieces_that_come_over_time_are_the_whole),
    T(a_cipher_that_fails_seals_nothing_and_opens_nothing), T(what_was_deciphered_and_is_not_authentic_is_wiped),
    T(no_memory_is_told_as_such_and_lengths_that_cannot_be_are_refused), T(keys_of_either_kind_seal_and_open),
    T(each_thread_has_contexts_of_its_own))
