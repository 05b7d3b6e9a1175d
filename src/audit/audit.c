#include "audit/audit.h"

#include <assert.h>
#include <cbor.h>

#include "audit/tree.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/own.h"
#include "crypto/digest.h"

enum { TEXT_MAX = 200, TEXTS = 11, REST = 256 };
_Static_assert(TEXTS *(2 + TEXT_MAX) + REST <= AUDIT_ENTRY,
               "every entry has room: its texts, and heads, keys and numbers");

/* --- writing: libcbor's encoders take the shortest form; the order of the keys below is the canonical one --- */

struct entry {
    unsigned char byte[AUDIT_ENTRY];
    size_t n;
};

/* A text string is UTF-8 (RFC 8949 3.1), whatever was handed in: a byte that is none becomes U+FFFD. Cut off at
 * TEXT_MAX bytes, not within a character. */
static size_t mend_text(const char *z, char out[TEXT_MAX])
{
    static const char instead[] = "\xEF\xBF\xBD";
    size_t n = 0;
    while (*z) {
        size_t length = strnlen(z, 4), k = 1;
        while (k <= length && !utf8_valid((struct slice){z, k}))
            k++;
        bool valid = k <= length;
        struct slice s = valid ? (struct slice){z, k} : (struct slice){instead, 3};
        if (n + s.n > TEXT_MAX)
            break;
        memcpy(out + n, s.p, s.n);
        n += s.n;
        z += valid ? k : 1;
    }
    return n;
}

static void put_text(struct entry *w, const char *z)
{
    char mended[TEXT_MAX];
    size_t n = strnlen(z, TEXT_MAX + 1);
    if (n > TEXT_MAX || !utf8_valid((struct slice){z, n})) {
        n = mend_text(z, mended);
        z = mended;
    }
    w->n += cbor_encode_string_start(n, w->byte + w->n, sizeof w->byte - w->n);
    memcpy(w->byte + w->n, z, n);
    w->n += n;
}

static void put_pair(struct entry *w, const char *key, const char *value)
{
    if (value) {
        put_text(w, key);
        put_text(w, value);
    }
}

static void put_map(struct entry *w, size_t pairs)
{
    w->n += cbor_encode_map_start(pairs, w->byte + w->n, sizeof w->byte - w->n);
}

static void put_number(struct entry *w, const char *key, int64_t v)
{
    put_text(w, key);
    w->n += cbor_encode_uint((uint64_t)(v < 0 ? 0 : v), w->byte + w->n, sizeof w->byte - w->n);
}

static void encode(struct entry *w, const struct audit_entry *x, int64_t now)
{
    size_t pairs = 6 + (x->object != NULL) + (x->actor || x->role) + (x->why != NULL) + (x->request != NULL) +
                   (x->route != NULL) + (x->trace != NULL) + (x->glass != NULL);
    put_map(w, pairs);
    put_number(w, "n", x->rows);
    put_number(w, "t", now);
    put_number(w, "v", 1);
    put_pair(w, "bg", x->glass);
    put_pair(w, "act", x->action);
    if (x->object) {
        put_text(w, "obj");
        put_map(w, 1 + (x->object_id != NULL));
        put_pair(w, "id", x->object_id);
        put_pair(w, "type", x->object);
    }
    put_pair(w, "out", x->outcome);
    put_pair(w, "req", x->request);
    put_pair(w, "why", x->why);
    if (x->actor || x->role) {
        put_text(w, "actor");
        put_map(w, (size_t)(x->actor != NULL) + (x->role != NULL));
        put_pair(w, "id", x->actor);
        put_pair(w, "role", x->role);
    }
    put_pair(w, "route", x->route);
    put_text(w, "scope");
    w->n += cbor_encode_bytestring_start(16, w->byte + w->n, sizeof w->byte - w->n);
    memcpy(w->byte + w->n, x->scope, 16);
    w->n += 16;
    put_pair(w, "trace", x->trace);
}

#define NEXT_ENTRY                                                                                                     \
    "INSERT INTO audit (idx, scope, at, entry, leaf) "                                                                 \
    "VALUES ((SELECT coalesce(max(idx), -1) + 1 FROM audit), $1, $2, $3, $4)"

/* *ret_index, unless NULL: where it has one from the start. To be told it costs a sixth of the insert. */
static int store(struct tx *tx, const struct audit_entry *x, int64_t now, struct slice entry, const uint8_t *leaf,
                 int64_t *ret_index, struct err *e)
{
    const struct val v[] = {V_NULL, V_ID(x->scope), V_INT(now), V_BLOB(entry), V_BYTES(leaf, SHA256_BYTES)};
    if (tx_shared(tx))
        return tx_put_n(tx, e, "INSERT INTO audit_pending (scope, at, entry, leaf) VALUES ($1, $2, $3, $4)", v, 4);
    if (!ret_index)
        return tx_put_n(tx, e, NEXT_ENTRY, v, 4);
    OWN_ARENA struct arena *a = arena_new(4096);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "an audit entry");
    if (tx_rows_n(tx, a, &r, e, NEXT_ENTRY " RETURNING idx", v, 4) < 0)
        return -1;
    *ret_index = r.cell[0].i;
    return 0;
}

