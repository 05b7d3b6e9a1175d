/* http_live.h -- a real server on loopback and a plain client, for the tests that need sockets. */
#ifndef HTTP_LIVE_H
#define HTTP_LIVE_H

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "http/server.h"
#include "test.h"

enum { BIG = 24 << 20, SINK_MAX = 40 << 20, PATIENCE_S = 10, STREAMS = 64 };

struct live {
    struct http_server *server;
    pthread_t thread;
    int result;
    sem_t gate;         /* what /wait waits for */
    atomic_int waiting; /* handlers in /wait */
    atomic_int calls;
    atomic_int streams; /* how many of these there are */
    atomic_int ended;   /* transfers whose handlers have returned */
    _Atomic(struct http_stream *) stream[STREAMS];
};

static char live_big[BIG];

/* The test writes to it, from its own thread, and ends it. */
static void live_stream(struct live *l, struct http_request *q, struct http_reply *r)
{
    struct http_stream *s = http_reply_stream(r);
    r->status = !s ? 429 : slice_is(q->query, "refused") ? 404 : 200;
    if (s)
        atomic_store(&l->stream[atomic_fetch_add(&l->streams, 1)], s);
}

/* Bodies to /sink come as they are read. */
static inline uint64_t live_rule(void *ctx, const struct http_request *q)
{
    (void)ctx;
    return slice_is(q->path, "/sink") ? SINK_MAX : 0;
}

/* What a transfer should hold at a place; and a sum over all of it. */
static inline char live_byte(uint64_t at)
{
    return (char)(at * 31 + at / 251);
}
static inline uint64_t live_sum(uint64_t sum, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (uint8_t)p[i]) * 1099511628211u;
    return sum;
}

/* Reads its body, pieces of query's length, and says how much it was. ?wait: not before the gate opens; ?hold: one byte
 * before. ?no: not at all. */
static void live_sink(struct live *l, struct http_request *q, struct http_reply *r)
{
    char piece[5000];
    int64_t most = sizeof piece;
    uint64_t n = 0, sum = 0;
    struct err e = {.code = ERR_NONE};
    ssize_t got = q->streamed ? 1 : 0;
    slice_int(q->query, 1, sizeof piece, &most);
    if (slice_is(q->query, "hold")) /* has begun */
        got = http_body_read(q, piece, 1, &e);
    if (slice_is(q->query, "wait") || slice_is(q->query, "hold")) {
        atomic_fetch_add(&l->waiting, 1);
        sem_wait(&l->gate);
        atomic_fetch_sub(&l->waiting, 1);
    }
    while (!slice_is(q->query, "no") && got > 0 && (got = http_body_read(q, piece, (size_t)most, &e)) > 0) {
        sum = live_sum(sum, piece, (size_t)got);
        n += (uint64_t)got;
    }
    if (got < 0)
        CHECK_INT(http_body_read(q, piece, 1, &e), -1); /* for good */
    r->status = got < 0 ? err_http(e.code) : slice_is(q->query, "no") ? 415 : 200;
    r->body = slice_of(arena_printf(q->arena, "%llu %llx", (unsigned long long)n, (unsigned long long)sum));
    atomic_fetch_add(&l->ended, 1);
}

/* ?N: so many bytes. ?-N: one less than was said. */
static void live_source(struct live *l, struct http_request *q, struct http_reply *r)
{
    static char piece[STREAMS][100000];
    struct err e;
    int64_t all = 0;
    bool less = q->query.n && q->query.p[0] == '-';
    slice_int(less ? (struct slice){q->query.p + 1, q->query.n - 1} : q->query, 0, INT64_MAX, &all);
    http_reply_field(r, "Content-Type", SLICE("application/pdf"));
    int rc = http_reply_begin(r, (uint64_t)all, &e);
    if (rc < 0)
        r->status = err_http(e.code);
    char *p = piece[atomic_fetch_add(&l->streams, 1) % STREAMS];
    for (int64_t at = 0, n; rc > 0 && at < all - less; at += n) {
        n = all - less - at < (int64_t)sizeof piece[0] ? all - less - at : (int64_t)sizeof piece[0];
        for (int64_t i = 0; i < n; i++)
            p[i] = live_byte((uint64_t)(at + i));
        if (http_reply_write(r, (struct slice){p, (size_t)n}))
            rc = 0;
    }
    if (rc > 0 && !less)
        CHECK_INT(http_reply_write(r, SLICE("")), 0);
    atomic_fetch_add(&l->ended, 1);
}

