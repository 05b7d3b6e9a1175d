/* child.c -- from a fresh clone to the stranger's program, every step of it or none, and to its end.
 *
 * The clone is process 1 of its process namespace and stays that: shut in like the program and with nothing but its
 * gate open, it starts the program as process 2, reaps what is orphaned, and says how the program ended. So a program's
 * signals act as everywhere (process 1 would be deaf to abort and alarm). When the program ends, or the spawner asks
 * (SIGTERM), it kills and reaps the rest, so that the time of all of them counts; when it leaves before it got to that,
 * the kernel kills them. What it does with files by the contract FILES it does shut in, too.
 *
 * The order is forced in places: ids before mounts (files in its own tmpfs cannot belong to an id its namespace does
 * not map, EOVERFLOW), mounts before capabilities go, the bounding set before the capabilities that may shrink it, the
 * death signal after the ids (changing them clears it), descriptors after everything that needs one, the filter last.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail_int.h"

enum { GATE = 3 }; /* where the gate ends up: the one descriptor beside the program's three, closed by exec */

/* The spawner lets it through once the id map is written. An end of file means that the spawner is gone. */
static int pass_gate(int gate)
{
    char go;
    return read(gate, &go, 1) == 1 ? 0 : -1;
}

/* The death signal reaches only who asked before the parent died; whoever asked too late sees the gate's end of file.
 */
static int tie_to_spawner(int gate)
{
    struct pollfd p = {gate, POLLIN, 0};
    return prctl(PR_SET_PDEATHSIG, SIGKILL) || poll(&p, 1, 0) != 0 ? -1 : 0;
}

static int become_nobody(struct fail *f)
{
    if (setgroups(0, NULL) && errno != EPERM) /* an ordinary user may not; its groups open nothing in here */
        return fail_set(f, JAIL_WHY_CAPS);
    if (setresgid(CHILD_ID, CHILD_ID, CHILD_ID) || setresuid(CHILD_ID, CHILD_ID, CHILD_ID))
        return fail_set(f, JAIL_WHY_CAPS);
    return 0;
}

static int limit(int what, uint64_t value, struct fail *f)
{
    struct rlimit now;
    if (getrlimit(what, &now))
        return fail_set(f, JAIL_WHY_LIMITS);
    /* SIGXCPU first, which says what it was; SIGKILL a second later for who ignores it */
    rlim_t v = value < now.rlim_max ? value : now.rlim_max, grace = what == RLIMIT_CPU && v < now.rlim_max;
    return setrlimit(what, &(struct rlimit){v, v + grace}) ? fail_set(f, JAIL_WHY_LIMITS) : 0;
}

static int set_limits(const struct jail_request *r, struct fail *f)
{
    const uint64_t mib = 1024 * 1024;
    return limit(RLIMIT_CORE, 0, f) || limit(RLIMIT_NOFILE, 256, f) || limit(RLIMIT_FSIZE, r->tmp_mib * mib, f) ||
           limit(RLIMIT_CPU, (r->cpu_ms + 999) / 1000, f) || limit(RLIMIT_STACK, 8 * mib, f) ||
           limit(RLIMIT_MEMLOCK, 0, f) || limit(RLIMIT_MSGQUEUE, 0, f) || limit(RLIMIT_SIGPENDING, 64, f) ||
           limit(RLIMIT_RTPRIO, 0, f) || limit(RLIMIT_NICE, 0, f) || limit(RLIMIT_NPROC, r->pids + 1, f);
}

static int drop_capabilities(struct fail *f)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    for (int cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
            if (errno == EINVAL)
                break; /* the kernel's last one is behind us */
            return fail_set(f, JAIL_WHY_CAPS);
        }
    const unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || prctl(PR_SET_SECUREBITS, locked) ||
        syscall(SYS_capset, &h, none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fail_set(f, JAIL_WHY_CAPS);
    return 0;
}

/* stdin, stdout, stderr, the gate: nothing else, and the gate goes at exec. The program must not find the gate's other
 * end either, so that was closed first. */
static int keep_four_descriptors(const struct child_plan *p, int *gate)
{
    for (int i = 0; i < 3; i++)
        if (dup2(p->fds[i], i) < 0)
            return -1;
    if (dup3(*gate, GATE, O_CLOEXEC) < 0)
        return -1;
    *gate = GATE;
    return close_range(GATE + 1, ~0u, 0);
}

static int shut_in(const struct child_plan *p, int *gate, struct fail *f)
{
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) || setsid() < 0 || sethostname("model", 5))
        return fail_set(f, JAIL_WHY_PROCESS);
    if (become_nobody(f) || mounts_enter(p->image_fd, p->model_fd, p->request->tmp_mib, f) ||
        set_limits(p->request, f) || drop_capabilities(f) || landlock_enter(f))
        return -1;
    umask(0077);
    if (chdir("/model") || tie_to_spawner(*gate) || (!p->probe && keep_four_descriptors(p, gate)))
        return fail_set(f, JAIL_WHY_PROCESS);
    return filter_install(p->filter) ? fail_set(f, JAIL_WHY_SECCOMP) : 0;
}

