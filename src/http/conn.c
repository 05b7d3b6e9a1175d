#include <assert.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "http/conn_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/wipe.h"

/* A connection may be closed, and its memory gone, inside most of these functions. Those that may do so answer whether
 * it is still there. */

static const struct http_config *config(const struct conn *c)
{
    return &c->loop->server->c;
}

/* --- time --- */

static void conn_within(struct conn *c, int ms)
{
    c->by_us = c->loop->now_us + ms * 1000LL;
}

/* The minimum rate: every byte buys the time it may take, but nobody can save up more than header_ms. So a burst does
 * not pay for a long silence after it. */
void conn_moved(struct conn *c, size_t n, int64_t now_us)
{
    int64_t most = now_us + config(c)->header_ms * 1000LL;
    c->by_us += (int64_t)(n < 1u << 30 ? n : 1u << 30) * 1000000 / config(c)->body_rate;
    if (c->by_us > most)
        c->by_us = most;
}

/* --- exchanges --- */

static bool exchange_begin(struct conn *c)
{
    const struct http_config *k = config(c);
    struct reader_limits max = {.header_max = k->header_max,
                                .body_max = k->body_max,
                                .fields_max = k->fields_max,
                                .rule = k->body_rule,
                                .rule_ctx = c->loop->server->ctx};
    c->arena = arena_new(k->arena_max);
    c->x = c->arena ? TAKE_NEW(c->arena, struct exchange) : NULL;
    if (!c->x) {
        log_line(LOG_ERROR, "a connection was closed: no memory for its request", NULL);
        conn_close(c);
        return false;
    }
    reader_init(&c->x->reader, c->arena, &max);
    c->x->reply.field = buf_in(c->arena, FIELDS_MAX);
    c->x->reply.exchange = c->x;
    c->x->loop = c->loop;
    c->x->conn = c;
    c->x->reader.request.exchange = c->x;
    if (!c->fresh)
        conn_within(c, k->header_ms);
    c->body = false;
    c->stage = CONN_READ;
    return true;
}

static void uncount(struct conn *c)
{
    if (!c->x->counted)
        return;
    c->x->counted = false;
    atomic_fetch_sub_explicit(&c->loop->server->in_flight, 1, memory_order_relaxed);
    metric_add(METRIC_IN_FLIGHT, -1);
}

static void exchange_end(struct conn *c)
{
    if (c->x)
        uncount(c);
    if (c->x && c->x->transfers)
        atomic_fetch_sub_explicit(&c->loop->server->transfers, 1, memory_order_relaxed);
    if (c->x && c->x->stream) {
        c->x->stream->conn = NULL;
        stream_leave(TAKE(c->x->stream));
    }
    arena_free(c->arena);
    c->arena = NULL;
    c->x = NULL;
}

/* Takes one of the places for requests in flight. */
static bool admit(struct conn *c)
{
    struct http_server *s = c->loop->server;
    if (c->x->counted)
        return true;
    if (atomic_fetch_add_explicit(&s->in_flight, 1, memory_order_relaxed) >= s->c.in_flight_max) {
        atomic_fetch_sub_explicit(&s->in_flight, 1, memory_order_relaxed);
        return false;
    }
    metric_add(METRIC_IN_FLIGHT, 1);
    return c->x->counted = true;
}

bool conn_place(struct conn *c)
{
    struct http_server *s = c->loop->server;
    if (!c->x->transfers && atomic_fetch_add_explicit(&s->transfers, 1, memory_order_relaxed) >= s->c.transfers_max) {
        atomic_fetch_sub_explicit(&s->transfers, 1, memory_order_relaxed);
        return false;
    }
    return c->x->transfers = true;
}

/* --- the end --- */

void conn_close(struct conn *c)
{
    struct loop *l = c->loop;
    assert(c->stage != CONN_WORK);
    event_del(&c->rd);
    event_del(&c->wr);
    if (c->stage != CONN_LINGER)
        wire_finish(c);
    exchange_end(c);
    if (c->ahead)
        wipe(c->ahead, c->ahead_n);
    free(c->ahead);
    SSL_free(c->ssl);
    close(c->fd);
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        l->first = c->next;
    free(c);
    atomic_fetch_sub_explicit(&l->server->connections, 1, memory_order_relaxed);
    metric_add(METRIC_CONNECTIONS, -1);
    if (atomic_fetch_sub_explicit(&l->conns, 1, memory_order_relaxed) == 1 && l->draining)
        event_base_loopbreak(l->base);
}