/* "none", or the first bytes of the certificate's hash and of its subject's. */
static struct slice live_cert(const struct http_request *q)
{
    char hash[17], subject[17];
    if (!q->cert)
        return SLICE("none");
    hex_encode(q->cert->hash, 8, hash);
    hex_encode(q->cert->subject, 8, subject);
    return slice_of(arena_printf(q->arena, "%s %s", hash, subject));
}

static void live_answer(void *ctx, struct http_request *q, struct http_reply *r)
{
    struct live *l = ctx;
    atomic_fetch_add(&l->calls, 1);
    if (slice_is(q->path, "/wait")) {
        atomic_fetch_add(&l->waiting, 1);
        sem_wait(&l->gate);
        atomic_fetch_sub(&l->waiting, 1);
    }
    if (slice_is(q->path, "/wait") && slice_is(q->query, "begun")) {
        struct err e;
        if (http_reply_begin(r, 2, &e) > 0)
            http_reply_write(r, SLICE("ok"));
        return;
    }
    if (slice_is(q->path, "/stream")) {
        live_stream(l, q, r);
        return;
    }
    if (slice_is(q->path, "/sink"))
        return live_sink(l, q, r);
    if (slice_is(q->path, "/source"))
        return live_source(l, q, r);
    if (slice_is(q->path, "/nothing"))
        return;
    int64_t status = 200;
    if (slice_is(q->path, "/status"))
        slice_int(q->query, 0, 999, &status);
    r->status = (int)status;
    http_reply_field(r, "Content-Type", SLICE("text/plain"));
    if (slice_is(q->path, "/own")) {
        http_reply_field(r, "cache-control", SLICE("max-age=60"));
        http_reply_field(r, "Content-Security-Policy", SLICE("default-src 'self'"));
        http_reply_field(r, "Content-Length", SLICE("1"));
        http_reply_field(r, "Bad", SLICE("a\r\nInjected: yes"));
        http_reply_field(r, "Bad\r\nInjected", SLICE("yes"));
    }
    if (slice_is(q->path, "/many-fields"))
        for (int i = 0; i < 2000; i++)
            http_reply_field(r, "Field", SLICE("value of many"));
    r->body = slice_is(q->path, "/big") ? (struct slice){live_big, BIG}
              : slice_is(q->path, "/peer") ? slice_of(q->peer)
              : slice_is(q->path, "/cert") ? live_cert(q)
              : slice_is(q->path, "/tls")
                  ? (q->tls ? SLICE("yes") : SLICE("no"))
                  : slice_of(arena_printf(q->arena, "%.*s %.*s?%.*s|%.*s", SLICE_FMT(q->method_text),
                                          SLICE_FMT(q->path), (int)q->query.n, q->query.p ? q->query.p : "",
                                          (int)q->body.n, q->body.p ? q->body.p : ""));
}

/* Small times, so that tests are quick; generous enough for sanitizers. */
static inline struct http_config live_config(void)
{
    struct http_config c = http_config_default();
    c.listen = "127.0.0.1:0";
    c.handlers = 4;
    c.header_ms = 600;
    c.idle_ms = 900;
    c.drain_ms = 2000;
    c.body_max = 1 << 20;
    c.body_rule = live_rule;
    return c;
}

static inline void *live_run(void *arg)
{
    struct live *l = arg;
    struct err e;
    l->result = http_server_run(l->server, &e);
    return NULL;
}

static inline void live_start(struct live *l, const struct http_config *c)
{
    struct err e;
    memset(l, 0, sizeof *l);
    sem_init(&l->gate, 0, 0);
    CHECK_OK(http_server_open(c, live_answer, l, &l->server, &e));
    CHECK_INT(pthread_create(&l->thread, NULL, live_run, l), 0);
}

