/* leaf.c -- where a leaf is in the log.
 *
 * An index on the leaves themselves would be touched at another page by every entry: hashes have no order. So they are
 * sorted later, BLOCK entries at a time, each block in one go and behind the one before, by the keeper; what is in no
 * block yet is read through. A leaf is looked for in every block, one probe each. */
#include "audit/audit.h"
#include "base/own.h"
#include "crypto/digest.h"

enum { BLOCK = 4096, PREFIX = 8, BLOCKS_AT_ONCE = 16 };

static const char count_blocks[] = "SELECT coalesce(max(block), -1) + 1 FROM audit_leaf";

struct sorting {
    struct arena *arena;
    bool more;
};

static int sort_body(struct tx *tx, void *arg, struct err *e)
{
    struct sorting *x = arg;
    struct rows r;
    x->more = false;
    if (audit_lock(tx, e) || tx_rows(tx, x->arena, &r, e, count_blocks) < 0)
        return -1;
    int64_t block = row_at(&r, 0, 0)->i, from = block * BLOCK;
    if (tx_rows(tx, x->arena, &r, e, "SELECT coalesce(max(idx), -1) + 1 FROM audit") < 0)
        return -1;
    if (row_at(&r, 0, 0)->i < from + BLOCK)
        return 0;
    x->more = true;
    return tx_exec(tx, e,
                   "INSERT INTO audit_leaf (block, prefix, idx) SELECT $1, substr(leaf, 1, 8), idx FROM audit "
                   "WHERE idx >= $2 AND idx < $3 ORDER BY leaf",
                   V_INT(block), V_INT(from), V_INT(from + BLOCK)) < 0
               ? -1
               : 0;
}

int audit_sort(struct db *db, struct err *e)
{
    struct sorting x = {.more = true};
    for (int i = 0; x.more && i < BLOCKS_AT_ONCE; i++) {
        OWN_ARENA struct arena *a = arena_new(64 * 1024);
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "sort the audit log");
        x.arena = a;
        if (tx_run(db, sort_body, &x, e))
            return err_in(e, "sort the audit log");
    }
    return 0;
}

int audit_find(struct db *db, const uint8_t leaf[SHA256_BYTES], int64_t *ret_index, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look into the audit log");
    if (audit_index(db, e) || db_rows(db, a, &r, e, count_blocks) < 0)
        return -1;
    int64_t blocks = row_at(&r, 0, 0)->i;
    if (db_rows(db, a, &r, e, "SELECT idx FROM audit WHERE idx >= $1 AND leaf = $2", V_INT(blocks * BLOCK),
                V_BYTES(leaf, SHA256_BYTES)) < 0 ||
        (r.n == 0 &&
         db_rows(db, a, &r, e,
                 "WITH RECURSIVE b (n) AS (SELECT $1 - 1 UNION ALL SELECT n - 1 FROM b WHERE n > 0) "
                 "SELECT audit.idx FROM b JOIN audit_leaf ON audit_leaf.block = b.n AND audit_leaf.prefix = $2 "
                 "JOIN audit ON audit.idx = audit_leaf.idx WHERE audit.leaf = $3 LIMIT 1",
                 V_INT(blocks), V_BYTES(leaf, PREFIX), V_BYTES(leaf, SHA256_BYTES)) < 0))
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such audit entry");
    *ret_index = row_at(&r, 0, 0)->i;
    return 0;
}
