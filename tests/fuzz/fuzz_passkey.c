/* Whatever a browser sends as a passkey: it is judged, and nothing that was not signed by the key is accepted as its use. The first
 * byte chooses: 'C' what the browser says, 'A' an attestation object, 'D' an authenticator's data behind the right host's hash, which
 * libfido2 is given as a use and as part of an attestation. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/digest.h"
#include "identity/passkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct passkey_rules rules = {"https://study.example", "study.example"};
static const char made[] = "{\"type\":\"webauthn.create\",\"challenge\":\"AAECAwQ\",\"origin\":\"https://study.example\"}";

static void try_made(struct slice attestation, const struct passkey_client *c, struct arena *a)
{
    struct passkey p;
    struct err e = {.code = ERR_NONE};
    if (passkey_made(&rules, c, attestation, a, &p, &e) == 0)
        assert(p.id.n >= 1 && p.id.n <= PASSKEY_ID_MAX && p.key.n >= 32 && p.key.n <= PASSKEY_KEY_MAX);
    else
        assert(e.code == ERR_BAD_REQUEST || e.code == ERR_NO_MEMORY);
}

static void try_data(struct slice rest, const struct passkey_client *c, struct arena *a)
{
    static const uint8_t point[] = { /* NIST's base point of P-256: nobody here knows that the private half is 1 */
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
        0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a,
        0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    struct passkey p = {.algorithm = -7, .key = {(const char *)point, sizeof point}};
    struct err e = {.code = ERR_NONE};
    size_t n = SHA256_BYTES + rest.n;
    uint8_t *all = arena_take(a, n + 64);
    if (!all)
        return;
    sha256(slice_of(rules.rp_id), all + 28);
    memcpy(all + 28 + SHA256_BYTES, rest.p, rest.n);
    struct slice data = {(char *)all + 28, n};
    assert(passkey_used(&rules, c, data, (struct slice){rest.p, rest.n > 80 ? 80 : rest.n}, &p, &e) == -1);
    assert(e.code == ERR_TOKEN || e.code == ERR_NO_MEMORY);
    memcpy(all, "\xa3\x63" "fmt\x64none\x67" "attStmt\xa0\x68", 20); /* and "authData", and its length in two bytes */
    struct buf b = buf_in(a, 1 << 20);
    buf_add(&b, all, 20);
    buf_str(&b, "authData");
    buf_byte(&b, 0x59);
    buf_byte(&b, (char)(n >> 8));
    buf_byte(&b, (char)n);
    buf_slice(&b, data);
    if (!buf_failed(&b) && n < 65536)
        try_made(buf_text(&b), c, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct slice rest = {(const char *)data + 1, size - 1};
    struct passkey_client c;
    struct err e = {.code = ERR_NONE};
    if (data[0] == 'C') {
        for (int deed = PASSKEY_MAKE; deed <= PASSKEY_USE; deed++)
            if (passkey_client(&rules, (enum passkey_deed)deed, rest, a, &c, &e) == 0)
                assert(c.challenge.n < rest.n);
        return 0;
    }
    if (passkey_client(&rules, PASSKEY_MAKE, slice_of(made), a, &c, &e))
        return 0;
    if (data[0] == 'A')
        try_made(rest, &c, a);
    else
        try_data(rest, &c, a);
    return 0;
}
