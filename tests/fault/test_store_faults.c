/* Everything below the store fails once, at every point: a transaction that was answered is there, one that was refused is
 * not, and the next one succeeds without anybody's help. */
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/log.h"
#include "fault.h"
#include "store/db.h"

enum { STEPS = 14, LARGE = 120000, POINTS = 15 };

static char folder[64], path[96];

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s/lazaret-fault-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/lazaret.db", folder);
}

static void end(void)
{
    static const char *const tail[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < COUNT(tail); i++) {
        char file[128];
        snprintf(file, sizeof file, "%s%s", path, tail[i]);
        unlink(file);
    }
    rmdir(folder);
}

/* Rows with this number, as a connection sees them that shares nothing with the store but the files. */
static int found(int number)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    CHECK_INT(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, shim_real_vfs()), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(db, "SELECT count(*) FROM scope WHERE created_at = ?", -1, &st, NULL), SQLITE_OK);
    sqlite3_bind_int(st, 1, number);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    int n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

/* A row; every fourth is so large that the transaction writes before it commits, and that checkpoints come soon. */
static int insert(struct tx *tx, void *arg, struct err *e)
{
    static char large[LARGE];
    int number = *(int *)arg;
    char name[32];
    snprintf(name, sizeof name, "%d", number);
    memset(large, 'x', sizeof large);
    struct slice kind = number % 4 == 3 ? (struct slice){large, sizeof large} : SLICE("gateway");
    return tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, $2, $3, $4)", V_BYTES(&number, sizeof number),
                   V_TEXT(kind), V_STR(name), V_INT(number)) < 0
               ? -1
               : 0;
}

/* Opens a store, or NULL; never half of one. */
static struct db *open_store(struct err *e)
{
    struct db *db = NULL;
    if (db_open(path, true, &db, e))
        return NULL;
    if (db_migrate(db, e)) {
        db_close(db);
        return NULL;
    }
    return db;
}

static long write_steps(struct db *db, enum shim kind, long n, bool sticky)
{
    bool stored[STEPS];
    struct err e;
    int base = (int)(n * 100);
    shim_arm(kind, n, sticky);
    for (int i = 0; i < STEPS; i++)
        stored[i] = tx_run(db, insert, &(int){base + i}, &e) == 0;
    long hits = shim_count(kind);
    shim_disarm();
    for (int i = 0; i < STEPS; i++)
        CHECK_AT(found(base + i) == stored[i], "%s %ld, step %d", shim_name[kind], n, i);
    for (int i = 0; i < STEPS; i++)
        if (!stored[i] && tx_run(db, insert, &(int){base + i}, &e))
            CHECK_AT(false, "%s %ld, step %d again: %s", shim_name[kind], n, i, e.detail);
    return hits;
}

static void write_walk(enum shim kind, bool sticky)
{
    struct err e;
    long tried = 0, n = 1;
    begin();
    struct db *db = open_store(&e);
    CHECK(db);
    long points = write_steps(db, kind, 0, false), step = fault_stride(points, POINTS);
    for (; write_steps(db, kind, n, sticky) >= n; n += step)
        tried++;
    print_message("# %s%s: %ld of %ld points\n", shim_name[kind], sticky ? " and stays so" : "", tried, points);
    CHECK_OK(db_check(db, &e));
    db_close(db);
    db = open_store(&e);
    CHECK(db);
    for (int i = 0; i < STEPS; i++)
        CHECK_INT(found(100 + i), 1);
    CHECK_OK(db_check(db, &e));
    db_close(db);
    end();
    fault_walked();
}

TEST(what_was_answered_is_stored_and_what_was_refused_is_not_wherever_a_write_fails)
{
    static const enum shim kind[] = {SHIM_COMMIT, SHIM_WRITE_IOERR, SHIM_WRITE_FULL, SHIM_WRITE_SHORT, SHIM_SYNC, SHIM_SQLITE_ALLOC};
    for (size_t i = 0; i < COUNT(kind); i++)
        write_walk(kind[i], false);
}

