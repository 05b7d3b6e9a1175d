#include "audit/note.h"

#include <inttypes.h>
#include <stdio.h>

enum { SIGNATURE = 4 + SIGN_BYTES, COSIGNATURE = 4 + 8 + SIGN_BYTES, COSIGNED_MAX = 4096, HASH_TEXT = 45 };

static const char dash[] = "\xE2\x80\x94 "; /* an em dash and a space */

/* --- keys --- */

/* A space of Unicode, a plus or a control character at p; names are valid UTF-8 already. */
static bool forbidden(const unsigned char *p, size_t left)
{
    uint32_t c = p[0];
    if (c < 0x80)
        return c <= 0x20 || c == '+' || c == 0x7F;
    if (c < 0xE0 && left > 1)
        c = (c & 31) << 6 | (p[1] & 63);
    else if (c < 0xF0 && left > 2)
        c = (c & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
    return (c >= 0x80 && c <= 0xA0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_name(struct slice s)
{
    if (s.n == 0 || !utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xC0) != 0x80 && forbidden((const unsigned char *)s.p + i, s.n - i))
            return false;
    return true;
}

bool note_key_of(enum note_kind kind, struct slice name, const uint8_t public[SIGN_PUBLIC], struct note_key *ret)
{
    uint8_t hash[SHA256_BYTES];
    if (!is_name(name) || name.n > NOTE_NAME)
        return false;
    const char mark[] = {'\n', (char)kind};
    struct slice piece[] = {name, {mark, sizeof mark}, {(const char *)public, SIGN_PUBLIC}};
    sha256_of(piece, 3, hash);
    *ret = (struct note_key){.kind = kind};
    memcpy(ret->name, name.p, name.n);
    memcpy(ret->id, hash, sizeof ret->id);
    memcpy(ret->public, public, SIGN_PUBLIC);
    return true;
}

char *note_key_text(const struct note_key *k, char out[NOTE_KEY_TEXT])
{
    uint8_t raw[1 + SIGN_PUBLIC] = {(uint8_t)k->kind};
    char hex[9], text[45];
    hex_encode(k->id, sizeof k->id, hex);
    memcpy(raw + 1, k->public, SIGN_PUBLIC);
    base64_encode(raw, sizeof raw, text);
    snprintf(out, NOTE_KEY_TEXT, "%s+%s+%s", k->name, hex, text);
    return out;
}

bool note_key_read(enum note_kind kind, struct slice text, struct note_key *ret)
{
    uint8_t raw[1 + SIGN_PUBLIC + 2];
    struct slice rest = text, name = slice_cut(&rest, '+'), hex = slice_cut(&rest, '+');
    if (!rest.p || hex.n != 8 || base64_decode(rest, raw, sizeof raw) != 1 + SIGN_PUBLIC || raw[0] != kind)
        return false;
    char again[NOTE_KEY_TEXT]; /* another key id, or one in capitals, is another text */
    return note_key_of(kind, name, raw + 1, ret) && slice_is(text, note_key_text(ret, again));
}

/* --- checkpoints --- */

static void put_hash(struct buf *b, const struct tree_hash *h)
{
    char text[HASH_TEXT];
    buf_add(b, text, base64_encode(h, sizeof *h, text));
    buf_byte(b, '\n');
}

void checkpoint_write(struct buf *b, const struct note_key *k, const uint8_t seed[SIGN_SEED],
                      const struct checkpoint *c)
{
    uint8_t raw[SIGNATURE];
    char text[4 * ((SIGNATURE + 2) / 3) + 1];
    size_t begin = b->n;
    buf_printf(b, "%s\n%" PRIu64 "\n", k->name, c->size);
    put_hash(b, &c->root);
    if (buf_failed(b))
        return;
    memcpy(raw, k->id, sizeof k->id);
    sign_make(seed, (struct slice){b->p + begin, b->n - begin}, raw + 4);
    base64_encode(raw, sizeof raw, text);
    buf_printf(b, "\n%s%s %s\n", dash, k->name, text);
}

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n')
            return false;
    return utf8_valid(s);
}

/* The signed text with its last newline, and the signatures' lines. */
static bool halve(struct slice note, struct slice *text, struct slice *lines)
{
    if (note.n < 4 || note.p[note.n - 1] != '\n')
        return false;
    for (size_t i = note.n - 2; i >= 1; i--)
        if (note.p[i] == '\n' && note.p[i - 1] == '\n') {
            *text = (struct slice){note.p, i};
            *lines = (struct slice){note.p + i + 1, note.n - i - 1};
            return lines->n > 0;
        }
    return false;
}

/* 1: holds; 0: another key's; -1: no signature line, or one of this key that does not hold. */
static int look_at_line(struct slice line, struct slice text, const struct note_key *k)
{
    uint8_t raw[NOTE_MAX * 3 / 4];
    if (!slice_starts(line, dash))
        return -1;
    struct slice rest = {line.p + sizeof dash - 1, line.n - (sizeof dash - 1)}, name = slice_cut(&rest, ' ');
    int n = rest.p && is_name(name) ? base64_decode(rest, raw, sizeof raw) : -1;
    if (n < 5)
        return -1;
    if (!k || !slice_is(name, k->name) || memcmp(raw, k->id, sizeof k->id) != 0)
        return 0;
    return n == SIGNATURE && sign_verify(k->public, text, raw + 4) ? 1 : -1;
}

static int signatures(struct slice lines, struct slice text, const struct note_key *k, const char **why)
{
    bool held = false;
    while (lines.n) {
        int rc = look_at_line(slice_cut(&lines, '\n'), text, k);
        if (rc < 0)
            return *why = "a signature is malformed or does not hold", -1;
        held |= rc > 0;
    }
    if (k && !held)
        return *why = "it is not signed by this log's key", -1;
    return 0;
}

static int count_of(struct slice s, uint64_t *ret)
{
    int64_t n;
    if ((s.n > 1 && s.p[0] == '0') || s.n == 0 || s.p[0] < '0' || s.p[0] > '9' || !slice_int(s, 0, INT64_MAX - 1, &n))
        return -1;
    *ret = (uint64_t)n;
    return 0;
}

int checkpoint_read(struct slice note, const struct note_key *k, struct checkpoint *ret, const char **why)
{
    struct checkpoint c;
    struct slice text, lines;
    uint8_t raw[SHA256_BYTES + 2];
    if (note.n > NOTE_MAX || !is_text(note) || !halve(note, &text, &lines))
        return *why = "it is no signed note", -1;
    if (signatures(lines, text, k, why))
        return -1;
    struct slice rest = text, origin = slice_cut(&rest, '\n'), size = slice_cut(&rest, '\n'),
                 root = slice_cut(&rest, '\n');
    if (origin.n == 0 || count_of(size, &c.size) || base64_decode(root, raw, sizeof raw) != SHA256_BYTES)
        return *why = "the note is no checkpoint", -1;
    for (struct slice line; rest.n;) { /* extension lines */
        line = slice_cut(&rest, '\n');
        if (line.n == 0)
            return *why = "the note is no checkpoint", -1;
    }
    if (k && !slice_is(origin, k->name))
        return *why = "it is the checkpoint of another log", -1;
    memcpy(c.root.byte, raw, SHA256_BYTES);
    *ret = c;
    return 0;
}

/* --- what witnesses sign --- */

static bool cosignature_holds(const struct note_key *w, struct slice text, const uint8_t raw[COSIGNATURE],
                              int64_t *ret_at)
{
    char message[COSIGNED_MAX + 64];
    uint64_t at = 0;
    for (int i = 0; i < 8; i++)
        at = at << 8 | raw[4 + i];
    if (at > INT64_MAX || text.n > COSIGNED_MAX)
        return false;
    int n = snprintf(message, sizeof message, "cosignature/v1\ntime %" PRIu64 "\n", at);
    memcpy(message + n, text.p, text.n);
    *ret_at = (int64_t)at;
    return sign_verify(w->public, (struct slice){message, (size_t)n + text.n}, raw + 12);
}

int cosignature_read(struct slice note, const struct note_key *witness, struct slice *ret_line, int64_t *ret_at,
                     const char **why)
{
    struct slice text, lines;
    uint8_t raw[COSIGNATURE + 2]; /* what is longer is of another kind of key */
    if (note.n > NOTE_MAX || !is_text(note) || !halve(note, &text, &lines))
        return *why = "it is no signed note", -1;
    while (lines.n) {
        struct slice line = slice_cut(&lines, '\n'), rest = line;
        if (!slice_starts(line, dash))
            return *why = "a signature is malformed", -1;
        rest = (struct slice){line.p + sizeof dash - 1, line.n - (sizeof dash - 1)};
        struct slice name = slice_cut(&rest, ' ');
        int n = slice_is(name, witness->name) ? base64_decode(rest, raw, sizeof raw) : 0;
        if (n < 4 || memcmp(raw, witness->id, sizeof witness->id) != 0)
            continue;
        if (n != COSIGNATURE || !cosignature_holds(witness, text, raw, ret_at))
            return *why = "its signature does not hold", -1;
        *ret_line = (struct slice){line.p, line.n + 1};
        return 1;
    }
    return 0;
}

/* --- proofs --- */

static void put_proof(struct buf *b, const struct tree_hash *proof, int n, struct slice note)
{
    for (int i = 0; i < n; i++)
        put_hash(b, &proof[i]);
    buf_byte(b, '\n');
    buf_slice(b, note);
}

void proof_write(struct buf *b, uint64_t index, const struct tree_hash *proof, int n, struct slice note)
{
    buf_printf(b, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", index);
    put_proof(b, proof, n, note);
}

void growth_write(struct buf *b, uint64_t from, const struct tree_hash *proof, int n, struct slice note)
{
    buf_printf(b, "old %" PRIu64 "\n", from);
    put_proof(b, proof, n, note);
}
