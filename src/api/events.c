#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rnd.h"

enum { LOOK_MS = 250, GAP_MS = 5, QUIET_MS = 15000, EVENT_MAX = 2048, ROUND_MEMORY = 1 << 20 };

/* A place for a stream: free, kept for one that is being opened, or with one. */
struct watch {
    bool kept;
    struct http_stream *stream;
    uint8_t client[16];
    struct job_now told;  /* its error is not used */
    char name[UUID_TEXT]; /* the job's id, as its client gave it */
    int64_t said_us;      /* when something was written last; monotonic */
    bool sse, over;
};

struct events {
    struct arena *arena; /* it lies in it */
    struct jobs *jobs;
    pthread_mutex_t lock; /* guards the places */
    pthread_cond_t news;
    struct watch *place;
    int places;
    int streams; /* places with one */
    atomic_bool ending;
    pthread_t thread;
};

/* --- one event --- */

static void put_event(struct buf *b, const char *name, const struct job_now *now)
{
    char when[CLOCK_TEXT];
    struct json_out o = json_out(b);
    json_open(&o, '{');
    json_pair_str(&o, "job_id", name);
    json_pair_str(&o, "status", job_state_public(now->state));
    json_pair_str(&o, "at", clock_text(now->updated_at, when));
    json_pair_int(&o, "attempt", now->attempts);
    api_put_progress(&o, now->state, now->progress);
    if (now->error && (now->state == JOB_FAILED || now->state == JOB_DEAD))
        api_put_job_error(&o, now->error);
    json_close(&o, '}');
}

/* `move`: it is another state, and not only how far it is; such events alone have ids to come back with. */
static void tell(struct watch *w, const struct job_now *now, bool move, struct arena *a)
{
    struct buf b = buf_in(a, EVENT_MAX);
    if (w->sse && !move)
        buf_str(&b, "event: progress\ndata: ");
    else if (w->sse)
        buf_printf(&b, "id: %lld\nevent: job\ndata: ", (long long)now->updated_at);
    put_event(&b, w->name, now);
    buf_str(&b, w->sse ? "\n\n" : "\n");
    w->told = *now;
    w->told.error = NULL;
    w->said_us = clock_mono_us();
    w->over = buf_failed(&b) || http_stream_write(w->stream, buf_text(&b)) || job_state_ended(now->state);
}

/* --- the thread --- */

static bool moved(const struct watch *w, const struct job_now *now)
{
    return w->told.state != now->state || w->told.attempts != now->attempts || w->told.updated_at != now->updated_at;
}

static void sign_of_life(struct watch *w, int64_t now_us)
{
    if (now_us - w->said_us < QUIET_MS * 1000LL)
        return;
    w->said_us = now_us;
    w->over = http_stream_write(w->stream, w->sse ? SLICE(":\n\n") : SLICE("\n")) != 0;
}

/* A job that is no longer there has ended, too. */
static void compare(struct watch *w, const struct job_now *found, int n, struct arena *a)
{
    for (int i = 0; i < n; i++)
        if (memcmp(found[i].id, w->told.id, 16) == 0) {
            bool move = moved(w, &found[i]);
            if (move || w->told.progress != found[i].progress)
                tell(w, &found[i], move, a);
            return;
        }
    w->over = true;
}

/* Up to WATCH_MAX streams from place *at on; *at is behind them then. */
static int look(struct events *v, int *at, struct arena *a, struct err *e)
{
    uint8_t id[WATCH_MAX][16];
    struct watch *these[WATCH_MAX];
    struct job_now found[WATCH_MAX];
    int n = 0;
    for (; *at < v->places && n < WATCH_MAX; ++*at) {
        struct watch *w = &v->place[*at];
        if (!w->stream)
            continue;
        memcpy(id[n], w->told.id, 16);
        these[n++] = w;
    }
    int there = job_watched(v->jobs, id, n, a, found, e);
    for (int i = 0; i < n && there >= 0; i++)
        compare(these[i], found, there, a);
    return there < 0 ? -1 : 0;
}

/* Gives back the places whose streams are over, or whose clients have left. */
static void sweep(struct events *v, bool all)
{
    for (int i = 0; i < v->places; i++) {
        struct watch *w = &v->place[i];
        if (!w->stream || !(w->over || all || http_stream_gone(w->stream)))
            continue;
        http_stream_end(w->stream);
        *w = (struct watch){0};
        v->streams--;
    }
}

static void look_at_all(struct events *v)
{
    OWN_ARENA struct arena *a = arena_new(ROUND_MEMORY);
    struct err e;
    pthread_mutex_lock(&v->lock);
    int64_t now = clock_mono_us();
    for (int at = 0; a && at < v->places;)
        if (look(v, &at, a, &e)) {
            log_err(LOG_WARN, "watched jobs were not looked at", &e);
            break;
        }
    for (int i = 0; i < v->places; i++)
        if (v->place[i].stream && !v->place[i].over)
            sign_of_life(&v->place[i], now);
    sweep(v, false);
    pthread_mutex_unlock(&v->lock);
}

/* The gap makes one look of many moves that come together. */
static void *watch_jobs(void *arg)
{
    pthread_setname_np(pthread_self(), "events");
    struct events *v = arg;
    uint64_t seen = 0;
    while (!v->ending) {
        pthread_mutex_lock(&v->lock);
        while (!v->streams && !v->ending)
            pthread_cond_wait(&v->news, &v->lock);
        pthread_mutex_unlock(&v->lock);
        jobs_changed_wait(v->jobs, &seen, LOOK_MS);
        look_at_all(v);
        usleep(GAP_MS * 1000);
    }
    arena_thread_end();
    return NULL;
}

