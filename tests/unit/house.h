/* house.h -- a data folder of its own for a test: a real store with its schema, a root key beside it, one scope.
 *
 * With STORE=postgres in the environment the store is a database of its own on the server that LAZARET_TEST_POSTGRES
 * names (tests/run starts it), else a SQLite file. house_sql() goes behind the program's back, as somebody with the
 * file in his hands would; on PostgreSQL without triggers and foreign keys. */
#ifndef HOUSE_H
#define HOUSE_H

#include "test.h"

#include <errno.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "identity/scope.h"
#include "keys/keyring.h"
#include "store/db.h"

/* Who changes clients and the like in tests. */
static const struct audit_entry operator_does __attribute__((unused)) = {
    .actor = "operator", .role = "operator", .action = "create", .outcome = "permit"};

struct house {
    char dir[32], db_path[160], key_path[48];
    char database[48]; /* on PostgreSQL */
    struct db *db;
    struct keyring *keyring;
    uint8_t scope[16];
};

static inline bool house_shared(void)
{
    const char *store = getenv("STORE");
    return store && strcmp(store, "postgres") == 0;
}

/* A new folder, in memory where tests/run found room there: no test here asks a disk what it does when power fails. */
static inline void house_folder(struct house *h)
{
    const char *memory = getenv("LAZARET_TEST_MEMORY");
    snprintf(h->dir, sizeof h->dir, "%s/house.XXXXXX", memory && strlen(memory) < 16 ? memory : "/tmp");
    assert_non_null(mkdtemp(h->dir));
}

static inline PGresult *house_pg(const char *url, const char *sql)
{
    PGconn *pg = PQconnectdb(url);
    PGresult *r = PQstatus(pg) == CONNECTION_OK ? PQexec(pg, sql) : NULL;
    if (!r || PQresultStatus(r) == PGRES_FATAL_ERROR)
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    PQfinish(pg);
    return r;
}

static inline void house_server(const struct house *h, const char *words)
{
    char url[160], sql[96];
    snprintf(url, sizeof url, "%s/postgres", getenv("LAZARET_TEST_POSTGRES"));
    snprintf(sql, sizeof sql, "%s %s", words, h->database);
    PQclear(house_pg(url, sql));
}

static inline void house_place(struct house *h)
{
    static int houses;
    snprintf(h->db_path, sizeof h->db_path, "%s/db", h->dir);
    if (!house_shared())
        return;
    if (!getenv("LAZARET_TEST_POSTGRES"))
        fail_msg("LAZARET_TEST_POSTGRES is not set: tests/run starts the server it names");
    snprintf(h->database, sizeof h->database, "house_%d_%d", (int)getpid(), ++houses);
    snprintf(h->db_path, sizeof h->db_path, "%s/%s", getenv("LAZARET_TEST_POSTGRES"), h->database);
    house_server(h, "CREATE DATABASE");
    PQclear(house_pg(h->db_path, "CREATE FUNCTION zeroblob(bigint) RETURNS bytea LANGUAGE sql AS "
                                 "$$ SELECT decode(repeat('00', $1::int), 'hex') $$;"
                                 "CREATE DOMAIN blob AS bytea; CREATE FUNCTION instr(bytea, bytea) RETURNS int "
                                 "LANGUAGE sql AS $$ SELECT position($2 in $1) $$"));
}

static inline void house_build(struct house *h)
{
    struct err e;
    *h = (struct house){.db = NULL};
    house_folder(h);
    house_place(h);
    snprintf(h->key_path, sizeof h->key_path, "%s/root.key", h->dir);
    CHECK_OK(db_open(h->db_path, true, &h->db, &e));
    CHECK_OK(db_migrate(h->db, &e));
    CHECK_OK(root_make(h->key_path, &e));
    CHECK_OK(keyring_open(h->key_path, h->db, &h->keyring, &e));
    CHECK_OK(scope_gateway(h->db, "default", h->scope, &e));
}

static inline void house_raze(struct house *h)
{
    static const char *const name[] = {"db", "db-wal", "db-shm", "root.key", "other.key"};
    char path[64];
    keyring_close(h->keyring);
    db_close(h->db);
    for (size_t i = 0; i < COUNT(name); i++) {
        snprintf(path, sizeof path, "%s/%s", h->dir, name[i]);
        unlink(path);
    }
    rmdir(h->dir);
    if (house_shared())
        house_server(h, "DROP DATABASE");
}

