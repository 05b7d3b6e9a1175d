/* What is not a request: starting, clients, models, running jobs. Each call fails at every point; it then has done all of its
 * work or none, and the next call finishes it without anybody's help. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rnd.h"
#include "fault.h"
#include "jobs/worker.h"
#include "world.h"
#include "audit/verify.h"

enum { POINTS = 20 };

static const enum shim every[] = {SHIM_ARENA, SHIM_CALLOC, SHIM_COMMIT, SHIM_WRITE_IOERR, SHIM_WRITE_FULL, SHIM_WRITE_SHORT, SHIM_SYNC,
                                  SHIM_TRUNCATE, SHIM_SQLITE_ALLOC};

static int64_t look(struct world *w, const char *sql) { return world_look(w, sql, (struct slice){NULL, 0}); }

static void check_sound(struct world *w, const char *what, enum shim kind, long n)
{
    struct err e = {.detail = ""};
    int64_t entries;
    CHECK_AT(job_check_invariants(w->app.api.jobs, &e) == 0, "%s, %s %ld: %s", what, shim_name[kind], n, e.detail);
    CHECK_AT(audit_verify(w->app.api.db, &entries, &e) == 0, "%s, %s %ld: %s", what, shim_name[kind], n, e.detail);
}

/* --- starting --- */

static long start_twice(enum shim kind, long n, bool fresh)
{
    struct world w;
    struct err e = {.detail = ""};
    const char *what = fresh ? "the first start" : "a later start";
    bool sandbox = kind == SHIM_ARENA || kind == SHIM_CALLOC; /* it has no files, and takes a while to come up */
    CHECK_OK(world_begin(&w, &e));
    if (!fresh) {
        CHECK_OK(world_open(&w, false, &e));
        world_close(&w);
    }
    shim_arm(kind, n, false);
    int rc = world_open(&w, sandbox, &e);
    long hits = shim_count(kind);
    shim_disarm();
    CHECK_AT(hits >= n || rc == 0, "%s, %s %ld: %s", what, shim_name[kind], n, e.detail);
    world_close(&w);
    rc = world_open(&w, false, &e);
    CHECK_AT(rc == 0, "%s, %s %ld, again: %s", what, shim_name[kind], n, e.detail);
    if (rc == 0) {
        CHECK_AT(look(&w, "SELECT count(*) FROM model_alias WHERE alias = 'stable'") == 5, "%s, %s %ld", what, shim_name[kind], n);
        CHECK_AT(look(&w, "SELECT count(*) FROM scope") == 1, "%s, %s %ld", what, shim_name[kind], n);
        check_sound(&w, what, kind, n);
    }
    world_close(&w);
    world_remove(&w);
    return hits;
}

static void walk_starts(bool fresh)
{
    for (size_t i = 0; i < COUNT(every); i++) {
        long tried = 0, points = start_twice(every[i], 0, fresh), step = fault_stride(points, POINTS);
        for (long n = 1; start_twice(every[i], n, fresh) >= n; n += step)
            tried++;
        print_message("# %s: %ld of %ld points\n", shim_name[every[i]], tried, points);
    }
    fault_walked();
}

TEST(a_first_start_that_failed_anywhere_is_finished_by_the_next) { walk_starts(true); }
TEST(a_later_start_that_failed_anywhere_is_repeated) { walk_starts(false); }

/* --- calls of the command line --- */

/* One call for the `turn`-th time: 0 or -1. `done`: is its effect there? */
struct call_row {
    const char *name;
    int (*call)(struct world *w, int turn, struct arena *a, struct err *e);
    bool (*done)(struct world *w, int turn);
    int turns; /* a world takes no more; 0: any number */
};

static const char *turn_name(int turn)
{
    static char name[32];
    snprintf(name, sizeof name, "client-%d", turn);
    return name;
}

static int add_client(struct world *w, int turn, struct arena *a, struct err *e)
{
    struct client_secrets s;
    return client_add(w->app.api.db, w->app.api.keyring, w->app.api.scope, turn_name(turn), "https://example.org", &operator_does,
                      a, &s, e);
}

static bool client_there(struct world *w, int turn)
{
    return world_look(w, "SELECT count(*) FROM client WHERE CAST(name AS BLOB) = $1", slice_of(turn_name(turn))) == 1;
}

static char fresh_key[64];

static int rotate(struct world *w, int turn, struct arena *a, struct err *e)
{
    const char *key;
    (void)turn;
    if (client_rotate(w->app.api.db, w->app.api.scope, "client-0", &operator_does, a, &key, e))
        return -1;
    snprintf(fresh_key, sizeof fresh_key, "Bearer %s", key);
    return 0;
}

static bool key_works(struct world *w, int turn)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct caller c;
    struct err e;
    (void)turn;
    return client_identify(w->app.api.db, w->app.api.scope, slice_of(fresh_key), NULL, a, &c, &e) == 0 && c.role == ROLE_CLIENT;
}

