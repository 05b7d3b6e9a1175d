#include "crypto/seal.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"

enum {
    NONCE = 24,
    TAG = 16,
    VERSION = 1,
    SUITE_XAES = 1,
    HEAD = 2 + KEY_ID_BYTES + NONCE,
    AAD = 12 + 16 + 2 + 2 + 16 + 16 + 4
};

/* Contexts live as long as the thread: making one costs more than sealing a small value. Their key schedules are
 * overwritten by the next use, and wiped (OpenSSL does, when freeing) when the thread ends. */
struct ciphers {
    EVP_CIPHER_CTX *ecb, *gcm;
};

static pthread_key_t at_thread_end;

static void free_ciphers(void *p)
{
    struct ciphers *c = p;
    EVP_CIPHER_CTX_free(c->ecb);
    EVP_CIPHER_CTX_free(c->gcm);
    *c = (struct ciphers){NULL, NULL};
}

static void make_key(void)
{
    if (pthread_key_create(&at_thread_end, free_ciphers))
        abort();
}

static struct ciphers *ciphers(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Thread_local struct ciphers c;
    if (!c.ecb) {
        pthread_once(&once, make_key);
        pthread_setspecific(at_thread_end, &c);
        c.ecb = EVP_CIPHER_CTX_new();
        c.gcm = EVP_CIPHER_CTX_new();
        if (!c.ecb || !c.gcm || !EVP_EncryptInit_ex(c.ecb, EVP_aes_256_ecb(), NULL, NULL, NULL) ||
            !EVP_CipherInit_ex(c.gcm, EVP_aes_256_gcm(), NULL, NULL, NULL, 1))
            abort();
    }
    return &c;
}

/* Per-message key: CMAC in counter mode over the first half of the nonce (two blocks). */
static int derive(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE], uint8_t ret[KEY_BYTES])
{
    uint8_t zero[16] = {0}, sub[16], in[32], carry;
    EVP_CIPHER_CTX *ecb = ciphers()->ecb;
    int n;
    if (!EVP_EncryptInit_ex(ecb, NULL, NULL, key, NULL) || !EVP_CIPHER_CTX_set_padding(ecb, 0) ||
        !EVP_EncryptUpdate(ecb, sub, &n, zero, 16))
        return -1;
    carry = sub[0] >> 7; /* the CMAC subkey K1: doubled in GF(2^128) */
    for (int i = 0; i < 15; i++)
        sub[i] = (uint8_t)(sub[i] << 1 | sub[i + 1] >> 7);
    sub[15] = (uint8_t)(sub[15] << 1 ^ (carry ? 0x87 : 0));
    for (int block = 0; block < 2; block++) {
        uint8_t *m = in + 16 * block;
        m[0] = 0;
        m[1] = (uint8_t)(block + 1);
        m[2] = 'X';
        m[3] = 0;
        memcpy(m + 4, nonce, 12);
        for (int i = 0; i < 16; i++)
            m[i] ^= sub[i];
    }
    int ok = EVP_EncryptUpdate(ecb, ret, &n, in, 32) && n == 32;
    wipe(sub, sizeof sub);
    wipe(in, sizeof in);
    return ok ? 0 : -1;
}

int gcm_seal(const uint8_t key[KEY_BYTES], const uint8_t iv[GCM_IV], struct slice aad, struct slice plain, uint8_t *out)
{
    EVP_CIPHER_CTX *gcm = ciphers()->gcm;
    int n = 0, m = 0;
    if (plain.n > INT32_MAX)
        return -1;
    int ok = EVP_CipherInit_ex(gcm, NULL, NULL, key, iv, 1) &&
             (aad.n == 0 || EVP_CipherUpdate(gcm, NULL, &n, (const uint8_t *)aad.p, (int)aad.n)) &&
             (plain.n == 0 || EVP_CipherUpdate(gcm, out, &m, (const uint8_t *)plain.p, (int)plain.n)) &&
             EVP_CipherFinal_ex(gcm, out + plain.n, &n) &&
             EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG, out + plain.n);
    return ok ? 0 : -1;
}

int gcm_open(const uint8_t key[KEY_BYTES], const uint8_t iv[GCM_IV], struct slice aad, struct slice sealed,
             uint8_t *out)
{
    uint8_t tag[TAG];
    EVP_CIPHER_CTX *gcm = ciphers()->gcm;
    int n = 0, m = 0;
    if (sealed.n < TAG || sealed.n > INT32_MAX)
        return -1;
    size_t len = sealed.n - TAG;
    memcpy(tag, sealed.p + len, TAG);
    int ok = EVP_CipherInit_ex(gcm, NULL, NULL, key, iv, 0) &&
             (aad.n == 0 || EVP_CipherUpdate(gcm, NULL, &n, (const uint8_t *)aad.p, (int)aad.n)) &&
             (len == 0 || EVP_CipherUpdate(gcm, out, &m, (const uint8_t *)sealed.p, (int)len)) &&
             EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG, tag) && EVP_CipherFinal_ex(gcm, out + len, &n) > 0;
    if (!ok && len)
        wipe(out, len); /* unauthenticated plaintext is nobody's business */
    return ok ? 0 : -1;
}

