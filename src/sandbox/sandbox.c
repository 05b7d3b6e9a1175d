/* sandbox.c -- the jail's process and the pool of its spawners. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "sandbox/sandbox_int.h"

enum {
    START_MS = 10000,  /* for all spawners to come up; each forks a probe */
    STOP_MS = 5000,    /* for the jail to kill and reap */
    LOOK_MS = 20,      /* between looks for a restarted spawner or a cancel while waiting */
    REVIVE_MS = 1000,  /* between tries to start another jail */
    GIVE_UP_MS = 10000 /* all spawners dead for so long: the jail does not recover */
};

const char *sandbox_why(uint32_t why)
{
    static const char *const sentence[] = {
#define REASON(code, text) text,
#include "sandbox/reasons.def"
#undef REASON
    };
    return why < COUNT(sentence) ? sentence[why] : "the jail gave a reason this program does not know";
}

/* --- the process --- */

static int set_actions(posix_spawn_file_actions_t *f, posix_spawnattr_t *a, int control)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    /* 3 is the control socket's fixed place; dup2 onto itself clears close-on-exec, as posix_spawn promises */
    return posix_spawn_file_actions_addopen(f, 0, "/dev/null", O_RDWR, 0) ||
           posix_spawn_file_actions_adddup2(f, 0, 1) || posix_spawn_file_actions_adddup2(f, control, 3) ||
           posix_spawn_file_actions_addclosefrom_np(f, 4) || posix_spawnattr_setsigdefault(a, &all) ||
           posix_spawnattr_setsigmask(a, &none) ||
           posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* posix_spawn does not copy this process's memory. The jail gets no environment and no descriptor but its socket and
 * our stderr. */
