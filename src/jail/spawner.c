/* spawner.c -- one request, one child, one answer; again.
 *
 * A spawner is in its own mount namespace and in an empty network namespace, which its children share: making one per
 * run costs 0.7 ms and a machine-wide lock, and a model cannot open a socket in it anyway (syscalls.def). An ordinary
 * user's spawner is also in a user namespace, in which it has the capabilities root has without. Everything else is
 * fresh per run: user, process, mount, IPC, host name and control group namespaces.
 *
 * The child is process 1 of the run's process namespace. When it ends, the kernel kills and reaps whatever the program
 * left behind before the child's pidfd becomes readable: "DONE" means that nothing is left. That is also why the clock
 * runs until the pidfd is readable, not until stdout ends: a program may close stdout and sleep. */
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jail/jail_int.h"

enum {
    SERVICE = 3,     /* the spawner's socket: fixed, so that no other descriptor is 3 (child.c puts its gate there) */
    END_MS = 250,    /* for process 1 of a run to kill and reap the others, before it is killed itself */
    CANCEL_MS = 50,  /* the same when somebody waits for it */
    ID_BASE = 200000 /* as root: spawner n runs models as 200000 + n, an id nobody else has */
};

struct spawner {
    const struct jail_config *config;
    int slot, service; /* service: its socket, or -1 for a check */
    bool as_root;
    struct cgroup cgroup;
    struct sock_fprog filter;
};

struct run {
    const struct jail_request *request;
    struct child_plan plan;
    int pidfd;
    pid_t pid;
    int64_t started_us;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int put_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int put_map(int dir, const char *name, unsigned inside, unsigned outside)
{
    char text[64];
    snprintf(text, sizeof text, "%u %u 1\n", inside, outside);
    return put_file(dir, name, text);
}

/* --- once per spawner --- */

/* An ordinary user becomes itself in a user namespace of its own. */
static int own_user_namespace(struct fail *f)
{
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER))
        return fail_set(f, why_no_namespaces());
    prctl(PR_SET_DUMPABLE, 1); /* unshare took it; without it our own /proc files are root's, and children's as well */
    if (put_file(AT_FDCWD, "/proc/self/setgroups", "deny") || put_map(AT_FDCWD, "/proc/self/uid_map", uid, uid) ||
        put_map(AT_FDCWD, "/proc/self/gid_map", gid, gid))
        return fail_set(f, why_no_namespaces());
    return 0;
}

static int own_namespaces(struct spawner *s, struct fail *f)
{
    s->as_root = geteuid() == 0;
    if (!s->as_root && own_user_namespace(f))
        return -1;
    if (s->as_root && setgroups(0, NULL))
        return fail_set(f, JAIL_WHY_IDS);
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)) {
        enum jail_why why = why_no_namespaces();
        return fail_set(f, s->as_root && why == JAIL_WHY_NAMESPACES ? JAIL_WHY_PRIVILEGE : why);
    }
    return mounts_base(s->config->images, s->config->models, f);
}

static int spawner_ready(struct spawner *s, struct fail *f)
{
    return cgroup_open(&s->config->cgroups, s->slot, &s->cgroup, f) || own_namespaces(s, f) ||
           filter_build(&s->filter, f);
}

/* --- once per run --- */

/* Gives the child its one id and makes it the first the kernel kills when the group's memory is out. */
static int give_id(const struct spawner *s, pid_t pid, struct fail *f)
{
    char path[32];
    unsigned uid = s->as_root ? ID_BASE + (unsigned)s->slot : geteuid();
    unsigned gid = s->as_root ? uid : getegid();
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return fail_set(f, JAIL_WHY_PROCESS);
    if (!s->as_root)
        (void)put_file(dir, "setgroups", "deny"); /* inherited already */
    int bad = put_map(dir, "uid_map", CHILD_ID, uid) || put_map(dir, "gid_map", CHILD_ID, gid) ||
              put_file(dir, "oom_score_adj", "1000");
    if (bad)
        fail_set(f, JAIL_WHY_IDS);
    close(dir);
    return bad ? -1 : 0;
}

