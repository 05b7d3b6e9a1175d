#include "store/db.h"

#include "base/clock.h"
#include "base/own.h"
#include "store/driver_int.h"

int db_open(const char *path, bool create, struct db **ret, struct err *e)
{
    return db_sqlite.open(path, create, ret, e);
}
void db_close(struct db *db)
{
    if (db)
        db->driver->close(db);
}

int tx_run(struct db *db, tx_body *body, void *arg, struct err *e)
{
    return db->driver->run(db, body, arg, false, e);
}
int tx_run_lazy(struct db *db, tx_body *body, void *arg, struct err *e)
{
    return db->driver->run(db, body, arg, true, e);
}

int tx_exec_n(struct tx *tx, struct err *e, const char *sql, const struct val *v, int n)
{
    return tx->driver->tx_query(tx, NULL, NULL, e, sql, v + 1, n);
}
int tx_rows_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n)
{
    return tx->driver->tx_query(tx, a, ret, e, sql, v + 1, n);
}
int db_rows_n(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n)
{
    return db->driver->read(db, a, ret, e, sql, v + 1, n);
}
int db_check(struct db *db, struct err *e)
{
    return db->driver->check(db, e);
}

/* --- migrations: numbered, applied in order, each in one transaction with the note that it was --- */

#define MIGRATION(n, name) extern const char migration_##n[];
#include "store/migrations.def"
#undef MIGRATION

static const struct migration {
    int number;
    const char *name, *sql;
} migrations[] = {
#define MIGRATION(n, name) {n, name, migration_##n},
#include "store/migrations.def"
#undef MIGRATION
};

static int apply(struct tx *tx, void *arg, struct err *e)
{
    const struct migration *m = arg;
    if (tx->driver->script(tx, m->sql, e))
        return err_in(e, "migration %d (%s)", m->number, m->name);
    return tx_exec(tx, e, "INSERT INTO schema_version (number, name, applied_at) VALUES ($1, $2, $3)", V_INT(m->number),
                   V_STR(m->name), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

static int make_version_table(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return tx->driver->script(
        tx,
        "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at INTEGER NOT NULL)",
        e);
}

int db_migrate(struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "migrate");
    if (tx_run(db, make_version_table, NULL, e) ||
        db_rows(db, a, &r, e, "SELECT coalesce(max(number), 0) FROM schema_version") < 0)
        return -1;
    int64_t have = row_at(&r, 0, 0)->i, want = migrations[COUNT(migrations) - 1].number;
    if (have > want)
        return err_set(e, ERR_STORE,
                       "the data were written by a newer program (schema %lld, this program knows %lld): install it, "
                       "or restore a backup of the older one",
                       (long long)have, (long long)want);
    for (size_t i = 0; i < COUNT(migrations); i++)
        if (migrations[i].number > have && tx_run(db, apply, (void *)&migrations[i], e))
            return -1;
    return 0;
}
