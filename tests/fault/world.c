#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/own.h"

enum { ARENA = 64 << 20 };

int world_open(struct world *w, bool sandbox, struct err *e)
{
    w->app = (struct app){.lock_fd = -1};
    w->peek = NULL;
    if (sandbox)
        app_open_sandbox(&w->app, &w->config);
    if (app_open(&w->app, &w->config, e))
        return -1;
    if (sqlite3_open_v2(app_path(&w->config, "lazaret.db"), &w->peek, SQLITE_OPEN_READONLY, shim_real_vfs()) != SQLITE_OK)
        return err_set(e, ERR_STORE, "a second connection");
    return 0;
}

static int settings(struct world *w, struct err *e)
{
    arena_free(w->arena);
    w->arena = arena_new(ARENA);
    if (!w->arena)
        return err_set(e, ERR_NO_MEMORY, "settings");
    if (config_default(w->arena, &w->config, e))
        return -1;
    w->config.data = w->data;
    w->config.workers = 1;
    return 0;
}

void world_close(struct world *w)
{
    struct err ignored;
    sqlite3_close(w->peek);
    w->peek = NULL;
    app_close(&w->app);
    w->app = (struct app){.lock_fd = -1};
    settings(w, &ignored); /* the next opening is another process: it has memory of its own */
}

int world_begin(struct world *w, struct err *e)
{
    *w = (struct world){.app.lock_fd = -1};
    snprintf(w->data, sizeof w->data, "%s/lazaret-fault-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(w->data))
        return err_sys(e, ERR_STORE, "a temporary folder");
    return settings(w, e);
}

/* Folders and files below `fd`. */
static void empty(int fd)
{
    DIR *d = fdopendir(fd);
    for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
        if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
            continue;
        int below = openat(fd, x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            empty(below);
        unlinkat(fd, x->d_name, below >= 0 ? AT_REMOVEDIR : 0);
    }
    if (d)
        closedir(d);
}

void world_remove(struct world *w)
{
    int fd = open(w->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        empty(fd);
    rmdir(w->data);
    unlink(root_file(app_root(&w->config)));
    unlink(app_ledger_path(&w->config));
    arena_free(w->arena);
}

int64_t world_look(struct world *w, const char *sql, struct slice blob)
{
    sqlite3_stmt *st;
    int64_t n = -1;
    if (sqlite3_prepare_v2(w->peek, sql, -1, &st, NULL) != SQLITE_OK)
        return -2;
    if (sqlite3_bind_parameter_count(st))
        sqlite3_bind_blob(st, 1, blob.p, (int)blob.n, SQLITE_STATIC);
    if (sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* --- asking --- */

long world_ask(struct world *w, const struct question *q, enum shim kind, long n, bool sticky, struct arena *a,
               struct answer *ret)
{
    OWN_ARENA struct arena *own = arena_new(ARENA);
    struct http_header h[6] = {{SLICE("Host"), SLICE("localhost")}, {SLICE("X-Request-ID"), SLICE("asked")}};
    size_t headers = 2;
    if (q->body.p && !(q->header && !strcmp(q->header, "Content-Type")))
        h[headers++] = (struct http_header){SLICE("Content-Type"), SLICE("application/json")};
    if (q->who != NOBODY)
        h[headers++] = (struct http_header){SLICE("Authorization"), slice_of(w->bearer[q->who])};
    if (q->key)
        h[headers++] = (struct http_header){SLICE("Idempotency-Key"), slice_of(q->key)};
    if (q->header)
        h[headers++] = (struct http_header){slice_of(q->header), slice_of(q->value)};
    struct http_request r = {.arena = own, .method = q->method, .method_text = SLICE("-"), .path = slice_of(q->path), .header = h,
                             .headers = headers, .body = q->body, .received_us = clock_mono_us()};
    struct http_reply reply = {.field = buf_in(own, 16 * 1024)};
    shim_arm(kind, n, sticky);
    api_serve(&w->app.api, &r, &reply);
    long hits = shim_count(kind);
    shim_disarm();
    bool whole = !buf_failed(&reply.field) && reply.status >= 200;
    *ret = (struct answer){.status = whole ? reply.status : 500};
    if (whole) {
        ret->body = arena_copy(a, reply.body);
        ret->fields = arena_copy(a, buf_text(&reply.field));
    }
    return hits;
}

/* --- bodies --- */

static void put_replaced(struct buf *b, struct slice text, const char *was, const char *is)
{
    size_t n = strlen(was);
    for (char *at; (at = memmem(text.p, text.n, was, n)) != NULL;) {
        size_t before = (size_t)(at - text.p);
        buf_add(b, text.p, before);
        buf_str(b, is);
        text.p += before + n;
        text.n -= before + n;
    }
    buf_slice(b, text);
}

static struct slice replaced(struct arena *a, struct slice text, const char *was, const char *is)
{
    struct buf b = buf_in(a, 1 << 20);
    put_replaced(&b, text, was, is);
    return buf_text(&b);
}

static struct slice read_example(struct arena *a, const char *name)
{
    char path[512], *text = arena_take(a, 1 << 18);
    snprintf(path, sizeof path, "%s/examples/%s", FAULT_SOURCE, name);
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 && text ? read(fd, text, 1 << 18) : 0;
    return (struct slice){text, n > 0 ? (size_t)n : 0};
}

struct slice world_body(struct arena *a, const char *client, const char *target, const char *more, const char *example, const char *was,
                        const char *is)
{
    static const struct {
        const char *mark;
        int64_t ago_s;
    } row[] = {{"@NOW@", 0}, {"@20_MINUTES_AGO@", 1200}, {"@20_HOURS_AGO@", 72000}};
    struct buf b = buf_in(a, 1 << 20);
    struct slice bundle = read_example(a, example);
    for (size_t i = 0; i < COUNT(row); i++) {
        char when[CLOCK_TEXT];
        bundle = replaced(a, bundle, row[i].mark, clock_text(clock_now_us() - row[i].ago_s * 1000000, when));
    }
    if (was)
        bundle = replaced(a, bundle, was, is);
    buf_printf(&b, "{\"client_id\":\"%s\",\"target_diagnosis\":\"%s\",%s\"fhir_bundle\":", client, target, more ? more : "");
    buf_slice(&b, bundle);
    buf_byte(&b, '}');
    return buf_text(&b);
}
