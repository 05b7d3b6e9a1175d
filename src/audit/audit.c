#include "audit/audit.h"

#include <assert.h>
#include <cbor.h>

#include "audit/tree.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/own.h"
#include "crypto/digest.h"

enum { ENTRY_MAX = 4096, TEXT_MAX = 200 };

/* --- writing: libcbor's encoders take the shortest form; the order of the keys below is the canonical one --- */

struct entry {
    unsigned char byte[ENTRY_MAX];
    size_t n;
    bool full;
};

static void took(struct entry *w, size_t n)
{
    if (n == 0)
        w->full = true;
    w->n += n;
}

static void put_text(struct entry *w, const char *z)
{
    size_t n = strnlen(z, TEXT_MAX);
    took(w, cbor_encode_string_start(n, w->byte + w->n, sizeof w->byte - w->n));
    if (n > sizeof w->byte - w->n) {
        w->full = true;
        return;
    }
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
    took(w, cbor_encode_map_start(pairs, w->byte + w->n, sizeof w->byte - w->n));
}

static void put_number(struct entry *w, const char *key, int64_t v)
{
    put_text(w, key);
    took(w, cbor_encode_uint((uint64_t)(v < 0 ? 0 : v), w->byte + w->n, sizeof w->byte - w->n));
}

static void encode(struct entry *w, const struct audit_entry *x, int64_t now)
{
    size_t pairs = 6 + (x->object != NULL) + (x->actor || x->role) + (x->why != NULL) + (x->request != NULL) +
                   (x->route != NULL) + (x->trace != NULL);
    put_map(w, pairs);
    put_number(w, "n", x->rows);
    put_number(w, "t", now);
    put_number(w, "v", 1);
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
    took(w, cbor_encode_bytestring_start(16, w->byte + w->n, sizeof w->byte - w->n));
    if (sizeof w->byte - w->n >= 16) {
        memcpy(w->byte + w->n, x->scope, 16);
        w->n += 16;
    }
    put_pair(w, "trace", x->trace);
}

static int append(struct tx *tx, const struct audit_entry *x, uint8_t leaf[SHA256_BYTES], struct err *e)
{
    struct entry w = {.n = 0};
    int64_t now = clock_now_us();
    assert(x->scope && x->action && x->outcome);
    encode(&w, x, now);
    if (w.full)
        return err_set(e, ERR_INTERNAL, "an audit entry over %d bytes", ENTRY_MAX);
    struct tree_hash hash;
    tree_leaf((struct slice){(char *)w.byte, w.n}, &hash);
    memcpy(leaf, hash.byte, SHA256_BYTES);
    int rc = tx_shared(tx) ? tx_put(tx, e, "INSERT INTO audit_pending (scope, at, entry, leaf) VALUES ($1, $2, $3, $4)",
                                    V_ID(x->scope), V_INT(now), V_BYTES(w.byte, w.n), V_BYTES(leaf, SHA256_BYTES))
                           : tx_put(tx, e,
                                    "INSERT INTO audit (idx, scope, at, entry, leaf) "
                                    "VALUES ((SELECT coalesce(max(idx), -1) + 1 FROM audit), $1, $2, $3, $4)",
                                    V_ID(x->scope), V_INT(now), V_BYTES(w.byte, w.n), V_BYTES(leaf, SHA256_BYTES));
    if (rc)
        return err_in(e, "append to the audit log");
    if (x->seat) {
        x->seat->taken = true;
        memcpy(x->seat->leaf, leaf, SHA256_BYTES);
    }
    metric_add(METRIC_AUDIT_ENTRIES, 1);
    return 0;
}

int audit_append(struct tx *tx, const struct audit_entry *x, struct err *e)
{
    uint8_t leaf[SHA256_BYTES];
    return append(tx, x, leaf, e);
}