static int start_child(const struct spawner *s, struct run *r, struct fail *f)
{
    struct clone_args a = {.flags = CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC |
                                    CLONE_NEWUTS | CLONE_NEWCGROUP,
                           .pidfd = (uintptr_t)&r->pidfd,
                           .exit_signal = SIGCHLD};
    if (s->cgroup.into_fd >= 0) {
        a.flags |= CLONE_INTO_CGROUP;
        a.cgroup = (uint64_t)s->cgroup.into_fd;
    }
    r->pid = (pid_t)syscall(SYS_clone3, &a, sizeof a);
    if (r->pid == 0)
        child_main(&r->plan);
    if (r->pid < 0)
        return fail_set(f, errno == EAGAIN || errno == ENOMEM ? JAIL_WHY_PROCESS : why_no_namespaces());
    if (give_id(s, r->pid, f) || send(r->plan.spawner_fd, "g", 1, MSG_NOSIGNAL) != 1) {
        if (f->why == JAIL_WHY_NONE)
            fail_set(f, JAIL_WHY_PROCESS);
        return -1;
    }
    return 0;
}

/* Takes GO off the socket. Anything else stays there, to be read when the run is over. */
static bool take_go(int service)
{
    struct jail_head h;
    if (recv(service, &h, sizeof h, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) != (ssize_t)sizeof h ||
        !jail_head_ok(&h, JAIL_GO, sizeof h, sizeof h))
        return false;
    return recv(service, &h, sizeof h, MSG_DONTWAIT) == (ssize_t)sizeof h;
}

/* Until the pidfd is readable, whatever the worker says meanwhile. */
static enum jail_how wait_child(struct run *r, int service)
{
    enum jail_how how = JAIL_EXITED;
    bool held = r->request->held_ms > 0;
    int64_t deadline = r->started_us + (int64_t)(held ? r->request->held_ms : r->request->wall_ms) * 1000;
    struct pollfd p[2] = {{r->pidfd, POLLIN, 0}, {service, POLLIN, 0}};
    while (!(p[0].revents & POLLIN)) {
        int64_t left = deadline - now_us();
        int n = poll(p, 2, deadline == INT64_MAX ? -1 : left <= 0 ? 0 : (int)((left + 999) / 1000));
        if (n < 0 || (p[0].revents & POLLIN))
            continue;
        if (held && p[1].revents && take_go(service)) {
            held = false;
            r->started_us = now_us();
            deadline = r->started_us + (int64_t)r->request->wall_ms * 1000;
            continue;
        }
        if (how != JAIL_EXITED) { /* asked in vain */
            pidfd_send_signal(r->pidfd, SIGKILL, NULL, 0);
            deadline = INT64_MAX;
            continue;
        }
        if (n == 0)
            how = held ? JAIL_KILLED : JAIL_TIMEOUT;
        else if (p[1].revents)
            how = JAIL_KILLED;
        p[1].fd = -1; /* once is enough; the message itself is read when the run is over */
        p[1].revents = 0;
        pidfd_send_signal(r->pidfd, SIGTERM, NULL, 0);
        deadline = now_us() + (how == JAIL_TIMEOUT ? END_MS : CANCEL_MS) * 1000;
    }
    return how;
}

