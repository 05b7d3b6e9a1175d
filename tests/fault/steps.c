#include "steps.h"

#include "base/arena.h"
#include "base/own.h"

static const struct steps *the;

static int64_t entries(void)
{
    return house_number(the->house, "SELECT count(*) FROM audit");
}

static long one(int step, enum shim kind, long n)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    const struct step *s = &the->step[step];
    struct err e = {0};
    the->lead_to(step);
    int64_t before = entries();
    shim_arm(kind, n, false);
    int rc = the->take(step, a, &e);
    long hits = shim_count(kind);
    shim_disarm();
    int64_t did = house_number(the->house, s->done), more = entries() - before;
    CHECK_AT(more == did || (s->looks && more <= 1), "%s, %s %ld: %d, done %d, %d entries", s->name, shim_name[kind], n, rc,
             (int)did, (int)more);
    CHECK_AT(rc != 0 || more == 1, "%s, %s %ld: told without an entry", s->name, shim_name[kind], n);
    CHECK_AT(rc == 0 || err_http(e.code) >= 500, "%s, %s %ld: %s", s->name, shim_name[kind], n, e.detail);
    CHECK_AT(hits >= n || rc == 0, "%s, %s %ld: %s without a fault", s->name, shim_name[kind], n, e.detail);
    OWN_ARENA struct arena *b = arena_new(4 << 20);
    if (rc) { /* again: it succeeds, or was done and says so */
        struct err again = {0};
        rc = the->take(step, b, &again);
        CHECK_AT(rc == 0 || (did && err_http(again.code) == 409), "%s, %s %ld: %s the second time", s->name, shim_name[kind], n,
                 again.detail);
    }
    return hits;
}

static void walk(enum shim kind)
{
    long tried = 0, points = 0;
    for (int step = 0; step < the->n; step++) {
        one(step, SHIM_KINDS - 1, 0); /* warm */
        long mine = one(step, kind, 0);
        for (long n = 1, by = fault_stride(mine, the->points); one(step, kind, n) >= n; n += by)
            tried++;
        points += mine;
    }
    print_message("# %s: %ld of %ld points in %d steps\n", shim_name[kind], tried, points, the->n);
    fault_walked();
}

TEST(each_step_is_done_and_logged_or_neither_when_an_allocation_fails)
{
    walk(SHIM_ARENA);
}
TEST(each_step_is_done_and_logged_or_neither_when_the_system_has_no_memory)
{
    walk(SHIM_CALLOC);
}
TEST(each_step_is_done_and_logged_or_neither_when_sqlite_has_no_memory)
{
    walk(SHIM_SQLITE_ALLOC);
}
TEST(each_step_is_done_and_logged_or_neither_when_a_transaction_fails)
{
    walk(SHIM_COMMIT);
}
TEST(each_step_is_done_and_logged_or_neither_when_a_write_fails)
{
    walk(SHIM_WRITE_FULL);
}

int steps_run(const struct steps *s, CMFixtureFunction open, CMFixtureFunction raze)
{
    const struct CMUnitTest tests[] = {
        T(each_step_is_done_and_logged_or_neither_when_an_allocation_fails),
        T(each_step_is_done_and_logged_or_neither_when_the_system_has_no_memory),
        T(each_step_is_done_and_logged_or_neither_when_sqlite_has_no_memory),
        T(each_step_is_done_and_logged_or_neither_when_a_transaction_fails),
        T(each_step_is_done_and_logged_or_neither_when_a_write_fails),
    };
    the = s;
    int failed = cmocka_run_group_tests(tests, open, raze);
    arena_thread_end();
    return failed;
}
