#include "cmd/long.h"

#include <stdio.h>
#include <unistd.h>

#include "base/own.h"

static void put_progress(struct json_out *out, const struct progress *p)
{
    const char *what = p->what;
    json_open(out, '{');
    json_pair_str(out, "what", what);
    json_pair_int(out, "done", p->done);
    json_pair_int(out, "total", p->total);
    json_close(out, '}');
}

int admin_db_progress(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    (void)args, (void)a, (void)e;
    put_progress(out, &app->progress);
    return 0;
}

int64_t number_in(const struct json *j, const char *name)
{
    int64_t n = 0;
    uint32_t v = json_get_kind(j, 0, name, JSON_NUMBER);
    return v && slice_int(json_raw(j, v), 0, INT64_MAX, &n) ? n : 0;
}

static void show(const char *what, int64_t done, int64_t total)
{
    if (total > 0)
        fprintf(stderr, "\r\033[K%s: %d %%", what, (int)(done >= total ? 100 : (double)done * 100 / (double)total));
    else if (done >= 1 << 20)
        fprintf(stderr, "\r\033[K%s: %lld MiB", what, (long long)(done >> 20));
    else
        fprintf(stderr, "\r\033[K%s", what);
    fflush(stderr);
}

static int look(struct display *d)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct slice text;
    struct json j;
    struct json_fault f;
    struct err e;
    if (d->local) {
        const char *what = d->local->what;
        if (what)
            show(what, d->local->done, d->local->total);
        return 0;
    }
    d->call.arena = a;
    if (!a || admin_session_call(&d->session, "db.progress", SLICE("{}"), &text, &e) || json_parse(a, text, &j, &f))
        return -1;
    char *what = arena_str(a, json_get_text(&j, 0, "what", a));
    if (what && *what)
        show(what, number_in(&j, "done"), number_in(&j, "total"));
    return 0;
}

static void *display_loop(void *arg)
{
    struct display *d = arg;
    while (!d->end && look(d) == 0)
        usleep(100000);
    arena_thread_end();
    return NULL;
}

void display_begin(struct display *d, struct call *c, const struct progress *local)
{
    struct err ignored;
    *d = (struct display){.local = local, .call = *c, .session = {.fd = -1}};
    if (c->json || !isatty(STDERR_FILENO))
        return;
    if (!local && admin_session_begin(&d->call, false, &d->session, &ignored))
        return;
    d->session.call = &d->call;
    d->shown = pthread_create(&d->thread, NULL, display_loop, d) == 0;
}

void display_end(struct display *d)
{
    d->end = true;
    if (d->shown) {
        pthread_join(d->thread, NULL);
        fputs("\r\033[K", stderr);
    }
    admin_session_end(&d->session);
}

int long_work(struct call *c, const char *name, struct slice args, struct slice *ret, struct err *e)
{
    struct admin_session s;
    struct display d;
    if (admin_session_begin(c, false, &s, e))
        return -1;
    display_begin(&d, c, s.app ? &s.app->progress : NULL);
    int rc = admin_session_call(&s, name, args, ret, e);
    display_end(&d);
    admin_session_end(&s);
    return rc;
}

int begin_work(struct app *app, struct err *e)
{
    if (atomic_exchange(&app->working, true))
        return err_set(e, ERR_BUSY, "other long work is being done on this store: try again when it has ended");
    return 0;
}

void end_work(struct app *app)
{
    app->progress.what = NULL;
    app->working = false;
}