int events_start(struct jobs *j, int most, struct events **ret, struct err *e)
{
    struct arena *a = arena_new((size_t)most * sizeof(struct watch) + 4096);
    struct events *v = a ? TAKE_NEW(a, struct events) : NULL;
    struct watch *place = v ? arena_take(a, (size_t)most * sizeof *place + 1) : NULL;
    if (!place) {
        arena_free(a);
        return err_set(e, ERR_NO_MEMORY, "streams of events");
    }
    v->arena = a;
    v->jobs = j;
    v->place = place;
    v->places = most;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->news, NULL);
    if (pthread_create(&v->thread, NULL, watch_jobs, v)) {
        arena_free(a);
        return err_set(e, ERR_INTERNAL, "no thread for streams of events");
    }
    *ret = v;
    return 0;
}

void events_stop(struct events *v)
{
    if (!v)
        return;
    pthread_mutex_lock(&v->lock);
    v->ending = true;
    pthread_cond_signal(&v->news);
    pthread_mutex_unlock(&v->lock);
    jobs_changed(v->jobs);
    pthread_join(v->thread, NULL);
    sweep(v, true);
    pthread_cond_destroy(&v->news);
    pthread_mutex_destroy(&v->lock);
    arena_free(v->arena);
}

/* --- the handlers' side --- */

struct watch *events_reserve(struct events *v, const uint8_t client[16], int most)
{
    struct watch *ret = NULL;
    int n = 0;
    pthread_mutex_lock(&v->lock);
    sweep(v, false); /* who left makes room at once */
    for (int i = 0; i < v->places; i++) {
        struct watch *w = &v->place[i];
        bool taken = w->kept || w->stream;
        n += taken && memcmp(w->client, client, 16) == 0;
        if (!taken && !ret)
            ret = w;
    }
    if (n >= most)
        ret = NULL;
    if (ret) {
        ret->kept = true;
        memcpy(ret->client, client, 16);
    }
    pthread_mutex_unlock(&v->lock);
    return ret;
}

void events_release(struct events *v, struct watch *w)
{
    pthread_mutex_lock(&v->lock);
    *w = (struct watch){0};
    pthread_mutex_unlock(&v->lock);
}

int events_add(struct events *v, struct watch *w, struct http_stream *s, bool sse, bool skip, const struct job_now *now,
               struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(16 * 1024);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "a stream of events");
    if (sse)
        http_stream_write(s, SLICE("retry: 2000\n\n")); /* when to come back after the connection was lost */
    pthread_mutex_lock(&v->lock);
    w->kept = false;
    w->stream = s;
    w->sse = sse;
    w->told = *now;
    w->told.error = NULL;
    w->said_us = clock_mono_us();
    if (!skip)
        tell(w, now, true, a);
    v->streams++;
    pthread_cond_signal(&v->news);
    pthread_mutex_unlock(&v->lock);
    jobs_changed(v->jobs); /* it may have moved since `now` was read */
    return 0;
}

/* --- GET /v1/jobs/:job_id/events --- */

/* A client that comes back says which state it saw last; of an ended job there is nothing more to come, and 204 is what
 * keeps a browser's EventSource from coming again. */
static bool knows(const struct api_request *q, const struct job_now *now)
{
    int64_t last;
    return slice_int(http_header(q->http, "Last-Event-ID"), 0, INT64_MAX, &last) && last == now->updated_at;
}

static int too_many(struct api_request *q, struct err *e)
{
    limit_note(q->api->limit, &q->caller, ERR_STREAMS);
    q->retry_s = 5;
    return err_set(e, ERR_STREAMS, "a stream too many");
}

static int open_stream(struct api_request *q, struct watch *w, const struct job_now *now, struct err *e)
{
    struct slice accept = http_header(q->http, "Accept");
    bool sse = accept.p && memmem(accept.p, accept.n, "text/event-stream", 17);
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a stream of events");
    struct http_stream *s = http_reply_stream(q->reply);
    if (!s)
        return too_many(q, e);
    if (events_add(q->api->events, w, s, sse, knows(q, now), now, e)) {
        http_stream_end(s);
        return -1;
    }
    q->reply->status = 200;
    http_reply_field(q->reply, "Content-Type", sse ? SLICE("text/event-stream") : SLICE("application/x-ndjson"));
    http_reply_field(q->reply, "X-Accel-Buffering", SLICE("no")); /* a proxy in front is not to collect them */
    return 0;
}

int api_job_events(struct api_request *q, struct err *e)
{
    struct job_now now;
    uint8_t id[UUID_BYTES];
    if (api_job_id(q, id, e))
        return -1;
    if (!q->api->events)
        return err_set(e, ERR_BUSY, "no streams of events in this process");
    struct watch *w = events_reserve(q->api->events, q->caller.id, q->api->config.client_streams);
    if (!w)
        return too_many(q, e);
    api_job_name(q, w->name);
    int found = job_watch(q->api->jobs, api_job_whose(q), id, &q->audit, q->arena, &now, e);
    int rc = found == 0 ? api_job_absent(q, e) : found;
    if (found > 0 && job_state_ended(now.state) && knows(q, &now))
        q->reply->status = 204;
    else if (found > 0)
        rc = open_stream(q, w, &now, e);
    if (rc < 0 || q->reply->status == 204) {
        events_release(q->api->events, w);
        return rc < 0 ? -1 : 0;
    }
    return 0;
}
