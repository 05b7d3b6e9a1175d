#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/db.h"

static char path[64];

/* Stands before the C library's, so that SQLite's syncs can be counted. */
static atomic_int syncs;
int fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

static struct db *fresh(void)
{
    struct db *db;
    struct err e;
    char dir[] = "/tmp/store.XXXXXX";
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/db", dir);
    CHECK_OK(db_open(path, true, &db, &e));
    CHECK_OK(db_migrate(db, &e));
    return db;
}

static void gone(struct db *db)
{
    char file[80];
    db_close(db);
    static const char *const tail[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT(tail); i++) {
        snprintf(file, sizeof file, "%s%s", path, tail[i]);
        unlink(file);
    }
    *strrchr(path, '/') = 0;
    rmdir(path);
}

struct row {
    int number;
    bool fail;
};

static int insert(struct tx *tx, void *arg, struct err *e)
{
    struct row *r = arg;
    uint8_t id[16] = {0};
    char name[16];
    snprintf(name, sizeof name, "%d", r->number);
    memcpy(id, &r->number, sizeof r->number);
    if (tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'gateway', $2, 0)", V_ID(id), V_STR(name)) < 0)
        return -1;
    return r->fail ? err_set(e, ERR_CONFLICT, "as asked") : 0;
}

static int64_t scopes(struct db *db)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    struct err e;
    CHECK_INT(db_rows(db, a, &r, &e, "SELECT count(*) FROM scope"), 1);
    return row_at(&r, 0, 0)->i;
}

TEST(a_body_is_all_or_nothing)
{
    struct db *db = fresh();
    struct err e;
    CHECK_OK(tx_run(db, insert, &(struct row){1, false}, &e));
    CHECK_INT(tx_run(db, insert, &(struct row){2, true}, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(tx_run(db, insert, &(struct row){1, false}, &e), -1); /* the id is taken */
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(scopes(db), 1);
    gone(db);
}

struct gang {
    struct db *db;
    int from;
};

static void *many(void *arg)
{
    struct gang *g = arg;
    struct err e;
    for (int i = 0; i < 50; i++) {
        struct row r = {g->from + i, i % 5 == 0};
        if ((tx_run(g->db, insert, &r, &e) == 0) == r.fail)
            return "wrong outcome";
    }
    return NULL;
}

TEST(bodies_of_many_threads_share_commits_and_fail_alone)
{
    struct db *db = fresh();
    pthread_t t[16];
    struct gang g[16];
    for (int i = 0; i < 16; i++) {
        g[i] = (struct gang){db, 1000 * (i + 1)};
        pthread_create(&t[i], NULL, many, &g[i]);
    }
    for (int i = 0; i < 16; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        CHECK(bad == NULL);
    }
    CHECK_INT(scopes(db), 16 * 40);
    gone(db);
}

TEST(what_was_committed_is_there_after_reopening)
{
    struct db *db = fresh();
    struct err e;
    CHECK_OK(tx_run(db, insert, &(struct row){7, false}, &e));
    db_close(db);
    CHECK_OK(db_open(path, false, &db, &e));
    CHECK_OK(db_migrate(db, &e));
    CHECK_INT(scopes(db), 1);
    CHECK_OK(db_check(db, &e));
    gone(db);
}

static int touch_audit(struct tx *tx, void *arg, struct err *e) { return tx_exec(tx, e, (const char *)arg) < 0 ? -1 : 0; }

TEST(only_what_must_last_waits_for_the_disk)
{
    static const struct {
        bool lazy, synced;
    } row[] = {{false, true}, {true, false}, {true, false}, {false, true}, {true, false}, {false, true}};
    struct db *db = fresh();
    struct err e;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct row r = {(int)i + 1, false};
        int before = syncs;
        CHECK_OK((row[i].lazy ? tx_run_lazy : tx_run)(db, insert, &r, &e));
        CHECK_INT(syncs > before, row[i].synced);
    }
    CHECK_INT(scopes(db), COUNT(row));
    gone(db);
}

TEST(the_audit_log_takes_no_change)
{
    struct db *db = fresh();
    struct err e;
    CHECK_OK(tx_run(db, touch_audit, "INSERT INTO audit (idx, scope, at, entry, leaf) VALUES (0, x'00', 0, x'00', x'00')", &e));
    CHECK_INT(tx_run(db, touch_audit, "UPDATE audit SET at = 1", &e), -1);
    CHECK_INT(tx_run(db, touch_audit, "DELETE FROM audit", &e), -1);
    gone(db);
}

static int newer(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return tx_exec(tx, e, "INSERT INTO schema_version (number, name, applied_at) VALUES (9999, 'future', 0)") < 0 ? -1 : 0;
}

TEST(a_newer_schema_is_refused)
{
    struct db *db = fresh();
    struct err e;
    CHECK_OK(tx_run(db, newer, NULL, &e));
    CHECK_INT(db_migrate(db, &e), -1);
    CHECK(strstr(e.detail, "newer program"));
    gone(db);
}

RUN(T(a_body_is_all_or_nothing), T(bodies_of_many_threads_share_commits_and_fail_alone),
    T(what_was_committed_is_there_after_reopening), T(only_what_must_last_waits_for_the_disk),
    T(the_audit_log_takes_no_change), T(a_newer_schema_is_refused))
