#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/own.h"
#include "house.h"

static struct house h;

/* Stands before the C library's, so that SQLite's syncs can be counted. */
static atomic_int syncs;
int fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

static struct db *fresh(void)
{
    struct err e;
    h = (struct house){.db = NULL};
    house_folder(&h);
    house_place(&h);
    CHECK_OK(db_open(h.db_path, true, &h.db, &e));
    CHECK_OK(db_migrate(h.db, &e));
    return h.db;
}

static void gone(struct db *db)
{
    h.db = db;
    house_raze(&h);
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
    CHECK_OK(db_open(h.db_path, false, &db, &e));
    CHECK_OK(db_migrate(db, &e));
    CHECK_INT(scopes(db), 1);
    CHECK_OK(db_check(db, &e));
    gone(db);
}

/* Does the server wait for its disk before it answers the commit of this body? */
static int ask_sync(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    if (tx_rows(tx, a, &r, e, "SELECT current_setting('synchronous_commit')") < 0)
        return -1;
    *(bool *)arg = !slice_is(row_at(&r, 0, 0)->s, "off");
    return 0;
}

static bool was_synced(struct db *db, bool lazy, int number)
{
    struct row r = {number, false};
    int before = syncs;
    bool synced = false;
    struct err e;
    CHECK_OK((lazy ? tx_run_lazy : tx_run)(db, insert, &r, &e));
    if (house_shared())
        CHECK_OK((lazy ? tx_run_lazy : tx_run)(db, ask_sync, &synced, &e));
    return house_shared() ? synced : syncs > before;
}

static int touch_audit(struct tx *tx, void *arg, struct err *e) { return tx_exec(tx, e, (const char *)arg) < 0 ? -1 : 0; }

TEST(only_what_must_last_waits_for_the_disk)
{
    static const struct {
        bool lazy, synced;
    } row[] = {{false, true}, {true, false}, {true, false}, {false, true}, {true, false}, {false, true}};
    struct db *db = fresh();
    struct err e;
    db_close(db); /* what the migrations left in the WAL is copied now, not in between */
    CHECK_OK(db_open(h.db_path, false, &db, &e));
    for (size_t i = 0; i < COUNT(row); i++)
        CHECK_INT(was_synced(db, row[i].lazy, (int)i + 1), row[i].synced);
    CHECK_INT(scopes(db), COUNT(row));
    gone(db);
}

TEST(the_audit_log_takes_no_change)
{
    struct db *db = fresh();
    struct err e;
    CHECK_OK(tx_run(db, touch_audit,
                    house_shared() ? "INSERT INTO audit (idx, scope, at, entry, leaf) VALUES (0, 'x', 0, 'x', 'x')"
                                   : "INSERT INTO audit (idx, scope, at, entry, leaf) VALUES (0, x'00', 0, x'00', x'00')",
                    &e));
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

/* --- values --- */

static int put_values(struct tx *tx, void *arg, struct err *e)
{
    const struct val *v = arg;
    return tx_put(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, $2, $3, $4)", v[0], v[1], v[2], v[3]);
}

TEST(values_come_back_as_they_were)
{
    static const char blob[] = "\0\1\377'\"\\x";
    const struct val row[][4] = {
        {V_BYTES("1", 1), V_STR(""), V_STR("plain"), V_INT(0)},
        {V_BYTES(blob, sizeof blob), V_STR("caf\303\251 \360\237\230\200"), V_STR("'; DROP TABLE scope; --"), V_INT(INT64_MAX)},
        {V_BYTES("", 0), V_STR("\\x41"), V_STR("%s"), V_INT(INT64_MIN)},
        {V_BYTES("2", 1), V_STR("a\nb\t"), V_STR("$1"), V_INT(-1)},
    };
    struct db *db = fresh();
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    struct err e;
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_OK(tx_run(db, put_values, (void *)row[i], &e));
        CHECK_INT(db_rows(db, a, &r, &e, "SELECT id, kind, name, created_at FROM scope WHERE id = $1", row[i][0]), 1);
        for (int k = 0; k < 4; k++) {
            CHECK_INT(row_at(&r, 0, k)->kind, row[i][k].kind);
            CHECK_INT(row_at(&r, 0, k)->i, row[i][k].i);
            CHECK_INT(row_at(&r, 0, k)->s.n, row[i][k].s.n);
            CHECK(memcmp(row_at(&r, 0, k)->s.p, row[i][k].s.p, row[i][k].s.n) == 0);
        }
    }
    CHECK_INT(db_rows(db, a, &r, &e, "SELECT max(created_at) FROM scope WHERE created_at = 5"), 1);
    CHECK_INT(row_at(&r, 0, 0)->kind, VAL_NULL);
    CHECK_INT(db_rows(db, a, &r, &e, "SELECT no_such_column FROM scope"), -1);
    CHECK_INT(e.code, ERR_STORE);
    CHECK_INT(db_rows(db, a, &r, &e, "SELECT id FROM scope"), COUNT(row)); /* and the connection is as good as before */
    gone(db);
}

