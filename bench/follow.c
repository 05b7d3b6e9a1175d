/* follow.c -- end to end: from sending a request to seeing its job finished, by polling as a client would.
 *
 *     follow [-n N] [-i US] ADDRESS FILE
 *
 * N times (50): sends FILE with an Idempotency-Key of its own, takes the job's id from the 202, and asks for the job
 * every US microseconds (250) until it has ended. One job at a time, so nothing waits in the queue. Prints one line of
 * JSON with the percentiles; exit 1 unless every job is COMPLETED. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "exchange.h"

enum { RUNS_MAX = 10000, WAIT_S = 60 };

static char in[REPLY_MAX];

static struct reply ask(int fd, const char *text, size_t n)
{
    struct reply r;
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(fd, text + sent, n - sent, MSG_NOSIGNAL);
        if (k <= 0)
            stop("the connection broke: %s", strerror(errno));
        sent += (size_t)k;
    }
    for (size_t got = 0;;) {
        ssize_t k = recv(fd, in + got, sizeof in - got, 0);
        if (k <= 0)
            stop("the connection ended without an answer");
        got += (size_t)k;
        int whole = reply_scan(in, got, &r);
        if (whole < 0)
            stop("not an HTTP answer");
        if (whole)
            return r;
    }
}

/* The text of the first member of this name; empty when there is none. The server writes no space around the colon. */
static struct slice member(struct slice json, const char *name)
{
    char key[64];
    int n = snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *p = memmem(json.p, json.n, key, (size_t)n);
    if (!p)
        return (struct slice){"", 0};
    p += n;
    const char *end = memchr(p, '"', json.n - (size_t)(p - json.p));
    return (struct slice){p, end ? (size_t)(end - p) : 0};
}

/* From the first byte sent to the answer that says so. */
static uint32_t follow_one(int fd, const struct request *r, uint64_t i, int pause_us, uint32_t *ret_accept,
                           bool *ret_completed)
{
    char get[1024];
    const struct timespec pause = {0, pause_us * 1000L};
    struct slice whole = {r->text, r->n}, who = message_field(whole, "Authorization");
    int64_t start = now_ns();
    request_number(r, r->text, i);
    struct reply a = ask(fd, r->text, r->n);
    if (a.status != 202)
        stop("the request is answered %d, not 202: %.*s", a.status, (int)a.body.n, a.body.p);
    *ret_accept = (uint32_t)((now_ns() - start) / 1000);
    struct slice id = member(a.body, "job_id");
    int n = snprintf(get, sizeof get, "GET /v1/jobs/%.*s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %.*s\r\n\r\n",
                     SLICE_FMT(id), SLICE_FMT(who));
    if (n < 0 || (size_t)n >= sizeof get)
        stop("an Authorization that is too long");
    while (now_ns() - start < WAIT_S * 1000000000LL) {
        a = ask(fd, get, (size_t)n);
        struct slice status = member(a.body, "status");
        if (a.status != 200)
            stop("the job is answered %d: %.*s", a.status, (int)a.body.n, a.body.p);
        if (slice_is(status, "COMPLETED") || slice_is(status, "FAILED")) {
            *ret_completed = slice_is(status, "COMPLETED");
            if (!*ret_completed)
                fprintf(stderr, "%.*s\n", (int)a.body.n, a.body.p);
            return (uint32_t)((now_ns() - start) / 1000);
        }
        nanosleep(&pause, NULL);
    }
    stop("a job is not finished after %d s", WAIT_S);
}

int main(int argc, char **argv)
{
    int runs = 50, pause_us = 250, completed = 0;
    for (int o; (o = getopt(argc, argv, "n:i:")) != -1;) {
        if (o == '?')
            return 2;
        if (o == 'n')
            runs = number_of(optarg, 1, RUNS_MAX);
        else
            pause_us = number_of(optarg, 0, 999999);
    }
    if (argc - optind != 2)
        stop("usage: follow [-n RUNS] [-i MICROSECONDS] ADDRESS FILE");
    struct sockaddr_in to = address_of(argv[optind]);
    struct request r = request_read(argv[optind + 1], true);
    OWN_FD int fd = connect_to(&to);
    OWN_MEM uint32_t *whole = calloc((size_t)runs, sizeof *whole), *accept_us = calloc((size_t)runs, sizeof *accept_us);
    if (!whole || !accept_us)
        stop("out of memory");
    for (int i = 0; i < runs; i++) {
        bool done = false;
        whole[i] = follow_one(fd, &r, (uint64_t)i, pause_us, &accept_us[i], &done);
        completed += done;
    }
    sort_u32(whole, (size_t)runs);
    sort_u32(accept_us, (size_t)runs);
    printf(
        "{\"runs\":%d,\"completed\":%d,\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"accept_p50_us\":%u}\n",
        runs, completed, percentile(whole, (size_t)runs, 0.5), percentile(whole, (size_t)runs, 0.9),
        percentile(whole, (size_t)runs, 0.99), percentile(whole, (size_t)runs, 1),
        percentile(accept_us, (size_t)runs, 0.5));
    free(r.text);
    return completed != runs;
}
