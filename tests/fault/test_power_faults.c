/* The power fails while clients, a worker and an erasure are at work (power.h). The program is started on what the disk holds then:
 * what was answered is there, the audit log verifies, the rows agree, and the next transaction succeeds. 300 failures; with N in
 * the environment 10 N. At the end the same eyes look at a store that does not sync and at a disk that lies, and have to see that
 * something is lost. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rnd.h"
#include "fault.h"
#include "power.h"
#include "store/db.h"
#include "world.h"
#include "audit/verify.h"

enum { FAILURES = 300, PER_N = 10, WORLD_FAILURES = 150, ACTS = 4096, CLIENTS = 3, STRIDE = 25, MAKING = 40, WAIT_MS = 60000 };

static uint64_t seed_of(void)
{
    const char *given = getenv("SEED");
    uint64_t seed = 0;
    if (given)
        return strtoull(given, NULL, 10);
    rnd_bytes(&seed, 4);
    return seed;
}

/* --- what was answered --- */

enum act { ACCEPTED, FINISHED, ERASED };

struct acts {
    struct world *w;
    struct slice body;
    pthread_mutex_t lock;
    struct {
        enum act act;
        uint8_t job[16];
    } act[ACTS];
    int n;
    atomic_bool stop;
    atomic_long refused;
};

static void did(struct acts *x, enum act act, const uint8_t job[16])
{
    pthread_mutex_lock(&x->lock);
    if (x->n < ACTS) {
        x->act[x->n].act = act;
        memcpy(x->act[x->n].job, job, 16);
        power_acknowledge(++x->n);
    }
    pthread_mutex_unlock(&x->lock);
}

static void *client(void *arg)
{
    struct acts *x = arg;
    while (!x->stop) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct question q = {HTTP_POST, "/v1/diagnose", ALPHA, x->body, NULL, NULL, NULL};
        struct answer r;
        uint8_t id[16];
        world_ask(x->w, &q, SHIM_ARENA, 0, false, a, &r);
        char *at = r.status == 202 ? memmem(r.body.p, r.body.n, "\"job_id\":\"", 10) : NULL;
        if (at && uuid_parse((struct slice){at + 10, 36}, id))
            did(x, ACCEPTED, id);
        else
            x->refused++;
    }
    arena_thread_end();
    return NULL;
}

/* Finishes jobs, and erases every third. */
static void *worker(void *arg)
{
    struct acts *x = arg;
    struct jobs *jobs = x->w->app.api.jobs;
    struct audit_entry audit = {.actor = "operator", .role = "operator", .action = "delete", .outcome = "permit"};
    for (int turn = 0; !x->stop; turn++) {
        OWN_ARENA struct arena *a = arena_new(1 << 22);
        struct job_claim c;
        struct job_receipt receipt;
        struct err e;
        int got = job_claim(jobs, 10000000, a, &c, &e);
        if (got == 1 && job_finish(jobs, &c, SLICE("{\"score\":1}"), SLICE("log"), NULL, a, &e) == 1) {
            did(x, FINISHED, c.id);
            if (turn % 3 == 0 && job_erase(jobs, NULL, c.id, &audit, &receipt, &e) == 1)
                did(x, ERASED, c.id);
        }
        job_claim_end(jobs, &c);
        if (got != 1)
            usleep(1000);
    }
    arena_thread_end();
    return NULL;
}

/* --- what is there afterwards --- */

static const char *missing(struct world *w, const struct acts *x, long n)
{
    static const char *const is[] = {
        [ACCEPTED] = "SELECT count(*) FROM job WHERE id = $1",
        [FINISHED] = "SELECT count(*) FROM job WHERE id = $1 AND state = 'COMPLETED' AND (result IS NOT NULL OR erased_at IS NOT NULL)",
        [ERASED] = "SELECT count(*) FROM job WHERE id = $1 AND erased_at IS NOT NULL AND length(key) = 0"};
    static const char *const name[] = {"an accepted job is lost", "a result is lost", "an erased job is back"};
    for (long i = 0; i < n; i++)
        if (world_look(w, is[x->act[i].act], (struct slice){(const char *)x->act[i].job, 16}) != 1)
            return name[x->act[i].act];
    return NULL;
}