/* RFC 9112 9.6: closing a socket with unread bytes resets it, and the reset may overtake the answer. */
static void conn_linger(struct conn *c)
{
    wire_finish(c);
    c->stage = CONN_LINGER;
    conn_within(c, LINGER_MS);
    if (c->paused)
        event_add(&c->rd, NULL);
    c->paused = false;
}

/* --- answering --- */

static bool conn_sent(struct conn *c)
{
    bool last = c->x->last || c->deaf;
    exchange_end(c);
    if (last) {
        conn_linger(c);
        return true;
    }
    c->stage = CONN_IDLE;
    c->fresh = false;
    conn_within(c, config(c)->idle_ms);
    if (c->loop->draining) {
        conn_close(c);
        return false;
    }
    return true;
}

static void out_advance(struct conn *c, size_t n)
{
    c->moved += n;
    while (n) {
        struct iovec *v = &c->out[c->out_at];
        size_t part = n < v->iov_len ? n : v->iov_len;
        v->iov_base = (char *)v->iov_base + part;
        v->iov_len -= part;
        n -= part;
        c->out_at += v->iov_len == 0;
    }
}

static void out_wait(struct conn *c)
{
    if (!c->ssl)
        event_add(&c->wr, NULL);
    if (c->write_wants_read && c->paused) {
        event_add(&c->rd, NULL);
        c->paused = false;
    }
}

/* 1: all of it is out; 0: the rest waits for the socket; -1: it broke. */
static int out_all(struct conn *c)
{
    while (c->out_at < c->outs) {
        ssize_t n = wire_write(c, c->out + c->out_at, c->outs - c->out_at);
        if (n < 0)
            return -1;
        if (n == 0)
            return out_wait(c), 0;
        out_advance(c, (size_t)n);
    }
    c->outs = c->out_at = 0;
    return 1;
}

/* As out_all, with what the stream has; when that has ended, the answer is one like any other. */
static int out_stream(struct conn *c)
{
    switch (stream_take(c->x->stream, c->out, &c->outs)) {
    case STREAM_WAIT: return 0;
    case STREAM_CUT: metric_add(METRIC_STREAMS_CUT, 1); return -1;
    case STREAM_OVER: c->stage = CONN_SEND; return 1;
    case STREAM_MORE: break;
    }
    if (c->passed == c->moved)
        conn_within(c, config(c)->header_ms);
    return out_all(c);
}

static bool conn_flush(struct conn *c)
{
    int rc = out_all(c);
    while (rc > 0 && c->stage == CONN_STREAM)
        rc = out_stream(c);
    if (rc < 0) {
        conn_close(c);
        return false;
    }
    return rc == 0 || c->stage != CONN_SEND || conn_sent(c);
}

/* The handler is done, but the answer goes on. The socket is read, to notice when the client leaves. */
static void conn_stream_begin(struct conn *c)
{
    uncount(c);
    c->stage = CONN_STREAM;
    stream_begin(c->x->stream, c, !c->x->reader.old);
    if (c->loop->draining)
        stream_stop(c->x->stream);
    if (c->paused)
        event_add(&c->rd, NULL);
    c->paused = false;
}

static void count_answer(const struct exchange *x)
{
    metric_add(METRIC_REQUESTS, 1);
    if (x->reply.status >= 500)
        metric_add(METRIC_REQUESTS_5XX, 1);
    else if (x->reply.status >= 400)
        metric_add(METRIC_REQUESTS_4XX, 1);
}

/* The handler has sent it. */
static bool conn_was_sent(struct conn *c)
{
    count_answer(c->x);
    if (!c->x->transfer.failed && c->x->transfer.written == c->x->transfer.length)
        return conn_sent(c);
    metric_add(METRIC_TRANSFERS_CUT, 1);
    c->stage = CONN_SEND;
    conn_close(c);
    return false;
}

