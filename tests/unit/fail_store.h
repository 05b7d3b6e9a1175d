/* fail_store.h -- deeds over a store of which each statement, transaction, key and allocation fails once.
 *
 * sweep() does a deed again and again, refusing the 1st, the 2nd ... of the calls it makes, until a run has no more of
 * them. A deed that was refused something has to say so, by an error that tells the client to try again, and to leave
 * the store as it was, row for row (on SQLite; what others hold in PostgreSQL's rows is compared by the tests of the
 * store). One that passes over a failure on purpose is named so. */
#ifndef FAIL_STORE_H
#define FAIL_STORE_H

#include "fail.h"
#include "house.h"

#include "crypto/digest.h"
#include "crypto/seal.h"

static enum err_code fail_code = ERR_STORE; /* what a store that refuses says */
#define FAIL_ASKED err_set(e, fail_code, "a fault a test asked for")
#define FAIL_KEY   err_set(e, ERR_KEYS, "a fault a test asked for")

/* Statements with these words are refused each time; NULL: none. */
static _Atomic(const char *) fail_words __attribute__((unused));

static inline bool fail_says(const char *sql)
{
    const char *words = fail_words;
    return words && strstr(sql, words) != NULL;
}

/* What somebody else does, once, before the next transaction or look that is not in one; NULL: nothing. */
static void (*meanwhile)(void *scene) __attribute__((unused)),
    (*meanwhile_looking)(void *scene) __attribute__((unused));
static void *meanwhile_scene __attribute__((unused));

static inline bool fail_others(void (**what)(void *scene))
{
    void (*run)(void *) = *what;
    *what = NULL;
    if (run)
        run(meanwhile_scene);
    return false;
}

FAIL_DEATHS
FAIL_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAIL_WRAP(void *, malloc, (size_t size), (size), NULL)
FAIL_WRAP_IF(int, tx_run, (struct db * db, tx_body *body, void *arg, struct err *e), (db, body, arg, e), FAIL_ASKED,
             fail_others(&meanwhile))
FAIL_WRAP(int, tx_run_lazy, (struct db * db, tx_body *body, void *arg, struct err *e), (db, body, arg, e), FAIL_ASKED)
FAIL_WRAP_IF(int, tx_exec_n, (struct tx * tx, struct err *e, const char *sql, const struct val *v, int n),
             (tx, e, sql, v, n), FAIL_ASKED, fail_says(sql))
FAIL_WRAP_IF(int, tx_put_n, (struct tx * tx, struct err *e, const char *sql, const struct val *v, int n),
             (tx, e, sql, v, n), FAIL_ASKED, fail_says(sql))
FAIL_WRAP_IF(int, tx_rows_n,
             (struct tx * tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n),
             (tx, a, ret, e, sql, v, n), FAIL_ASKED, fail_says(sql))
FAIL_WRAP_IF(int, db_rows_n,
             (struct db * db, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
              int n),
             (db, a, ret, e, sql, v, n), FAIL_ASKED, fail_says(sql) || fail_others(&meanwhile_looking))
FAIL_WRAP(int, keyring_domain,
          (struct keyring * k, const uint8_t *scope, const char *name, struct key *ret, struct err *e),
          (k, scope, name, ret, e), FAIL_KEY)
FAIL_WRAP(int, keyring_unseal,
          (struct keyring * k, const struct seal_place *at, struct slice sealed, struct arena *a, struct slice *ret,
           struct err *e),
          (k, at, sealed, a, ret, e), FAIL_KEY)
FAIL_WRAP(int, seal,
          (const struct key *k, const struct seal_place *at, struct slice plain, struct arena *a, struct slice *ret,
           struct err *e),
          (k, at, plain, a, ret, e), FAIL_KEY)

/* --- the store, row for row --- */

static inline void print_row(sqlite3_stmt *st, struct sha256_run *run)
{
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        const void *p = sqlite3_column_blob(st, i);
        char head[32];
        int n = snprintf(head, sizeof head, "%d:%d:", sqlite3_column_type(st, i), sqlite3_column_bytes(st, i));
        sha256_add(run, (struct slice){head, (size_t)n});
        if (p)
            sha256_add(run, (struct slice){p, (size_t)sqlite3_column_bytes(st, i)});
    }
}

/* Looks at the store of `h` without asking anew each time: the same connection, which sees by its data_version whether
 * another one has committed anything since, and then nothing needs to be read. */