static const char *unsound(struct world *w, long acknowledged)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct client_secrets s;
    static struct err e;
    int64_t entries;
    if (db_check(w->app.api.db, &e) || audit_verify(w->app.api.db, &entries, &e) || job_check_invariants(w->app.api.jobs, &e) ||
        client_add(w->app.api.db, w->app.api.keyring, w->app.api.scope, "after", "https://example.org", &operator_does, a, &s, &e))
        return e.detail;
    return entries < acknowledged ? "the audit log lacks entries" : NULL;
}

/* Starts the program on a picture. NULL, or what is wrong with it; then the folder stays, unless that was `expected`. */
static const char *look_at(struct world *from, const struct acts *x, const struct power_picture *p, bool expected, bool *ret_lost)
{
    static struct err e;
    char models[160], path[160];
    struct world w;
    CHECK_OK(world_begin(&w, &e));
    w.config.keys_root = arena_str(w.arena, slice_of(app_root(&from->config)));
    snprintf(models, sizeof models, "%s/models", from->data);
    snprintf(path, sizeof path, "%s/models", w.data);
    CHECK(symlink(models, path) == 0);
    snprintf(path, sizeof path, "%s/lazaret.db", w.data);
    CHECK(power_write(p, path));
    bool open = world_open(&w, false, &e) == 0;
    const char *wrong = open ? missing(&w, x, p->acknowledged) : e.detail;
    *ret_lost = open && wrong;
    wrong = wrong ? wrong : unsound(&w, p->acknowledged);
    world_close(&w); /* its root key is forgotten, too: that one is not removed */
    if (wrong && !expected)
        print_message("# the files are kept in %s\n", w.data);
    if (wrong && !expected)
        arena_free(w.arena);
    else
        world_remove(&w);
    return wrong;
}

/* --- a world, and failures in it --- */

static void begin(struct world *w, struct acts *x, struct arena *a)
{
    char path[160];
    struct client_secrets s;
    struct err e;
    CHECK_OK(world_begin(w, &e));
    snprintf(path, sizeof path, "%s/lazaret.db", w->data);
    power_follow(path);
    CHECK_OK(world_open(w, true, &e));
    if (!w->app.sandbox)
        fail_msg("models cannot run here: %s", w->app.sandbox_error.detail);
    CHECK_OK(client_add(w->app.api.db, w->app.api.keyring, w->app.api.scope, "alpha", "https://example.org", &operator_does, a, &s, &e));
    snprintf(w->bearer[ALPHA], sizeof w->bearer[ALPHA], "Bearer %s", s.api_key);
    *x = (struct acts){.w = w, .lock = PTHREAD_MUTEX_INITIALIZER};
    x->body = world_body(a, "alpha", "sepsis", "\"webhook_url\":\"https://example.org/hook\",", "sepsis-complete.json", NULL, NULL);
}

static bool disk_lies;
static unsigned sync_fails;

struct tally {
    int failures, lost;
    long acts;
};

/* `expected`: until something is lost. */
static void fail_in_world(int failures, uint64_t seed, bool expected, struct tally *t)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct power_picture p;
    pthread_t thread[CLIENTS + 1];
    static struct acts x;
    struct world w;
    begin(&w, &x, a);
    power_settle();
    power_lie(disk_lies);
    power_sync_fails(sync_fails);
    power_fail_every(STRIDE, seed);
    for (int i = 0; i <= CLIENTS; i++)
        CHECK_INT(pthread_create(&thread[i], NULL, i ? client : worker, &x), 0);
    for (int i = 0; i < failures && !(expected && t->lost) && power_take(&p, WAIT_MS); i++, t->failures++) {
        bool lost;
        const char *wrong = look_at(&w, &x, &p, expected, &lost);
        t->lost += lost;
        CHECK_AT(expected || !wrong, "seed %llu, failure %d, %ld acknowledged: %s", (unsigned long long)seed, i, p.acknowledged, wrong);
        power_free(&p);
    }
    x.stop = true;
    power_fail_every(0, 0);
    power_lie(false);
    power_sync_fails(0);
    for (int i = 0; i <= CLIENTS; i++)
        pthread_join(thread[i], NULL);
    t->acts += x.n;
    world_close(&w);
    world_remove(&w);
}