/* The lead is written already. */
static bool conn_send(struct conn *c)
{
    struct exchange *x = c->x;
    count_answer(x);
    struct iovec out[OUT_MAX];
    int n = reply_iov(x, &x->reader.request, out);
    assert(c->outs + n <= OUT_MAX);
    memcpy(c->out + c->outs, out, (size_t)n * sizeof *out);
    c->outs += n;
    c->stage = CONN_SEND;
    if (x->stream)
        conn_stream_begin(c);
    conn_within(c, config(c)->header_ms);
    c->moved = c->passed = 0;
    return conn_flush(c);
}

/* An answer of the server itself; the connection ends with it when the request's bytes were not all read. Its log line
 * holds nothing of what was sent. */
static bool conn_answer(struct conn *c, int status, const char *why, bool last)
{
    struct exchange *x = c->x;
    uint8_t id[UUID_BYTES];
    char number[16];
    uuid7(id);
    uuid_text(id, x->id);
    snprintf(number, sizeof number, "%d", status);
    log_line(LOG_INFO, "request refused", "request", x->id, "status", number, "reason", why, NULL);
    x->last = last || atomic_load_explicit(&c->loop->server->draining, memory_order_relaxed);
    reply_note(x, status, why);
    reply_lead(x, &x->reader.request);
    return conn_send(c);
}

static bool conn_refuse(struct conn *c, int status, const char *why)
{
    metric_add(METRIC_HTTP_REFUSED, 1);
    return conn_answer(c, status, why, true);
}

static bool conn_shed(struct conn *c, bool last)
{
    metric_add(METRIC_HTTP_SHED, 1);
    return conn_answer(c, 503, "more requests are being answered than this server takes on; try again in a second",
                       last);
}

/* --- reading --- */

/* Nobody waits for a 100 whose body is coming already. */
static bool conn_body_begins(struct conn *c, bool coming)
{
    c->body = true;
    conn_within(c, config(c)->header_ms);
    if (!admit(c))
        return conn_shed(c, true);
    if (!c->x->reader.expects || coming)
        return true;
    c->out[c->outs++] = (struct iovec){(char *)"HTTP/1.1 100 Continue\r\n\r\n", 25};
    return conn_flush(c);
}

static bool came_over_tls(const struct conn *c, const struct http_request *q)
{
    if (config(c)->tls == HTTP_TLS_PROXY)
        return slice_is(http_header(q, "X-Forwarded-Proto"), "https");
    return c->ssl != NULL;
}

/* What a proxy adds goes to the end, so all before it may be made up. */
static void tell_peer(const struct conn *c, struct exchange *x)
{
    const struct http_request *q = &x->reader.request;
    struct slice seen = {NULL, 0}, rest = {NULL, 0};
    for (size_t i = 0; config(c)->tls == HTTP_TLS_PROXY && i < q->headers; i++)
        if (slice_is_nocase(q->header[i].name, "X-Forwarded-For"))
            rest = q->header[i].value;
    while (rest.p)
        seen = slice_trim(slice_cut(&rest, ','));
    if (!listen_peer_text(seen, x->peer))
        memcpy(x->peer, c->peer, sizeof x->peer);
    x->reader.request.peer = x->peer;
}

/* The handler reads it while the connection is in work: it does not change then. */
static void tell_cert(struct conn *c, struct exchange *x)
{
    if (c->ssl && !c->cert_read)
        c->has_cert = tls_peer(c->ssl, &c->cert);
    c->cert_read = true;
    x->reader.request.cert = c->has_cert ? &c->cert : NULL;
}

static bool conn_hand_over(struct conn *c)
{
    struct exchange *x = c->x;
    tell_peer(c, x);
    tell_cert(c, x);
    x->reader.request.tls = came_over_tls(c, &x->reader.request);
    x->reader.request.received_us = c->loop->now_us;
    x->last = !x->reader.keep_alive;
    c->stage = CONN_WORK;
    pool_submit(&c->loop->server->pool, c);
    return true;
}

