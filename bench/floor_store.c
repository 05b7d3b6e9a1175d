/* floor_store.c -- how many accepted jobs, or audit entries, the disk and SQLite take when nothing else is done.
 *
 *     floor_store [-t S] [-g N] [-n | -a] FOLDER LIKE
 *
 * LIKE is a database of lazaret with jobs in it: rows of the same average sizes (random bytes) are written into a new
 * database in FOLDER, by one thread, with the schema and the pragmas of the store, N (1) bodies a commit, for S seconds
 * (2). A body is what one answer of the server writes: a job, its idempotency row and its audit entry; with -n without
 * the idempotency row, with -a the audit entry alone. No savepoints, no foreign keys, no sealing, no queue: what a
 * server reaches is a part of this. Prints one line of JSON, with the bytes that reached the disk for each body. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/own.h"
#include "base/rnd.h"
#include "exchange.h"
#include "store/db.h"

enum { KEY, BUNDLE, PLAN, ANSWER, TRACE, ENTRY, SIZES, BYTES_MAX = 1 << 20 };

static unsigned char noise[BYTES_MAX];
static int size_of[SIZES];

struct what {
    bool job, idempotency;
};

struct floor_db {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *job, *idempotency, *audit;
    int64_t index;
};

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        stop("%s: %s", sql, sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
        stop("%s: %s", sql, sqlite3_errmsg(db));
    return st;
}

static void read_sizes(const char *path, const struct what *what)
{
    static const char *const sql[SIZES] = {
        [KEY] = "SELECT avg(length(key)) FROM (SELECT key FROM job LIMIT 1000)",
        [BUNDLE] = "SELECT avg(length(bundle)) FROM (SELECT bundle FROM job LIMIT 1000)",
        [PLAN] = "SELECT avg(length(plan)) FROM (SELECT plan FROM job LIMIT 1000)",
        [ANSWER] = "SELECT avg(length(body)) FROM (SELECT body FROM idempotency LIMIT 1000)",
        [TRACE] = "SELECT avg(length(trace)) FROM (SELECT trace FROM job LIMIT 1000)",
        [ENTRY] = "SELECT avg(length(entry)) FROM (SELECT entry FROM audit LIMIT 1000)",
    };
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        stop("%s: %s", path, sqlite3_errmsg(db));
    for (int i = 0; i < SIZES; i++) {
        if ((i == ANSWER && !what->idempotency) || (i != ENTRY && !what->job))
            continue;
        sqlite3_stmt *st = prepare(db, sql[i]);
        if (sqlite3_step(st) != SQLITE_ROW || sqlite3_column_type(st, 0) == SQLITE_NULL)
            stop("%s holds nothing to go by: %s", path, sql[i]);
        size_of[i] = (int)sqlite3_column_double(st, 0);
        if (size_of[i] >= BYTES_MAX)
            stop("%s holds rows that are too large", path);
        sqlite3_finalize(st);
    }
    sqlite3_close(db);
}

static void remove_db(const char *path)
{
    char more[4096];
    unlink(path);
    snprintf(more, sizeof more, "%s-wal", path);
    unlink(more);
    snprintf(more, sizeof more, "%s-shm", path);
    unlink(more);
}

/* The tables of today's schema, by the store's own migrations. */
static void make_tables(const char *path)
{
    struct db *db;
    struct err e;
    if (db_open(path, true, &db, &e) || db_migrate(db, &e))
        stop("%s: %s", path, e.detail);
    db_close(db);
}

