/* run.c -- one run: a request to a spawner, bytes in, bytes out, an answer.
 *
 * The deadline, the tree and its limits are the jail's business. Ours are the pipes: input is written as the program
 * takes it, output is read until the cap, stderr is read to its end though only its beginning is kept (a program must
 * not hang on a full pipe because it complains a lot). The answer comes when the whole tree is dead; what it had
 * written is in the pipes then, with an end of file behind it, because nobody is left to hold the other ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/wipe.h"
#include "sandbox/sandbox_int.h"

enum { ERRORS_MAX = 8 * 1024, GRACE_MS = 2000, CHUNK = 64 * 1024 };

/* Bytes from one pipe. Past `max` they are counted and dropped. */
struct sink {
    int fd;
    char *p;
    size_t n, cap, max;
    bool over, no_memory;
    const struct sandbox_live *live; /* is told what comes; may be NULL */
};

struct run {
    struct sandbox *sandbox;
    const struct sandbox_spec *spec;
    struct arena *arena;
    int slot, fd, cancel_fd;
    int input_fd;
    int live_fd;       /* spec->live->in until it ends; else -1 */
    struct slice next; /* of the input, not yet written */
    char *piece;       /* [CHUNK], when there is a live_fd: `next` of it */
    struct sink output, errors;
    bool killed, cancelled, answered, unread;
    bool serves;          /* the program may serve again: `fed` it waits for more input, `late` its time was up */
    bool fed, late, said; /* said: its judge has decided, `kept` for the program */
    bool kept;
    int64_t tick_us; /* when spec->tick is called next */
    int64_t started_us, deadline_us;
    struct jail_answer answer;
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int copy_text(char *out, size_t size, struct slice s)
{
    if (s.n >= size || (s.n && memchr(s.p, '\0', s.n)))
        return -1;
    memset(out, 0, size);
    if (s.n)
        memcpy(out, s.p, s.n);
    return 0;
}

static int pack_args(const struct sandbox_spec *p, struct jail_request *q)
{
    q->argc = (uint32_t)p->argc;
    if (p->argc < 1 || p->argc > JAIL_ARGS_MAX)
        return -1;
    for (size_t i = 0; i < p->argc; i++) {
        size_t n = p->argv[i].n;
        if (q->args_len + n + 1 > sizeof q->args || copy_text(q->args + q->args_len, n + 1, p->argv[i]))
            return -1;
        q->args_len += (uint32_t)n + 1;
    }
    return 0;
}

static int request_make(const struct sandbox_spec *p, struct jail_request *q, struct err *e)
{
    *q = (struct jail_request){.head = JAIL_HEAD(JAIL_RUN, struct jail_request),
                               .wall_ms = p->max.wall_ms,
                               .cpu_ms = p->max.cpu_ms,
                               .memory_mib = p->max.memory_mib,
                               .pids = p->max.pids,
                               .tmp_mib = p->max.tmp_mib,
                               .contract = p->files ? JAIL_FILES : JAIL_STDIO};
    if (copy_text(q->image, sizeof q->image, p->image) || copy_text(q->model, sizeof q->model, p->model) ||
        copy_text(q->model_key, sizeof q->model_key, p->model_key) ||
        copy_text(q->model_version, sizeof q->model_version, p->model_version) || pack_args(p, q))
        return err_set(e, ERR_SANDBOX,
                       "the run of model %.*s cannot be asked for: a name or its arguments are too long",
                       SLICE_FMT(p->model_key));
    return 0;
}

/* Sends the request with its three descriptors. */
static int request_send(int fd, const struct jail_request *q, const int fds[3])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } rights = {.bytes = {0}};
    struct iovec v = {(void *)(uintptr_t)q, sizeof *q};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(3 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, 3 * sizeof(int));
    return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof *q ? 0 : -1;
}

static void ask_kill(struct run *r)
{
    const struct jail_head q = {JAIL_MAGIC, JAIL_VERSION, JAIL_KILL, sizeof q};
    if (!r->killed)
        (void)!send(r->fd, &q, sizeof q, MSG_NOSIGNAL);
    r->killed = true;
    r->kept = false; /* it was judged good in the very step in which it was cancelled */
}

