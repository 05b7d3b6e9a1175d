#include "crypto/chunked.h"

#include <sodium.h>

#include "base/own.h"
#include "base/wipe.h"
#include "crypto/digest.h"

static const char INFO[] = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"; /* with its NUL */
enum { HASH = crypto_auth_hmacsha512_BYTES, COMMITMENT = CHUNKED_HEAD - CHUNKED_SALT };
static const uint64_t MOST = UINT64_C(1) << 38; /* chunks of a message */

/* One block of HKDF-Expand (RFC 5869, 2.3). */
static void expand(const uint8_t key[KEY_BYTES], struct slice before, const uint8_t *salt, struct slice context,
                   uint8_t count, uint8_t ret[HASH])
{
    const struct slice piece[] = {
        before, {INFO, sizeof INFO}, {(const char *)salt, CHUNKED_SALT}, context, {(const char *)&count, 1}};
    crypto_auth_hmacsha512_state h;
    crypto_auth_hmacsha512_init(&h, key, KEY_BYTES);
    for (size_t i = 0; i < COUNT(piece); i++)
        if (piece[i].n)
            crypto_auth_hmacsha512_update(&h, (const uint8_t *)piece[i].p, piece[i].n);
    crypto_auth_hmacsha512_final(&h, ret);
    wipe(&h, sizeof h);
}

static void derive(const uint8_t key[KEY_BYTES], const uint8_t *salt, struct slice context, struct chunked *ret,
                   uint8_t ret_commitment[COMMITMENT])
{
    uint8_t out[2 * HASH];
    _Static_assert(KEY_BYTES + GCM_IV + COMMITMENT <= sizeof out, "two blocks are enough");
    expand(key, (struct slice){NULL, 0}, salt, context, 1, out);
    expand(key, (struct slice){(char *)out, HASH}, salt, context, 2, out + HASH);
    *ret = (struct chunked){.next = 0};
    memcpy(ret->key, out, KEY_BYTES);
    memcpy(ret->iv, out + KEY_BYTES, GCM_IV);
    memcpy(ret_commitment, out + KEY_BYTES + GCM_IV, COMMITMENT);
    wipe(out, sizeof out);
}

void chunked_begin(const uint8_t key[KEY_BYTES], const uint8_t salt[CHUNKED_SALT], struct slice context,
                   struct chunked *ret, uint8_t ret_head[CHUNKED_HEAD])
{
    memcpy(ret_head, salt, CHUNKED_SALT);
    derive(key, salt, context, ret, ret_head + CHUNKED_SALT);
}

int chunked_resume(const uint8_t key[KEY_BYTES], struct slice context, const uint8_t head[CHUNKED_HEAD],
                   struct chunked *ret)
{
    struct chunked c;
    uint8_t commitment[COMMITMENT];
    derive(key, head, context, &c, commitment);
    bool same = crypto_equal(commitment, head + CHUNKED_SALT, COMMITMENT);
    if (same)
        *ret = c;
    chunked_wipe(&c);
    return same ? 0 : -1;
}

/* The next chunk's nonce, when one of n bytes of text may come. */
static bool take_number(struct chunked *c, size_t n, uint8_t iv[GCM_IV])
{
    if (c->ended || n > CHUNK_TEXT || c->next >= MOST)
        return false;
    memcpy(iv, c->iv, GCM_IV);
    for (int i = 0; i < 8; i++)
        iv[GCM_IV - 1 - i] ^= (uint8_t)(c->next >> 8 * i);
    c->next++;
    c->ended = n < CHUNK_TEXT;
    return true;
}

int chunked_seal(struct chunked *c, struct slice text, uint8_t *out)
{
    uint8_t iv[GCM_IV];
    if (take_number(c, text.n, iv) && gcm_seal(c->key, iv, SLICE(""), text, out) == 0)
        return 0;
    c->ended = true;
    return -1;
}

/* A chunk that does not open leaves the message unfinished for good: its number is out of reach. */
int chunked_open(struct chunked *c, struct slice sealed, uint8_t *out)
{
    uint8_t iv[GCM_IV];
    if (sealed.n >= CHUNK_MORE && take_number(c, sealed.n - CHUNK_MORE, iv) &&
        gcm_open(c->key, iv, SLICE(""), sealed, out) == 0)
        return 0;
    c->next = MOST;
    c->ended = false;
    return -1;
}

void chunked_wipe(struct chunked *c)
{
    wipe(c, sizeof *c);
}