TEST(a_disk_that_stays_full_or_broken_refuses_and_works_again_when_it_is_well)
{
    static const enum shim kind[] = {SHIM_COMMIT, SHIM_WRITE_IOERR, SHIM_WRITE_FULL, SHIM_SYNC, SHIM_SQLITE_ALLOC};
    for (size_t i = 0; i < COUNT(kind); i++)
        write_walk(kind[i], true);
}

static long make_and_make_again(enum shim kind, long n)
{
    struct err e;
    begin();
    shim_arm(kind, n, false);
    struct db *db = open_store(&e);
    long hits = shim_count(kind);
    shim_disarm();
    db_close(db);
    db = open_store(&e);
    CHECK_AT(db, "%s %ld: %s", shim_name[kind], n, e.detail);
    CHECK_OK(tx_run(db, insert, &(int){7}, &e));
    CHECK_OK(db_check(db, &e));
    db_close(db);
    CHECK_INT(found(7), 1);
    end();
    return hits;
}

TEST(a_store_whose_making_failed_anywhere_is_made_by_the_next_start)
{
    static const enum shim kind[] = {SHIM_ARENA,       SHIM_COMMIT, SHIM_WRITE_IOERR, SHIM_WRITE_FULL,   SHIM_WRITE_SHORT,
                                     SHIM_SYNC,        SHIM_TRUNCATE, SHIM_SQLITE_ALLOC, SHIM_CALLOC};
    for (size_t i = 0; i < COUNT(kind); i++) {
        long tried = 0, points = make_and_make_again(kind[i], 0), step = fault_stride(points, POINTS);
        for (long n = 1; make_and_make_again(kind[i], n) >= n; n += step)
            tried++;
        print_message("# %s: %ld of %ld points\n", shim_name[kind[i]], tried, points);
    }
    fault_walked();
}

/* --- bodies in one transaction --- */

struct one {
    struct db *db;
    tx_body *body;
    int number, rc;
    struct err e;
    pthread_t thread;
};

static void *run_one(void *arg)
{
    struct one *x = arg;
    x->rc = tx_run(x->db, x->body, &x->number, &x->e);
    return NULL;
}

static int slow(struct tx *tx, void *arg, struct err *e)
{
    usleep(300000); /* the others queue up meanwhile, and share the next transaction */
    return insert(tx, arg, e);
}

/* Large enough to be written before the commit; that write fails, and the disk is well again before the next body. */
static int spill(struct tx *tx, void *arg, struct err *e)
{
    int rc = 0;
    shim_arm(SHIM_WRITE_FULL, 1, false);
    for (int i = 0; i < 80 && !rc; i++)
        rc = insert(tx, &(int){*(int *)arg + 3 + 4 * i}, e);
    shim_disarm();
    return rc;
}

TEST(a_body_that_loses_the_transaction_takes_its_neighbours_along_and_none_of_them_stays)
{
    struct err e;
    begin();
    struct db *db = open_store(&e);
    CHECK(db);
    struct one x[] = {{.db = db, .body = slow, .number = 4},
                      {.db = db, .body = insert, .number = 8},
                      {.db = db, .body = spill, .number = 1000},
                      {.db = db, .body = insert, .number = 12}, {.db = db, .body = insert, .number = 16}};
    for (size_t i = 0; i < COUNT(x); i++) {
        CHECK_INT(pthread_create(&x[i].thread, NULL, run_one, &x[i]), 0);
        usleep(40000);
    }
    for (size_t i = 0; i < COUNT(x); i++)
        pthread_join(x[i].thread, NULL);
    CHECK_INT(x[0].rc, 0);
    CHECK_INT(x[2].rc, -1);
    for (size_t i = 1; i < COUNT(x); i++)
        CHECK_AT(x[i].rc == 0 ? found(x[i].number) : !found(x[i].number), "number %d, answer %d", x[i].number, x[i].rc);
    db_close(db);
    end();
    fault_walked();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_answered_is_stored_and_what_was_refused_is_not_wherever_a_write_fails),
        T(a_disk_that_stays_full_or_broken_refuses_and_works_again_when_it_is_well),
        T(a_store_whose_making_failed_anywhere_is_made_by_the_next_start),
        T(a_body_that_loses_the_transaction_takes_its_neighbours_along_and_none_of_them_stays)};
    shim_install();
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* every fault is an error line */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
