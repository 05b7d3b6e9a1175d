#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "http/conn_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/wipe.h"

enum { ACCEPTS = 64, ACCEPT_PAUSE_MS = 100 };

static struct timeval ms(int n)
{
    return (struct timeval){n / 1000, n % 1000 * 1000};
}

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof one); /* fails only when the counter is full: then it is awake anyway */
    (void)n;
}

/* A stack without locks, turned over by the loop; whoever finds it empty wakes the loop, so a full one costs nothing
 * more. */
void loop_post(struct conn *c)
{
    struct loop *l = c->loop;
    struct conn *old = atomic_load_explicit(&l->mailbox, memory_order_relaxed);
    do
        c->mail = old;
    while (!atomic_compare_exchange_weak_explicit(&l->mailbox, &old, c, memory_order_release, memory_order_relaxed));
    if (!old)
        loop_wake(l);
}

void loop_post_stream(struct loop *l, struct http_stream *s)
{
    struct http_stream *old = atomic_load_explicit(&l->streams, memory_order_relaxed);
    do
        s->mail = old;
    while (!atomic_compare_exchange_weak_explicit(&l->streams, &old, s, memory_order_release, memory_order_relaxed));
    if (!old)
        loop_wake(l);
}

/* Their order does not matter: each has its own. */
static void open_streams(struct loop *l)
{
    struct http_stream *s = atomic_exchange_explicit(&l->streams, NULL, memory_order_acquire);
    while (s) {
        struct http_stream *next = s->mail;
        pthread_mutex_lock(&s->lock);
        s->posted = false;
        pthread_mutex_unlock(&s->lock);
        if (s->conn)
            conn_stream(s->conn);
        stream_let_go(s);
        s = next;
    }
}

static struct conn *turned(struct conn *c)
{
    struct conn *first = NULL;
    while (c) {
        struct conn *next = c->mail;
        c->mail = first;
        first = c;
        c = next;
    }
    return first;
}

/* The clock of deadlines, only while there are connections: an idle server does not wake up. */
static void ticking_start(struct loop *l)
{
    const struct http_config *k = &l->server->c;
    int least = k->header_ms < k->idle_ms ? k->header_ms : k->idle_ms;
    if (k->drain_ms < least)
        least = k->drain_ms;
    struct timeval every = ms(least / 8 < 10 ? 10 : least / 8 > 250 ? 250 : least / 8);
    if (!l->ticking)
        event_add(&l->tick, &every);
    l->ticking = true;
}

static void loop_welcome(struct conn *c)
{
    struct loop *l = c->loop;
    conn_start(c);
    ticking_start(l);
    if (l->draining)
        conn_close(c);
}

static void close_idle(struct loop *l)
{
    for (struct conn *c = l->first, *next; c; c = next) {
        next = c->next;
        if (c->stage == CONN_IDLE) {
            conn_close(c);
        } else if (c->stage == CONN_STREAM) {
            stream_stop(c->x->stream);
            conn_stream(c);
        }
    }
}

