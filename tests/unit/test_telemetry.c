#include "test.h"

#include <spawn.h>
#include <sys/wait.h>

#include "base/metric.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

extern char **environ;

#define ID "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"
#define ZERO16 "0000000000000000"

TEST(a_traceparent_is_continued_only_if_it_is_valid)
{
    static const struct {
        const char *header;
        bool kept;
        const char *flags;
    } row[] = {
        {"00-" ID "-" SPAN "-01", true, "01"},
        {"00-" ID "-" SPAN "-00", true, "00"},
        {"  00-" ID "-" SPAN "-01\t", true, "01"},
        {"01-" ID "-" SPAN "-01", true, "01"},          /* a later version, as long as it starts the same */
        {"cc-" ID "-" SPAN "-01-more", true, "01"},
        {"cc-" ID "-" SPAN "-01more", false, "01"},
        {"00-" ID "-" SPAN "-01-more", false, "01"},    /* version 00 has nothing behind */
        {"00-" ID "-" SPAN "-01 ", true, "01"},
        {"ff-" ID "-" SPAN "-01", false, "01"},         /* a forbidden version */
        {"00-" ZERO16 ZERO16 "-" SPAN "-01", false, "01"},
        {"00-" ID "-" ZERO16 "-01", false, "01"},
        {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", false, "01"}, /* upper case */
        {"00-0af7651916cd43dd8448eb211c80319g-" SPAN "-01", false, "01"},
        {"00_" ID "-" SPAN "-01", false, "01"},
        {"00-" ID "-" SPAN "-0", false, "01"},
        {"00-" ID "-" SPAN, false, "01"},
        {"0-" ID "-" SPAN "-01", false, "01"},
        {"", false, "01"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct trace t;
        trace_take(slice_of(row[i].header), &t);
        if ((strcmp(t.id, ID) == 0) != row[i].kept)
            fail_msg("row %zu: %s", i, t.id);
        CHECK_INT(strlen(t.parent), 55);
        CHECK(strncmp(t.parent, "00-", 3) == 0 && strncmp(t.parent + 3, t.id, 32) == 0);
        CHECK(strncmp(t.parent + 36, SPAN, 16) != 0); /* the span is ours */
        CHECK_STR(t.parent + 53, row[i].flags);
    }
}

TEST(two_traces_that_begin_here_differ)
{
    struct trace a, b;
    trace_take((struct slice){NULL, 0}, &a);
    trace_take((struct slice){NULL, 0}, &b);
    CHECK(strcmp(a.id, b.id) != 0);
    CHECK_INT(strspn(a.id, "0123456789abcdef"), 32);
}

static struct slice exposition(struct arena *a)
{
    struct buf b = buf_in(a, 1 << 20);
    metrics_write(&b);
    CHECK(!buf_failed(&b));
    buf_byte(&b, 0);
    return buf_text(&b);
}

TEST(every_metric_is_printed_once_with_help_and_type_and_buckets_add_up)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    metric_add(METRIC_ACCEPTED, 3);
    metric_observe(HISTOGRAM_JOB, 50);        /* below the first bound */
    metric_observe(HISTOGRAM_JOB, 1000000);   /* a second */
    metric_observe(HISTOGRAM_JOB, 900000000); /* beyond all bounds */
    const char *text = exposition(a).p;
    static const char *const line[] = {
        "\n# HELP lazaret_jobs_accepted_total jobs made durable\n# TYPE lazaret_jobs_accepted_total counter\n"
        "lazaret_jobs_accepted_total 3\n",
        "\n# TYPE lazaret_jobs_queued gauge\n",
        "\n# TYPE lazaret_job_duration_seconds histogram\nlazaret_job_duration_seconds_bucket{le=\"0.000064\"} 1\n",
        "\nlazaret_job_duration_seconds_bucket{le=\"0.524288\"} 1\nlazaret_job_duration_seconds_bucket{le=\"1.048576\"} 2\n",
        "\nlazaret_job_duration_seconds_bucket{le=\"+Inf\"} 3\nlazaret_job_duration_seconds_sum 901.000050\n"
        "lazaret_job_duration_seconds_count 3\n",
        "\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ",
    };
    for (size_t i = 0; i < COUNT(line); i++) {
        const char *at = strstr(text, line[i]);
        if (!at)
            fail_msg("not there: %s", line[i]);
        CHECK(strstr(at + 1, line[i]) == NULL);
    }
}

TEST(promtool_has_nothing_to_say_about_them)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    char path[] = "/tmp/metrics.XXXXXX";
    struct slice text = exposition(a);
    OWN_FD int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text.p, text.n - 1), text.n - 1);
    CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fd, 0);
    posix_spawn_file_actions_adddup2(&files, 2, 1); /* standard output is the report of this test */
    pid_t pid;
    int status, rc = posix_spawnp(&pid, "promtool", &files, NULL, (char *[]){"promtool", "check", "metrics", NULL}, environ);
    posix_spawn_file_actions_destroy(&files);
    unlink(path);
    if (rc) {
        print_message("promtool is not installed\n");
        skip();
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

RUN(T(a_traceparent_is_continued_only_if_it_is_valid), T(two_traces_that_begin_here_differ),
    T(every_metric_is_printed_once_with_help_and_type_and_buckets_add_up), T(promtool_has_nothing_to_say_about_them))