static bool conn_request_done(struct conn *c)
{
    return admit(c) ? conn_hand_over(c) : conn_shed(c, !c->x->reader.keep_alive);
}

/* The handler reads the body: it gets the socket, and what has come of the body already. */
static bool conn_transfer(struct conn *c, struct slice *in)
{
    if (!admit(c))
        return conn_shed(c, true);
    c->lent = true;
    transfer_begin(c->x, *in, c->loop->now_us);
    *in = (struct slice){NULL, 0};
    event_del(&c->rd);
    c->paused = true;
    return conn_hand_over(c);
}

/* Uses up bytes until they end or a request is in work; what remains in *in is for later. */
static bool conn_take(struct conn *c, struct slice *in)
{
    bool alive = true;
    while (alive && in->n && (c->stage == CONN_IDLE || c->stage == CONN_READ)) {
        if (c->stage == CONN_IDLE && !exchange_begin(c))
            return false;
        enum reader_step step;
        size_t n = reader_feed(&c->x->reader, *in, &step);
        in->p += n;
        in->n -= n;
        if (c->body)
            conn_moved(c, n, c->loop->now_us);
        if (step == READER_HEAD && c->x->reader.streamed)
            alive = conn_transfer(c, in);
        else if (step == READER_HEAD)
            alive = conn_body_begins(c, in->n > 0);
        else if (step == READER_DONE)
            alive = conn_request_done(c);
        else if (step == READER_REFUSED)
            alive = conn_refuse(c, c->x->reader.status, c->x->reader.why);
    }
    return alive;
}

/* At most one read's worth: the connection is not read again before this is used up. */
static void conn_keep(struct conn *c, struct slice in)
{
    assert(!c->ahead);
    c->ahead = malloc(in.n);
    if (!c->ahead) {
        c->deaf = true;
        return;
    }
    memcpy(c->ahead, in.p, in.n);
    c->ahead_n = in.n;
    c->ahead_at = 0;
}

/* The next requests may come while a stream is open, and wait as those behind any other request do. */
static void conn_behind(struct conn *c, struct slice in)
{
    size_t have = c->ahead ? c->ahead_n - c->ahead_at : 0;
    char *all = have + in.n <= LOOP_BUFFER ? malloc(have + in.n) : NULL;
    if (!all) {
        metric_add(METRIC_STREAMS_CUT, 1);
        conn_close(c);
        return;
    }
    if (c->ahead) {
        memcpy(all, c->ahead + c->ahead_at, have);
        wipe(c->ahead, c->ahead_n);
        free(c->ahead);
    }
    memcpy(all + have, in.p, in.n);
    c->ahead = all;
    c->ahead_n = have + in.n;
    c->ahead_at = 0;
}

static void conn_ended(struct conn *c)
{
    if (c->stage == CONN_READ || (c->ssl && c->fresh))
        metric_add(METRIC_HTTP_REFUSED, 1);
    conn_close(c);
}

/* Once per event, so that connections take turns. A TLS record fits into the buffer whole and OpenSSL reads no further
 * than its end, so nothing is ever left inside OpenSSL, where no event would announce it. */
static void conn_read(struct conn *c)
{
    struct loop *l = c->loop;
    _Static_assert(LOOP_BUFFER >= TLS_RECORD, "a record must fit");
    ssize_t n = wire_read(c, l->in, LOOP_BUFFER);
    if (n < 0)
        conn_ended(c);
    if (n <= 0)
        return;
    struct slice in = {l->in, (size_t)n};
    if (c->stage == CONN_STREAM)
        conn_behind(c, in);
    else if (conn_take(c, &in) && in.n && c->stage != CONN_LINGER)
        conn_keep(c, in);
    wipe(l->in, (size_t)n);
}

/* The answer is out: on with what was read ahead, then with the socket. */
static void conn_continue(struct conn *c)
{
    if (c->stage == CONN_IDLE && c->ahead) {
        struct slice in = {c->ahead + c->ahead_at, c->ahead_n - c->ahead_at};
        if (!conn_take(c, &in))
            return;
        c->ahead_at = c->ahead_n - in.n;
        if (in.n == 0 || c->stage == CONN_LINGER) {
            wipe(c->ahead, c->ahead_n);
            free(TAKE(c->ahead));
        }
    }
    if (c->stage != CONN_IDLE && c->stage != CONN_READ)
        return;
    if (c->paused)
        event_add(&c->rd, NULL);
    c->paused = false;
}