static inline void live_join(struct live *l)
{
    pthread_join(l->thread, NULL);
    CHECK_INT(l->result, 0);
    http_server_close(l->server);
    sem_destroy(&l->gate);
    CHECK_INT(metric_value[METRIC_CONNECTIONS], 0);
    CHECK_INT(metric_value[METRIC_IN_FLIGHT], 0);
    CHECK_INT(metric_value[METRIC_STREAMS], 0);
}

static inline void live_stop(struct live *l)
{
    http_server_stop(l->server);
    live_join(l);
}

struct peer {
    int fd;
    SSL *ssl;
};

/* fd -1 when refused. */
static inline struct peer dial(const struct live *l)
{
    const char *colon = strrchr(http_server_address(l->server), ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(int)strtol(colon + 1, NULL, 10))};
    struct timeval patience = {PATIENCE_S, 0};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    struct peer p = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    setsockopt(p.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(p.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(p.fd, (struct sockaddr *)&to, sizeof to)) {
        close(p.fd);
        p.fd = -1;
    }
    return p;
}

static inline void hang_up(struct peer *p)
{
    SSL_free(p->ssl);
    if (p->fd >= 0)
        close(p->fd);
    *p = (struct peer){.fd = -1};
}

/* All of it, or as much as the server takes before it closes. */
static inline void say(const struct peer *p, struct slice s)
{
    while (s.n) {
        ssize_t n = p->ssl ? SSL_write(p->ssl, s.p, (int)s.n) : send(p->fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s.p += n;
        s.n -= (size_t)n;
    }
}
static inline void say_str(const struct peer *p, const char *z)
{
    say(p, slice_of(z));
}

static inline ssize_t listen_to(const struct peer *p, void *to, size_t n)
{
    return p->ssl ? SSL_read(p->ssl, to, (int)n) : recv(p->fd, to, n, 0);
}

struct answer {
    int status;
    char head[8192];
    char body[8192]; /* its beginning, as text */
    size_t body_n;
};

static inline const char *answer_field(const struct answer *a, const char *name, char *out, size_t size)
{
    for (const char *line = a->head; (line = strstr(line, "\r\n"));) {
        line += 2;
        size_t n = strlen(name);
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            snprintf(out, size, "%.*s", (int)strcspn(line + n + 2, "\r"), line + n + 2);
            return out;
        }
    }
    return "";
}

/* Reads one answer. Its status; 0 when the server closed the connection, -1 when it was reset or nothing came. */
static inline int hear_method(const struct peer *p, struct answer *a, bool head)
{
    size_t n = 0, length = 0;
    char text[32];
    memset(a, 0, sizeof *a);
    while (n < sizeof a->head - 1 && (n < 4 || memcmp(a->head + n - 4, "\r\n\r\n", 4) != 0)) {
        ssize_t got = listen_to(p, a->head + n, 1);
        if (got <= 0)
            return n ? -2 : got == 0 || p->ssl ? 0 : -1;
        n++;
    }
    if (strncmp(a->head, "HTTP/1.1 ", 9) != 0)
        return -3;
    a->status = (int)strtol(a->head + 9, NULL, 10);
    length = (size_t)strtol(answer_field(a, "Content-Length", text, sizeof text), NULL, 10);
    if (head || a->status == 100)
        length = 0;
    while (a->body_n < length) {
        char piece[65536];
        ssize_t got = listen_to(p, piece, length - a->body_n < sizeof piece ? length - a->body_n : sizeof piece);
        if (got <= 0)
            return -2;
        size_t room = a->body_n < sizeof a->body - 1 ? sizeof a->body - 1 - a->body_n : 0;
        memcpy(a->body + a->body_n, piece, (size_t)got < room ? (size_t)got : room);
        a->body_n += (size_t)got;
    }
    return a->status;
}
static inline int hear(const struct peer *p, struct answer *a)
{
    return hear_method(p, a, false);
}