static void fail_often(int most)
{
    int64_t n = 0;
    if (getenv("N") && slice_int(slice_of(getenv("N")), 1, 1000000, &n))
        most = n * PER_N > most ? (int)n * PER_N : most;
    int all = most;
    uint64_t seed = seed_of();
    int64_t began = clock_mono_us();
    struct tally t = {0};
    for (uint64_t i = 0; t.failures < all; i++) {
        int before = t.failures;
        fail_in_world(all - t.failures < WORLD_FAILURES ? all - t.failures : WORLD_FAILURES, seed + i, false, &t);
        CHECK(t.failures > before); /* a disk that stands still fails nothing */
    }
    print_message("# SEED=%llu: %d power failures during %ld acknowledged acts, %lld ms each\n", (unsigned long long)seed, t.failures,
                  t.acts, (long long)(clock_mono_us() - began) / 1000 / t.failures);
    CHECK(t.acts > t.failures / 2);
    fault_walked();
}

TEST(what_was_answered_survives_a_power_failure_at_any_moment) { fail_often(FAILURES); }

TEST(it_survives_one_after_syncs_that_failed_though_the_kernel_forgot_what_it_did_not_write)
{
    sync_fails = 12;
    fail_often(FAILURES / 3);
    sync_fails = 0;
}

/* --- the very first start --- */

static void *make_store(void *arg)
{
    struct db *db = NULL;
    struct err e;
    if (db_open(arg, true, &db, &e) == 0)
        db_migrate(db, &e);
    db_close(db);
    arena_thread_end();
    return NULL;
}

static void remove_store(const char *path)
{
    static const char *const tail[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < COUNT(tail); i++) {
        char file[200];
        snprintf(file, sizeof file, "%s%s", path, tail[i]);
        unlink(file);
    }
}

static void open_picture(const struct power_picture *p, const char *path)
{
    struct db *db = NULL;
    struct err e = {.detail = ""};
    CHECK(power_write(p, path));
    int rc = db_open(path, true, &db, &e) || db_migrate(db, &e) || db_check(db, &e);
    CHECK_AT(rc == 0, "seed %llu: %s", (unsigned long long)p->seed, e.detail);
    db_close(db);
    remove_store(path);
}

TEST(a_store_whose_making_a_power_failure_interrupted_is_made_by_the_next_start)
{
    char folder[64], path[100], other[100];
    uint64_t seed = seed_of();
    int taken = 0;
    snprintf(folder, sizeof folder, "%s/lazaret-fault-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/made", folder);
    snprintf(other, sizeof other, "%s/found", folder);
    for (int round = 0; taken < MAKING; round++) {
        struct power_picture p;
        pthread_t thread;
        power_follow(path);
        power_fail_every(4, seed + (uint64_t)round);
        CHECK_INT(pthread_create(&thread, NULL, make_store, path), 0);
        for (; power_take(&p, 1000); taken++) {
            open_picture(&p, other);
            power_free(&p);
        }
        power_fail_every(0, 0);
        pthread_join(thread, NULL);
        remove_store(path);
    }
    print_message("# SEED=%llu: %d power failures while a store was made\n", (unsigned long long)seed, taken);
    rmdir(folder);
    fault_walked();
}

/* --- a sync that fails --- */

enum { KIND_SMALL = 30, KIND_LARGE = 60000 };

