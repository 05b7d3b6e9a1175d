/* test_ready.c -- programs that were started before their input was there. Arguments as place.h says. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "place.h"

enum { AHEAD_MS = 2000, IDLE_MS = 60000, PLENTY_MIB = 1024 };

static struct place place;

static int64_t taken(void) { return metric_value[METRIC_READY_TAKEN]; }
static int64_t started(void) { return metric_value[METRIC_READY_STARTED]; }
static int64_t waiting(void) { return metric_value[METRIC_READY]; }

static struct sandbox *open_ready(int ready, uint32_t memory_mib, uint32_t idle_ms)
{
    struct err e = {.code = ERR_NONE};
    struct sandbox *s;
    CHECK_OK(place_open_ready(&place, 2, ready, &s, &e));
    CHECK_OK(sandbox_keep_ready(s, memory_mib, idle_ms, &e));
    return s;
}

/* Until so many wait: what is waited for comes within a second on a calm machine. */
static void await(int64_t n)
{
    for (int i = 0; i < 2000 && waiting() != n; i++)
        usleep(10 * 1000);
    CHECK_INT(waiting(), n);
}

/* The program is there a little after it was asked for, and gone a little after it was given up. */
static void await_named(int n)
{
    for (int i = 0; i < 500 && place_named(place.name, &(pid_t){0}) != n; i++)
        usleep(10 * 1000);
    CHECK_INT(place_named(place.name, &(pid_t){0}), n);
}

static struct sandbox_out run(struct sandbox *s, struct arena *a, const char *act, const char *number, uint32_t wall_ms,
                              struct slice input)
{
    struct err e = {.code = ERR_NONE};
    struct sandbox_out out;
    struct slice argv[16];
    struct sandbox_spec spec = place_spec(&place, argv, act, number, NULL);
    spec.ahead_ms = AHEAD_MS;
    spec.input = input;
    spec.max.wall_ms = wall_ms;
    CHECK_OK(sandbox_run(s, &spec, -1, a, &out, &e));
    return out;
}

static void echo_once(struct sandbox *s, const char *text)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct sandbox_out out = run(s, a, "echo", "0", 5000, slice_of(text));
    CHECK_INT(out.how, SANDBOX_EXITED);
    CHECK_SLICE(out.output, text);
}

TEST(the_second_run_finds_its_program_started)
{
    struct sandbox *s = open_ready(2, PLENTY_MIB, IDLE_MS);
    int64_t before = taken();
    echo_once(s, "first");
    CHECK_INT(taken() - before, 0);
    await(1);
    await_named(1);
    echo_once(s, "second");
    CHECK_INT(taken() - before, 1);
    sandbox_close(s);
    CHECK_INT(waiting(), 0);
    CHECK_INT(place_named(place.name, &(pid_t){0}), 0);
}

TEST(each_serves_one_run_and_the_next_finds_no_trace_of_it)
{
    struct sandbox *s = open_ready(2, PLENTY_MIB, IDLE_MS);
    int64_t before = taken();
    for (int i = 0; i < 12; i++) {
        char text[16];
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        snprintf(text, sizeof text, "job %d", i);
        struct sandbox_out out = run(s, a, "mark", "0", 5000, slice_of(text));
        CHECK_INT(out.how, SANDBOX_EXITED);
        CHECK_INT(out.exit_code, 0); /* 1: /tmp held the file of an earlier one */
        CHECK_SLICE(out.output, text);
        if (i % 3 == 0)
            await(waiting() ? waiting() : 1);
    }
    CHECK(taken() - before >= 3);
    sandbox_close(s);
}

TEST(time_counts_from_the_input_on)
{
    struct sandbox *s = open_ready(1, PLENTY_MIB, IDLE_MS);
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    int64_t before = taken();
    run(s, a, "prepare", "300", 900, SLICE("x"));
    await(1);
    usleep(1200 * 1000); /* longer than wall_ms: it waits, and does not run */
    struct sandbox_out out = run(s, a, "prepare", "300", 900, SLICE("now"));
    CHECK_INT(taken() - before, 1);
    CHECK_INT(out.how, SANDBOX_EXITED);
    CHECK_SLICE(out.output, "now");
    CHECK(out.wall_ms < 250); /* it had prepared itself */
    sandbox_close(s);
}

