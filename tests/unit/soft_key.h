/* soft_key.h -- an authenticator in software: makes passkeys and uses them as a device does (CTAP2, WebAuthn 6.1 and 6.5), so that
 * tests can make ones that are wrong in one point. */
#ifndef SOFT_KEY_H
#define SOFT_KEY_H

#include "test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "crypto/digest.h"

enum { SOFT_ES256 = -7, SOFT_EDDSA = -8, SOFT_RS256 = -257 };

struct soft_bytes {
    size_t n;
    unsigned char b[4096];
};

static inline void soft_add(struct soft_bytes *x, const void *p, size_t n)
{
    assert_true(x->n + n <= sizeof x->b);
    memcpy(x->b + x->n, p, n);
    x->n += n;
}

#define SOFT_ADD(x, ...) soft_add((x), (unsigned char[]){__VA_ARGS__}, sizeof(unsigned char[]){__VA_ARGS__})

static inline void soft_text(struct soft_bytes *x, const char *z)
{
    SOFT_ADD(x, (unsigned char)(0x60 | strlen(z)));
    soft_add(x, z, strlen(z));
}

/* A byte string with its length in two bytes. */
static inline void soft_blob(struct soft_bytes *x, const void *p, size_t n)
{
    SOFT_ADD(x, 0x59, (unsigned char)(n >> 8), (unsigned char)n);
    soft_add(x, p, n);
}

static inline EVP_PKEY *soft_make(int algorithm)
{
    return algorithm == SOFT_ES256   ? EVP_EC_gen("P-256")
           : algorithm == SOFT_EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                     : EVP_RSA_gen(2048);
}

static inline void soft_number(struct soft_bytes *x, EVP_PKEY *k, const char *name, int bytes)
{
    BIGNUM *n = NULL;
    unsigned char raw[256];
    assert_true(EVP_PKEY_get_bn_param(k, name, &n));
    assert_int_equal(BN_bn2binpad(n, raw, bytes), bytes);
    soft_blob(x, raw, (size_t)bytes);
    BN_free(n);
}

/* COSE_Key (RFC 9053) */
static inline void soft_cose(struct soft_bytes *x, EVP_PKEY *k, int algorithm)
{
    unsigned char raw[32];
    size_t n = sizeof raw;
    if (algorithm == SOFT_ES256) {
        SOFT_ADD(x, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21);
        soft_number(x, k, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        SOFT_ADD(x, 0x22);
        soft_number(x, k, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    } else if (algorithm == SOFT_EDDSA) {
        assert_true(EVP_PKEY_get_raw_public_key(k, raw, &n));
        SOFT_ADD(x, 0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21);
        soft_blob(x, raw, n);
    } else {
        SOFT_ADD(x, 0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20);
        soft_number(x, k, OSSL_PKEY_PARAM_RSA_N, 256);
        SOFT_ADD(x, 0x21, 0x43, 1, 0, 1);
    }
}

/* What the device says: `key` NULL when it is used, not made. */
static inline void soft_data(struct soft_bytes *x, const char *rp_id, unsigned flags, uint32_t count, EVP_PKEY *key, int algorithm,
                             const char *id)
{
    uint8_t hash[SHA256_BYTES];
    sha256(slice_of(rp_id), hash);
    soft_add(x, hash, sizeof hash);
    SOFT_ADD(x, (unsigned char)flags, (unsigned char)(count >> 24), (unsigned char)(count >> 16), (unsigned char)(count >> 8),
             (unsigned char)count);
    if (!key)
        return;
    soft_add(x, (unsigned char[16]){0}, 16);
    SOFT_ADD(x, (unsigned char)(strlen(id) >> 8), (unsigned char)strlen(id));
    soft_add(x, id, strlen(id));
    soft_cose(x, key, algorithm);
}

static inline void soft_sign(struct soft_bytes *x, EVP_PKEY *k, int algorithm, const struct soft_bytes *data, const char *client)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    struct soft_bytes m = {0};
    uint8_t hash[SHA256_BYTES];
    size_t n = sizeof x->b;
    sha256(slice_of(client), hash);
    soft_add(&m, data->b, data->n);
    soft_add(&m, hash, sizeof hash);
    assert_int_equal(EVP_DigestSignInit(c, NULL, algorithm == SOFT_EDDSA ? NULL : EVP_sha256(), NULL, k), 1);
    assert_int_equal(EVP_DigestSign(c, x->b, &n, m.b, m.n), 1);
    x->n = n;
    EVP_MD_CTX_free(c);
}

/* format "none", or "packed" with a signature by the key itself. */
static inline void soft_attest(struct soft_bytes *x, const char *format, const struct soft_bytes *data, const struct soft_bytes *signature,
                               int algorithm)
{
    SOFT_ADD(x, 0xa3);
    soft_text(x, "fmt");
    soft_text(x, format);
    soft_text(x, "attStmt");
    if (signature) {
        SOFT_ADD(x, 0xa2);
        soft_text(x, "alg");
        if (algorithm == SOFT_RS256)
            SOFT_ADD(x, 0x39, 0x01, 0x00);
        else
            SOFT_ADD(x, (unsigned char)(0x20 | (-algorithm - 1)));
        soft_text(x, "sig");
        soft_blob(x, signature->b, signature->n);
    } else {
        SOFT_ADD(x, 0xa0);
    }
    soft_text(x, "authData");
    soft_blob(x, data->b, data->n);
}

static inline struct slice soft_slice(const struct soft_bytes *x)
{
    return (struct slice){(const char *)x->b, x->n};
}

#endif