/* --- puts --- */

static int put_many(struct tx *tx, void *arg, struct err *e)
{
    int n = *(int *)arg;
    for (int i = 0; i < n; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i == n - 1 ? 0 : i); /* the last one's id is taken, unless it is alone */
        if (tx_put(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'x', $2, 0)", V_BYTES(id, strlen(id)), V_STR(id)))
            return -1;
    }
    return 0;
}

TEST(a_put_that_fails_undoes_its_body)
{
    struct db *db = fresh();
    struct err e;
    static const int many[] = {2, 5, 300, 1000};
    for (size_t i = 0; i < COUNT(many); i++) {
        CHECK_INT(tx_run(db, put_many, (void *)&many[i], &e), -1);
        CHECK_INT(e.code, ERR_CONFLICT);
        CHECK_INT(scopes(db), 0);
    }
    CHECK_OK(tx_run(db, put_many, &(int){1}, &e));
    CHECK_INT(scopes(db), 1);
    gone(db);
}

/* --- asks --- */

struct asking {
    struct arena *arena;
    bool fail;       /* one of the questions makes no sense */
    bool leave_open; /* the body ends without waiting */
    int64_t count[3];
};

static int ask_thrice(struct tx *tx, void *arg, struct err *e)
{
    struct asking *x = arg;
    static const char *const name[] = {"a", "b", "c"};
    OWN_MEM struct rows *r = calloc(3, sizeof *r); /* gone with the body */
    for (int i = 0; i < 3; i++)
        if (tx_put(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'x', $2, 0)", V_BYTES(&i, sizeof i),
                   V_STR(name[i])) ||
            tx_ask(tx, x->arena, &r[i], e, "SELECT count(*) FROM scope") ||
            (x->fail && i == 1 && tx_ask(tx, x->arena, &r[i], e, "SELECT no_such_column FROM scope")))
            return -1;
    if (x->leave_open)
        return x->fail ? -1 : 0;
    if (tx_wait(tx, e))
        return -1;
    for (int i = 0; i < 3; i++)
        x->count[i] = r[i].cell[0].i;
    return tx_wait(tx, e); /* for nothing */
}

TEST(what_is_asked_for_is_answered_in_its_order_by_one_round_trip)
{
    struct db *db = fresh();
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct asking x = {.arena = a};
    struct err e;
    int64_t trips = metric_value[METRIC_TRIPS];
    CHECK_OK(tx_run(db, ask_thrice, &x, &e));
    CHECK_INT(metric_value[METRIC_TRIPS] - trips, house_shared() ? 2 : 0); /* the second is the commit's */
    for (int i = 0; i < 3; i++)
        CHECK_INT(x.count[i], i + 1);
    house_sql(&h, "DELETE FROM scope");
    for (int open = 0; open < 2; open++) {
        struct asking bad = {.arena = a, .fail = true, .leave_open = open};
        CHECK_INT(tx_run(db, ask_thrice, &bad, &e), -1);
        CHECK_INT(scopes(db), 0);
    }
    CHECK_OK(tx_run(db, ask_thrice, &(struct asking){.arena = a, .leave_open = true}, &e));
    CHECK_INT(scopes(db), 3);
    gone(db);
}

/* --- beside each other --- */

static int count_up(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    struct rows r;
    (void)arg;
    if (tx_rows(tx, a, &r, e, "SELECT created_at FROM scope WHERE kind = 'counter'") < 0)
        return -1;
    int n = tx_exec(tx, e, "UPDATE scope SET created_at = $1 WHERE kind = 'counter' AND created_at = $2",
                    V_INT(row_at(&r, 0, 0)->i + 1), V_INT(row_at(&r, 0, 0)->i));
    return n < 0 ? -1 : n == 1 ? 0 : err_set(e, ERR_BUSY, "somebody was quicker");
}

static void *count_many(void *arg)
{
    struct gang *g = arg;
    struct err e;
    for (int i = 0; i < 30; i++)
        while (tx_run(g->db, count_up, NULL, &e))
            if (e.code != ERR_BUSY)
                return "a body failed for another reason";
    arena_thread_end();
    return NULL;
}

/* Compare and set is what keeps two bodies from taking the same step. */
TEST(no_step_is_lost_between_threads)
{
    struct db *db = fresh();
    struct gang g = {db, 0};
    pthread_t t[8];
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    struct err e;
    CHECK_OK(tx_run(db, put_values, (struct val[]){V_BYTES("c", 1), V_STR("counter"), V_STR("c"), V_INT(0)}, &e));
    for (int i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, count_many, &g);
    for (int i = 0; i < 8; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        CHECK(bad == NULL);
    }
    CHECK_INT(db_rows(db, a, &r, &e, "SELECT created_at FROM scope WHERE kind = 'counter'"), 1);
    CHECK_INT(row_at(&r, 0, 0)->i, 240);
    gone(db);
}