static struct floor_db floor_open(const char *path)
{
    struct floor_db f = {.index = 0};
    remove_db(path);
    make_tables(path);
    if (sqlite3_open_v2(path, &f.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        stop("%s: %s", path, sqlite3_errmsg(f.db));
    run(f.db, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=256;"
              "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4000; PRAGMA foreign_keys=OFF");
    f.begin = prepare(f.db, "BEGIN IMMEDIATE");
    f.commit = prepare(f.db, "COMMIT");
    f.job = prepare(
        f.db,
        "INSERT INTO job (scope, id, client, model, state, key, bundle, plan, not_before, webhook, trace, created_at, "
        "updated_at, turn) VALUES (?1, ?2, ?1, ?3, 'QUEUED', ?4, ?5, ?6, ?7, 0, ?8, ?7, ?7, ?7)");
    f.idempotency =
        prepare(f.db, "INSERT INTO idempotency (scope, client, key_hash, digest, job, status, body, created_at) "
                      "VALUES (?1, ?1, ?2, ?3, ?4, 202, ?5, ?6)");
    f.audit = prepare(f.db, "INSERT INTO audit (idx, scope, at, entry, leaf) VALUES (?1, ?2, ?3, ?4, ?5)");
    return f;
}

static void floor_close(struct floor_db *f, const char *path)
{
    sqlite3_stmt *st[] = {f->begin, f->commit, f->job, f->idempotency, f->audit};
    for (size_t i = 0; i < COUNT(st); i++)
        sqlite3_finalize(st[i]);
    sqlite3_close(f->db);
    remove_db(path);
}

static void step(struct floor_db *f, sqlite3_stmt *st)
{
    if (sqlite3_step(st) != SQLITE_DONE)
        stop("%s: %s", sqlite3_sql(st), sqlite3_errmsg(f->db));
    sqlite3_reset(st);
}

static void blob(sqlite3_stmt *st, int at, const void *p, int n)
{
    sqlite3_bind_blob(st, at, p, n, SQLITE_STATIC);
}
static void text(sqlite3_stmt *st, int at, int n)
{
    static char filler[BYTES_MAX];
    if (!*filler)
        memset(filler, 'x', sizeof filler);
    sqlite3_bind_text(st, at, filler, n, SQLITE_STATIC);
}

static void write_job(struct floor_db *f, int64_t now, bool idempotency)
{
    uint8_t id[UUID_BYTES], hash[32];
    uuid7(id);
    rnd_bytes(hash, sizeof hash);
    blob(f->job, 1, noise, 16);
    blob(f->job, 2, id, 16);
    blob(f->job, 3, noise, 32);
    blob(f->job, 4, noise, size_of[KEY]);
    blob(f->job, 5, noise, size_of[BUNDLE]);
    blob(f->job, 6, noise, size_of[PLAN]);
    sqlite3_bind_int64(f->job, 7, now);
    text(f->job, 8, size_of[TRACE]);
    step(f, f->job);
    if (!idempotency)
        return;
    blob(f->idempotency, 1, noise, 16);
    blob(f->idempotency, 2, hash, 32);
    blob(f->idempotency, 3, noise, 32);
    blob(f->idempotency, 4, id, 16);
    text(f->idempotency, 5, size_of[ANSWER]);
    sqlite3_bind_int64(f->idempotency, 6, now);
    step(f, f->idempotency);
}

static void write_audit(struct floor_db *f, int64_t now)
{
    sqlite3_bind_int64(f->audit, 1, f->index++);
    blob(f->audit, 2, noise, 16);
    sqlite3_bind_int64(f->audit, 3, now);
    blob(f->audit, 4, noise, size_of[ENTRY]);
    blob(f->audit, 5, noise, 32);
    step(f, f->audit);
}

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void measure(const char *path, const struct what *what, int group, double seconds)
{
    struct floor_db f = floor_open(path);
    int64_t start = now_ns(), cpu = cpu_us(), disk = disk_bytes_of(getpid()), end = start + (int64_t)(seconds * 1e9),
            bodies = 0;
    for (int64_t now = start; now < end; now = now_ns()) {
        step(&f, f.begin);
        for (int i = 0; i < group; i++, bodies++) {
            if (what->job)
                write_job(&f, 1800000000000000 + now / 1000, what->idempotency);
            write_audit(&f, 1800000000000000 + now / 1000);
        }
        step(&f, f.commit);
    }
    double took = (double)(now_ns() - start) / 1e9, each = 1.0 / (double)bodies;
    printf("{\"group\":%d,\"per_s\":%.1f,\"cpu_us\":%.2f,\"disk_bytes\":%.0f}\n", group, (double)bodies / took,
           (double)(cpu_us() - cpu) * each, (double)(disk_bytes_of(getpid()) - disk) * each);
    floor_close(&f, path);
}

int main(int argc, char **argv)
{
    struct what what = {.job = true, .idempotency = true};
    double seconds = 2;
    int group = 1;
    char path[4000];
    for (int o; (o = getopt(argc, argv, "t:g:na")) != -1;) {
        switch (o) {
        case 't': seconds = seconds_of(optarg); break;
        case 'g': group = number_of(optarg, 1, 100000); break;
        case 'n': what.idempotency = false; break;
        case 'a': what.job = false; break;
        default: return 2;
        }
    }
    if (argc - optind != 2 || seconds <= 0)
        stop("usage: floor_store [-t SECONDS] [-g GROUP] [-n] [-a] FOLDER LIKE");
    rnd_bytes(noise, sizeof noise);
    read_sizes(argv[optind + 1], &what);
    snprintf(path, sizeof path, "%s/floor.db", argv[optind]);
    measure(path, &what, group, seconds);
    return 0;
}