/* The accepting loop goes first, so that no connection is sent to a loop that has ended. */
static void loop_drain(struct loop *l)
{
    struct http_server *s = l->server;
    bool accepting = l == s->loop;
    if (l->draining || !atomic_load(accepting ? &s->draining : &s->deaf))
        return;
    l->draining = true;
    l->drain_by_us = l->now_us + s->c.drain_ms * 1000LL;
    if (accepting) {
        event_del(&l->accept);
        event_del(&l->again);
        close(s->listen_fd);
        s->listen_fd = -1;
        atomic_store(&s->deaf, true);
        for (int i = 1; i < s->c.loops; i++)
            loop_wake(&s->loop[i]);
    }
    close_idle(l);
    if (atomic_load(&l->conns) == 0)
        event_base_loopbreak(l->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    uint64_t count;
    (void)what;
    l->now_us = clock_mono_us();
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    struct conn *c = turned(atomic_exchange_explicit(&l->mailbox, NULL, memory_order_acquire));
    while (c) {
        struct conn *next = c->mail;
        c->mail = NULL;
        if (c->stage == CONN_WORK)
            conn_resume(c);
        else
            loop_welcome(c);
        c = next;
    }
    open_streams(l);
    loop_drain(l);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    int64_t now = l->now_us = clock_mono_us();
    bool over = l->draining && now > l->drain_by_us;
    (void)fd, (void)what;
    for (struct conn *c = l->first, *next; c; c = next) {
        next = c->next;
        if (over && c->stage != CONN_WORK)
            conn_close(c);
        else
            conn_tick(c, now);
    }
    if (!l->first) {
        event_del(&l->tick);
        l->ticking = false;
    }
}

/* --- accepting --- */

static SSL *new_tls(struct http_server *s, int fd)
{
    pthread_mutex_lock(&s->tls_lock);
    SSL *ssl = SSL_new(s->tls);
    pthread_mutex_unlock(&s->tls_lock);
    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

static struct conn *new_conn(struct http_server *s, int fd, const struct sockaddr_storage *from)
{
    int on = 1;
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = fd;
    listen_peer(from, c->peer);
    c->ssl = s->c.tls == HTTP_TLS_ON ? new_tls(s, fd) : NULL;
    if (s->c.tls == HTTP_TLS_ON && !c->ssl) {
        free(c);
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->loop = &s->loop[s->next_loop];
    s->next_loop = (s->next_loop + 1) % s->c.loops;
    return c;
}

/* At most one line a second: a crowd may come at any rate. */
static void say_crowd(struct http_server *s, int64_t now_us)
{
    char n[16];
    s->crowd++;
    if (s->crowd_us && now_us - s->crowd_us < 1000000)
        return;
    snprintf(n, sizeof n, "%d", s->crowd);
    log_line(LOG_WARN, "connections closed at once: there are as many as allowed", "connections", n, NULL);
    s->crowd_us = now_us;
    s->crowd = 0;
}

static void take_in(struct loop *here, int fd, const struct sockaddr_storage *from)
{
    struct http_server *s = here->server;
    bool full = atomic_load_explicit(&s->connections, memory_order_relaxed) >= s->c.connections_max;
    struct conn *c = full ? NULL : new_conn(s, fd, from);
    if (!c) {
        metric_add(METRIC_HTTP_SHED, 1);
        say_crowd(s, here->now_us);
        close(fd);
        return;
    }
    atomic_fetch_add_explicit(&s->connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->loop->conns, 1, memory_order_relaxed);
    metric_add(METRIC_CONNECTIONS, 1);
    if (c->loop == here)
        loop_welcome(c);
    else
        loop_post(c);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    (void)what;
    l->now_us = clock_mono_us();
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int got = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            take_in(l, got, &from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connection stays in the backlog and would wake us for ever. */
            struct timeval pause = ms(ACCEPT_PAUSE_MS);
            event_del(&l->accept);
            event_add(&l->again, &pause);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    (void)fd, (void)what;
    event_add(&l->accept, NULL);
}

/* --- the loop itself --- */

int loop_open(struct loop *l, struct http_server *s, struct err *e)
{
    struct event_config *k = event_config_new();
    if (k) {
        event_config_set_flag(k, EVENT_BASE_FLAG_NOLOCK);
        l->base = event_base_new_with_config(k);
        event_config_free(k);
    }
    l->server = s;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->in = malloc(LOOP_BUFFER);
    l->out = s->c.tls == HTTP_TLS_ON ? malloc(TLS_RECORD) : NULL;
    if (!l->base || l->wake_fd < 0 || !l->in || (s->c.tls == HTTP_TLS_ON && !l->out))
        return err_set(e, ERR_NO_MEMORY, "no memory or descriptors for a network loop");
    event_assign(&l->tick, l->base, -1, EV_PERSIST, on_tick, l);
    event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    event_add(&l->wake, NULL);
    if (l != s->loop)
        return 0;
    event_assign(&l->accept, l->base, s->listen_fd, EV_READ | EV_PERSIST, on_accept, l);
    event_assign(&l->again, l->base, -1, 0, on_again, l);
    event_add(&l->accept, NULL);
    return 0;
}

void *loop_run(void *loop)
{
    pthread_setname_np(pthread_self(), "loop");
    struct loop *l = loop;
    event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
    arena_thread_end();
    return NULL;
}

void loop_close(struct loop *l)
{
    for (struct http_stream *s = l->streams, *next; s; s = next) {
        next = s->mail;
        stream_let_go(s);
    }
    if (l->base)
        event_base_free(l->base);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l->in);
    free(l->out);
}