static int start_jail(const struct sandbox_config *c, int control, pid_t *ret, struct err *e)
{
    char spawners[16];
    char *argv[] = {(char *)(uintptr_t)c->jail,
                    "--images",
                    (char *)(uintptr_t)c->images,
                    "--models",
                    (char *)(uintptr_t)c->models,
                    "--spawners",
                    spawners,
                    NULL};
    char *env[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    snprintf(spawners, sizeof spawners, "%d", c->spawners + c->ready);
    if (posix_spawn_file_actions_init(&files) || posix_spawnattr_init(&attr))
        return err_set(e, ERR_NO_MEMORY, "starting %s", c->jail);
    int rc = set_actions(&files, &attr, control) ? ENOMEM : posix_spawn(ret, c->jail, &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = rc;
    return rc ? err_sys(e, ERR_SANDBOX, "cannot start %s", c->jail) : 0;
}

static void kill_jail(pid_t pid)
{
    for (int waited = 0; waited < STOP_MS; waited += LOOK_MS) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        usleep(waited < 10 * LOOK_MS ? 1000 : LOOK_MS * 1000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* --- the greeting of a spawner --- */

/* 1 and a message, 0 none now, -1 the jail is gone. */
static int hello_read(int control, int flags, struct jail_hello *h, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } rights;
    struct iovec v = {h, sizeof *h};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = &rights,
                       .msg_controllen = CMSG_LEN(sizeof(int))}; /* not its padding: that holds a second one */
    ssize_t n = recvmsg(control, &m, flags | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    *ret_fd = -1;
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
    return n == sizeof *h ? 1 : -1;
}

static void slot_arm(struct sandbox *s, const struct jail_hello *h, int fd)
{
    struct slot *slot = &s->slot[h->slot];
    int *place = slot->busy ? &slot->fresh : &slot->fd;
    if (*place >= 0)
        close(*place);
    *place = fd;
}

/* With the lock held: takes in what restarted spawners said. */
static void greet(struct sandbox *s)
{
    struct jail_hello h;
    int fd;
    int got;
    while ((got = hello_read(s->control, MSG_DONTWAIT, &h, &fd)) == 1) {
        if (jail_head_ok(&h.head, JAIL_READY, h.head.size, sizeof h) && h.slot < (uint32_t)s->spawners && fd >= 0)
            slot_arm(s, &h, fd);
        else
            own_fd(&fd);
    }
    s->gone |= got < 0;
}

static int await_ready(struct sandbox *s, struct err *e)
{
    int64_t deadline = clock_mono_us() + START_MS * 1000LL;
    for (int ready = 0; ready < s->spawners;) {
        struct jail_hello h = {.why = JAIL_WHY_NONE};
        struct pollfd p = {s->control, POLLIN, 0};
        int fd = -1, left = (int)((deadline - clock_mono_us()) / 1000);
        if (left <= 0 || poll(&p, 1, left) == 0)
            return err_set(e, ERR_SANDBOX, "the jail did not come up within %d s", START_MS / 1000);
        int got = hello_read(s->control, 0, &h, &fd);
        if (got < 0)
            return err_set(e, ERR_SANDBOX, "the jail ended at its start");
        if (got == 0)
            continue;
        if (h.head.kind == JAIL_FAILED)
            return err_set(e, ERR_SANDBOX, "%s (%s)", sandbox_why(h.why), strerror((int)h.sys_errno));
        if (!jail_head_ok(&h.head, JAIL_READY, sizeof h, sizeof h) || h.slot >= (uint32_t)s->spawners || fd < 0)
            return err_set(e, ERR_SANDBOX, "the jail is not of this version");
        slot_arm(s, &h, fd);
        ready++;
    }
    return 0;
}

static int ask(int fd, struct jail_text *t)
{
    const struct jail_head q = {JAIL_MAGIC, JAIL_VERSION, JAIL_DESCRIBE, sizeof q};
    struct pollfd p = {fd, POLLIN, 0};
    if (send(fd, &q, sizeof q, MSG_NOSIGNAL) != (ssize_t)sizeof q || poll(&p, 1, 2000) <= 0)
        return -1;
    ssize_t n = recv(fd, t, sizeof *t, 0);
    return n > 0 && jail_head_ok(&t->head, JAIL_DESCRIPTION, (uint64_t)n, sizeof *t) ? 0 : -1;
}

/* All spawners are made alike; the first speaks for them. */
static int check_minimum(struct sandbox *s, struct err *e)
{
    if (!s->config.minimum || !*s->config.minimum)
        return 0;
    OWN_ARENA struct arena *a = arena_new(256 * 1024);
    struct jail_text *t = a ? TAKE_NEW(a, struct jail_text) : NULL;
    if (!t)
        return err_set(e, ERR_NO_MEMORY, "the sandbox's description");
    if (ask(s->slot[0].fd, t))
        return err_set(e, ERR_SANDBOX, "the jail did not describe itself");
    return sandbox_minimum(s->config.minimum, (struct slice){t->text, strnlen(t->text, sizeof t->text)}, a, e);
}

static int bring_up(struct sandbox *s, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return err_sys(e, ERR_SANDBOX, "the jail's control socket");
    s->control = pair[0];
    int failed = start_jail(&s->config, pair[1], &s->jail, e);
    close(pair[1]);
    return failed || await_ready(s, e) || check_minimum(s, e) ? -1 : 0;
}

static int copy_config(struct sandbox *s, const struct sandbox_config *c, struct err *e)
{
    s->config = (struct sandbox_config){.jail = strdup(c->jail),
                                        .images = strdup(c->images),
                                        .models = strdup(c->models),
                                        .spawners = c->spawners,
                                        .ready = c->ready,
                                        .reuse = c->reuse,
                                        .minimum = strdup(c->minimum ? c->minimum : "")};
    return s->config.jail && s->config.images && s->config.models && s->config.minimum
               ? 0
               : err_set(e, ERR_NO_MEMORY, "the sandbox");
}

int sandbox_open(const struct sandbox_config *c, struct sandbox **ret, struct err *e)
{
    pthread_condattr_t attr;
    if (c->spawners < 1 || c->ready < 0 || c->spawners + c->ready >= JAIL_SPAWNERS_MAX)
        return err_set(e, ERR_CONFIG, "1 to %d sandboxes at a time, not %d", JAIL_SPAWNERS_MAX - 1,
                       c->spawners + c->ready);
    struct sandbox *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NO_MEMORY, "the sandbox");
    *s = (struct sandbox){.control = -1, .spawners = c->spawners + c->ready, .user = geteuid()};
    for (int i = 0; i < JAIL_SPAWNERS_MAX; i++)
        s->slot[i] = (struct slot){-1, -1, false};
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->freed, &attr);
    pthread_condattr_destroy(&attr);
    signal(SIGPIPE, SIG_IGN); /* a model that ends without reading its input is no reason for us to end */
    if (copy_config(s, c, e) || bring_up(s, e)) {
        sandbox_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

int sandbox_enter(struct sandbox *s, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    bool closing = s->closing, reviving = s->reviving;
    s->users += !closing && !reviving;
    pthread_mutex_unlock(&s->lock);
    return closing    ? err_set(e, ERR_SANDBOX, "the sandbox is being closed")
           : reviving ? err_set(e, ERR_SANDBOX, "the jail is being started again")
                      : 0;
}

void sandbox_leave(struct sandbox *s)
{
    pthread_mutex_lock(&s->lock);
    s->users--;
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

void sandbox_close(struct sandbox *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_mutex_unlock(&s->lock);
    ready_stop(s);
    if (s->control >= 0)
        shutdown(s->control, SHUT_RDWR); /* the jail's main process ends at that, and with it everything it started */
    if (s->jail > 0)
        kill_jail(s->jail);
    pthread_mutex_lock(&s->lock);
    while (s->users > 0) /* each sees its spawner's end of file */
        pthread_cond_wait(&s->freed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    ready_close(s);
    own_fd(&s->control);
    for (int i = 0; i < s->spawners; i++) {
        own_fd(&s->slot[i].fd);
        own_fd(&s->slot[i].fresh);
    }
    pthread_cond_destroy(&s->freed);
    pthread_mutex_destroy(&s->lock);
    free((void *)(uintptr_t)s->config.jail);
    free((void *)(uintptr_t)s->config.images);
    free((void *)(uintptr_t)s->config.models);
    free((void *)(uintptr_t)s->config.minimum);
    free(s);
}

/* --- the pool --- */

static void wait_a_little(struct sandbox *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&s->freed, &s->lock, &until);
}

/* With the lock held: a free slot, or -1; *ret_alive: some spawner is at work or ready. */
static int slot_find(struct sandbox *s, bool *ret_alive)
{
    *ret_alive = false;
    for (int i = 0; i < s->spawners; i++) {
        if (!s->slot[i].busy && s->slot[i].fd >= 0)
            return i;
        *ret_alive |= s->slot[i].busy;
    }
    return -1;
}

static bool is_readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return fd >= 0 && poll(&p, 1, 0) > 0;
}

int slot_take(struct sandbox *s, int cancel_fd, struct err *e)
{
    int64_t dead_since = 0;
    bool alive;
    int i = -1;
    pthread_mutex_lock(&s->lock);
    while (!is_readable(cancel_fd) && !s->closing) {
        greet(s);
        if ((i = slot_find(s, &alive)) >= 0) {
            s->slot[i].busy = true;
            break;
        }
        if (s->gone && !alive) { /* nobody is left who would start a spawner again */
            dead_since = 1;
            break;
        }
        if (alive)
            dead_since = 0;
        else if (!dead_since)
            dead_since = clock_mono_us();
        else if (clock_mono_us() - dead_since > GIVE_UP_MS * 1000LL)
            break;
        wait_a_little(s);
    }
    bool closing = s->closing;
    pthread_mutex_unlock(&s->lock);
    if (i < 0 && (dead_since || closing))
        return err_set(e, ERR_SANDBOX, "the jail is gone");
    return i < 0 ? -2 : i;
}

void slot_give(struct sandbox *s, int i, bool broken)
{
    pthread_mutex_lock(&s->lock);
    struct slot *slot = &s->slot[i];
    slot->busy = false;
    if (broken) {
        own_fd(&slot->fd);
        slot->fd = -1;
    }
    if (slot->fresh >= 0) {
        own_fd(&slot->fd);
        slot->fd = TAKE_FD(slot->fresh);
    }
    pthread_cond_signal(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

int slot_fd(struct sandbox *s, int i)
{
    pthread_mutex_lock(&s->lock);
    int fd = s->slot[i].fd;
    pthread_mutex_unlock(&s->lock);
    return fd;
}

/* --- when the jail is gone --- */

bool sandbox_alive(struct sandbox *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->gone && !s->reviving)
        greet(s);
    bool alive = !s->gone && !s->reviving;
    pthread_mutex_unlock(&s->lock);
    return alive;
}

/* With the lock held: may this thread start another jail? */
static int may_revive(struct sandbox *s, struct err *e)
{
    if (s->closing || s->reviving || s->users > 0)
        return err_set(e, ERR_SANDBOX, "runs of the jail that is gone are still ending");
    if (geteuid() != s->user)
        return err_set(e, ERR_SANDBOX,
                       "lazaret-jail ended, and this process is no longer the user that started it: restart lazaret");
    if (clock_mono_us() - s->revived_at < REVIVE_MS * 1000LL)
        return err_set(e, ERR_SANDBOX, "lazaret-jail ended; it is started again in a moment");
    s->revived_at = clock_mono_us();
    return 0;
}

static void drop_jail(struct sandbox *s)
{
    ready_empty(s);
    own_fd(&s->control);
    s->control = -1;
    if (s->jail > 0)
        kill_jail(s->jail);
    s->jail = 0;
    for (int i = 0; i < s->spawners; i++) {
        own_fd(&s->slot[i].fd);
        own_fd(&s->slot[i].fresh);
        s->slot[i] = (struct slot){-1, -1, false};
    }
}

int sandbox_revive(struct sandbox *s, struct err *e)
{
    if (sandbox_alive(s))
        return 0;
    pthread_mutex_lock(&s->lock);
    int no = may_revive(s, e);
    s->reviving |= !no;
    pthread_mutex_unlock(&s->lock);
    if (no)
        return -1;
    drop_jail(s); /* nobody is inside, and nobody comes in */
    int failed = bring_up(s, e);
    pthread_mutex_lock(&s->lock);
    s->reviving = false;
    s->gone = failed;
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
    return failed;
}

/* --- for doctor --- */

int sandbox_describe(struct sandbox *s, struct arena *a, struct slice *ret_json, struct err *e)
{
    struct jail_text *t = TAKE_NEW(a, struct jail_text);
    if (!t)
        return err_set(e, ERR_NO_MEMORY, "the sandbox's description");
    if (sandbox_enter(s, e))
        return -1;
    int i = slot_take(s, -1, e);
    int failed = i < 0 || ask(slot_fd(s, i), t);
    if (i >= 0)
        slot_give(s, i, failed);
    sandbox_leave(s);
    if (i < 0)
        return -1;
    if (failed)
        return err_set(e, ERR_SANDBOX, "the jail did not describe itself");
    *ret_json = (struct slice){t->text, strnlen(t->text, sizeof t->text)};
    return 0;
}
