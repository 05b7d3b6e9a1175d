/* jwk.h -- for tests: keys as JWK, each with the kid "k1", and texts signed by them. */
#ifndef JWK_H
#define JWK_H

#include "test.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

static inline void jwk_number(EVP_PKEY *k, const char *name, int bytes, char *out)
{
    BIGNUM *n = NULL;
    unsigned char raw[512];
    CHECK(EVP_PKEY_get_bn_param(k, name, &n));
    int len = bytes ? bytes : BN_num_bytes(n);
    CHECK_INT(BN_bn2binpad(n, raw, len), len);
    base64url_encode(raw, (size_t)len, out);
    BN_free(n);
}

static inline void jwk_of_rsa(EVP_PKEY *k, char *out, const char *more)
{
    char n[1024], ex[64];
    jwk_number(k, OSSL_PKEY_PARAM_RSA_N, 0, n);
    jwk_number(k, OSSL_PKEY_PARAM_RSA_E, 0, ex);
    snprintf(out, 2048, "{\"kty\":\"RSA\",\"kid\":\"k1\",\"n\":\"%s\",\"e\":\"%s\"%s}", n, ex, more);
}

static inline void jwk_of_ec(EVP_PKEY *k, const char *crv, int bytes, char *out)
{
    char x[128], y[128];
    jwk_number(k, OSSL_PKEY_PARAM_EC_PUB_X, bytes, x);
    jwk_number(k, OSSL_PKEY_PARAM_EC_PUB_Y, bytes, y);
    snprintf(out, 2048, "{\"kty\":\"EC\",\"kid\":\"k1\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", crv, x, y);
}

/* DER to the two numbers JWS has in a row. */
static inline size_t jws_ecdsa(const unsigned char *der, size_t n, int bytes, unsigned char *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    CHECK(sig != NULL);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, bytes);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + bytes, bytes);
    ECDSA_SIG_free(sig);
    return (size_t)bytes * 2;
}

static inline struct slice jws_sign(struct arena *a, const char *header, const char *claims, EVP_PKEY *key,
                                    const char *alg)
{
    char *text = arena_take(a, 65536), *p = text;
    unsigned char sig[1024], der[1024];
    size_t n = sizeof sig;
    p += base64url_encode(header, strlen(header), p);
    *p++ = '.';
    p += base64url_encode(claims, strlen(claims), p);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pc;
    const EVP_MD *md = strstr(alg, "384") ? EVP_sha384() : EVP_sha256();
    CHECK_INT(EVP_DigestSignInit(c, &pc, md, NULL, key), 1);
    if (alg[0] == 'P') {
        EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST);
    }
    CHECK_INT(EVP_DigestSign(c, sig, &n, (unsigned char *)text, (size_t)(p - text)), 1);
    EVP_MD_CTX_free(c);
    if (alg[0] == 'E') {
        memcpy(der, sig, n);
        n = jws_ecdsa(der, n, EVP_PKEY_get_bits(key) / 8, sig);
    }
    *p++ = '.';
    p += base64url_encode(sig, n, p);
    return (struct slice){text, (size_t)(p - text)};
}

#endif