static int insert(struct tx *tx, void *arg, struct err *e)
{
    static char large[KIND_LARGE];
    int number = *(int *)arg;
    char name[16];
    snprintf(name, sizeof name, "%d", number);
    memset(large, 'x', sizeof large);
    struct slice kind = {large, number < 0 ? KIND_LARGE : KIND_SMALL};
    return tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, $2, $3, $4)", V_BYTES(&number, sizeof number),
                   V_TEXT(kind), V_STR(name), V_INT(number)) < 0
               ? -1
               : 0;
}

/* `lazily` of rows wait for a sync that fails: in the commit of the next row, or, when there are so many, in the checkpoint before
 * it. Then one more row is stored, and the power fails. Is that row there? */
static bool keeps(const char *path, const char *other, int lazily, uint64_t seed)
{
    struct db *db = NULL;
    struct err e = {.detail = ""};
    struct power_picture p;
    struct rows r;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    power_follow(path);
    power_fail_every(0, 0);
    power_seed(seed);
    CHECK_OK(db_open(path, true, &db, &e) || db_migrate(db, &e));
    power_settle();
    power_sync_fails(1);
    for (int i = 1; i <= lazily; i++)
        if (tx_run_lazy(db, insert, &(int){-i}, &e)) /* that sync has failed, and is known */
            break;
    if (lazily == 1)
        CHECK_INT(tx_run(db, insert, &(int){1}, &e), -1);
    power_sync_fails(0);
    CHECK_OK(tx_run(db, insert, &(int){2}, &e));
    power_now(&p);
    db_close(db);
    CHECK(power_write(&p, other));
    power_free(&p);
    CHECK_OK(db_open(other, false, &db, &e));
    CHECK_OK(db_check(db, &e));
    CHECK_INT(db_rows(db, a, &r, &e, "SELECT count(*) FROM scope WHERE created_at = 2"), 1);
    db_close(db);
    remove_store(path);
    remove_store(other);
    return row_at(&r, 0, 0)->i == 1;
}

TEST(what_is_answered_after_a_sync_that_failed_does_not_rest_on_what_the_kernel_forgot)
{
    char folder[64], path[100], other[100];
    uint64_t seed = seed_of();
    snprintf(folder, sizeof folder, "%s/lazaret-fault-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/made", folder);
    snprintf(other, sizeof other, "%s/found", folder);
    for (uint64_t i = 0; i < 20; i++) {
        CHECK_AT(keeps(path, other, 1, seed + i), "SEED=%llu, a commit", (unsigned long long)(seed + i));
        CHECK_AT(keeps(path, other, 18, seed + i), "SEED=%llu, a checkpoint", (unsigned long long)(seed + i));
    }
    rmdir(folder);
    fault_walked();
}

static int seen_in(int most)
{
    struct tally t = {0};
    fail_in_world(most, seed_of(), true, &t);
    print_message("# seen after %d power failures\n", t.failures);
    return t.lost;
}

TEST(a_store_that_does_not_sync_is_seen_to_lose_what_it_answered)
{
    setenv("LAZARET_FAULT", "no-sync", 1);
    int seen = seen_in(100);
    unsetenv("LAZARET_FAULT");
    CHECK(seen > 0);
}

TEST(a_disk_that_only_says_it_synced_is_seen_to_lose_what_was_answered)
{
    disk_lies = true;
    int seen = seen_in(100);
    disk_lies = false;
    CHECK(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_store_whose_making_a_power_failure_interrupted_is_made_by_the_next_start),
                                       T(what_was_answered_survives_a_power_failure_at_any_moment),
                                       T(it_survives_one_after_syncs_that_failed_though_the_kernel_forgot_what_it_did_not_write),
                                       T(what_is_answered_after_a_sync_that_failed_does_not_rest_on_what_the_kernel_forgot),
                                       T(a_store_that_does_not_sync_is_seen_to_lose_what_it_answered),
                                       T(a_disk_that_only_says_it_synced_is_seen_to_lose_what_was_answered)};
    shim_install();
    power_install();
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* what a lying disk leaves is an error line */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
