/* control.c -- how a command reaches the store while `serve` has it open: DIR/control.sock, mode 0600, same user or
 * root.
 *
 * Both ways a message is a length (u32, big endian, at most MESSAGE_MAX) and JSON:
 *     {"work":"client.add","args":{...}}      {"ok":true,"result":...}  or
 * {"ok":false,"code":"CONFLICT","detail":"..."} */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

enum { MESSAGE_MAX = 64 << 20, PATIENCE_S = 60 };

admin_work *admin_find(struct slice name)
{
#define ADMIN(text, function)                                                                                          \
    if (slice_is(name, text))                                                                                          \
        return function;
#include "cmd/admin.def"
#undef ADMIN
    return NULL;
}

/* --- messages --- */

static int read_all(int fd, void *p, size_t n)
{
    for (char *b = p; n;) {
        ssize_t got = read(fd, b, n);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return -1;
        if (got > 0) {
            b += got;
            n -= (size_t)got;
        }
    }
    return 0;
}

static int write_all(int fd, const void *p, size_t n)
{
    for (const char *b = p; n;) {
        ssize_t put = send(fd, b, n, MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR)
            return -1;
        if (put > 0) {
            b += put;
            n -= (size_t)put;
        }
    }
    return 0;
}

static int message_read(int fd, struct arena *a, struct slice *ret, struct err *e)
{
    unsigned char head[4];
    if (read_all(fd, head, sizeof head))
        return err_set(e, ERR_STORE, "the server closed the control socket");
    size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    char *text = n <= MESSAGE_MAX ? arena_take(a, n + 1) : NULL;
    if (!text)
        return err_set(e, ERR_TOO_LARGE, "a control message of %zu bytes", n);
    if (read_all(fd, text, n))
        return err_set(e, ERR_STORE, "the control socket was closed in the middle of a message");
    *ret = (struct slice){text, n};
    return 0;
}

static int message_write(int fd, const struct buf *b, struct err *e)
{
    unsigned char head[4] = {(unsigned char)(b->n >> 24), (unsigned char)(b->n >> 16), (unsigned char)(b->n >> 8),
                             (unsigned char)b->n};
    if (buf_failed(b))
        return err_set(e, ERR_NO_MEMORY, "a control message");
    if (write_all(fd, head, sizeof head) || write_all(fd, b->p, b->n))
        return err_sys(e, ERR_STORE, "write to the control socket");
    return 0;
}

static int socket_address(const char *path, struct sockaddr_un *ret, struct err *e)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof ret->sun_path)
        return err_set(e, ERR_CONFIG, "the data folder's path is too long for a socket in it (at most 92 bytes)");
    memcpy(ret->sun_path, path, strlen(path) + 1);
    return 0;
}

/* --- the server's side --- */

/* A connection has its own thread: a slow one keeps nobody waiting. Slots are taken and given back by the accepting
 * thread alone, and at the end by whoever stops it; a visit only says that it is done. */
struct visit {
    struct app *app;
    pthread_t thread;
    int fd;
    bool used;
    atomic_bool done;
};

enum { VISITS_MAX = 64 };

struct control {
    struct app *app;
    int fd, stop[2];
    const char *path;
    pthread_t thread;
    struct visit visit[VISITS_MAX];
};

static bool peer_is_us(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == geteuid() || who.uid == 0);
}

static void answer(struct app *app, struct arena *a, struct slice text, struct buf *b)
{
    struct json j;
    struct json_fault f;
    struct err e = {.code = ERR_NONE};
    struct buf result = buf_in(a, MESSAGE_MAX);
    struct json_out in = json_out(&result), o = json_out(b);
    int rc = json_parse(a, text, &j, &f) ? err_set(&e, ERR_BAD_JSON, "a control message that is no JSON") : 0;
    admin_work *work = rc ? NULL : admin_find(json_get_text(&j, 0, "work", a));
    uint32_t args = rc ? 0 : json_get_kind(&j, 0, "args", JSON_OBJECT);
    if (!rc && (!work || !args))
        rc = err_set(&e, ERR_USAGE, "unknown work");
    if (!rc) {
        struct slice span = json_span(&j, args);
        rc = json_parse(a, span, &j, &f) || work(app, &j, a, &in, &e);
        if (!rc && arena_failed(a))
            rc = err_set(&e, ERR_NO_MEMORY, "the answer");
    }
    json_open(&o, '{');
    json_pair_bool(&o, "ok", !rc && !buf_failed(&result));
    if (rc) {
        json_pair_int(&o, "code", e.code);
        json_pair_str(&o, "detail", e.detail);
    } else {
        json_pair_raw(&o, "result", buf_text(&result));
    }
    json_close(&o, '}');
}