static void take_seat(struct tx *tx, struct audit_seat *seat, const uint8_t leaf[SHA256_BYTES], int64_t index)
{
    seat->taken = true;
    memcpy(seat->leaf, leaf, SHA256_BYTES);
    seat->index = index;
    seat->durable = false;
    tx_when_durable(tx, &seat->durable);
}

static int append(struct tx *tx, const struct audit_entry *x, uint8_t leaf[SHA256_BYTES], int64_t *ret_index,
                  struct err *e)
{
    struct entry w = {.n = 0};
    int64_t now = clock_now_us();
    int64_t index = -1;
    assert(x->scope && x->action && x->outcome);
    encode(&w, x, now);
    struct tree_hash hash;
    tree_leaf((struct slice){(char *)w.byte, w.n}, &hash);
    memcpy(leaf, hash.byte, SHA256_BYTES);
    int rc = store(tx, x, now, (struct slice){(char *)w.byte, w.n}, leaf, ret_index || x->seat ? &index : NULL, e);
    if (rc) { /* whatever was in the way: 503, never a conflict that somebody could mend */
        e->code = e->code == ERR_CONFLICT ? ERR_STORE : e->code;
        return err_in(e, "append to the audit log");
    }
    if (x->seat)
        take_seat(tx, x->seat, leaf, index);
    if (ret_index)
        *ret_index = index;
    metric_add(METRIC_AUDIT_ENTRIES, 1);
    return 0;
}

int audit_append(struct tx *tx, const struct audit_entry *x, struct err *e)
{
    uint8_t leaf[SHA256_BYTES];
    return append(tx, x, leaf, NULL, e);
}

int audit_append_at(struct tx *tx, const struct audit_entry *x, uint8_t leaf[SHA256_BYTES], int64_t *ret_index,
                    struct err *e)
{
    return append(tx, x, leaf, ret_index, e);
}

static int note_body(struct tx *tx, void *arg, struct err *e)
{
    return audit_append(tx, arg, e);
}

int audit_note(struct db *db, const struct audit_entry *x, struct err *e)
{
    return tx_run(db, note_body, (void *)x, e);
}

/* --- indices, where bodies run beside each other --- */

struct indexing {
    struct arena *arena;
    struct rows *moved;
};

int audit_lock(struct tx *tx, struct err *e)
{
    return tx_shared(tx) ? tx_put(tx, e, "SELECT pg_advisory_xact_lock(418430873972)") : 0;
}

/* The lock makes one snapshot follow the other, so `max(idx)` is that of the last indexer. */
static int index_body(struct tx *tx, void *arg, struct err *e)
{
    struct indexing *x = arg;
    return audit_lock(tx, e) ||
                   tx_rows(tx, x->arena, x->moved, e,
                           "WITH waiting AS (DELETE FROM audit_pending WHERE seq IN (SELECT seq FROM audit_pending "
                           "ORDER BY seq LIMIT $1) RETURNING seq, scope, at, entry, leaf) "
                           "INSERT INTO audit (idx, scope, at, entry, leaf) SELECT (SELECT coalesce(max(idx), -1) FROM "
                           "audit) + row_number() OVER (ORDER BY seq), scope, at, entry, leaf FROM waiting "
                           "RETURNING idx, leaf",
                           V_INT(AUDIT_INDEX_STEP)) < 0
               ? -1
               : 0;
}

int audit_index_step(struct db *db, struct arena *a, struct rows *ret, struct err *e)
{
    struct indexing x = {a, ret};
    return tx_run(db, index_body, &x, e);
}

static bool anything_waits(struct db *db)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    struct err e;
    return !a || db_rows(db, a, &r, &e, "SELECT seq FROM audit_pending LIMIT 1") != 0; /* when in doubt, look */
}

int audit_index(struct db *db, struct err *e)
{
    struct rows r = {.n = AUDIT_INDEX_STEP};
    if (!db_shared(db) || !anything_waits(db))
        return 0;
    while (r.n == AUDIT_INDEX_STEP) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "index the audit log");
        if (audit_index_step(db, a, &r, e))
            return -1;
    }
    return 0;
}

/* --- reading --- */

int audit_count(struct db *db, int64_t *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "count the audit log");
    if (audit_index(db, e) || db_rows(db, a, &r, e, "SELECT coalesce(max(idx), -1) + 1 FROM audit") < 0)
        return -1;
    *ret = row_at(&r, 0, 0)->i;
    return 0;
}
