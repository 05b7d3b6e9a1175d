/* http_floor.c -- the server alone: what a request costs before anything is done for it. Answers 49 bytes of JSON, or
 * the length of the body it was sent. Prints its address; ends with SIGTERM and prints its CPU time per request on
 * stderr.
 *
 *     [LOOPS=n] [HANDLERS=n] http_floor [ADDRESS:PORT [CERTIFICATE KEY]]
 *     wrk -t2 -c64 -d10 http://ADDRESS:PORT/ */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/metric.h"
#include "http/server.h"

static struct http_server *server;

static void on_signal(int signal)
{
    (void)signal;
    http_server_stop(server);
}

static void answer(void *ctx, struct http_request *q, struct http_reply *r)
{
    (void)ctx;
    r->status = 200;
    http_reply_field(r, "Content-Type", SLICE("application/json"));
    if (q->body.n) {
        r->body = slice_of(arena_printf(q->arena, "{\"length\":%zu}", q->body.n));
        return;
    }
    r->body = SLICE("{\"status\":\"ok\",\"text\":\"forty-nine bytes of JSON.\"}");
}

int main(int argc, char **argv)
{
    struct err e = {0};
    struct http_config c = http_config_default();
    struct slice loops = slice_of(getenv("LOOPS")), handlers = slice_of(getenv("HANDLERS"));
    struct sigaction stopping = {.sa_handler = on_signal};
    int64_t threads;
    c.listen = argc > 1 ? argv[1] : "127.0.0.1:0";
    if (argc > 3) {
        c.tls = HTTP_TLS_ON;
        c.cert = argv[2];
        c.key = argv[3];
    }
    c.loops = slice_int(loops, 1, 64, &threads) ? (int)threads : c.loops;
    c.handlers = slice_int(handlers, 1, 512, &threads) ? (int)threads : c.handlers;
    if (http_server_open(&c, answer, NULL, &server, &e)) {
        fprintf(stderr, "%s\n", e.detail);
        return 1;
    }
    sigaction(SIGTERM, &stopping, NULL);
    sigaction(SIGINT, &stopping, NULL);
    printf("http://%s/ ready\n", http_server_address(server));
    fflush(stdout);
    int r = http_server_run(server, &e);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double us =
        (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    long long n = (long long)metric_value[METRIC_REQUESTS];
    fprintf(stderr, "%lld requests, %.1f us of CPU each, %ld KiB at most\n", n, n ? us / (double)n : 0, u.ru_maxrss);
    http_server_close(server);
    return r != 0;
}
