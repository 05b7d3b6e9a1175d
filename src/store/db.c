#include "store/db.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "store/driver_int.h"

bool db_is_url(const char *path)
{
    return strncmp(path, "postgres://", 11) == 0 || strncmp(path, "postgresql://", 13) == 0;
}
int db_open(const char *path, bool create, struct db **ret, struct err *e)
{
    return (db_is_url(path) ? &db_postgres : &db_sqlite)->open(path, create, ret, e);
}
bool db_shared(const struct db *db)
{
    return !db->driver->serial;
}
bool tx_shared(const struct tx *tx)
{
    return !tx->driver->serial;
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
    return tx->driver->query(tx, NULL, NULL, e, sql, v + 1, n);
}
int tx_put_n(struct tx *tx, struct err *e, const char *sql, const struct val *v, int n)
{
    return tx->driver->put(tx, e, sql, v + 1, n);
}
int tx_rows_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n)
{
    return tx->driver->query(tx, a, ret, e, sql, v + 1, n);
}
void tx_when_durable(struct tx *tx, bool *ret)
{
    if (tx->driver->when_durable)
        tx->driver->when_durable(tx, ret);
}
int tx_ask_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
             int n)
{
    if (tx->driver->ask)
        return tx->driver->ask(tx, a, ret, e, sql, v + 1, n);
    return tx->driver->query(tx, a, ret, e, sql, v + 1, n) < 0 ? -1 : 0;
}
int tx_wait(struct tx *tx, struct err *e)
{
    return tx->driver->wait ? tx->driver->wait(tx, e) : 0;
}
int db_rows_n(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n)
{
    return db->driver->read(db, a, ret, e, sql, v + 1, n);
}
int db_scrub(struct db *db, struct err *e)
{
    return db->driver->scrub ? db->driver->scrub(db, e) : 0;
}
int db_check(struct db *db, struct err *e)
{
    return db->driver->check(db, e);
}

int db_copy(struct db *db, const char *to, struct progress *p, struct err *e)
{
    return db->driver->copy(db, to, p, e);
}

/* --- loading a copy into a database that is shared --- */

static int mark_loading(struct tx *tx, void *arg, struct err *e)
{
    return tx->driver->script(tx, arg, e);
}

int db_load_begin(struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    int loading = a ? db_is_loading(db, e) : err_set(e, ERR_NO_MEMORY, "load a store");
    if (loading < 0 || db_rows(db, a, &r, e,
                               "SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace "
                               "WHERE nspname = current_schema())") < 0)
        return -1;
    if (loading)
        return err_set(
            e, ERR_CONFLICT,
            "that database is left of a restore that did not finish: drop it, make an empty one, and restore "
            "again");
    if (row_at(&r, 0, 0)->i)
        return err_set(e, ERR_CONFLICT, "that database is not empty: a restore needs one that is");
    return tx_run(db, mark_loading, (void *)"CREATE TABLE lazaret_loading (at INTEGER)", e);
}

int db_load(struct db *db, const char *from, struct progress *p, struct err *e)
{
    return db->driver->load(db, from, p, e);
}

int db_analyze(struct db *db, struct err *e)
{
    return db->driver->analyze ? db->driver->analyze(db, e) : 0;
}

int db_load_end(struct db *db, struct err *e)
{
    return tx_run(db, mark_loading, (void *)"DROP TABLE lazaret_loading", e);
}

int db_is_loading(struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!db_shared(db))
        return 0;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look at the store");
    return db_rows(db, a, &r, e,
                   "SELECT tablename FROM pg_tables WHERE tablename = 'lazaret_loading' AND schemaname = "
                   "current_schema()");
}

/* --- migrations: numbered, applied in order, each in one transaction with the note that it was --- */

#define MIGRATION(n, name) extern const char migration_##n[];
#include "store/migrations.def"
#undef MIGRATION

static const struct migration {
    int number;
    const char *name, *sql;
} migrations[] = {
#define MIGRATION(n, name) {1##n - 10000, name, migration_##n}, /* 0008 alone would be octal */
#include "store/migrations.def"
#undef MIGRATION
};