static char model_folder[160];

static void copy_file(const char *from, const char *to, mode_t mode, int turn)
{
    static char text[4 << 20];
    OWN_FD int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ssize_t n = read(in, text, sizeof text - 64);
    CHECK(n > 0 && out >= 0);
    char *version = memmem(text, (size_t)n, "\"version\": \"", 12);
    size_t head = version && mode == 0644 ? (size_t)(version + 12 - text) : 0;
    char number[32];
    int digits = head ? snprintf(number, sizeof number, "9.%d.", turn) : 0;
    size_t tail = head ? head + strlen("1.0.") : 0;
    CHECK(write(out, text, head) == (ssize_t)head && write(out, number, (size_t)digits) == digits &&
          write(out, text + tail, (size_t)n - tail) == n - (ssize_t)tail);
}

/* NEWS2 again, with a version of its own each turn. */
static const char *model_of(struct world *w, int turn)
{
    char from[256], to[256];
    snprintf(model_folder, sizeof model_folder, "%s/model-in", w->data);
    mkdir(model_folder, 0700);
    static const struct {
        const char *name;
        mode_t mode;
    } file[] = {{"manifest.json", 0644}, {"card.md", 0640}, {"model", 0755}};
    for (size_t i = 0; i < COUNT(file); i++) {
        snprintf(from, sizeof from, "%s/models/news2/%s", LAZARET_LIBEXEC, file[i].name);
        snprintf(to, sizeof to, "%s/%s", model_folder, file[i].name);
        copy_file(from, to, file[i].mode, turn);
    }
    return model_folder;
}

static int add_model(struct world *w, int turn, struct arena *a, struct err *e)
{
    const struct model *m;
    (void)turn;
    return registry_add(w->app.api.registry, model_folder, false, a, &m, e) ||
                   registry_promote(w->app.api.registry, m->manifest.key, m->manifest.version, SLICE("stable"), RANK, e)
               ? -1
               : 0;
}

static bool model_stable(struct world *w, int turn)
{
    char version[32];
    const struct model *m[4];
    int n = registry_candidates(w->app.api.registry, SLICE("news2"), m, 4);
    snprintf(version, sizeof version, "9.%d.", turn);
    return n == 1 && slice_starts(m[0]->manifest.version, version) &&
           world_look(w, "SELECT count(*) FROM model_alias WHERE digest = $1", (struct slice){(const char *)m[0]->digest, 32}) == 1;
}

static int list_all(struct world *w, int turn, struct arena *a, struct err *e)
{
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    struct rows r;
    (void)turn;
    if (audit_list(w->app.api.db, 0, 100, a, &o, e) || job_list(w->app.api.jobs, &(struct job_filter){.most = 100}, a, &r, e) ||
        client_list(w->app.api.db, w->app.api.scope, a, &r, e) || job_recover(w->app.api.jobs, e))
        return -1;
    return buf_failed(&b) ? err_set(e, ERR_NO_MEMORY, "the list") : 0;
}

static bool nothing_to_see(struct world *w, int turn) { return (void)w, (void)turn, true; }

static const struct call_row call_row[] = {
    {"a client is added", add_client, client_there, 0},
    {"a client's key is rotated", rotate, key_works, 0},
    {"a model is added and promoted", add_model, model_stable, 100},
    {"logs and jobs are listed", list_all, nothing_to_see, 0},
};

static void call_world(struct world *w)
{
    struct err e;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    CHECK_OK(world_begin(w, &e) || world_open(w, false, &e));
    CHECK_OK(add_client(w, 0, a, &e));
    CHECK_OK(rotate(w, 0, a, &e));
}

static long call_twice(struct world *w, const struct call_row *x, enum shim kind, long n, int turn)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20), *b = arena_new(64 << 20);
    struct err e = {.detail = ""};
    if (x->call == add_model)
        model_of(w, turn);
    shim_arm(kind, n, false);
    int rc = x->call(w, turn, a, &e);
    long hits = shim_count(kind);
    shim_disarm();
    CHECK_AT(hits >= n || rc == 0, "%s, %s %ld: %s", x->name, shim_name[kind], n, e.detail);
    CHECK_AT(rc || x->done(w, turn), "%s, %s %ld: done, and not there", x->name, shim_name[kind], n);
    if (rc) {
        rc = x->call(w, turn, b, &e);
        CHECK_AT(rc == 0 && x->done(w, turn), "%s, %s %ld, again: %s", x->name, shim_name[kind], n, e.detail);
    }
    check_sound(w, x->name, kind, n);
    return hits;
}