int audit_append_at(struct tx *tx, const struct audit_entry *x, struct arena *a, uint8_t leaf[SHA256_BYTES],
                    int64_t *ret_index, struct err *e)
{
    struct rows r;
    *ret_index = -1;
    if (append(tx, x, leaf, e))
        return -1;
    if (tx_shared(tx))
        return 0;
    if (tx_rows(tx, a, &r, e, "SELECT max(idx) FROM audit") < 0)
        return -1;
    *ret_index = row_at(&r, 0, 0)->i;
    return 0;
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

enum { INDEX_BATCH = 2000 };

struct indexing {
    struct arena *arena;
    int moved;
};

int audit_lock(struct tx *tx, struct arena *a, struct err *e)
{
    struct rows r;
    return tx_shared(tx) && tx_rows(tx, a, &r, e, "SELECT pg_advisory_xact_lock(418430873972)") < 0 ? -1 : 0;
}

/* The lock makes one snapshot follow the other, so `max(idx)` is that of the last indexer. */
static int index_body(struct tx *tx, void *arg, struct err *e)
{
    struct indexing *x = arg;
    if (audit_lock(tx, x->arena, e))
        return -1;
    x->moved =
        tx_exec(tx, e,
                "WITH waiting AS (DELETE FROM audit_pending WHERE seq IN (SELECT seq FROM audit_pending ORDER BY "
                "seq LIMIT $1) RETURNING seq, scope, at, entry, leaf) "
                "INSERT INTO audit (idx, scope, at, entry, leaf) SELECT (SELECT coalesce(max(idx), -1) FROM "
                "audit) + row_number() OVER (ORDER BY seq), scope, at, entry, leaf FROM waiting",
                V_INT(INDEX_BATCH));
    return x->moved < 0 ? -1 : 0;
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
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct indexing x = {.arena = a, .moved = INDEX_BATCH};
    if (!db_shared(db))
        return 0;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "index the audit log");
    if (!anything_waits(db))
        return 0;
    while (x.moved == INDEX_BATCH)
        if (tx_run(db, index_body, &x, e))
            return -1;
    return 0;
}

/* --- reading --- */

static int page(struct db *db, struct arena *a, int64_t from, int most, struct rows *r, struct err *e)
{
    return db_rows(db, a, r, e, "SELECT idx, entry, leaf FROM audit WHERE idx >= $1 ORDER BY idx LIMIT $2", V_INT(from),
                   V_INT(most));
}

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

int audit_find(struct db *db, const uint8_t leaf[SHA256_BYTES], int64_t *ret_index, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look into the audit log");
    if (audit_index(db, e) ||
        db_rows(db, a, &r, e, "SELECT idx FROM audit WHERE idx > (SELECT max(idx) FROM audit) - 20000 AND leaf = $1",
                V_BYTES(leaf, SHA256_BYTES)) < 0)
        return -1;
    if (r.n == 0 && db_rows(db, a, &r, e, "SELECT idx FROM audit WHERE leaf = $1", V_BYTES(leaf, SHA256_BYTES)) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such audit entry");
    *ret_index = row_at(&r, 0, 0)->i;
    return 0;
}

static void item_to_json(cbor_item_t *item, struct json_out *o)
{
    char hex[2 * TEXT_MAX + 1];
    switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT: json_put_int(o, (int64_t)cbor_get_int(item)); break;
    case CBOR_TYPE_STRING:
        json_put(o, (struct slice){(char *)cbor_string_handle(item), cbor_string_length(item)});
        break;
    case CBOR_TYPE_BYTESTRING:
        if (cbor_bytestring_length(item) <= TEXT_MAX) {
            hex_encode(cbor_bytestring_handle(item), cbor_bytestring_length(item), hex);
            json_put_str(o, hex);
            break;
        }
        json_put_null(o);
        break;
    default: json_put_null(o);
    }
}

static void map_to_json(cbor_item_t *map, struct json_out *o)
{
    struct cbor_pair *pair = cbor_map_handle(map);
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        char key[TEXT_MAX + 1] = {0};
        if (cbor_typeof(pair[i].key) == CBOR_TYPE_STRING && cbor_string_length(pair[i].key) <= TEXT_MAX)
            memcpy(key, cbor_string_handle(pair[i].key), cbor_string_length(pair[i].key));
        json_key(o, key);
        if (cbor_typeof(pair[i].value) == CBOR_TYPE_MAP) {
            json_open(o, '{');
            map_to_json(pair[i].value, o);
            json_close(o, '}');
        } else {
            item_to_json(pair[i].value, o);
        }
    }
}

int audit_list(struct db *db, int64_t from, int most, struct arena *a, struct json_out *o, struct err *e)
{
    struct rows r;
    if (audit_index(db, e) || page(db, a, from, most, &r, e) < 0)
        return -1;
    json_open(o, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct cbor_load_result res;
        cbor_item_t *item = cbor_load((const unsigned char *)v[1].s.p, v[1].s.n, &res);
        json_open(o, '{');
        json_pair_int(o, "idx", v[0].i);
        if (item && cbor_typeof(item) == CBOR_TYPE_MAP)
            map_to_json(item, o);
        json_close(o, '}');
        if (item)
            cbor_decref(&item);
    }
    json_close(o, ']');
    return 0;
}