/* The lines meant for this driver: all but those between "-- only NAME" of another one and "-- both". */
static char *lines_for(const char *sql, const char *driver)
{
    static const char only[] = "-- only ", both[] = "-- both";
    char *out = malloc(strlen(sql) + 1), *to = out;
    bool ours = true;
    for (const char *line = sql, *end; out && *line; line = end) {
        size_t n = strcspn(line, "\n");
        end = line + n + (line[n] == '\n');
        if (strncmp(line, only, sizeof only - 1) == 0)
            ours = n == sizeof only - 1 + strlen(driver) && memcmp(line + sizeof only - 1, driver, strlen(driver)) == 0;
        else if (n == sizeof both - 1 && memcmp(line, both, n) == 0)
            ours = true;
        else if (ours)
            to = (char *)mempcpy(to, line, (size_t)(end - line));
    }
    if (out)
        *to = 0;
    return out;
}

/* The number: "lazaret" in ASCII. */
int db_lock_schema(struct tx *tx, struct arena *a, struct err *e)
{
    struct rows r;
    return tx_shared(tx) && tx_rows(tx, a, &r, e, "SELECT pg_advisory_xact_lock(30506443218969972)") < 0 ? -1 : 0;
}

static int apply(struct tx *tx, void *arg, struct err *e)
{
    const struct migration *m = arg;
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    OWN_MEM char *sql = lines_for(m->sql, tx->driver->name);
    struct rows r;
    if (!a || !sql)
        return err_set(e, ERR_NO_MEMORY, "migrate");
    if (db_lock_schema(tx, a, e) ||
        tx_rows(tx, a, &r, e, "SELECT number FROM schema_version WHERE number = $1", V_INT(m->number)) < 0)
        return -1;
    if (r.n) /* another process was first */
        return 0;
    if (tx->driver->script(tx, sql, e))
        return err_in(e, "migration %d (%s)", m->number, m->name);
    fault_crash(CRASH_migration_applied);
    return tx_exec(tx, e, "INSERT INTO schema_version (number, name, applied_at) VALUES ($1, $2, $3)", V_INT(m->number),
                   V_STR(m->name), V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

static int make_version_table(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    (void)arg;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "migrate");
    return db_lock_schema(tx, a, e) ||
                   tx->driver->script(tx,
                                      "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, name "
                                      "TEXT NOT NULL, applied_at INTEGER NOT NULL)",
                                      e)
               ? -1
               : 0;
}

int db_is_empty(struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look at the store");
    int n = db_shared(db) ? db_rows(db, a, &r, e,
                                    "SELECT tablename FROM pg_tables WHERE tablename = 'schema_version' AND "
                                    "schemaname = current_schema()")
                          : db_rows(db, a, &r, e, "SELECT name FROM sqlite_schema WHERE name = 'schema_version'");
    return n < 0 ? -1 : n == 0;
}

int64_t db_schema_known(void)
{
    return migrations[COUNT(migrations) - 1].number;
}

int db_schema(struct db *db, int64_t *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    int empty = a ? db_is_empty(db, e) : err_set(e, ERR_NO_MEMORY, "look at the store");
    *ret = 0;
    if (empty < 0 || (!empty && db_rows(db, a, &r, e, "SELECT coalesce(max(number), 0) FROM schema_version") < 0))
        return -1;
    if (!empty)
        *ret = row_at(&r, 0, 0)->i;
    return 0;
}

int db_migrate(struct db *db, struct err *e)
{
    return db_migrate_to(db, db_schema_known(), e);
}

int db_migrate_to(struct db *db, int64_t number, struct err *e)
{
    int64_t have, want = db_schema_known();
    if (tx_run(db, make_version_table, NULL, e) || db_schema(db, &have, e))
        return -1;
    if (have > want)
        return err_set(e, ERR_STORE,
                       "the data were written by a newer program (schema %lld, this program knows %lld): install it, "
                       "or restore a backup of the older one",
                       (long long)have, (long long)want);
    for (size_t i = 0; i < COUNT(migrations); i++) {
        if (migrations[i].number > have && migrations[i].number <= number &&
            tx_run(db, apply, (void *)&migrations[i], e))
            return -1;
        fault_crash(CRASH_migration_committed);
    }
    return 0;
}
