/* house.h -- a data folder of its own for a test: a real store with its schema, a root key beside it, one scope.
 *
 * house_sql() goes behind the program's back, as somebody with the file in his hands would. */
#ifndef HOUSE_H
#define HOUSE_H

#include "test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "identity/scope.h"
#include "keys/keyring.h"
#include "store/db.h"

struct house {
    char dir[32], db_path[48], key_path[48];
    struct db *db;
    struct keyring *keyring;
    uint8_t scope[16];
};

static inline void house_build(struct house *h)
{
    struct err e;
    *h = (struct house){.dir = "/tmp/house.XXXXXX"};
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->db_path, sizeof h->db_path, "%s/db", h->dir);
    snprintf(h->key_path, sizeof h->key_path, "%s/root.key", h->dir);
    CHECK_OK(db_open(h->db_path, true, &h->db, &e));
    CHECK_OK(db_migrate(h->db, &e));
    CHECK_OK(keyring_make_root(h->key_path, &e));
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
}

/* Statements straight into the file, past the program. */
static inline void house_sql(const struct house *h, const char *sql)
{
    sqlite3 *raw = NULL;
    char *bad = NULL;
    CHECK_INT(sqlite3_open_v2(h->db_path, &raw, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(raw, 5000);
    if (sqlite3_exec(raw, sql, NULL, NULL, &bad) != SQLITE_OK)
        fail_msg("%s: %s", sql, bad ? bad : "?");
    sqlite3_close(raw);
}

/* The one number a query answers, as the file has it. */
static inline int64_t house_number(const struct house *h, const char *sql)
{
    sqlite3 *raw = NULL;
    sqlite3_stmt *st = NULL;
    CHECK_INT(sqlite3_open_v2(h->db_path, &raw, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(raw, 5000);
    if (sqlite3_prepare_v2(raw, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(raw));
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(raw);
    return n;
}

#endif