/* What the tests say in SQLite's words, in PostgreSQL's. */
static inline void house_translate(const char *sql, char *out, size_t max)
{
    static const char *const word[][2] = {
        {"x'", "'\\x"}, /* bytes; told apart from a name that ends in x by what stands before */
        {"PRAGMA foreign_keys=OFF;", ""},
        {"DROP TRIGGER audit_keep_update; DROP TRIGGER audit_keep_delete;", ""},
        {"CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the disk is full'); END;",
         "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;"
         "CREATE TRIGGER is_full BEFORE INSERT ON audit_pending EXECUTE FUNCTION is_full();"},
    };
    size_t n = (size_t)snprintf(out, max, "SET session_replication_role = replica; ");
    for (const char *p = sql; *p;) {
        size_t i = 0;
        while (i < COUNT(word) && strncmp(p, word[i][0], strlen(word[i][0])) != 0)
            i++;
        if (i < COUNT(word)) {
            n += (size_t)snprintf(out + n, max - n, "%s", word[i][1]);
            p += strlen(word[i][0]);
            size_t digits = i ? 0 : strspn(p, "0123456789abcdefABCDEF");
            if (i == 0) {
                n += (size_t)snprintf(out + n, max - n, "%.*s'::bytea", (int)digits, p);
                p += digits + 1;
            }
        } else if (n + 1 < max) {
            out[n++] = *p++;
            out[n] = 0;
        }
        assert_true(n + 1 < max);
    }
}

/* Statements straight into the file, past the program. */
static inline void house_sql(const struct house *h, const char *sql)
{
    sqlite3 *raw = NULL;
    char *bad = NULL;
    if (house_shared()) {
        char text[8192];
        struct err ignored;
        audit_index(h->db, &ignored);
        house_translate(sql, text, sizeof text);
        PQclear(house_pg(h->db_path, text));
        return;
    }
    CHECK_INT(sqlite3_open_v2(h->db_path, &raw, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(raw, 5000);
    if (sqlite3_exec(raw, sql, NULL, NULL, &bad) != SQLITE_OK)
        fail_msg("%s: %s", sql, bad ? bad : "?");
    sqlite3_close(raw);
}

/* Where bodies run beside each other: somebody else has done what `sql` says and does not commit before `deed`, in a
 * thread of its own, had time to do all it does without waiting. Did it wait? */
static inline bool house_beside(const struct house *h, const char *sql, void *(*deed)(void *), void *arg)
{
    char text[8192];
    pthread_t thread;
    PGconn *other = PQconnectdb(h->db_path);
    house_translate(sql, text, sizeof text);
    PQclear(PQexec(other, "BEGIN"));
    PGresult *r = PQexec(other, text);
    if (PQresultStatus(r) == PGRES_FATAL_ERROR)
        fail_msg("%s: %s", sql, PQerrorMessage(other));
    PQclear(r);
    CHECK(!pthread_create(&thread, NULL, deed, arg));
    usleep(500 * 1000);
    bool waits = pthread_tryjoin_np(thread, NULL) == EBUSY;
    PQclear(PQexec(other, "COMMIT"));
    PQfinish(other);
    if (waits)
        pthread_join(thread, NULL);
    return waits;
}

/* The one number a query answers, as the file has it. */
static inline int64_t house_number(const struct house *h, const char *sql)
{
    sqlite3 *raw = NULL;
    sqlite3_stmt *st = NULL;
    if (house_shared()) {
        struct err ignored;
        audit_index(h->db, &ignored); /* so that the log is where it is looked for */
        PGresult *r = house_pg(h->db_path, sql);
        int64_t n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
        PQclear(r);
        return n;
    }
    CHECK_INT(sqlite3_open_v2(h->db_path, &raw, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(raw, 5000);
    if (sqlite3_prepare_v2(raw, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(raw));
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(raw);
    return n;
}

/* How a statement would be carried out, as the database explains it: a line a step. On PostgreSQL the way it takes when
 * no table is read from end to end and nothing sorted that an index has in order. */
static inline void house_plan(const struct house *h, const char *statement, char *out, size_t max)
{
    char sql[8192], given[1024] = "NULL";
    sqlite3 *raw = NULL;
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    out[0] = 0;
    if (house_shared()) {
        size_t at = 4;
        for (int i = 2; snprintf(sql, sizeof sql, "$%d", i), strstr(statement, sql); i++)
            at += (size_t)snprintf(given + at, sizeof given - at, ", NULL");
        snprintf(sql, sizeof sql,
                 "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET plan_cache_mode = "
                 "force_generic_plan; PREPARE q AS %s; EXPLAIN (COSTS OFF) EXECUTE q (%s)",
                 statement, given);
        PGresult *r = house_pg(h->db_path, sql);
        for (int i = 0; i < PQntuples(r); i++)
            n += (size_t)snprintf(out + n, max - n, "%s\n", PQgetvalue(r, i, 0));
        PQclear(r);
        return;
    }
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", statement);
    CHECK_INT(sqlite3_open_v2(h->db_path, &raw, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(raw, 5000);
    if (sqlite3_prepare_v2(raw, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(raw));
    while (sqlite3_step(st) == SQLITE_ROW)
        n += (size_t)snprintf(out + n, max - n, "%s\n", (const char *)sqlite3_column_text(st, 3));
    sqlite3_finalize(st);
    sqlite3_close(raw);
}

#endif