/* By FILES, stdin is nothing, and what is said on stdout joins stderr: the answer is a file. */
static int turn_from_pipes(void)
{
    int null = open("/dev/null", O_RDONLY);
    return null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0 ? -1 : 0;
}

static void become_program(const struct jail_request *r)
{
    char key[16 + sizeof r->model_key], version[16 + sizeof r->model_version];
    char *argv[JAIL_ARGS_MAX + 1] = {NULL};
    const char *at = r->args;
    for (uint32_t i = 0; i < r->argc; i++, at += strlen(at) + 1)
        argv[i] = (char *)(uintptr_t)at;
    snprintf(key, sizeof key, "LAZARET_MODEL=%s", r->model_key);
    snprintf(version, sizeof version, "LAZARET_VERSION=%s", r->model_version);
    char *env[] = {"LAZARET=1", key,           version, "LANG=C.UTF-8", "TZ=UTC", "PATH=/usr/bin:/bin",
                   "HOME=/tmp", "TMPDIR=/tmp", NULL, NULL, NULL};
    if (r->contract == JAIL_FILES) {
        env[8] = "LAZARET_INPUT=" JAIL_INPUT;
        env[9] = "LAZARET_OUTPUT=" JAIL_OUTPUT;
        if (turn_from_pipes())
            return;
    }
    execve(argv[0], argv, env);
}

/* vfork: no page is copied, and what the new process writes into *f before it fails is ours to read. Only where no
 * control group holds memory is the address space limited: a runtime may reserve much and use little. */
static pid_t start_program(const struct child_plan *p, struct fail *f)
{
    pid_t pid = vfork(); /* tidy: allow (posix_spawn cannot set a limit in between) */
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (p->memory_is_hard || !limit(RLIMIT_AS, (uint64_t)p->request->memory_mib << 20, f)) {
            become_program(p->request);
            fail_set(f, JAIL_WHY_PROGRAM);
        }
        _exit(127);
    }
    if (pid < 0)
        fail_set(f, JAIL_WHY_PROCESS);
    return pid;
}

static void end_rest(void)
{
    kill(-1, SIGKILL);
    while (wait4(-1, NULL, __WALL, NULL) > 0 || errno == EINTR)
        ;
}

/* SIGCHLD and SIGTERM are blocked. A signal that came from outside has no sender that could be named in here. */
static int await_program(pid_t program, const sigset_t *blocked)
{
    int status = 0;
    siginfo_t info;
    for (;;) {
        pid_t pid = wait4(-1, &status, WNOHANG, NULL);
        if (pid == program)
            break;
        if (pid < 0 && errno != EINTR)
            _exit(125);
        if (pid == 0 && sigtimedwait(blocked, &info, NULL) == SIGTERM && info.si_pid == 0)
            break;
    }
    end_rest();
    return status;
}

static int copy(int from, int to)
{
    static char buf[16384];
    ssize_t n;
    while ((n = read(from, buf, sizeof buf)) != 0)
        for (ssize_t at = 0, put; at < n || n < 0; at += put)
            if (n < 0 || (put = write(to, buf + at, (size_t)(n - at))) < 0)
                return -1;
    return 0;
}

static int take_input(struct fail *f)
{
    int fd = mkdir("/tmp/in", 0755) || mkdir("/tmp/out", 0755) ? -1
                                                               : open(JAIL_INPUT, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int failed = fd < 0 || copy(0, fd);
    if (fd >= 0)
        close(fd);
    return failed ? fail_set(f, JAIL_WHY_INPUT) : 0;
}

/* Whatever the program put there: only what is a file is read, and that much of it as the worker takes. */
static void give_output(void)
{
    struct stat st;
    int fd = open(JAIL_OUTPUT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
        (void)copy(fd, 1);
}

/* The gate carries a struct fail or the program's wait status, told apart by size. By write, because the filter knows
 * no send; that nobody listens is no reason to stay. */
_Noreturn static void say(int gate, const void *p, size_t n)
{
    (void)!write(gate, p, n);
    _exit(0);
}

void child_main(const struct child_plan *p)
{
    struct fail f = {JAIL_WHY_NONE, 0};
    int gate = p->gate_fd, status = 0;
    bool files = p->request->contract == JAIL_FILES;
    sigset_t blocked;
    close(p->spawner_fd);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || pass_gate(gate))
        _exit(126);
    if (shut_in(p, &gate, &f))
        say(gate, &f, sizeof f);
    if (!p->probe) {
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGCHLD);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        pid_t program = files && take_input(&f) ? -1 : start_program(p, &f);
        if (f.why != JAIL_WHY_NONE)
            say(gate, &f, sizeof f);
        if (!files)
            close_range(0, 2, 0);
        status = await_program(program, &blocked);
        if (files && status == 0)
            give_output();
    }
    say(gate, &status, sizeof status);
}
