/* db.h -- the record: transactions, reads, migrations. Knows nothing of what the tables mean.
 *
 * There is one way to write: tx_run(db, body, arg, e). The body does rows and nothing else (parse, seal and hash before
 * it); tx_run returns when it is durable, so a caller may answer.
 *
 * SQLite (a path): one writer thread runs up to 64 waiting bodies in one transaction, each inside a savepoint of its
 * own (a failing body rolls back alone), commits once and wakes the callers: one fsync serves them all. That thread
 * also does every checkpoint, so nothing else ever writes the file, which keeps out the WAL-reset race of SQLite before
 * 3.51.3.
 *
 * PostgreSQL (postgres://...): each body runs on a pooled connection in a transaction of its own, beside those of other
 * threads and other processes, at READ COMMITTED. So a body must
 *   - be right when others run at the same time: it changes a row only if it still is what it was taken for (compare
 *     and set in WHERE, and look at the number of rows), and leaves "only once" to a unique key;
 *   - be able to run again from its start: that happens after a lost race (serialization, deadlock, unique key);
 *   - take the next of several rows with DB_SKIP_LOCKED at the end of its SELECT, where others take them, too.
 *
 * SQL is written once, in what both understand, with parameters $1, $2 ... each first used in this order. Values are
 * typed and binary. The text must live as long as the program (a literal): prepared statements are kept by its address.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/progress.h"

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

/* At the end of a SELECT in a body: rows that another body has locked are passed over, the others are locked. Nothing
 * where bodies run one after the other. */
#define DB_SKIP_LOCKED "/*skip locked*/"

/* One hundred parameters for IN (...), $2 to $101 or $3 to $102: the text is the same for any number, so its plan is
 * kept; what is left over asks for the first one again (db_many). */
#define DB_NINETY_NINE                                                                                                 \
    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, "     \
    "$26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, "        \
    "$47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, "        \
    "$68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83, $84, $85, $86, $87, $88, "        \
    "$89, $90, $91, $92, $93, $94, $95, $96, $97, $98, $99, $100, $101"
#define DB_HUNDRED_2 "$2, " DB_NINETY_NINE
#define DB_HUNDRED_3 DB_NINETY_NINE ", $102"
enum { DB_MANY = 100 };
/* A hundred of the `n` ids (1 to DB_MANY), each `bytes` long. */
static inline void db_many(struct val *v, const void *id, size_t bytes, int n)
{
    for (int i = 0; i < DB_MANY; i++)
        v[i] = V_BYTES((const char *)id + (size_t)(i < n ? i : 0) * bytes, bytes);
}

struct db;
struct tx;
typedef int tx_body(struct tx *tx, void *arg, struct err *e);

/* Opens the store at `path`, a file (created if `create`) or postgres://USER@HOST/DATABASE (a libpq URI; its password
 * may come from ~/.pgpass or PGPASSWORD). ERR_STORE with a sentence when it cannot be. */
int db_open(const char *path, bool create, struct db **ret, struct err *e);
void db_close(struct db *db);
/* Is this a URL, not a file? */
bool db_is_url(const char *path);
/* Do other processes write here, too, and bodies run beside each other? What is remembered of such a store goes stale.
 */
bool db_shared(const struct db *db);
/* 1: nothing was ever written here. 0: it has a schema. */
int db_is_empty(struct db *db, struct err *e);

/* Brings the schema to this program's version, step by step, each in a transaction. Refuses a newer schema. */
int db_migrate(struct db *db, struct err *e);
/* The same up to `number` and no further: how a test comes to an old store. */
int db_migrate_to(struct db *db, int64_t number, struct err *e);
/* The number of the schema the store has (0: none yet), and of the one this program brings it to. */
int db_schema(struct db *db, int64_t *ret, struct err *e);
int64_t db_schema_known(void);

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
/* Inside a body: a change nobody waits for. Its failure may be told only by what follows it, the commit at the latest;
 * then nothing of the body has happened. 0 or -1. */
#define tx_put(tx, e, sql, ...)                                                                                        \
    tx_put_n((tx), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                                            \
             (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int tx_put_n(struct tx *tx, struct err *e, const char *sql, const struct val *v, int n);
/* Inside a body, where bodies run one after the other: *ret becomes true when this one is durable, before tx_run
 * returns. Elsewhere nothing happens. */
void tx_when_durable(struct tx *tx, bool *ret);
/* Inside a body: may others be at work on the same tables? */
bool tx_shared(const struct tx *tx);
/* Inside a body. The number of rows found (in *ret), or -1. */
#define tx_rows(tx, a, ret, e, sql, ...)                                                                               \
    tx_rows_n((tx), (a), (ret), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                               \
              (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int tx_rows_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n);

/* Inside a body: the same, but *ret is there only after tx_wait (or after tx_exec or tx_rows, which wait for all that
 * was asked before). Questions that do not wait for each other's answers are one round trip, where that is what costs.
 * 0 or -1; a failure may be told only by what follows, as of tx_put. `a` and `ret` live until then. */
#define tx_ask(tx, a, ret, e, sql, ...)                                                                                \
    tx_ask_n((tx), (a), (ret), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                                \
             (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int tx_ask_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
             int n);
int tx_wait(struct tx *tx, struct err *e);

/* A read outside of any body: what is committed. The number of rows, or -1. Any thread. */
#define db_rows(db, a, ret, e, sql, ...)                                                                               \
    db_rows_n((db), (a), (ret), (e), (sql), (const struct val[]){V_NULL, ##__VA_ARGS__},                               \
              (int)(sizeof((const struct val[]){V_NULL, ##__VA_ARGS__}) / sizeof(struct val)) - 1)
int db_rows_n(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n);

/* After a deletion that must leave no trace: nothing of the old bytes stays in the file or its write-ahead log. On
 * PostgreSQL that is up to the server (VACUUM, its log and its backups), so nothing is done. Blocks. */
int db_scrub(struct db *db, struct err *e);

/* After much was written at once: the store counts what it plans by. PostgreSQL does so by itself, but up to a minute
 * later, and until then takes indexes by which a page reads all there is. SQLite plans by the schema alone. Blocks for
 * as long as that takes, seconds for a study of ten thousand. */
int db_analyze(struct db *db, struct err *e);

/* Writes all of the store, as it was at one moment, to the new file `to` (mode 0600), beside everything else that goes
 * on. SQLite: its online backup, with the source's snapshot held from the first page to the last, so that writers
 * neither wait nor make it begin anew (VACUUM INTO would do as well, but tells nothing of how far it is, and builds
 * every index anew); db_scrub waits for its end, since nothing can be cut off a log that is being read. PostgreSQL:
 * pg_dump, of the snapshot it takes. Blocks for as long as that takes; ERR_BUSY when p->stop was set. */
int db_copy(struct db *db, const char *to, struct progress *p, struct err *e);

/* The way back, into an empty database; of a file the copy itself is the store, so there only shared stores have one.
 * Between db_load_begin and db_load_end a table says that the database is not whole: db_is_loading. */
int db_load_begin(struct db *db, struct err *e);
int db_load(struct db *db, const char *from, struct progress *p, struct err *e);
int db_load_end(struct db *db, struct err *e);
int db_is_loading(struct db *db, struct err *e); /* 1, 0, -1 */

/* For doctor: SQLite's integrity_check and foreign keys; whether PostgreSQL is set to keep what it answered. 0 sound,
 * -1 with what is wrong. Long on large files. */
int db_check(struct db *db, struct err *e);

#endif
