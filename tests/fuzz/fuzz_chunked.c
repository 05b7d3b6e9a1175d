/* What a thief with the disk can do to a sealed file: the input is a list of changes to one, 5 bytes each. Whatever
 * opens is how the true text begins; only the file as it was is whole. */
#include <assert.h>
#include <string.h>

#include "crypto/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT = 2 * CHUNK_TEXT + 100, SEALED = CHUNKED_HEAD + TEXT + 3 * CHUNK_MORE, ROOM = 2 * SEALED };
static const uint8_t key[KEY_BYTES] = {3};
static uint8_t text[TEXT], sealed[SEALED], other[SEALED], in[ROOM], out[ROOM];

static void make(uint8_t salt_byte, uint8_t *to)
{
    uint8_t salt[CHUNKED_SALT] = {salt_byte};
    struct chunked c;
    chunked_begin(key, salt, SLICE("fuzz"), &c, to);
    for (size_t at = 0; at < TEXT; at += CHUNK_TEXT) {
        size_t n = TEXT - at < CHUNK_TEXT ? TEXT - at : CHUNK_TEXT;
        int rc =
            chunked_seal(&c, (struct slice){(char *)text + at, n}, to + CHUNKED_HEAD + at / CHUNK_TEXT * CHUNK_SEALED);
        assert(rc == 0);
    }
}

/* Flips, cuts, swaps, doublings, and chunks of another message under the same key. */
static size_t change(const uint8_t op[5], size_t n)
{
    size_t at = ((size_t)op[1] << 16 | (size_t)op[2] << 8 | op[3]) % (n ? n : 1);
    size_t chunk = CHUNKED_HEAD + op[4] % 3 * (size_t)CHUNK_SEALED;
    size_t from = CHUNKED_HEAD + op[3] % 3 * (size_t)CHUNK_SEALED;
    switch (op[0] % 6) {
    case 0:
        if (n)
            in[at] ^= op[4];
        return n;
    case 1: return at;
    case 2: memmove(in + chunk, sealed + from, from + CHUNK_SEALED <= SEALED ? CHUNK_SEALED : SEALED - from); return n;
    case 3: memmove(in + chunk, other + from, from + CHUNK_SEALED <= SEALED ? CHUNK_SEALED : SEALED - from); return n;
    case 4: memcpy(in, op[4] & 1 ? other : sealed, CHUNKED_HEAD); return n;
    default: memset(in + n, op[4], op[3] < ROOM - n ? op[3] : 0); return op[3] < ROOM - n ? n + op[3] : n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!text[0]) {
        for (size_t i = 0; i < TEXT; i++)
            text[i] = (uint8_t)(1 + i * 7 % 251);
        make(1, sealed);
        make(2, other);
    }
    size_t n = SEALED, got = 0;
    memcpy(in, sealed, SEALED);
    for (size_t at = 0; at + 5 <= size && at < 100; at += 5)
        n = change(data + at, n);
    struct chunked c;
    if (n < CHUNKED_HEAD || chunked_resume(key, SLICE("fuzz"), in, &c))
        return 0;
    bool open = true;
    for (size_t at = CHUNKED_HEAD, len; open && at < n; at += len) {
        len = n - at < CHUNK_SEALED ? n - at : CHUNK_SEALED;
        open = chunked_open(&c, (struct slice){(char *)in + at, len}, out + got) == 0;
        got += open ? len - CHUNK_MORE : 0;
    }
    assert(got <= TEXT && memcmp(out, text, got) == 0);
    assert(!c.ended ||
           (open && got == TEXT && n == SEALED && (memcmp(in, sealed, n) == 0 || memcmp(in, other, n) == 0)));
    return 0;
}
