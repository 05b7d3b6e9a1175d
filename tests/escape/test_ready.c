/* test_ready.c -- programs that were started before their input was there. Arguments as place.h says. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "place.h"
#include "sandbox/protocol.h"

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
    CHECK_OK(sandbox_keep_ready(s, &(struct sandbox_ahead){memory_mib, idle_ms, SANDBOX_LIFE_MS}, &e));
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
    run(s, a, "prepare", "800", 2000, SLICE("x"));
    await(1);
    usleep(2200 * 1000); /* longer than wall_ms: it waits, and does not run */
    struct sandbox_out out = run(s, a, "prepare", "800", 2000, SLICE("now"));
    CHECK_INT(taken() - before, 1);
    CHECK_INT(out.how, SANDBOX_EXITED);
    CHECK_SLICE(out.output, "now");
    CHECK(out.wall_ms < 700); /* it had prepared itself */
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

/* --- programs that may serve again --- */

static int64_t again(void) { return metric_value[METRIC_READY_AGAIN]; }

static enum sandbox_so_far whole_line(void *ctx, struct slice output)
{
    (void)ctx;
    if (!output.n || output.p[output.n - 1] != '\n')
        return SANDBOX_MORE;
    return slice_starts(output, "bad") ? SANDBOX_DROP : SANDBOX_KEEP;
}

static struct sandbox_out serve(struct sandbox *s, struct arena *a, uint8_t owner, const char *line)
{
    struct err e = {.code = ERR_NONE};
    struct slice argv[16];
    struct sandbox_out out;
    struct sandbox_spec spec = place_spec(&place, argv, "serve", "0", NULL);
    const struct sandbox_serves serves = {.owner = {owner}, .judge = whole_line};
    spec.serves = &serves;
    spec.ahead_ms = AHEAD_MS;
    spec.input = slice_of(arena_printf(a, "%s\n", line));
    spec.max.wall_ms = 700;
    CHECK_OK(sandbox_run(s, &spec, -1, a, &out, &e));
    return out;
}

static void ask_as(struct sandbox *s, uint8_t owner, const char *line, enum sandbox_end how, const char *answer)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct sandbox_out out = serve(s, a, owner, line);
    CHECK_INT(out.how, how);
    CHECK_SLICE(out.output, answer);
}

static struct sandbox *open_living(int ready, uint32_t life_ms)
{
    struct err e = {.code = ERR_NONE};
    struct sandbox *s;
    CHECK_OK(place_open_serving(&place, 2, ready, &s, &e));
    CHECK_OK(sandbox_keep_ready(s, &(struct sandbox_ahead){PLENTY_MIB, IDLE_MS, life_ms}, &e));
    return s;
}

static struct sandbox *open_serving(int ready)
{
    return open_living(ready, SANDBOX_LIFE_MS);
}

TEST(a_program_serves_one_owner_again_and_nobody_else)
{
    struct sandbox *s = open_serving(3);
    int64_t before = again();
    ask_as(s, 1, "a", SANDBOX_EXITED, "a 1\n");
    ask_as(s, 1, "b", SANDBOX_EXITED, "b 2\n");
    ask_as(s, 2, "c", SANDBOX_EXITED, "c 1\n");
    ask_as(s, 1, "d", SANDBOX_EXITED, "d 3\n");
    ask_as(s, 2, "e", SANDBOX_EXITED, "e 2\n");
    CHECK_INT(again() - before, 3);
    sandbox_close(s);
    CHECK_INT(waiting(), 0);
}

TEST(after_a_fault_it_never_does)
{
    static const struct {
        const char *line, *answer;
        enum sandbox_end how;
    } row[] = {{"die", "", SANDBOX_CRASHED},
               {"sleep", "", SANDBOX_TIMEOUT},
               {"bad", "bad 2\n", SANDBOX_EXITED},
               {"end", "end 2\n", SANDBOX_EXITED}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct sandbox *s = open_serving(2);
        ask_as(s, 1, "well", SANDBOX_EXITED, "well 1\n");
        ask_as(s, 1, row[i].line, row[i].how, row[i].answer);
        usleep(50 * 1000);
        ask_as(s, 1, "well", SANDBOX_EXITED, "well 1\n");
        ask_as(s, 1, "again", SANDBOX_EXITED, "again 2\n");
        sandbox_close(s);
        CHECK_INT(waiting(), 0);
    }
}

