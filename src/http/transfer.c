/* transfer.c -- bodies and answers that are larger than memory: the handler's thread at the connection's socket.
 *
 * A body that is not to be kept is the handler's from the end of the header on: the loop takes its events off the
 * socket and hands it over with what has come. An answer of known length is begun by the handler itself. Either way the
 * socket stays non-blocking and the handler waits with poll(), so that a client that is too slow, and the end of the
 * server, are noticed; what the client's machine does not take is not read from where it comes from, which is all the
 * back-pressure there is. The loop does not touch the socket before the exchange lies in its mailbox again. */
#include <errno.h>
#include <poll.h>

#include "http/conn_int.h"

#include "base/clock.h"
#include "base/metric.h"

enum { LOOK_MS = 100 };

void transfer_begin(struct exchange *x, struct slice ahead, int64_t now_us)
{
    struct transfer *t = &x->transfer;
    x->reader.request.streamed = true;
    x->conn->by_us = now_us + x->loop->server->c.header_ms * 1000LL;
    t->room = arena_take(x->reader.request.arena, LOOP_BUFFER);
    t->failed = !t->room;
    t->asked = !x->reader.expects || ahead.n;
    if (t->room && ahead.n)
        t->in = (struct slice){memcpy(t->room, ahead.p, ahead.n), ahead.n};
}

void transfer_end(struct exchange *x)
{
    struct transfer *t = &x->transfer;
    if (x->reader.streamed && (!reader_ended(&x->reader) || t->in.n))
        x->last = true;
}

/* May it still go on? */
static bool in_time(struct exchange *x, int64_t now_us)
{
    struct transfer *t = &x->transfer;
    struct http_server *s = x->loop->server;
    if (!t->drain_by_us && atomic_load_explicit(&s->draining, memory_order_relaxed))
        t->drain_by_us = now_us + s->c.drain_ms * 1000LL;
    return now_us <= x->conn->by_us && (!t->drain_by_us || now_us <= t->drain_by_us);
}

/* Until the socket may be ready: 0; -1: it took too long. */
static int wait_for(struct exchange *x)
{
    struct pollfd p = {.fd = x->conn->fd, .events = x->conn->wants};
    int n = poll(&p, 1, LOOK_MS);
    return (n < 0 && errno != EINTR) || !in_time(x, clock_mono_us()) ? -1 : 0;
}

/* All of it: 0, or -1. */
static int send_all(struct exchange *x, struct iovec *v, int n)
{
    for (int at = 0; at < n;) {
        ssize_t sent = wire_write(x->conn, v + at, n - at);
        if (sent < 0 || (sent == 0 && wait_for(x)))
            return -1;
        if (sent > 0)
            conn_moved(x->conn, (size_t)sent, clock_mono_us());
        for (size_t left = (size_t)sent; at < n && (left || !v[at].iov_len);) {
            size_t part = left < v[at].iov_len ? left : v[at].iov_len;
            v[at].iov_base = (char *)v[at].iov_base + part;
            v[at].iov_len -= part;
            left -= part;
            at += v[at].iov_len == 0;
        }
    }
    return in_time(x, clock_mono_us()) ? 0 : -1;
}

/* What a TLS record is put together in: the loop's is busy. */
static bool has_record(struct exchange *x)
{
    struct conn *c = x->conn;
    if (c->ssl && !c->record)
        c->record = arena_take(x->reader.request.arena, TLS_RECORD);
    return !c->ssl || c->record;
}

static int busy(struct err *e)
{
    return err_set(e, ERR_BUSY, "as many transfers as may are on their way");
}

/* --- the body --- */

static int ask_for_it(struct exchange *x)
{
    struct transfer *t = &x->transfer;
    struct iovec v = {(char *)"HTTP/1.1 100 Continue\r\n\r\n", 25};
    if (t->asked)
        return 0;
    t->asked = true;
    return has_record(x) ? send_all(x, &v, 1) : -1;
}

static int read_more(struct exchange *x)
{
    struct transfer *t = &x->transfer;
    ssize_t n = 0;
    if (ask_for_it(x))
        return -1;
    while ((n = wire_read(x->conn, t->room, LOOP_BUFFER)) == 0)
        if (wait_for(x))
            return -1;
    if (n < 0)
        return -1;
    conn_moved(x->conn, (size_t)n, clock_mono_us());
    t->in = (struct slice){t->room, (size_t)n};
    return in_time(x, clock_mono_us()) ? 0 : -1;
}

static int give_up(struct exchange *x, struct err *e)
{
    x->transfer.failed = true;
    if (x->reader.state == AT_REFUSED && x->reader.status == 413)
        return err_set(e, ERR_TOO_LARGE, "a body over %zu bytes", x->reader.max.body_max);
    return err_set(e, ERR_BODY_CUT, "%s",
                   x->reader.state == AT_REFUSED ? x->reader.why : "it broke off, or was too slow");
}

ssize_t http_body_read(struct http_request *q, void *p, size_t n, struct err *e)
{
    struct exchange *x = q->exchange;
    struct transfer *t = &x->transfer;
    if (!conn_place(x->conn))
        return busy(e);
    while (!t->piece.n) {
        enum reader_step step;
        if (t->failed)
            return give_up(x, e);
        if (reader_ended(&x->reader))
            return 0;
        if (!t->in.n && read_more(x))
            return give_up(x, e);
        size_t took = reader_feed(&x->reader, t->in, &step);
        t->in = (struct slice){t->in.p + took, t->in.n - took};
        t->piece = x->reader.data;
        t->failed = step == READER_REFUSED;
    }
    n = n < t->piece.n ? n : t->piece.n;
    memcpy(p, t->piece.p, n);
    t->piece = (struct slice){t->piece.p + n, t->piece.n - n};
    return (ssize_t)n;
}

/* --- the answer --- */

/* What was to be sent before it. */
static int send_waiting(struct exchange *x)
{
    struct conn *c = x->conn;
    int rc = send_all(x, c->out + c->out_at, c->outs - c->out_at);
    c->outs = c->out_at = 0;
    return rc;
}

int http_reply_begin(struct http_reply *r, uint64_t length, struct err *e)
{
    struct exchange *x = r->exchange;
    struct transfer *t = &x->transfer;
    const struct http_request *q = &x->reader.request;
    struct iovec v[OUT_MAX];
    bool head = q->method == HTTP_HEAD;
    if (!head && (!conn_place(x->conn) || !has_record(x)))
        return busy(e);
    x->conn->lent |= !head;
    r->status = 200;
    r->body = (struct slice){NULL, 0};
    x->sized = true;
    t->length = length;
    if (head)
        return 0;
    t->begun = true;
    x->last |= atomic_load_explicit(&x->loop->server->draining, memory_order_relaxed);
    x->conn->by_us = clock_mono_us() + x->loop->server->c.header_ms * 1000LL;
    reply_lead(x, q);
    t->failed = buf_failed(&r->field) || send_waiting(x) || send_all(x, v, reply_iov(x, q, v));
    return 1;
}

bool http_reply_begun(const struct http_reply *r)
{
    return r->exchange && r->exchange->transfer.begun;
}

int http_reply_write(struct http_reply *r, struct slice bytes)
{
    struct exchange *x = r->exchange;
    struct transfer *t = &x->transfer;
    struct iovec v = {(void *)bytes.p, bytes.n};
    if (!bytes.n)
        return t->failed ? -1 : 0;
    if (t->failed || bytes.n > t->length - t->written || send_all(x, &v, 1)) {
        t->failed = true;
        return -1;
    }
    t->written += bytes.n;
    return 0;
}