TEST(a_call_does_all_of_its_work_or_none_and_can_be_repeated)
{
    for (size_t k = 0; k < COUNT(every); k++) {
        long tried = 0, points = 0;
        for (size_t i = 0; i < COUNT(call_row); i++) {
            struct world w;
            int turn = 1;
            call_world(&w);
            call_twice(&w, &call_row[i], every[k], 0, turn++);
            long mine = call_twice(&w, &call_row[i], every[k], 0, turn++), step = fault_stride(mine, POINTS);
            for (long n = 1; call_twice(&w, &call_row[i], every[k], n, turn++) >= n; n += step, tried++)
                if (call_row[i].turns && turn > call_row[i].turns) {
                    world_close(&w);
                    world_remove(&w);
                    call_world(&w);
                    turn = 1;
                }
            points += mine;
            world_close(&w);
            world_remove(&w);
        }
        print_message("# %s: %ld of %ld points in %zu calls\n", shim_name[every[k]], tried, points, COUNT(call_row));
    }
    fault_walked();
}

/* --- running jobs --- */

static void accept_job(struct world *w, struct slice body)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct question q = {HTTP_POST, "/v1/diagnose", ALPHA, body, NULL, NULL, NULL};
    struct answer r;
    world_ask(w, &q, SHIM_ARENA, 0, false, a, &r);
    CHECK_INT(r.status, 202);
}

static int step(struct world *w, struct err *e) { return worker_step(w->app.api.jobs, w->app.api.registry, w->app.sandbox, e); }

static long run_one(struct world *w, struct slice body, enum shim kind, long n)
{
    struct err e = {.detail = ""};
    accept_job(w, body);
    shim_arm(kind, n, false);
    int rc = step(w, &e);
    long hits = shim_count(kind);
    shim_disarm();
    CHECK_AT(hits >= n || rc == 1, "a job, %s %ld: %d %s", shim_name[kind], n, rc, e.detail);
    check_sound(w, "a job", kind, n);
    CHECK_OK(job_recover(w->app.api.jobs, &e)); /* what the next start would do */
    while ((rc = step(w, &e)) == 1)
        ;
    CHECK_AT(rc == 0, "a job, %s %ld, again: %s", shim_name[kind], n, e.detail);
    CHECK_AT(look(w, "SELECT count(*) FROM job WHERE state = 'RUNNING'") == 0, "a job, %s %ld", shim_name[kind], n);
    return hits;
}

TEST(a_job_has_one_result_whatever_fails_while_it_runs)
{
    static const enum shim kind[] = {SHIM_ARENA, SHIM_CALLOC, SHIM_COMMIT, SHIM_WRITE_IOERR, SHIM_SYNC, SHIM_SQLITE_ALLOC};
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct client_secrets s;
    struct world w;
    struct err e;
    CHECK_OK(world_begin(&w, &e) || world_open(&w, true, &e));
    if (!w.app.sandbox)
        fail_msg("models cannot run here: %s", w.app.sandbox_error.detail);
    CHECK_OK(client_add(w.app.api.db, w.app.api.keyring, w.app.api.scope, "alpha", "https://example.org", &operator_does, a, &s, &e));
    snprintf(w.bearer[ALPHA], sizeof w.bearer[ALPHA], "Bearer %s", s.api_key);
    struct slice body = world_body(a, "alpha", "sepsis", "\"webhook_url\":\"https://example.org/hook\",", "sepsis-complete.json",
                                   NULL, NULL);
    for (size_t k = 0; k < COUNT(kind); k++) {
        long tried = 0;
        run_one(&w, body, kind[k], 0);
        long points = run_one(&w, body, kind[k], 0), by = fault_stride(points, POINTS);
        for (long n = 1; run_one(&w, body, kind[k], n) >= n; n += by)
            tried++;
        print_message("# %s: %ld of %ld points\n", shim_name[kind[k]], tried, points);
    }
    for (int ms = 0; ms < 30000 && look(&w, "SELECT count(*) FROM job WHERE result IS NULL"); ms += 50) {
        usleep(50000); /* jobs whose sandbox failed are tried again after a second or two */
        while (step(&w, &e) == 1)
            ;
    }
    CHECK_INT(look(&w, "SELECT count(*) FROM job WHERE state <> 'COMPLETED'"), 0);
    CHECK_INT(look(&w, "SELECT count(*) FROM (SELECT job FROM webhook_event GROUP BY job HAVING count(*) <> 1)"), 0);
    CHECK_INT(look(&w, "SELECT count(*) FROM webhook_event"), look(&w, "SELECT count(*) FROM job"));
    world_close(&w);
    world_remove(&w);
    fault_walked();
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_first_start_that_failed_anywhere_is_finished_by_the_next),
                                       T(a_later_start_that_failed_anywhere_is_repeated),
                                       T(a_call_does_all_of_its_work_or_none_and_can_be_repeated),
                                       T(a_job_has_one_result_whatever_fails_while_it_runs)};
    shim_install();
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* every fault is an error line */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