int xaes_seal(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE], struct slice aad, struct slice plain,
              uint8_t *out)
{
    uint8_t k[KEY_BYTES];
    int rc = derive(key, nonce, k) ? -1 : gcm_seal(k, nonce + 12, aad, plain, out);
    wipe(k, sizeof k);
    return rc;
}

int xaes_open(const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE], struct slice aad, struct slice sealed,
              uint8_t *out)
{
    uint8_t k[KEY_BYTES];
    int rc = derive(key, nonce, k) ? -1 : gcm_open(k, nonce + 12, aad, sealed, out);
    wipe(k, sizeof k);
    return rc;
}

void key_make(struct key *ret)
{
    rnd_bytes(ret->id, sizeof ret->id);
    rnd_bytes(ret->secret, sizeof ret->secret);
}

void key_wipe(struct key *k)
{
    wipe(k, sizeof *k);
}

static void put_u16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static struct slice place_aad(const struct seal_place *at, uint8_t aad[AAD])
{
    uint8_t *p = aad;
    memcpy(p, "laz/v1/field", 12);
    memcpy(p + 12, at->scope, 16);
    put_u16(p + 28, at->table);
    put_u16(p + 30, at->column);
    memcpy(p + 32, at->row, 16);
    if (at->subject)
        memcpy(p + 48, at->subject, 16);
    else
        memset(p + 48, 0, 16);
    put_u16(p + 64, at->revision >> 16);
    put_u16(p + 66, at->revision);
    return (struct slice){(const char *)aad, AAD};
}

int seal(const struct key *k, const struct seal_place *at, struct slice plain, struct arena *a, struct slice *ret,
         struct err *e)
{
    uint8_t aad[AAD], *out = arena_take(a, plain.n + SEAL_OVERHEAD);
    if (!out)
        return err_set(e, ERR_NO_MEMORY, "seal %zu bytes", plain.n);
    out[0] = VERSION;
    out[1] = SUITE_XAES;
    memcpy(out + 2, k->id, KEY_ID_BYTES);
    rnd_bytes(out + 2 + KEY_ID_BYTES, NONCE);
    if (xaes_seal(k->secret, out + 2 + KEY_ID_BYTES, place_aad(at, aad), plain, out + HEAD))
        return err_set(e, ERR_KEYS, "sealing failed");
    *ret = (struct slice){(char *)out, plain.n + SEAL_OVERHEAD};
    return 0;
}

int seal_open(const struct key *k, const struct seal_place *at, struct slice sealed, struct arena *a, struct slice *ret,
              struct err *e)
{
    uint8_t aad[AAD];
    const uint8_t *in = (const uint8_t *)sealed.p;
    if (sealed.n < SEAL_OVERHEAD || in[0] != VERSION || in[1] != SUITE_XAES)
        return err_set(e, ERR_KEYS, "a sealed value has an unknown form (%zu bytes)", sealed.n);
    if (memcmp(in + 2, k->id, KEY_ID_BYTES) != 0)
        return err_set(e, ERR_KEYS, "a value is sealed under another key");
    size_t n = sealed.n - SEAL_OVERHEAD;
    uint8_t *out = arena_take(a, n + 1);
    if (!out)
        return err_set(e, ERR_NO_MEMORY, "open %zu bytes", n);
    if (xaes_open(k->secret, in + 2 + KEY_ID_BYTES, place_aad(at, aad),
                  (struct slice){sealed.p + HEAD, sealed.n - HEAD}, out))
        return err_set(e, ERR_KEYS, "a sealed value does not open: it was changed or moved (table %u, column %u)",
                       at->table, at->column);
    *ret = (struct slice){(char *)out, n};
    return 0;
}

void hkdf(struct slice secret, struct slice salt, const char *label, void *ret, size_t n)
{
    uint8_t prk[SHA256_BYTES], t[SHA256_BYTES], zero[SHA256_BYTES] = {0}, count = 0;
    if (n > 255 * SHA256_BYTES)
        abort();
    hmac_sha256(salt.n ? salt : (struct slice){(char *)zero, sizeof zero}, &secret, 1, prk);
    struct slice key = {(char *)prk, sizeof prk};
    uint8_t *out = ret;
    for (size_t done = 0; done < n;) {
        count++;
        struct slice piece[] = {{(char *)t, done ? sizeof t : 0}, slice_of(label), {(char *)&count, 1}};
        hmac_sha256(key, piece, 3, t);
        size_t m = n - done < sizeof t ? n - done : sizeof t;
        memcpy(out + done, t, m);
        done += m;
    }
    wipe(prk, sizeof prk);
    wipe(t, sizeof t);
}