static void serve_one(struct app *app, int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!peer_is_us(fd))
        return;
    for (;;) {
        OWN_ARENA struct arena *a = arena_new(512u << 20);
        struct slice text;
        struct err e;
        if (!a || message_read(fd, a, &text, &e))
            return;
        struct buf b = buf_in(a, MESSAGE_MAX);
        answer(app, a, text, &b);
        if (message_write(fd, &b, &e))
            return;
    }
}

static void *visit_thread(void *arg)
{
    struct visit *v = arg;
    serve_one(v->app, v->fd);
    shutdown(v->fd, SHUT_RDWR); /* closed when the slot is given back, so that its number is not another's meanwhile */
    arena_thread_end();
    v->done = true;
    return NULL;
}

static void visit_end(struct visit *v)
{
    pthread_join(v->thread, NULL);
    close(v->fd);
    v->used = false;
}

static void welcome(struct control *c, int fd)
{
    struct visit *free_slot = NULL;
    for (int i = 0; i < VISITS_MAX; i++) {
        struct visit *v = &c->visit[i];
        if (v->used && v->done)
            visit_end(v);
        if (!v->used)
            free_slot = v;
    }
    if (free_slot) {
        free_slot->app = c->app;
        free_slot->fd = fd;
        free_slot->done = false;
        free_slot->used = pthread_create(&free_slot->thread, NULL, visit_thread, free_slot) == 0;
    }
    if (!free_slot || !free_slot->used)
        close(fd);
}

/* Work that was begun is finished and answered; nothing more is read. */
static void visits_end(struct control *c)
{
    for (int i = 0; i < VISITS_MAX; i++)
        if (c->visit[i].used)
            shutdown(c->visit[i].fd, SHUT_RD);
    for (int i = 0; i < VISITS_MAX; i++)
        if (c->visit[i].used)
            visit_end(&c->visit[i]);
}

static void *control_loop(void *arg)
{
    struct control *c = arg;
    struct pollfd p[2] = {{c->fd, POLLIN, 0}, {c->stop[0], POLLIN, 0}};
    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents)
            break;
        if (p[0].revents & POLLIN) {
            int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0)
                welcome(c, fd);
        }
    }
    return NULL;
}