TEST(a_run_that_was_started_ahead_is_limited_and_cancelled_as_any)
{
    struct sandbox *s = open_ready(1, PLENTY_MIB, IDLE_MS);
    struct err e = {.code = ERR_NONE};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    int fd[2];
    CHECK(!pipe(fd));
    struct slice argv[16];
    struct sandbox_spec spec = place_spec(&place, argv, "sleep", "0", NULL);
    struct sandbox_out out;
    spec.ahead_ms = AHEAD_MS;
    spec.max.wall_ms = 300;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(sandbox_run(s, &spec, -1, a, &out, &e));
        CHECK_INT(out.how, SANDBOX_TIMEOUT);
        await(1);
    }
    int64_t before = taken(), begun = clock_mono_us();
    CHECK(write(fd[1], "x", 1) == 1);
    CHECK_OK(sandbox_run(s, &spec, fd[0], a, &out, &e));
    CHECK_INT(out.how, SANDBOX_CANCELLED);
    CHECK_INT(taken() - before, 1);
    CHECK(clock_mono_us() - begun < 2000 * 1000);
    close(fd[0]);
    close(fd[1]);
    sandbox_close(s);
}

TEST(a_program_that_does_not_wait_is_left_to_be_started_afresh)
{
    struct sandbox *s = open_ready(2, PLENTY_MIB, IDLE_MS);
    int64_t before = started();
    for (int i = 0; i < 10; i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct sandbox_out out = run(s, a, "exit", "7", 5000, SLICE(""));
        CHECK_INT(out.how, SANDBOX_EXITED);
        CHECK_INT(out.exit_code, 7);
        usleep(100 * 1000);
    }
    CHECK(started() - before <= 4);
    sandbox_close(s);
}

TEST(who_is_not_asked_for_any_more_goes)
{
    struct sandbox *s = open_ready(2, PLENTY_MIB, 700);
    echo_once(s, "once");
    await(1);
    await(0);
    await_named(0);
    echo_once(s, "again");
    sandbox_close(s);
}

TEST(those_that_wait_are_bounded_in_number_and_memory)
{
    static const struct {
        int ready;
        uint32_t memory_mib; /* a run may use 64 */
        int64_t most;
    } row[] = {{3, 1024, 3}, {3, 128, 2}, {3, 127, 1}, {3, 63, 0}, {0, 1024, 0}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct sandbox *s = open_ready(row[i].ready, row[i].memory_mib, IDLE_MS);
        for (int k = 0; k < 6; k++)
            echo_once(s, "x"); /* within a second or so */
        int64_t seen = 0;
        for (int k = 0; k < 40; k++, usleep(10 * 1000))
            seen = waiting() > seen ? waiting() : seen;
        if (seen > row[i].most || (row[i].most && !seen))
            fail_msg("row %zu: %d waited at a time", i, (int)seen);
        sandbox_close(s);
    }
}

TEST(a_kind_that_has_none_gets_the_place_of_one_too_many)
{
    struct sandbox *s = open_ready(2, PLENTY_MIB, IDLE_MS);
    for (int i = 0; i < 100 && waiting() < 2; i++) { /* several within a second: on a busy machine not at once */
        for (int k = 0; k < 4; k++)
            echo_once(s, "x");
        for (int k = 0; k < 20 && waiting() < 2; k++)
            usleep(20 * 1000);
    }
    CHECK_INT(waiting(), 2);
    int64_t before = taken();
    for (int i = 0; i < 600 && taken() == before; i++, usleep(20 * 1000)) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct sandbox_out out = run(s, a, "mark", "0", 5000, SLICE("y"));
        CHECK_SLICE(out.output, "y");
    }
    CHECK_INT(taken() - before, 1);
    sandbox_close(s);
}

TEST(when_the_jail_is_killed_they_go_with_it_and_come_again)
{
    struct err e = {.code = ERR_NONE};
    struct sandbox *s = open_ready(1, PLENTY_MIB, IDLE_MS);
    pid_t jail;
    echo_once(s, "before");
    await(1);
    CHECK_INT(place_children(getpid(), "lazaret-jail", &jail, 1), 1);
    kill(jail, SIGKILL);
    int up = -1;
    for (int i = 0; i < 600 && up; i++, usleep(10 * 1000))
        up = sandbox_alive(s) ? -1 : sandbox_revive(s, &e);
    CHECK_OK(up);
    echo_once(s, "after");
    await(1);
    int64_t before = taken();
    echo_once(s, "and so on");
    CHECK_INT(taken() - before, 1);
    sandbox_close(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(the_second_run_finds_its_program_started),
        T(each_serves_one_run_and_the_next_finds_no_trace_of_it),
        T(time_counts_from_the_input_on),
        T(a_run_that_was_started_ahead_is_limited_and_cancelled_as_any),
        T(a_program_that_does_not_wait_is_left_to_be_started_afresh),
        T(who_is_not_asked_for_any_more_goes),
        T(those_that_wait_are_bounded_in_number_and_memory),
        T(a_kind_that_has_none_gets_the_place_of_one_too_many),
        T(when_the_jail_is_killed_they_go_with_it_and_come_again),
    };
    place_make(&place, argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + place_end(&place);
}
