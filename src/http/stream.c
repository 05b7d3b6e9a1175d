/* stream.c -- an answer that goes on: bytes from any thread to the loop that owns the connection.
 *
 * The writer appends to `in`; the loop takes all of it when what it took before is sent. A stream lies in its loop's
 * mailbox at most once, and whatever holds it is counted, so it outlives its connection as long as somebody may touch
 * it. A stream that is gone is never posted again: that is why a writer may outlive the loop. */
#include <stdio.h>
#include <stdlib.h>

#include "http/conn_int.h"

#include "base/metric.h"
#include "base/own.h"
#include "base/wipe.h"

enum { FIRST = 1024 };

struct http_stream *http_reply_stream(struct http_reply *r)
{
    struct exchange *x = r->exchange;
    if (!x || x->stream)
        return NULL;
    struct http_server *server = x->loop->server;
    struct http_stream *s = NULL;
    if (atomic_fetch_add_explicit(&server->streams, 1, memory_order_relaxed) < server->c.streams_max)
        s = calloc(1, sizeof *s);
    if (!s) {
        atomic_fetch_sub_explicit(&server->streams, 1, memory_order_relaxed);
        return NULL;
    }
    *s = (struct http_stream){.holders = 2, .loop = x->loop, .gone = x->reader.request.method == HTTP_HEAD};
    pthread_mutex_init(&s->lock, NULL);
    metric_add(METRIC_STREAMS, 1);
    return x->stream = s;
}

static void drop(char **p, size_t n)
{
    if (*p)
        wipe(*p, n);
    free(TAKE(*p));
}

void stream_let_go(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool last = --s->holders == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    drop(&s->in, s->in_n);
    drop(&s->out, s->out_n);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- the writer's side; under the lock --- */

static void post(struct http_stream *s)
{
    if (s->posted)
        return;
    s->posted = true;
    s->holders++;
    loop_post_stream(s->loop, s);
}

static bool append(struct http_stream *s, struct slice bytes)
{
    if (bytes.n > HTTP_STREAM_BUFFER - s->held)
        return false;
    if (s->in_n + bytes.n > s->in_cap) {
        size_t cap = s->in_cap ? s->in_cap : FIRST;
        while (cap < s->in_n + bytes.n)
            cap *= 2;
        char *more = malloc(cap);
        if (!more)
            return false;
        if (s->in)
            memcpy(more, s->in, s->in_n);
        drop(&s->in, s->in_n);
        s->in = more;
        s->in_cap = cap;
    }
    memcpy(s->in + s->in_n, bytes.p, bytes.n);
    s->in_n += bytes.n;
    s->held += bytes.n;
    return true;
}

int http_stream_write(struct http_stream *s, struct slice bytes)
{
    pthread_mutex_lock(&s->lock);
    bool gone = s->gone;
    if (!gone && bytes.n) {
        if (!append(s, bytes))
            gone = s->gone = s->cut = true;
        post(s);
    }
    pthread_mutex_unlock(&s->lock);
    return gone ? -1 : 0;
}

bool http_stream_gone(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool gone = s->gone;
    pthread_mutex_unlock(&s->lock);
    return gone;
}

void http_stream_end(struct http_stream *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    if (!s->gone) {
        s->gone = s->ended = true;
        post(s);
    }
    pthread_mutex_unlock(&s->lock);
    stream_let_go(s);
}

/* --- the loop's side --- */

void stream_begin(struct http_stream *s, struct conn *c, bool chunked)
{
    s->conn = c;
    s->chunked = chunked;
}

bool stream_is_cut(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool cut = s->cut;
    pthread_mutex_unlock(&s->lock);
    return cut;
}

static void put(struct iovec out[], int *n, const char *p, size_t len)
{
    if (len)
        out[(*n)++] = (struct iovec){(void *)p, len};
}

/* What was taken, as one chunk; with the last one, the end of all chunks. */
static int lay_out(struct http_stream *s, struct iovec out[])
{
    int n = 0;
    if (s->chunked && s->out_n)
        put(out, &n, s->frame, (size_t)snprintf(s->frame, sizeof s->frame, "%zx\r\n", s->out_n));
    put(out, &n, s->out, s->out_n);
    if (s->chunked && s->out_n)
        put(out, &n, "\r\n", 2);
    if (s->chunked && s->finished)
        put(out, &n, "0\r\n\r\n", 5);
    return n;
}

enum stream_step stream_take(struct http_stream *s, struct iovec out[], int *n)
{
    drop(&s->out, s->out_n);
    pthread_mutex_lock(&s->lock);
    s->held -= s->out_n;
    s->out = TAKE(s->in);
    s->out_n = s->in_n;
    s->in_n = s->in_cap = 0;
    bool cut = s->cut, ended = s->ended;
    pthread_mutex_unlock(&s->lock);
    if (cut)
        return STREAM_CUT;
    if (s->finished)
        return STREAM_OVER;
    s->finished = ended;
    *n = lay_out(s, out);
    return *n ? STREAM_MORE : s->finished ? STREAM_OVER : STREAM_WAIT;
}

void stream_stop(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->gone = s->ended = true;
    pthread_mutex_unlock(&s->lock);
}

void stream_leave(struct http_stream *s)
{
    atomic_fetch_sub_explicit(&s->loop->server->streams, 1, memory_order_relaxed);
    metric_add(METRIC_STREAMS, -1);
    pthread_mutex_lock(&s->lock);
    s->gone = true;
    pthread_mutex_unlock(&s->lock);
    stream_let_go(s);
}
