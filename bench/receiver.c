/* receiver.c -- takes webhooks, for the time it takes to deliver them: no signature is checked.
 *
 *     receiver ADDRESS:PORT [CERTIFICATE KEY]
 *
 * Until POST /open it answers 410, which makes the sender keep what it has; from then on 200. Below /hang it answers
 * only after HANG_S seconds. GET /taken says how many it took since then, and the microseconds from the first of them
 * to the last. Prints its address; ends with SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server.h"

enum { HANG_S = 20, HANG_STEP_MS = 50 };

static struct http_server *server;
static volatile sig_atomic_t ending;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool open_now;
static int64_t taken, first_us, last_us;

static void on_signal(int signal)
{
    (void)signal;
    ending = 1;
    http_server_stop(server);
}

static void hang(void)
{
    for (int ms = 0; ms < HANG_S * 1000 && !ending; ms += HANG_STEP_MS)
        usleep(HANG_STEP_MS * 1000);
}

static int take(void)
{
    int64_t now = clock_mono_us();
    pthread_mutex_lock(&lock);
    int status = open_now ? 200 : 410;
    if (open_now) {
        first_us = taken++ ? first_us : now;
        last_us = now;
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static void answer(void *ctx, struct http_request *q, struct http_reply *r)
{
    (void)ctx;
    r->status = 200;
    http_reply_field(r, "Content-Type", SLICE("application/json"));
    if (slice_is(q->path, "/taken")) {
        pthread_mutex_lock(&lock);
        r->body = slice_of(
            arena_printf(q->arena, "{\"taken\":%lld,\"us\":%lld}", (long long)taken, (long long)(last_us - first_us)));
        pthread_mutex_unlock(&lock);
    } else if (slice_is(q->path, "/open")) {
        pthread_mutex_lock(&lock);
        open_now = true;
        pthread_mutex_unlock(&lock);
        r->body = SLICE("{}");
    } else {
        if (slice_starts(q->path, "/hang"))
            hang();
        r->status = take();
        r->body = SLICE("{}");
    }
}

int main(int argc, char **argv)
{
    struct err e = {0};
    struct http_config c = http_config_default();
    struct sigaction stopping = {.sa_handler = on_signal};
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: receiver ADDRESS:PORT [CERTIFICATE KEY]\n");
        return 2;
    }
    c.listen = argv[1];
    if (argc == 4) {
        c.tls = HTTP_TLS_ON;
        c.cert = argv[2];
        c.key = argv[3];
    }
    if (http_server_open(&c, answer, NULL, &server, &e)) {
        fprintf(stderr, "%s\n", e.detail);
        return 1;
    }
    sigaction(SIGTERM, &stopping, NULL);
    sigaction(SIGINT, &stopping, NULL);
    printf("http%s://%s/ ready\n", argc == 4 ? "s" : "", http_server_address(server));
    fflush(stdout);
    int rc = http_server_run(server, &e);
    http_server_close(server);
    return rc != 0;
}