static void fill_answer(struct spawner *s, const struct run *r, enum jail_how how, int status,
                        const struct rusage *used, struct jail_answer *ret)
{
    bool oom = cgroup_oom_happened(&s->cgroup);
    ret->cpu_ms = (uint32_t)((used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 +
                             (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000);
    ret->wall_ms = (uint32_t)((now_us() - r->started_us) / 1000);
    ret->max_rss_kib = (uint32_t)used->ru_maxrss;
    if (how == JAIL_EXITED && oom && status != 0)
        how = JAIL_OOM;
    else if (how == JAIL_EXITED && WIFSIGNALED(status)) {
        ret->signal = (uint32_t)WTERMSIG(status);
        /* who ignored SIGXCPU was killed; the kernel counts ticks, which may run ahead of the time it reports */
        bool spent = ret->signal == SIGXCPU ||
                     (ret->signal == SIGKILL && ret->cpu_ms >= r->request->cpu_ms - r->request->cpu_ms / 4);
        how = spent ? JAIL_TIMEOUT : JAIL_SIGNALLED;
    } else if (how == JAIL_EXITED)
        ret->exit_code = (uint32_t)WEXITSTATUS(status);
    ret->how = how;
}

/* What the child said through the gate: how the program ended, or why it did not become one. A child that was killed
 * said nothing; its own status stands. */
static int gate_word(int spawner_fd, int *status, struct fail *f)
{
    union {
        struct fail f;
        int status;
    } word;
    ssize_t n = recv(spawner_fd, &word, sizeof word, MSG_DONTWAIT);
    if (n == (ssize_t)sizeof word.status)
        *status = word.status;
    if (n != (ssize_t)sizeof word.f)
        return 0;
    *f = word.f;
    return -1;
}

static int run_child(struct spawner *s, struct run *r, struct jail_answer *ret, struct fail *f)
{
    struct rusage used;
    int status = 0, failed = start_child(s, r, f);
    close(r->plan.gate_fd);
    for (int i = 0; i < 3; i++)
        if (r->plan.fds[i] >= 0)
            close(r->plan.fds[i]); /* else the worker would never see an end of file */
    if (r->pid <= 0)
        return -1;
    if (failed)
        pidfd_send_signal(r->pidfd, SIGKILL, NULL, 0);
    enum jail_how how = wait_child(r, s->service);
    while (wait4(r->pid, &status, __WALL, &used) < 0 && errno == EINTR)
        ;
    close(r->pidfd);
    if (failed || gate_word(r->plan.spawner_fd, &status, f))
        return -1;
    fill_answer(s, r, how, status, &used, ret);
    return 0;
}

static int ready_run(struct spawner *s, struct run *r, struct fail *f)
{
    int pair[2];
    const struct jail_request *q = r->request;
    bool probe = r->plan.probe;
    if (mounts_image(probe ? NULL : q->image, &r->plan.image_fd, f) ||
        mounts_model(probe ? NULL : q->model, &r->plan.model_fd, f) ||
        cgroup_limit(&s->cgroup, q->memory_mib, q->pids, f))
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return fail_set(f, JAIL_WHY_PROCESS);
    r->plan.spawner_fd = pair[0];
    r->plan.gate_fd = pair[1];
    return 0;
}

static void close_if(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Takes over fds. Always fills the answer. */
static void spawner_run(struct spawner *s, const struct jail_request *q, const int fds[3], bool probe,
                        struct jail_answer *ret)
{
    struct fail f = {JAIL_WHY_NONE, 0};
    struct run r = {.request = q, .started_us = now_us(), .pidfd = -1};
    r.plan = (struct child_plan){q,  probe,     s->cgroup.mode != CGROUP_NONE, {fds[0], fds[1], fds[2]}, -1, -1, -1,
                                 -1, &s->filter};
    *ret = (struct jail_answer){.head = JAIL_HEAD(JAIL_DONE, struct jail_answer)};
    int failed = ready_run(s, &r, &f);
    if (failed)
        for (int i = 0; i < 3; i++)
            close_if(fds[i]);
    else
        failed = run_child(s, &r, ret, &f);
    if (failed) {
        ret->how = JAIL_REFUSED;
        ret->why = f.why;
        ret->sys_errno = f.sys_errno;
    }
    close_if(r.plan.image_fd);
    close_if(r.plan.model_fd);
    close_if(r.plan.spawner_fd);
}

/* Goes all the way to the filter on an empty root: what would refuse a model refuses this first, at the start. */
static int probe(struct spawner *s, struct fail *f)
{
    static const struct jail_request q = {.wall_ms = 2000, .cpu_ms = 1000, .memory_mib = 64, .pids = 8, .tmp_mib = 1};
    struct jail_answer a;
    spawner_run(s, &q, (const int[3]){-1, -1, -1}, true, &a);
    if (a.how == JAIL_EXITED && a.exit_code == 0)
        return 0;
    *f = (struct fail){a.how == JAIL_REFUSED ? a.why : JAIL_WHY_PROCESS, a.sys_errno};
    return -1;
}

/* --- the conversation --- */

/* The number of bytes and the descriptors of one message; 0 at the end. What came with a message that is no request is
 * closed here. */
static ssize_t receive(void *buf, size_t max, int fds[3])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec v = {buf, max};
    /* LEN, not SPACE: the padding would have room for a fourth descriptor, which the kernel would put there */
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(3 * sizeof(int))};
    ssize_t n;
    while ((n = recvmsg(SERVICE, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    fds[0] = fds[1] = fds[2] = -1;
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        size_t got = c->cmsg_len - CMSG_LEN(0);
        memcpy(fds, CMSG_DATA(c), got <= 3 * sizeof(int) ? got : 3 * sizeof(int));
    }
    return n > 0 && (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? (ssize_t)max : n; /* max is no request's size */
}

static void describe(const struct spawner *s)
{
    static struct jail_text t = {.head = JAIL_HEAD(JAIL_DESCRIPTION, struct jail_text)};
    const struct report r = {s->as_root, s->cgroup.mode, landlock_abi(), s->filter.len};
    report_write(&r, t.text, sizeof t.text);
    (void)!send(SERVICE, &t, sizeof t, MSG_NOSIGNAL);
}

static void refuse(const int fds[3])
{
    const struct jail_answer a = {
        .head = JAIL_HEAD(JAIL_DONE, struct jail_answer), .how = JAIL_REFUSED, .why = JAIL_WHY_REQUEST};
    for (int i = 0; i < 3; i++)
        close_if(fds[i]);
    (void)!send(SERVICE, &a, sizeof a, MSG_NOSIGNAL);
}

static void serve(struct spawner *s)
{
    static union {
        struct jail_head head;
        struct jail_request request;
        char bytes[sizeof(struct jail_request) + 1];
    } in;
    struct jail_answer a;
    int fds[3];
    for (ssize_t n; (n = receive(&in, sizeof in, fds)) > 0;) {
        if (jail_head_ok(&in.head, JAIL_KILL, (size_t)n, sizeof in.head) ||
            jail_head_ok(&in.head, JAIL_GO, (size_t)n, sizeof in.head))
            continue; /* came too late for its run */
        if (jail_head_ok(&in.head, JAIL_DESCRIBE, (size_t)n, sizeof in.head))
            describe(s);
        else if (request_check(&in, (size_t)n) || request_check_fds(fds))
            refuse(fds);
        else {
            spawner_run(s, &in.request, fds, false, &a);
            if (send(SERVICE, &a, sizeof a, MSG_NOSIGNAL) < 0)
                return;
        }
    }
}

static void say_hello(int control, int slot, const struct fail *f, int fd)
{
    struct jail_hello h = {.head = JAIL_HEAD(f->why == JAIL_WHY_NONE ? JAIL_READY : JAIL_FAILED, struct jail_hello),
                           .slot = (uint32_t)slot,
                           .why = f->why,
                           .sys_errno = f->sys_errno};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } rights = {.bytes = {0}};
    struct iovec v = {&h, sizeof h};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    h.pid = (uint32_t)syscall(SYS_getpid);
    if (fd >= 0) {
        m.msg_control = &rights;
        m.msg_controllen = sizeof rights;
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
    }
    (void)!sendmsg(control, &m, MSG_NOSIGNAL);
}

/* Asked for again after unshare(CLONE_NEWUSER), which forgets it. */
static int die_with_parent(const struct jail_config *c)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != c->cgroups.owner ? -1 : 0;
}

static int spawner_start(struct spawner *s, struct fail *f)
{
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL))
        return fail_set(f, JAIL_WHY_PROCESS);
    return spawner_ready(s, f) || probe(s, f) ? -1 : 0;
}

