#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/conn_int.h"

struct http_config http_config_default(void)
{
    return (struct http_config){
        .listen = "127.0.0.1:8080",
        .tls = HTTP_TLS_OFF,
        .loops = 2,
        .handlers = 32,
        .header_max = 16 * 1024,
        .fields_max = 100,
        .body_max = 8 << 20,
        .header_ms = 10000,
        .body_rate = 1000,
        .idle_ms = 60000,
        .in_flight_max = 512,
        .streams_max = 64,
        .transfers_max = 8,
        .connections_max = 900,
        .arena_max = 64 << 20,
        .drain_ms = 10000,
    };
}

static int check_config(const struct http_config *c, struct err *e)
{
    if (c->loops < 1 || c->loops > 64 || c->handlers < 1 || c->handlers > 1024)
        return err_set(e, ERR_CONFIG, "the server needs 1 to 64 loops and 1 to 1024 handlers");
    if (c->header_max < 512 || c->header_max > 1 << 20 || c->fields_max < 1 || c->fields_max > 10000)
        return err_set(e, ERR_CONFIG, "a request's header may be limited to 512 bytes to 1 MiB and 1 to 10000 fields");
    if (c->header_ms < 1 || c->idle_ms < 1 || c->drain_ms < 0 || c->body_rate < 1)
        return err_set(e, ERR_CONFIG, "the server's times and the least rate of a body must be positive");
    if (c->in_flight_max < 1 || c->connections_max < 1 || c->streams_max < 0 || c->transfers_max < 0)
        return err_set(e, ERR_CONFIG, "the server must be allowed a connection and a request in flight");
    if (c->arena_max / 4 < c->header_max || c->arena_max / 2 < c->body_max)
        return err_set(e, ERR_CONFIG,
                       "a request must be allowed 4 times its largest header and twice its largest body in memory");
    return 0;
}

static int open_parts(struct http_server *s, struct err *e)
{
    if (s->c.tls == HTTP_TLS_ON && !(s->tls = tls_open(&s->c, e)))
        return -1;
    s->listen_fd = listen_open(s->c.listen, s->c.tls != HTTP_TLS_OFF, s->address, sizeof s->address, e);
    if (s->listen_fd < 0)
        return -1;
    if (pipe2(s->stop_fd, O_CLOEXEC | O_NONBLOCK))
        return err_sys(e, ERR_CONFIG, "cannot make a pipe");
    s->loop = calloc((size_t)s->c.loops, sizeof *s->loop);
    if (!s->loop)
        return err_set(e, ERR_NO_MEMORY, "no memory for network loops");
    for (int i = 0; i < s->c.loops; i++)
        s->loop[i].wake_fd = -1;
    for (int i = 0; i < s->c.loops; i++)
        if (loop_open(&s->loop[i], s, e))
            return -1;
    return 0;
}

int http_server_open(const struct http_config *c, http_handler *fn, void *ctx, struct http_server **ret, struct err *e)
{
    if (check_config(c, e))
        return -1;
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NO_MEMORY, "no memory for the server");
    *s = (struct http_server){.c = *c, .fn = fn, .ctx = ctx, .listen_fd = -1, .stop_fd = {-1, -1}};
    pthread_mutex_init(&s->tls_lock, NULL);
    /* Held for a handful of instructions: waiting a moment beats sleeping. */
    pthread_mutexattr_t adaptive;
    pthread_mutexattr_init(&adaptive);
    pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&s->pool.lock, &adaptive);
    pthread_mutexattr_destroy(&adaptive);
    if (open_parts(s, e)) {
        http_server_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

const char *http_server_address(const struct http_server *s)
{
    return s->address;
}

static void wait_for_stop(struct http_server *s)
{
    struct pollfd p = {.fd = s->stop_fd[0], .events = POLLIN};
    while (poll(&p, 1, -1) != 1)
        ;
}

/* Threads inherit the mask: signals are for the thread that called http_server_run, and SIGPIPE is for nobody. */
static int start_threads(struct http_server *s, int *loops, struct err *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pool_open(&s->pool, s, e);
    for (*loops = 0; r == 0 && *loops < s->c.loops; ++*loops)
        if (pthread_create(&s->loop[*loops].thread, NULL, loop_run, &s->loop[*loops])) {
            r = err_set(e, ERR_CONFIG, "only %d of %d loop threads could be started; ask for fewer", *loops,
                        s->c.loops);
            break;
        }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int http_server_run(struct http_server *s, struct err *e)
{
    int loops = 0;
    int r = start_threads(s, &loops, e);
    if (r == 0)
        wait_for_stop(s);
    atomic_store(&s->draining, true);
    if (loops)
        loop_wake(&s->loop[0]);
    for (int i = 0; i < loops; i++)
        pthread_join(s->loop[i].thread, NULL);
    pool_close(&s->pool);
    return r;
}

void http_server_stop(struct http_server *s)
{
    int saved = errno;
    ssize_t n = write(s->stop_fd[1], "", 1); /* a full pipe says it already */
    (void)n;
    errno = saved;
}

int http_server_reload(struct http_server *s, struct err *e)
{
    if (s->c.tls != HTTP_TLS_ON)
        return 0;
    SSL_CTX *fresh = tls_open(&s->c, e);
    if (!fresh)
        return -1;
    pthread_mutex_lock(&s->tls_lock);
    SSL_CTX *old = s->tls;
    s->tls = fresh;
    pthread_mutex_unlock(&s->tls_lock);
    SSL_CTX_free(old);
    return 0;
}

void http_server_close(struct http_server *s)
{
    if (!s)
        return;
    for (int i = 0; s->loop && i < s->c.loops; i++)
        loop_close(&s->loop[i]);
    free(s->loop);
    for (int i = 0; i < 2; i++)
        if (s->stop_fd[i] >= 0)
            close(s->stop_fd[i]);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    SSL_CTX_free(s->tls);
    pthread_mutex_destroy(&s->tls_lock);
    pthread_mutex_destroy(&s->pool.lock);
    free(s);
}