TEST(who_talks_on_after_its_answer_is_not_trusted_again)
{
    struct sandbox *s = open_serving(2);
    ask_as(s, 1, "more", SANDBOX_EXITED, "more 1\n");
    usleep(300 * 1000);
    ask_as(s, 1, "well", SANDBOX_EXITED, "well 1\n");
    sandbox_close(s);
}

TEST(where_nobody_allows_it_each_run_has_its_own)
{
    struct sandbox *s = open_ready(2, PLENTY_MIB, IDLE_MS);
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (int i = 0; i < 3; i++)
        ask_as(s, 1, "a", SANDBOX_EXITED, "a 1\n");
    sandbox_close(s);
}

/* The run is looked at before its answer comes, and next when that and the cancellation are both there. */
struct cancelling {
    int fd, ticks;
};

static bool cancel_late(void *ctx)
{
    struct cancelling *c = ctx;
    if (c->ticks++)
        return true;
    usleep(500 * 1000); /* the answer comes */
    CHECK(write(c->fd, "x", 1) == 1);
    return true;
}

static bool give_up_late(void *ctx)
{
    struct cancelling *c = ctx;
    if (c->ticks++)
        return false;
    usleep(500 * 1000);
    return true;
}

TEST(who_is_cancelled_as_its_answer_comes_is_not_kept)
{
    static bool (*const row[])(void *) = {cancel_late, give_up_late};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct err e = {.code = ERR_NONE};
        struct sandbox *s = open_serving(2);
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        int fd[2];
        CHECK(!pipe(fd));
        struct cancelling c = {fd[1], 0};
        struct slice argv[16];
        struct sandbox_out out;
        struct sandbox_spec spec = place_spec(&place, argv, "serve", "0", NULL);
        const struct sandbox_serves serves = {.owner = {1}, .judge = whole_line};
        ask_as(s, 1, "a", SANDBOX_EXITED, "a 1\n");
        spec.serves = &serves;
        spec.ahead_ms = AHEAD_MS;
        spec.input = SLICE("late\n");
        spec.tick = row[i];
        spec.tick_ctx = &c;
        spec.tick_ms = 1;
        CHECK_OK(sandbox_run(s, &spec, fd[0], a, &out, &e));
        CHECK_INT(out.how, SANDBOX_CANCELLED);
        ask_as(s, 1, "c", SANDBOX_EXITED, "c 1\n");
        close(fd[0]);
        close(fd[1]);
        sandbox_close(s);
    }
}

/* Somebody else asks for the end of all that runs, by each socket to a spawner that this process has; the first one that
 * it made is to the jail itself. */
static bool kill_all(void *ctx)
{
    const struct jail_head kill_head = {JAIL_MAGIC, JAIL_VERSION, JAIL_KILL, sizeof kill_head};
    int *ticks = ctx, sockets = 0;
    for (int fd = 3; !*ticks && fd < 256; fd++) {
        int type = 0;
        if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof type}) && type == SOCK_SEQPACKET && sockets++)
            (void)!send(fd, &kill_head, sizeof kill_head, MSG_NOSIGNAL);
    }
    ++*ticks;
    return true;
}

TEST(who_is_killed_without_this_run_having_asked_is_not_cancelled)
{
    struct err e = {.code = ERR_NONE};
    struct sandbox *s = open_serving(2);
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    int ticks = 0;
    struct slice argv[16];
    struct sandbox_out out;
    struct sandbox_spec spec = place_spec(&place, argv, "serve", "0", NULL);
    spec.input = SLICE("sleep\n");
    spec.tick = kill_all;
    spec.tick_ctx = &ticks;
    spec.tick_ms = 200;
    CHECK_INT(sandbox_run(s, &spec, -1, a, &out, &e), -1);
    CHECK_INT(e.code, ERR_SANDBOX);
    CHECK(sandbox_alive(s));
    sandbox_close(s);
}

/* What it kept open is found at the end, by place_end. */
static enum sandbox_so_far kill_jail(void *ctx, struct slice output)
{
    pid_t jail;
    if (whole_line(NULL, output) == SANDBOX_MORE)
        return SANDBOX_MORE;
    CHECK_INT(place_children(getpid(), "lazaret-jail", &jail, 1), 1);
    kill(jail, SIGKILL);
    for (int i = 0; i < 1000 && sandbox_alive(ctx); i++)
        usleep(10 * 1000);
    return SANDBOX_KEEP;
}