void spawner_main(const struct jail_config *c, int slot, int control)
{
    struct fail f = {JAIL_WHY_NONE, 0};
    struct spawner s = {.config = c, .slot = slot, .service = SERVICE};
    int pair[2], hello = fcntl(control, F_DUPFD_CLOEXEC, SERVICE + 1);
    if (hello < 0 || die_with_parent(c) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
        (pair[0] != SERVICE && dup3(pair[0], SERVICE, O_CLOEXEC) < 0))
        _exit(1);
    if (pair[0] != SERVICE)
        close(pair[0]);
    int failed = spawner_start(&s, &f) || die_with_parent(c);
    say_hello(hello, slot, &f, failed ? -1 : pair[1]);
    close(hello);
    close(pair[1]);
    if (!failed)
        serve(&s);
    _exit(failed);
}

int spawner_check(const struct jail_config *c, char *text, size_t max, struct fail *f)
{
    struct spawner s = {.config = c, .slot = JAIL_SPAWNERS_MAX - 1, .service = -1};
    *f = (struct fail){JAIL_WHY_NONE, 0};
    if (spawner_start(&s, f)) {
        report_failure(f, text, max);
        return -1;
    }
    const struct report r = {s.as_root, s.cgroup.mode, landlock_abi(), s.filter.len};
    report_write(&r, text, max);
    return 0;
}