static inline sqlite3 *store_looker(const struct house *h, bool *ret_changed)
{
    static sqlite3 *raw;
    static char path[sizeof h->db_path];
    static int64_t seen;
    sqlite3_stmt *st = NULL;
    bool other = strcmp(path, h->db_path) != 0;
    if (other) {
        sqlite3_close(raw);
        snprintf(path, sizeof path, "%s", h->db_path);
        CHECK_INT(sqlite3_open_v2(path, &raw, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        sqlite3_busy_timeout(raw, 5000);
    }
    CHECK_INT(sqlite3_prepare_v2(raw, "PRAGMA data_version", -1, &st, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    *ret_changed = other || sqlite3_column_int64(st, 0) != seen;
    seen = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return raw;
}

static inline void store_print(const struct house *h, uint8_t ret[SHA256_BYTES])
{
    static uint8_t last[SHA256_BYTES];
    sqlite3_stmt *tables = NULL, *st = NULL;
    struct sha256_run run;
    bool changed;
    memset(ret, 0, SHA256_BYTES);
    if (house_shared())
        return;
    sqlite3 *raw = store_looker(h, &changed);
    if (!changed) {
        memcpy(ret, last, SHA256_BYTES);
        return;
    }
    sha256_begin(&run);
    CHECK_INT(sqlite3_prepare_v2(
                  raw,
                  "SELECT 'SELECT * FROM \"' || name || '\"' FROM sqlite_master WHERE type = 'table' ORDER BY name", -1,
                  &tables, NULL),
              SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        CHECK_INT(sqlite3_prepare_v2(raw, (const char *)sqlite3_column_text(tables, 0), -1, &st, NULL), SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW)
            print_row(st, &run);
        sqlite3_finalize(st);
    }
    sqlite3_finalize(tables);
    sha256_end(&run, ret);
    memcpy(last, ret, SHA256_BYTES);
}

/* --- sweeping --- */

enum fail_kind { FAIL_CALLS, FAIL_ARENAS };
enum { FAIL_MAY_PASS = 1, FAIL_LEAVES_TRACES = 2, FAIL_SWEEP_MOST = 4000 };

static inline void fail_arm_kind(enum fail_kind kind, long n)
{
    fail_arm(kind == FAIL_CALLS ? n : 0);
    fault_arm(FAULT_ALLOC, kind == FAIL_ARENAS ? n : 0, 0);
}

static inline long fail_count_kind(enum fail_kind kind)
{
    return kind == FAIL_CALLS ? fail_seen : fault_count(FAULT_ALLOC);
}

/* Before each run of the deed that is swept; NULL: nothing. */
static void (*sweep_before)(void *scene) __attribute__((unused));

/* `turn` is another one each time, for names that must be new. The number that the deed returns, or -1. */
typedef int deed(void *scene, int turn, struct arena *a, struct err *e);

static inline void sweep_kind(const struct house *h, const char *name, deed *run, void *scene, unsigned how,
                              enum fail_kind kind)
{
    static int turn;
    uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
    for (long n = 1; n < FAIL_SWEEP_MOST; n++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        struct err e = {.code = ERR_NONE, .detail = ""};
        if (sweep_before)
            sweep_before(scene);
        bool looks = !(how & FAIL_LEAVES_TRACES);
        if (looks)
            store_print(h, before);
        fail_arm_kind(kind, n);
        int rc = run(scene, ++turn, a, &e);
        long seen = fail_count_kind(kind);
        fail_arm_kind(kind, 0);
        if (seen < n) {
            if (rc < 0)
                fail_msg("%s: fails without a fault: %s: %s", name, err_name(e.code), e.detail);
            return;
        }
        if (rc >= 0 && !(how & FAIL_MAY_PASS))
            fail_msg("%s: passes over failure %ld of kind %d", name, n, (int)kind);
        if (rc >= 0)
            continue;
        if (!err_retry(e.code) &&
            !arena_failed(a)) /* who answers for a request that ran out of memory says that (api/) */
            fail_msg("%s: failure %ld of kind %d is told as %s: %s", name, n, (int)kind, err_name(e.code), e.detail);
        if (looks)
            store_print(h, after);
        if (looks && memcmp(before, after, sizeof before) != 0)
            fail_msg("%s: failure %ld of kind %d (%s) leaves something behind", name, n, (int)kind, e.detail);
    }
    fail_msg("%s: has no end", name);
}

static inline void sweep(const struct house *h, const char *name, deed *run, void *scene, unsigned how)
{
    sweep_kind(h, name, run, scene, how, FAIL_CALLS);
    sweep_kind(h, name, run, scene, how, FAIL_ARENAS);
}

#endif
