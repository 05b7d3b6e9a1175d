#include "identity/challenge.h"

#include "base/clock.h"
#include "base/rnd.h"
#include "base/own.h"
#include "crypto/digest.h"

enum { NONCE = 16, WHAT_AT = 24, STAFF_AT = 25, MAC_AT = 41 };
_Static_assert(MAC_AT + SHA256_BYTES == CHALLENGE_BYTES, "what stands in it");

static int mac(const struct people *p, const uint8_t *challenge, uint8_t ret[SHA256_BYTES], struct err *e)
{
    struct slice piece[] = {{(const char *)p->scope, 16}, {(const char *)challenge, MAC_AT}};
    struct key key;
    if (keyring_domain(p->keyring, p->scope, "challenge", &key, e))
        return -1;
    hmac_sha256((struct slice){(const char *)key.secret, KEY_BYTES}, piece, COUNT(piece), ret);
    key_wipe(&key);
    return 0;
}

int challenge_make(const struct people *p, enum challenge_for what, const uint8_t staff[16], char ret[CHALLENGE_TEXT],
                   struct err *e)
{
    uint8_t c[CHALLENGE_BYTES] = {0};
    uint64_t until = (uint64_t)clock_now_us() + CHALLENGE_S * UINT64_C(1000000);
    rnd_bytes(c, NONCE);
    for (int i = 0; i < 8; i++)
        c[NONCE + i] = (uint8_t)(until >> (56 - 8 * i));
    c[WHAT_AT] = (uint8_t)what;
    if (staff)
        memcpy(c + STAFF_AT, staff, 16);
    if (mac(p, c, c + MAC_AT, e))
        return -1;
    base64url_encode(c, sizeof c, ret);
    return 0;
}

static int64_t until_of(const uint8_t *c)
{
    uint64_t until = 0;
    for (int i = 0; i < 8; i++)
        until = until << 8 | c[NONCE + i];
    return (int64_t)until;
}

int challenge_check(const struct people *p, enum challenge_for what, const uint8_t staff[16], struct slice challenge,
                    struct err *e)
{
    static const uint8_t nobody[16] = {0};
    const uint8_t *c = (const uint8_t *)challenge.p;
    uint8_t want[SHA256_BYTES];
    if (challenge.n != CHALLENGE_BYTES)
        return err_set(e, ERR_TOKEN, "the challenge is not one of this server");
    if (mac(p, c, want, e))
        return -1;
    int64_t left = until_of(c) - clock_now_us();
    if (!crypto_equal(want, c + MAC_AT, sizeof want))
        return err_set(e, ERR_TOKEN, "the challenge is not one of this server");
    if (c[WHAT_AT] != what || memcmp(c + STAFF_AT, staff ? staff : nobody, 16) != 0)
        return err_set(e, ERR_TOKEN, "the challenge was for something else");
    if (left <= 0 || left > CHALLENGE_S * INT64_C(1000000))
        return err_set(e, ERR_TOKEN, "that took too long: begin again");
    return 0;
}

int challenge_use(struct tx *tx, const uint8_t scope[16], struct slice challenge, struct err *e)
{
    uint8_t hash[SHA256_BYTES];
    sha256(challenge, hash);
    if (tx_put(tx, e, "DELETE FROM challenge_used WHERE scope = $1 AND until < $2", V_ID(scope), V_INT(clock_now_us())))
        return -1;
    int n = tx_exec(tx, e, "INSERT INTO challenge_used (scope, hash, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    V_ID(scope), V_BYTES(hash, sizeof hash), V_INT(until_of((const uint8_t *)challenge.p)));
    return n == 1 ? 0 : n < 0 ? -1 : err_set(e, ERR_TOKEN, "this was answered already: begin again");
}