/* 1: something is to be written; 0: not now; -1: that was all. */
static int input_next(struct run *r)
{
    if (r->next.n)
        return 1;
    if (r->live_fd < 0)
        return -1;
    struct pollfd p = {r->live_fd, POLLIN, 0};
    if (poll(&p, 1, 0) <= 0)
        return 0;
    ssize_t n = read(r->live_fd, r->piece, CHUNK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        r->live_fd = -1;
    r->next = (struct slice){r->piece, n > 0 ? (size_t)n : 0};
    return n > 0 ? 1 : -1;
}

static void feed(struct run *r)
{
    while (r->input_fd >= 0 && !r->fed) {
        int more = input_next(r);
        if (more == 0)
            return;
        ssize_t n = more > 0 ? write(r->input_fd, r->next.p, r->next.n) : 0;
        if (n > 0)
            r->next = (struct slice){r->next.p + n, r->next.n - (size_t)n};
        else if (n < 0 && errno == EAGAIN)
            return;
        else if (r->serves) { /* its input stays open for the next run */
            r->fed = true;
            return;
        } else { /* all of it, or nobody reads any more */
            close(r->input_fd);
            r->input_fd = -1;
            fault_crash(CRASH_sandbox_running);
        }
    }
}

static bool sink_room(struct sink *k, struct arena *a)
{
    if (k->n < k->cap)
        return true;
    size_t cap = k->cap ? k->cap * 2 : 4096;
    if (cap > k->max)
        cap = k->max;
    if (cap == k->cap)
        return false;
    char *p = arena_grow(a, k->p, k->cap, cap);
    k->no_memory |= !p;
    if (!p)
        return false;
    k->p = p;
    k->cap = cap;
    return true;
}

static void sink_took(struct sink *k, size_t n)
{
    if (k->live && k->live->out)
        k->live->out(k->live->ctx, (struct slice){k->p + k->n, n});
    k->n += n;
}

/* Reads what is there. A byte past the end sets `over`; it goes no further than this function. */
static void drain(struct sink *k, struct arena *a)
{
    char lost[CHUNK];
    while (k->fd >= 0) {
        bool room = sink_room(k, a);
        ssize_t n = room ? read(k->fd, k->p + k->n, k->cap - k->n) : read(k->fd, lost, sizeof lost);
        if (n > 0 && room)
            sink_took(k, (size_t)n);
        else if (n > 0) {
            k->over = true;
            wipe(lost, (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(k->fd);
            k->fd = -1;
        } else
            return;
        if (k->over)
            return; /* a flood is answered one chunk at a time, or it would keep us from the other descriptors */
    }
}

/* 0, or -1: the spawner is gone or talks nonsense. When a socket's end goes with messages unread in it, the other end
 * is told by ECONNRESET: then nothing was run. */
static int hear(struct run *r)
{
    ssize_t n = recv(r->fd, &r->answer, sizeof r->answer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    r->unread = n < 0 && errno == ECONNRESET;
    if (n <= 0 || !jail_head_ok(&r->answer.head, JAIL_DONE, (uint64_t)n, sizeof r->answer))
        return -1;
    r->answered = true;
    return 0;
}

/* Until the next tick, at most `left`. */
static int wait_ms(const struct run *r, int64_t left)
{
    int64_t tick = (r->tick_us - clock_mono_us() + 999) / 1000;
    return (int)(!r->spec->tick || tick > left ? left : tick > 0 ? tick : 0);
}

static bool is_time(struct run *r)
{
    if (!r->spec->tick || clock_mono_us() < r->tick_us)
        return false;
    r->tick_us = clock_mono_us() + r->spec->tick_ms * 1000LL;
    return true;
}

/* A program that serves again is not ended by its jail when the time of this run is up. */
static bool is_late(struct run *r, int64_t *left)
{
    int64_t time = *left - (r->serves && !r->late ? GRACE_MS : 0);
    if (r->serves && !r->late && time <= 0) {
        r->late = true;
        ask_kill(r);
        return true;
    }
    *left = time;
    return false;
}

/* What it has said so far; with that, the run may be over. */
static void judge(struct run *r)
{
    enum sandbox_so_far said = r->spec->serves->judge(r->spec->serves->ctx, (struct slice){r->output.p, r->output.n});
    if (said == SANDBOX_MORE || r->killed)
        return;
    r->said = true;
    r->kept = said == SANDBOX_KEEP && r->fed;
    if (!r->kept)
        ask_kill(r);
}

static int step(struct run *r)
{
    bool waits = r->live_fd >= 0 && !r->next.n; /* for input, not for the program to take it */
    struct pollfd p[6] = {{r->fd, POLLIN, 0},
                          {r->output.fd, POLLIN, 0},
                          {r->errors.fd, POLLIN, 0},
                          {r->fed ? -1 : r->input_fd, waits ? 0 : POLLOUT, 0},
                          {r->killed ? -1 : r->cancel_fd, POLLIN, 0},
                          {waits && r->input_fd >= 0 ? r->live_fd : -1, POLLIN, 0}};
    int64_t left = (r->deadline_us - clock_mono_us() + 999) / 1000;
    if (is_late(r, &left))
        return 0;
    if (left <= 0)
        return -1;
    if (poll(p, COUNT(p), wait_ms(r, left)) < 0 && errno != EINTR)
        return -1;
    if (is_time(r) && !r->killed && !r->spec->tick(r->spec->tick_ctx))
        r->cancelled = true;
    if (waits && p[3].revents) /* nobody reads any more: no reason to wait for more input */
        own_fd(&r->input_fd), r->input_fd = -1;
    if (p[3].revents || p[5].revents)
        feed(r);
    if (p[1].revents)
        drain(&r->output, r->arena);
    if (p[1].revents && r->serves && !r->said && !r->output.over)
        judge(r);
    if (p[2].revents)
        drain(&r->errors, r->arena);
    if (p[4].revents && !r->killed)
        r->cancelled = true;
    if (r->output.over || r->cancelled)
        ask_kill(r);
    return p[0].revents ? hear(r) : 0;
}

static int converse(struct run *r)
{
    while (!r->answered && !r->kept)
        if (step(r))
            return -1;
    if (!r->answered)
        return 0;
    r->kept = false;
    while (r->output.fd >= 0 && !r->output.over)
        drain(&r->output, r->arena);
    for (int i = 0; i < 64 && r->errors.fd >= 0; i++) /* a pipe holds at most 16 chunks */
        drain(&r->errors, r->arena);
    return 0;
}

struct pipes {
    int child[3], ours[3];
};

static void pipes_close(struct pipes *p)
{
    for (int i = 0; i < 3; i++) {
        own_fd(&p->child[i]);
        own_fd(&p->ours[i]);
    }
}
#define OWN_PIPES __attribute__((cleanup(pipes_close)))

static int pipes_open(struct pipes *p, struct err *e)
{
    for (int i = 0; i < 3; i++) {
        int fd[2];
        if (pipe2(fd, O_CLOEXEC))
            return err_sys(e, ERR_SANDBOX, "a pipe for a run");
        p->child[i] = fd[i != 0];
        p->ours[i] = fd[i == 0];
        if (fcntl(p->ours[i], F_SETFL, O_NONBLOCK))
            return err_sys(e, ERR_SANDBOX, "a pipe for a run");
    }
    return 0;
}

/* Takes a slot and hands it the request. A spawner that died while it was idle has run nothing: the next one is asked.
 */
static int start(struct run *r, const struct jail_request *q, const int fds[3], struct err *e)
{
    for (int tries = 0; tries <= r->sandbox->spawners; tries++) {
        r->slot = slot_take(r->sandbox, r->cancel_fd, e);
        if (r->slot < 0)
            return r->slot;
        r->fd = slot_fd(r->sandbox, r->slot);
        if (request_send(r->fd, q, fds) == 0)
            return 0;
        slot_give(r->sandbox, r->slot, true);
    }
    return err_set(e, ERR_SANDBOX, "no spawner of the jail takes a request");
}

static enum sandbox_end end_of(const struct run *r)
{
    if (r->output.over)
        return SANDBOX_OUTPUT;
    if (r->late && !r->cancelled)
        return SANDBOX_TIMEOUT;
    if (r->kept || (r->said && !r->cancelled))
        return SANDBOX_EXITED;
    switch (r->answer.how) {
    case JAIL_EXITED: return SANDBOX_EXITED;
    case JAIL_SIGNALLED: return SANDBOX_CRASHED;
    case JAIL_TIMEOUT: return SANDBOX_TIMEOUT;
    case JAIL_OOM: return SANDBOX_OOM;
    case JAIL_REFUSED: return SANDBOX_REFUSED;
    default: return SANDBOX_CANCELLED;
    }
}

/* Only what the vendor can mend is a refusal of the program; anything else is ours, and an error. So is a program that
 * was killed without anybody having asked for that in this run. */
static int refusal(struct run *r, struct err *e)
{
    const struct jail_answer *a = &r->answer;
    if (a->how == JAIL_KILLED && !r->killed)
        return err_set(e, ERR_SANDBOX, "the program was killed, and nobody had asked for that");
    if (a->how != JAIL_REFUSED)
        return 0;
    if (a->why != JAIL_WHY_PROGRAM && a->why != JAIL_WHY_MODEL && a->why != JAIL_WHY_INPUT)
        return err_set(e, ERR_SANDBOX, "%s (%s)", sandbox_why(a->why), strerror((int)a->sys_errno));
    char *text = arena_printf(r->arena, "%s: %.*s: %s\n", sandbox_why(a->why), SLICE_FMT(r->spec->argv[0]),
                              strerror((int)a->sys_errno));
    if (!text)
        return err_set(e, ERR_NO_MEMORY, "a refused run");
    r->errors.p = text;
    r->errors.n = strlen(text);
    return 0;
}

static void log_run(const struct run *r, const struct sandbox_out *o, struct arena *a)
{
    static const char *const name[] = {"exited", "crashed", "timeout", "oom", "output", "refused", "cancelled"};
    const struct sandbox_spec *p = r->spec;
    log_line(LOG_DEBUG, "run", "model", arena_str(a, p->model_key), "version", arena_str(a, p->model_version),
             "traceparent", arena_str(a, p->traceparent), "how", name[o->how], "exit_code",
             arena_printf(a, "%d", o->exit_code), "signal", arena_printf(a, "%d", o->signal), "wall_ms",
             arena_printf(a, "%u", o->wall_ms), "cpu_ms", arena_printf(a, "%u", o->cpu_ms), "max_rss_kib",
             arena_printf(a, "%u", o->max_rss_kib), NULL);
}

static int finish(struct run *r, struct sandbox_out *ret, struct err *e)
{
    if (r->output.no_memory || r->errors.no_memory)
        return err_set(e, ERR_NO_MEMORY, "the output of model %.*s", SLICE_FMT(r->spec->model_key));
    if (refusal(r, e))
        return err_in(e, "model %.*s", SLICE_FMT(r->spec->model_key));
    *ret = (struct sandbox_out){.how = end_of(r),
                                .exit_code = (int)r->answer.exit_code,
                                .signal = (int)r->answer.signal,
                                .output = {r->output.p, r->output.n},
                                .errors = {r->errors.p, r->errors.n},
                                .wall_ms = r->answer.wall_ms,
                                .cpu_ms = r->answer.cpu_ms,
                                .max_rss_kib = r->answer.max_rss_kib};
    if (r->kept)
        ret->wall_ms = (uint32_t)((clock_mono_us() - r->started_us) / 1000);
    metric_observe(HISTOGRAM_SANDBOX, clock_mono_us() - r->started_us);
    OWN_ARENA struct arena *a = arena_new(CHUNK);
    if (a)
        log_run(r, ret, a);
    return 0;
}

static void close_child_ends(struct pipes *p)
{
    for (int i = 0; i < 3; i++) {
        own_fd(&p->child[i]);
        p->child[i] = -1;
    }
}

/* The program has its slot and its ends of the pipes; `ours` are taken over. `w`: it may serve again; else NULL. */
static int run_in_slot(struct run *r, struct ready *w, int ours[3], struct err *e)
{
    r->started_us = clock_mono_us();
    r->tick_us = r->started_us + r->spec->tick_ms * 1000LL;
    r->deadline_us = r->started_us + ((int64_t)r->spec->max.wall_ms + GRACE_MS) * 1000;
    r->input_fd = TAKE_FD(ours[0]);
    r->output.fd = TAKE_FD(ours[1]);
    r->errors.fd = TAKE_FD(ours[2]);
    int failed = converse(r);
    if (!failed && r->kept) {
        *w = (struct ready){.slot = r->slot,
                            .fd = r->fd,
                            .pipe = {r->input_fd, r->output.fd, r->errors.fd},
                            .since_us = w->since_us,
                            .request = w->request,
                            .serves = true};
        memcpy(w->owner, r->spec->serves->owner, sizeof w->owner);
        ready_back(r->sandbox, w, true);
        return 0;
    }
    own_fd(&r->input_fd);
    own_fd(&r->output.fd);
    own_fd(&r->errors.fd);
    if (w) {
        w->slot = r->slot;
        ready_back(r->sandbox, w, false);
    }
    slot_give(r->sandbox, r->slot, failed);
    return failed ? err_set(e, ERR_SANDBOX, "the jail's spawner ended during a run") : 0;
}

static void begin(struct run *r)
{
    r->output.n = r->errors.n = 0;
    r->output.over = r->errors.over = false;
    r->unread = r->killed = r->cancelled = false;
    r->fed = r->late = r->said = r->kept = false;
    r->next = r->spec->input;
    r->live_fd = r->spec->live ? r->spec->live->in : -1;
}

/* 0: it ran; -1: not; -2: cancelled while it waited for a spawner. `held`: as what it may serve again. */
static int attempt(struct run *r, const struct jail_request *q, const struct jail_request *held, struct err *e)
{
    OWN_PIPES struct pipes p = {{-1, -1, -1}, {-1, -1, -1}};
    struct ready w = {.since_us = clock_mono_us(), .request = *held};
    if (pipes_open(&p, e))
        return -1;
    begin(r);
    int started = start(r, q, p.child, e);
    close_child_ends(&p);
    return started ? started : run_in_slot(r, r->serves ? &w : NULL, p.ours, e);
}

/* --- a program that was started ahead --- */

int ready_start(struct sandbox *s, const struct jail_request *q, struct ready *ret, struct err *e)
{
    OWN_PIPES struct pipes p = {{-1, -1, -1}, {-1, -1, -1}};
    struct run r = {.sandbox = s, .cancel_fd = -1};
    if (pipes_open(&p, e) || start(&r, q, p.child, e))
        return -1;
    close_child_ends(&p);
    *ret = (struct ready){.slot = r.slot, .fd = r.fd, .since_us = clock_mono_us(), .request = *q};
    for (int i = 0; i < 3; i++)
        ret->pipe[i] = TAKE_FD(p.ours[i]);
    return 0;
}

bool ready_alive(const struct ready *r)
{
    struct pollfd p = {r->fd, POLLIN, 0};
    return poll(&p, 1, 0) == 0; /* it has not said how it ended */
}

void ready_drop(struct sandbox *s, struct ready *r)
{
    const struct jail_head kill = {JAIL_MAGIC, JAIL_VERSION, JAIL_KILL, sizeof kill};
    struct jail_answer a;
    struct pollfd p = {r->fd, POLLIN, 0};
    for (int i = 0; i < 3; i++)
        own_fd(&r->pipe[i]);
    (void)!send(r->fd, &kill, sizeof kill, MSG_NOSIGNAL);
    bool done = poll(&p, 1, GRACE_MS) > 0 && recv(r->fd, &a, sizeof a, MSG_DONTWAIT) == (ssize_t)sizeof a;
    slot_give(s, r->slot, !done);
}

/* What it complained of since its last run is nobody's any more; who has gone on talking is not to be trusted. */
static bool is_silent(const struct ready *w)
{
    char lost[4096];
    for (int i = 0; i < 16 && read(w->pipe[2], lost, sizeof lost) > 0; i++)
        wipe(lost, sizeof lost);
    struct pollfd p = {w->pipe[1], POLLIN, 0};
    return poll(&p, 1, 0) == 0;
}

static bool set_going(const struct ready *w)
{
    const struct jail_head go = {JAIL_MAGIC, JAIL_VERSION, JAIL_GO, sizeof go};
    if (!ready_alive(w))
        return false;
    return w->serves ? is_silent(w) : send(w->fd, &go, sizeof go, MSG_NOSIGNAL) == (ssize_t)sizeof go;
}

/* 0: it ran; -1: not; 1: it was gone already, without having had the input. */
static int run_ready(struct run *r, struct ready *w, struct err *e)
{
    begin(r);
    r->slot = w->slot;
    r->fd = w->fd;
    if (!set_going(w)) {
        if (r->serves)
            ready_back(r->sandbox, w, false);
        ready_drop(r->sandbox, w);
        return 1;
    }
    if (!w->serves)
        w->since_us = clock_mono_us();
    int failed = run_in_slot(r, r->serves ? w : NULL, w->pipe, e);
    r->unread = false; /* that GO was not read says nothing: the program had its input all the same */
    return failed;
}

static int run_one(struct run *r, struct jail_request *q, struct err *e)
{
    struct jail_request held = *q;
    struct ready w;
    int done = 1;
    if (r->spec->ahead_ms) {
        q->cpu_ms = r->serves ? JAIL_CPU_MS_MAX : min_u32(q->cpu_ms + r->spec->ahead_ms, JAIL_CPU_MS_MAX);
        q->wall_ms = r->serves ? JAIL_WALL_MS_MAX : q->wall_ms;
        held = *q;
        held.held_ms = JAIL_HELD_MS_MAX;
        if (ready_take(r->sandbox, &held, r->serves ? r->spec->serves->owner : NULL, r->spec->max.wall_ms, &w))
            done = run_ready(r, &w, e);
    }
    if (done == 1)
        done = attempt(r, q, &held, e);
    for (int again = 0; done == -1 && r->unread && r->live_fd < 0 && again < r->sandbox->spawners; again++)
        done = attempt(r, q, &held, e);
    return done;
}

int sandbox_run(struct sandbox *s, const struct sandbox_spec *spec, int cancel_fd, struct arena *a,
                struct sandbox_out *ret, struct err *e)
{
    struct jail_request q;
    struct run r = {.sandbox = s, .spec = spec, .arena = a, .cancel_fd = cancel_fd, .input_fd = -1, .live_fd = -1};
    r.output = (struct sink){.fd = -1, .max = (size_t)spec->max.output_kib * 1024, .live = spec->live};
    r.errors = (struct sink){.fd = -1, .cap = ERRORS_MAX, .max = ERRORS_MAX, .p = arena_take(a, ERRORS_MAX)};
    r.piece = spec->live ? arena_take(a, CHUNK) : NULL;
    if (!r.errors.p || (spec->live && !r.piece))
        return err_set(e, ERR_NO_MEMORY, "a run of model %.*s", SLICE_FMT(spec->model_key));
    if (request_make(spec, &q, e))
        return -1;
    if (sandbox_enter(s, e))
        return -1;
    r.serves = spec->serves && spec->ahead_ms && s->pool && s->config.reuse;
    int done = run_one(&r, &q, e);
    sandbox_leave(s);
    if (done == -1)
        return -1;
    if (done == 0)
        return finish(&r, ret, e);
    *ret = (struct sandbox_out){.how = SANDBOX_CANCELLED};
    return 0;
}