void conn_resume(struct conn *c)
{
    assert(c->stage == CONN_WORK);
    metric_observe(HISTOGRAM_REQUEST, c->loop->now_us - c->x->reader.request.received_us);
    c->lent = false;
    c->record = NULL;
    if (c->x->transfer.begun ? conn_was_sent(c) : conn_send(c))
        conn_continue(c);
}

void conn_stream(struct conn *c)
{
    if (c->stage != CONN_STREAM)
        return;
    if (stream_is_cut(c->x->stream)) { /* though its parts may still be on their way out */
        metric_add(METRIC_STREAMS_CUT, 1);
        conn_close(c);
    } else if (!c->outs && conn_flush(c)) {
        conn_continue(c);
    }
}

/* What is left of a "100 Continue" that the socket did not take waits for the answer: while a handler works, the
 * connection is the handler's. */
static void on_read(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    (void)fd, (void)what;
    c->loop->now_us = clock_mono_us();
    if (c->write_wants_read && c->stage != CONN_WORK) {
        if (conn_flush(c))
            conn_continue(c);
    } else if (c->stage == CONN_WORK || c->stage == CONN_SEND) {
        event_del(&c->rd);
        c->paused = true;
    } else {
        conn_read(c);
    }
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    (void)fd, (void)what;
    c->loop->now_us = clock_mono_us();
    if (c->stage == CONN_WORK)
        return;
    if (c->outs) {
        if (conn_flush(c))
            conn_continue(c);
    } else if (c->stage == CONN_IDLE || c->stage == CONN_READ || c->stage == CONN_STREAM) {
        conn_read(c); /* TLS had to write before it could read */
    }
}

void conn_start(struct conn *c)
{
    struct loop *l = c->loop;
    c->fresh = true;
    conn_within(c, config(c)->header_ms);
    c->next = l->first;
    if (c->next)
        c->next->prev = c;
    l->first = c;
    event_assign(&c->rd, l->base, c->fd, EV_READ | EV_PERSIST, on_read, c);
    event_assign(&c->wr, l->base, c->fd, EV_WRITE, on_write, c);
    event_add(&c->rd, NULL);
}

/* --- the clock --- */

/* What was written may still lie in our kernel, up to megabytes of it; only what has left it shows that the client
 * reads. */
static void look_whether_it_passes(struct conn *c, int64_t now_us)
{
    int queued = 0;
    if (ioctl(c->fd, SIOCOUTQ, &queued) || queued < 0 || (size_t)queued > c->moved)
        return;
    size_t passed = c->moved - (size_t)queued;
    if (passed > c->passed) {
        conn_moved(c, passed - c->passed, now_us);
        c->passed = passed;
    }
}

/* A stream waits for nobody as long as its client has taken all there is; it must take something in header_ms else. */
static void stream_tick(struct conn *c, int64_t now_us)
{
    size_t before = c->passed;
    look_whether_it_passes(c, now_us);
    if (c->passed > before)
        conn_within(c, config(c)->header_ms);
    if (now_us <= c->by_us || (!c->outs && c->passed == c->moved))
        return;
    metric_add(METRIC_STREAMS_CUT, 1);
    conn_close(c);
}

void conn_tick(struct conn *c, int64_t now_us)
{
    if (c->stage == CONN_STREAM) {
        stream_tick(c, now_us);
        return;
    }
    if (c->stage == CONN_SEND)
        look_whether_it_passes(c, now_us);
    if (c->stage == CONN_WORK || now_us <= c->by_us)
        return;
    if (c->stage != CONN_READ)
        conn_close(c);
    else if (c->body)
        conn_refuse(c, 408, "the body came too slowly; send it faster or in smaller parts");
    else
        conn_refuse(c, 408, "the header did not come in time; send the whole request at once");
}
