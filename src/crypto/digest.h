/* digest.h -- SHA-256, SHA-384 and HMAC-SHA-256 (FIPS 180-4, FIPS 198-1; OpenSSL). Never fail: without them the process
 * ends. */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { SHA256_BYTES = 32, SHA256_TEXT = 65, SHA384_BYTES = 48 };

void sha256(struct slice s, uint8_t ret[SHA256_BYTES]);
void sha384(struct slice s, uint8_t ret[SHA384_BYTES]);
/* Of several pieces as if they stood in a row. */
void sha256_of(const struct slice *piece, size_t n, uint8_t ret[SHA256_BYTES]);
/* Of what comes in pieces over time. */
struct sha256_run {
    void *ctx;
};
void sha256_begin(struct sha256_run *r);
void sha256_add(struct sha256_run *r, struct slice piece);
void sha256_end(struct sha256_run *r, uint8_t ret[SHA256_BYTES]); /* after every sha256_begin, or memory is lost */
char *sha256_text(const uint8_t digest[SHA256_BYTES], char ret[SHA256_TEXT]); /* 64 hexadecimal digits */
void hmac_sha256(struct slice key, const struct slice *piece, size_t n, uint8_t ret[SHA256_BYTES]);
/* Compares secrets in time that depends on n alone. */
bool crypto_equal(const void *a, const void *b, size_t n);

#endif