struct taking {
    pthread_barrier_t *both;
    uint8_t taken;
};

static int take_one(struct tx *tx, void *arg, struct err *e)
{
    struct taking *x = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    struct rows r;
    if (tx_rows(tx, a, &r, e, "SELECT id FROM scope WHERE kind = 'job' ORDER BY id LIMIT 1 " DB_SKIP_LOCKED) < 0)
        return -1;
    if (house_shared()) /* both hold theirs now */
        pthread_barrier_wait(x->both);
    x->taken = (uint8_t)row_at(&r, 0, 0)->s.p[0];
    return tx_exec(tx, e, "DELETE FROM scope WHERE id = $1", V_BYTES(&x->taken, 1)) == 1 ? 0 : -1;
}

static void *take_in_thread(void *arg)
{
    struct err e;
    int rc = tx_run(h.db, take_one, arg, &e);
    arena_thread_end();
    return rc ? "a taking failed" : NULL;
}

TEST(two_bodies_take_two_rows)
{
    struct db *db = fresh();
    struct err e;
    pthread_t t[2];
    pthread_barrier_t both;
    pthread_barrier_init(&both, NULL, 2);
    struct taking x[2] = {{&both, 0}, {&both, 0}};
    CHECK_OK(tx_run(db, put_values, (struct val[]){V_BYTES("1", 1), V_STR("job"), V_STR("a"), V_INT(0)}, &e));
    CHECK_OK(tx_run(db, put_values, (struct val[]){V_BYTES("2", 1), V_STR("job"), V_STR("b"), V_INT(0)}, &e));
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, take_in_thread, &x[i]);
    for (int i = 0; i < 2; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        CHECK(bad == NULL);
    }
    CHECK_INT(x[0].taken + x[1].taken, '1' + '2');
    CHECK_INT(scopes(db), 0);
    pthread_barrier_destroy(&both);
    gone(db);
}

/* Read, then insert what was not there: of two that do it at once one has to look again. */
struct once {
    pthread_barrier_t *both;
    int runs;
    bool found;
};

static int insert_once(struct tx *tx, void *arg, struct err *e)
{
    struct once *x = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    struct rows r;
    if (tx_rows(tx, a, &r, e, "SELECT id FROM scope WHERE name = 'once'") < 0)
        return -1;
    x->found = r.n > 0;
    if (x->runs++ == 0 && house_shared())
        pthread_barrier_wait(x->both);
    return x->found ? 0 : put_values(tx, (struct val[]){V_BYTES("o", 1), V_STR("k"), V_STR("once"), V_INT(0)}, e);
}

static void *once_in_thread(void *arg)
{
    struct err e;
    int rc = tx_run(h.db, insert_once, arg, &e);
    arena_thread_end();
    return rc ? "an insert failed" : NULL;
}

TEST(a_lost_race_is_run_again)
{
    struct db *db = fresh();
    pthread_t t[2];
    pthread_barrier_t both;
    pthread_barrier_init(&both, NULL, 2);
    struct once x[2] = {{&both, 0, false}, {&both, 0, false}};
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, once_in_thread, &x[i]);
    for (int i = 0; i < 2; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        CHECK(bad == NULL);
    }
    CHECK_INT(x[0].found + x[1].found, 1);
    CHECK_INT(x[0].runs + x[1].runs, house_shared() ? 3 : 2);
    CHECK_INT(scopes(db), 1);
    pthread_barrier_destroy(&both);
    gone(db);
}

/* --- a server that goes away --- */

TEST(closed_connections_are_replaced)
{
    struct db *db = fresh();
    struct err e;
    for (int i = 0; i < 3; i++) {
        if (house_shared())
            house_number(&h, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                             "datname = current_database()");
        usleep(50000);
        CHECK_INT(scopes(db), i);
        CHECK_OK(tx_run(db, insert, &(struct row){i + 1, false}, &e));
    }
    gone(db);
}

TEST(an_empty_store_is_known_as_such)
{
    struct db *db = fresh();
    struct err e;
    CHECK_INT(db_is_empty(db, &e), 0);
    house_sql(&h, "DROP TABLE schema_version");
    CHECK_INT(db_is_empty(db, &e), 1);
    CHECK_INT(db_shared(db), house_shared());
    gone(db);
}

RUN(T(a_body_is_all_or_nothing), T(bodies_of_many_threads_share_commits_and_fail_alone),
    T(what_was_committed_is_there_after_reopening), T(only_what_must_last_waits_for_the_disk),
    T(the_audit_log_takes_no_change), T(a_newer_schema_is_refused), T(values_come_back_as_they_were),
    T(a_put_that_fails_undoes_its_body), T(what_is_asked_for_is_answered_in_its_order_by_one_round_trip),
    T(no_step_is_lost_between_threads), T(two_bodies_take_two_rows), T(a_lost_race_is_run_again),
    T(closed_connections_are_replaced), T(an_empty_store_is_known_as_such))