TEST(who_answers_as_the_jail_goes_leaves_nothing_open)
{
    struct err e = {.code = ERR_NONE};
    struct sandbox *s = open_serving(2);
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct slice argv[16];
    struct sandbox_out out;
    struct sandbox_spec spec = place_spec(&place, argv, "serve", "0", NULL);
    const struct sandbox_serves serves = {.owner = {1}, .judge = kill_jail, .ctx = s};
    spec.serves = &serves;
    spec.ahead_ms = AHEAD_MS;
    spec.input = SLICE("a\n");
    CHECK_OK(sandbox_run(s, &spec, -1, a, &out, &e));
    CHECK_INT(out.how, SANDBOX_EXITED);
    sandbox_close(s);
}

static void serve_in_vain(struct sandbox *s)
{
    struct err e = {.code = ERR_NONE};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct slice argv[16];
    struct sandbox_out out;
    struct sandbox_spec spec = place_spec(&place, argv, "serve", "0", NULL);
    const struct sandbox_serves serves = {.owner = {1}, .judge = whole_line};
    spec.serves = &serves;
    spec.ahead_ms = AHEAD_MS;
    spec.input = SLICE("sleep\n");
    CHECK(sandbox_run(s, &spec, -1, a, &out, &e) == -1);
    CHECK_INT(e.code, ERR_SANDBOX);
}

static void *serve_alone(void *s)
{
    serve_in_vain(s);
    arena_thread_end();
    return NULL;
}

TEST(who_serves_as_the_sandbox_closes_is_ended)
{
    struct sandbox *s = open_serving(2);
    pthread_t thread;
    ask_as(s, 1, "a", SANDBOX_EXITED, "a 1\n");
    int64_t before = again();
    CHECK(!pthread_create(&thread, NULL, serve_alone, s));
    for (int i = 0; i < 1000 && again() == before; i++)
        usleep(10 * 1000);
    usleep(100 * 1000);
    sandbox_close(s);
    pthread_join(thread, NULL);
    CHECK_INT(place_named(place.name, &(pid_t){0}), 0);
}

enum { LIFE_MS = 1000, LONG_MS = 20000 };

TEST(at_the_end_of_its_life_it_goes_and_the_next_run_has_another)
{
    struct sandbox *s = open_living(2, LIFE_MS);
    ask_as(s, 1, "a", SANDBOX_EXITED, "a 1\n");
    ask_as(s, 1, "b", SANDBOX_EXITED, "b 2\n");
    int64_t before = started();
    usleep(LIFE_MS * 1000);
    ask_as(s, 1, "c", SANDBOX_EXITED, "c 1\n");
    for (int i = 0; i < 1000 && started() == before; i++) /* nor does one that has served nobody wait for longer */
        usleep(10 * 1000);
    CHECK(started() > before);
    sandbox_close(s);
    CHECK_INT(waiting(), 0);
}

/* Between two runs there is hardly a moment in which it is seen to be idle. */
TEST(who_has_no_rest_does_not_live_longer)
{
    struct sandbox *s = open_living(2, LIFE_MS);
    int64_t end = clock_mono_us() + LONG_MS * 1000LL, first = 0;
    int lives = 0, again_ = 0;
    while (lives < 4 && clock_mono_us() < end) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        int64_t asked = clock_mono_us();
        struct sandbox_out out = serve(s, a, 1, "x");
        CHECK_INT(out.how, SANDBOX_EXITED);
        if (slice_is(out.output, "x 1\n")) { /* by now it has had its first input */
            lives++;
            first = clock_mono_us();
            continue;
        }
        again_++;
        CHECK(asked - first <= LIFE_MS * 1000LL);
    }
    CHECK_INT(lives, 4);
    CHECK(again_ > lives);
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
        T(a_program_serves_one_owner_again_and_nobody_else),
        T(after_a_fault_it_never_does),
        T(who_talks_on_after_its_answer_is_not_trusted_again),
        T(where_nobody_allows_it_each_run_has_its_own),
        T(who_is_cancelled_as_its_answer_comes_is_not_kept),
        T(who_is_killed_without_this_run_having_asked_is_not_cancelled),
        T(who_answers_as_the_jail_goes_leaves_nothing_open),
        T(who_serves_as_the_sandbox_closes_is_ended),
        T(at_the_end_of_its_life_it_goes_and_the_next_run_has_another),
        T(who_has_no_rest_does_not_live_longer),
    };
    place_make(&place, argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + place_end(&place);
}