int control_start(struct app *app, struct control **ret, struct err *e)
{
    struct sockaddr_un at;
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, ERR_NO_MEMORY, "control socket");
    c->app = app;
    c->path = app_path(app->config, "control.sock");
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t old = umask(0177);
    int rc = socket_address(c->path, &at, e);
    if (!rc) {
        unlink(c->path); /* we hold the lock: whoever made it is gone */
        if (bind(c->fd, (struct sockaddr *)&at, sizeof at) || listen(c->fd, 8) || pipe2(c->stop, O_CLOEXEC))
            rc = err_sys(e, ERR_STORE, "listen on %s", c->path);
    }
    umask(old);
    if (!rc && pthread_create(&c->thread, NULL, control_loop, c))
        rc = err_set(e, ERR_INTERNAL, "no thread for the control socket");
    if (rc) {
        close(c->fd);
        free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

void control_stop(struct control *c)
{
    if (!c)
        return;
    c->app->progress.stop = true; /* a backup that was begun is given up, a short work is finished */
    if (write(c->stop[1], "x", 1) == 1)
        pthread_join(c->thread, NULL);
    visits_end(c);
    unlink(c->path);
    close(c->fd);
    close(c->stop[0]);
    close(c->stop[1]);
    free(c);
}

/* --- the command's side --- */

static int begin(struct call *c, bool sandbox, bool look_only, struct admin_session *ret, struct err *e)
{
    struct sockaddr_un at;
    *ret = (struct admin_session){.call = c, .fd = -1};
    if (!*c->config.data)
        return err_set(e, ERR_USAGE, "say which data folder: --data DIR");
    OWN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_address(app_path(&c->config, "control.sock"), &at, e))
        return -1;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        ret->fd = TAKE_FD(fd);
        return 0;
    }
    ret->app = TAKE_NEW(c->arena, struct app);
    if (!ret->app)
        return err_set(e, ERR_NO_MEMORY, "open the data folder");
    ret->app->lock_fd = -1;
    /* Looking at a folder that is not there is a mistyped path, not a wish for a new one. */
    ret->app->existing_only = !c->verb->makes_data;
    ret->app->look_only = look_only;
    if (sandbox)
        app_open_sandbox(ret->app, &c->config);
    if (app_open(ret->app, &c->config, e)) {
        admin_session_end(ret);
        return -1;
    }
    return 0;
}

int admin_session_begin(struct call *c, bool sandbox, struct admin_session *ret, struct err *e)
{
    return begin(c, sandbox, false, ret, e);
}

int admin_session_look(struct call *c, struct admin_session *ret, struct err *e)
{
    return begin(c, false, true, ret, e);
}

void admin_session_end(struct admin_session *s)
{
    if (s->app)
        app_close(s->app);
    if (s->fd >= 0)
        close(s->fd);
    s->app = NULL;
    s->fd = -1;
}

static int call_server(struct admin_session *s, const char *name, struct slice args, struct slice *ret, struct err *e)
{
    struct arena *a = s->call->arena;
    struct buf b = buf_in(a, MESSAGE_MAX);
    struct json_out o = json_out(&b);
    struct json j;
    struct json_fault f;
    struct slice text;
    json_open(&o, '{');
    json_pair_str(&o, "work", name);
    json_pair_raw(&o, "args", args);
    json_close(&o, '}');
    if (message_write(s->fd, &b, e) || message_read(s->fd, a, &text, e))
        return -1;
    if (json_parse(a, text, &j, &f))
        return err_set(e, ERR_INTERNAL, "the server's answer is no JSON");
    uint32_t ok = json_get(&j, 0, "ok"), result = json_get(&j, 0, "result");
    if (ok && json_kind(&j, ok) == JSON_TRUE && result) {
        *ret = json_span(&j, result);
        return 0;
    }
    int64_t code = ERR_INTERNAL;
    uint32_t number = json_get_kind(&j, 0, "code", JSON_NUMBER);
    if (number)
        slice_int(json_raw(&j, number), 1, ERR_COUNT - 1, &code);
    struct slice detail = json_get_text(&j, 0, "detail", a);
    return err_set(e, (enum err_code)code, "%.*s", SLICE_FMT(detail));
}

int admin_session_call(struct admin_session *s, const char *name, struct slice args, struct slice *ret, struct err *e)
{
    if (!s->app)
        return call_server(s, name, args, ret, e);
    struct arena *a = s->call->arena;
    struct buf b = buf_in(a, MESSAGE_MAX);
    struct json_out o = json_out(&b);
    struct json j;
    struct json_fault f;
    admin_work *work = admin_find(slice_of(name));
    if (json_parse(a, args, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "arguments");
    if (work(s->app, &j, a, &o, e))
        return -1;
    if (buf_failed(&b) || arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "the answer");
    *ret = buf_text(&b);
    return 0;
}

int admin_call(struct call *c, const char *name, struct slice args, struct slice *ret, struct err *e)
{
    struct admin_session s;
    if (admin_session_begin(c, false, &s, e))
        return -1;
    int rc = admin_session_call(&s, name, args, ret, e);
    admin_session_end(&s);
    return rc;
}
