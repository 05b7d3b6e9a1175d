#include "crypto/digest.h"

/* The direct calls, which OpenSSL 3 advises against: through EVP a hash of 65 bytes, of which a tree takes millions,
 * costs more than twice as much. They use the processor's SHA instructions alike. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/wipe.h"

void sha256_of(const struct slice *piece, size_t n, uint8_t ret[SHA256_BYTES])
{
    SHA256_CTX ctx;
    int ok = SHA256_Init(&ctx);
    for (size_t i = 0; ok && i < n; i++)
        ok = SHA256_Update(&ctx, piece[i].p, piece[i].n);
    if (!ok || !SHA256_Final(ret, &ctx))
        abort();
    wipe(&ctx, sizeof ctx);
}

void sha256(struct slice s, uint8_t ret[SHA256_BYTES])
{
    sha256_of(&s, 1, ret);
}

void sha384(struct slice s, uint8_t ret[SHA384_BYTES])
{
    if (!SHA384((const unsigned char *)s.p, s.n, ret))
        abort();
}

void sha256_begin(struct sha256_run *r)
{
    r->ctx = EVP_MD_CTX_new();
    if (!r->ctx || !EVP_DigestInit_ex(r->ctx, EVP_sha256(), NULL))
        abort();
}

void sha256_add(struct sha256_run *r, struct slice piece)
{
    if (!EVP_DigestUpdate(r->ctx, piece.p, piece.n))
        abort();
}

void sha256_end(struct sha256_run *r, uint8_t ret[SHA256_BYTES])
{
    if (!EVP_DigestFinal_ex(r->ctx, ret, NULL))
        abort();
    EVP_MD_CTX_free(r->ctx);
}

char *sha256_text(const uint8_t digest[SHA256_BYTES], char ret[SHA256_TEXT])
{
    hex_encode(digest, SHA256_BYTES, ret);
    return ret;
}

/* HMAC over SHA-256 spelled out (RFC 2104): OpenSSL 3's HMAC() fetches its algorithm anew on every call. */
void hmac_sha256(struct slice key, const struct slice *piece, size_t n, uint8_t ret[SHA256_BYTES])
{
    enum { BLOCK = 64, PIECES = 8 };
    uint8_t pad[BLOCK] = {0}, inner[SHA256_BYTES];
    struct slice list[PIECES + 1] = {{(const char *)pad, BLOCK}};
    if (n > PIECES)
        abort();
    if (key.n > BLOCK)
        sha256(key, pad);
    else if (key.n)
        memcpy(pad, key.p, key.n);
    for (int i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    for (size_t i = 0; i < n; i++)
        list[i + 1] = piece[i];
    sha256_of(list, n + 1, inner);
    for (int i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    sha256_of((struct slice[]){{(const char *)pad, BLOCK}, {(const char *)inner, sizeof inner}}, 2, ret);
    wipe(pad, sizeof pad);
    wipe(inner, sizeof inner);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
