/* db.h -- the record: transactions, reads, migrations. Knows nothing of what the tables mean.
 *
 * There is one way to write: tx_run(db, body, arg, e). The body does rows and nothing else (parse, seal and hash before
 * it); tx_run returns when it is durable, so a caller may answer. On SQLite one writer thread runs up to 64 waiting
 * bodies in one transaction, each inside a savepoint of its own (a failing body rolls back alone), commits once and
 * wakes the callers: one fsync serves them all. That thread also does every checkpoint, so nothing else ever writes the
 * file, which keeps out the WAL-reset race of SQLite before 3.51.3.
 *
 * SQL is written once, with parameters $1, $2 ... each first used in this order. Values are typed and binary. The text
 * must live as long as the program (a literal): prepared statements are kept by its address. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/arena.h"
#include "base/err.h"

enum val_kind { VAL_NULL, VAL_INT, VAL_TEXT, VAL_BLOB };

struct val {
    enum val_kind kind;
    int64_t i;
    struct slice s;
};

#define V_NULL          ((struct val){.kind = VAL_NULL})
#define V_INT(v)        ((struct val){.kind = VAL_INT, .i = (v)})
#define V_TEXT(v)       ((struct val){.kind = VAL_TEXT, .s = (v)})
#define V_STR(z)        ((struct val){.kind = VAL_TEXT, .s = slice_of(z)})
#define V_BLOB(v)       ((struct val){.kind = VAL_BLOB, .s = (v)})
#define V_BYTES(p_, n_) ((struct val){.kind = VAL_BLOB, .s = {(const char *)(p_), (n_)}})
#define V_ID(p_)        V_BYTES(p_, 16)
#define V_MAYBE(v)                                                                                                     \
    ((struct val){.kind = (v).p ? VAL_BLOB : VAL_NULL, .s = (v)}) /* NULL when the slice has no bytes at all */

/* The answer of a query, in the caller's arena, row by row. */
struct rows {
    int n, cols;
    const struct val *cell;
};
static inline const struct val *row_at(const struct rows *r, int row, int col)
{
    return &r->cell[row * r->cols + col];
}

struct db;
struct tx;
typedef int tx_body(struct tx *tx, void *arg, struct err *e);

/* Opens (creates if `create`) the store at `path`. ERR_STORE with a sentence when it cannot be. */
int db_open(const char *path, bool create, struct db **ret, struct err *e);
void db_close(struct db *db);

/* Brings the schema to this program's version, step by step, each in a transaction. Refuses a newer schema. */
int db_migrate(struct db *db, struct err *e);

/* Runs `body` in a transaction. 0: it returned 0 and is durable. -1: nothing of it happened. Blocks until one of the
 * two is known. Any thread; not from inside a body. */
int tx_run(struct db *db, tx_body *body, void *arg, struct err *e);
/* The same, but it need not be durable when this returns 0: if the machine (not only this process) fails before the
 * next durable transaction, it is undone as a whole. For what is as good when it never happened, such as a lease. */
int tx_run_lazy(struct db *db, tx_body *body, void *arg, struct err *e);

/* Inside a body. The number of rows changed, or -1. */
#define tx_exec(tx, e, sql, ...)                                                                                       \
    tx_exec_n((tx), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                                           \
              (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int tx_exec_n(struct tx *tx, struct err *e, const char *sql, const struct val *v, int n);
/* Inside a body. The number of rows found (in *ret), or -1. */
#define tx_rows(tx, a, ret, e, sql, ...)                                                                               \
    tx_rows_n((tx), (a), (ret), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                               \
              (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int tx_rows_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n);

/* A read outside of any body: what is committed. The number of rows, or -1. Any thread. */
#define db_rows(db, a, ret, e, sql, ...)                                                                               \
    db_rows_n((db), (a), (ret), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                               \
              (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int db_rows_n(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n);

/* PRAGMA integrity_check and foreign keys, for doctor: 0 sound, -1 with what is wrong. Long on large stores. */
int db_check(struct db *db, struct err *e);

#endif