static inline int elapsed_ms(int64_t since_us)
{
    return (int)((clock_mono_us() - since_us) / 1000);
}

/* One chunk of a chunked answer, as text; its length, 0 for the last one, -1 when there is none. */
static inline int hear_chunk(const struct peer *p, char *out, size_t size)
{
    char line[16] = "";
    size_t n = 0;
    while (n < sizeof line - 1 && (n < 2 || memcmp(line + n - 2, "\r\n", 2) != 0))
        if (listen_to(p, line + n++, 1) <= 0)
            return -1;
    size_t length = (size_t)strtol(line, NULL, 16), got = 0;
    if (length + 3 > size)
        return -2;
    for (ssize_t one; got < length + 2; got += (size_t)one)
        if ((one = listen_to(p, out + got, length + 2 - got)) <= 0)
            return -3;
    if (memcmp(out + length, "\r\n", 2) != 0)
        return -4;
    out[length] = 0;
    return (int)length;
}

/* A body of n bytes, in chunks or not, behind its header; what the sink must say of it. */
static inline void send_body(const struct peer *p, uint64_t n, bool chunked, char *ret_said, size_t size)
{
    static char piece[70000];
    char head[96];
    uint64_t sum = 0;
    snprintf(head, sizeof head, chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: %llu\r\n\r\n",
             (unsigned long long)n);
    say_str(p, head);
    for (uint64_t at = 0, m; at < n; at += m) {
        m = n - at < sizeof piece ? n - at : sizeof piece;
        for (uint64_t i = 0; i < m; i++)
            piece[i] = live_byte(at + i);
        sum = live_sum(sum, piece, m);
        snprintf(head, sizeof head, "%llx\r\n", (unsigned long long)m);
        if (chunked)
            say_str(p, head);
        say(p, (struct slice){piece, m});
        if (chunked)
            say_str(p, "\r\n");
    }
    if (chunked)
        say_str(p, "0\r\n\r\n");
    snprintf(ret_said, size, "%llu %llx", (unsigned long long)n, (unsigned long long)sum);
}

/* Reads a head, and then so much of the source's body; how much of it came. */
static inline uint64_t hear_source(const struct peer *p, struct answer *a)
{
    static char piece[70000];
    char text[32];
    CHECK_INT(hear_method(p, a, true), 200);
    uint64_t n = strtoull(answer_field(a, "Content-Length", text, sizeof text), NULL, 10), at = 0;
    while (at < n) {
        ssize_t got = listen_to(p, piece, n - at < sizeof piece ? n - at : sizeof piece);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            if (piece[i] != live_byte(at + (uint64_t)i))
                fail_msg("another byte at %llu", (unsigned long long)at + (unsigned long long)i);
        at += (uint64_t)got;
    }
    return at;
}

/* The stream the handler of the n-th request for one left. */
static inline struct http_stream *live_stream_of(struct live *l, int n)
{
    for (int i = 0; i < PATIENCE_S * 1000 && !atomic_load(&l->stream[n]); i++)
        usleep(1000);
    assert_non_null(atomic_load(&l->stream[n]));
    return atomic_load(&l->stream[n]);
}

/* How many ms it took until the stream was gone. */
static inline int until_gone(struct http_stream *s)
{
    int64_t begun = clock_mono_us();
    while (!http_stream_gone(s) && elapsed_ms(begun) < PATIENCE_S * 1000)
        usleep(1000);
    CHECK(http_stream_gone(s));
    return elapsed_ms(begun);
}

/* The next thing heard is the end, without a reset. */
static inline bool ended(const struct peer *p)
{
    char c;
    return listen_to(p, &c, 1) == 0 || (p->ssl && SSL_get_shutdown(p->ssl) & SSL_RECEIVED_SHUTDOWN);
}

static inline void wait_until(atomic_int *what, int value)
{
    for (int i = 0; i < PATIENCE_S * 100 && atomic_load(what) != value; i++)
        usleep(10000);
    CHECK_INT(atomic_load(what), value);
}

#endif
