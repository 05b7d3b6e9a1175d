/* main.c -- lazaret-jail: runs strangers' programs for one worker process.
 *
 *     lazaret-jail --images DIR --models DIR --spawners N     with the control socket as descriptor 3
 *     lazaret-jail --images DIR --models DIR --check          says as JSON what protects a run; exit 1: nothing can run
 *
 * The main process only starts spawners, restarts one that dies, reaps, and at the end of its control socket (or
 * SIGTERM) kills what is left and removes the control groups. It is a subreaper: a model whose spawner was killed dies
 * with it and is reaped here. It opens no file for anybody and reads no message. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jail/jail_int.h"

enum { CONTROL = 3, RESTART_MS = 200 };

struct jail {
    struct jail_config config;
    pid_t spawner[JAIL_SPAWNERS_MAX]; /* 0: to be started */
    int64_t started_ms[JAIL_SPAWNERS_MAX];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int usage(void)
{
    fputs("usage: lazaret-jail --images DIR --models DIR (--spawners N | --check)\n", stderr);
    return 2;
}

static int read_args(int argc, char **argv, struct jail_config *c, bool *check)
{
    char *images = NULL, *models = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--check"))
            *check = true;
        else if (i + 1 == argc)
            return -1;
        else if (!strcmp(argv[i], "--images"))
            images = argv[++i];
        else if (!strcmp(argv[i], "--models"))
            models = argv[++i];
        else if (!strcmp(argv[i], "--spawners"))
            c->spawners = (int)strtol(argv[++i], NULL, 10); /* 0 for what is no number, and refused */
        else
            return -1;
    }
    if (!images || !models || (!*check && (c->spawners < 1 || c->spawners >= JAIL_SPAWNERS_MAX)))
        return -1;
    c->images = realpath(images, NULL);
    c->models = realpath(models, NULL);
    return 0;
}

static void start_spawner(struct jail *j, int slot)
{
    pid_t pid = fork();
    if (pid == 0)
        spawner_main(&j->config, slot, CONTROL);
    if (pid > 0)
        j->spawner[slot] = pid;
    j->started_ms[slot] = now_ms();
}

static void reap(struct jail *j)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (int i = 0; i < j->config.spawners; i++)
            if (j->spawner[i] == pid)
                j->spawner[i] = 0;
}

/* Starts what is missing, each at most every RESTART_MS: one that cannot come up must not take the machine with it.
 * Answers how long to sleep before looking again, -1: until something happens. */
static int start_missing(struct jail *j)
{
    int again = -1;
    for (int i = 0; i < j->config.spawners; i++) {
        if (!j->spawner[i] && (!j->started_ms[i] || now_ms() - j->started_ms[i] >= RESTART_MS))
            start_spawner(j, i);
        if (!j->spawner[i])
            again = RESTART_MS;
    }
    return again;
}

/* Does the worker still hold the other end? It never sends anything. */
static bool worker_there(int timeout_ms)
{
    struct pollfd p = {CONTROL, POLLIN, 0};
    return poll(&p, 1, timeout_ms) == 0;
}

static void run(struct jail *j, int signals)
{
    struct signalfd_siginfo s;
    struct pollfd p[2] = {{CONTROL, POLLIN, 0}, {signals, POLLIN, 0}};
    for (int timeout = start_missing(j);;) {
        if (poll(p, 2, timeout) < 0 && errno != EINTR)
            return;
        if (p[0].revents)
            return;
        while (p[1].revents && read(signals, &s, sizeof s) == (ssize_t)sizeof s)
            if (s.ssi_signo != SIGCHLD)
                return;
        reap(j);
        /* A spawner that ended is most often the worker's own end, seen first here. */
        if (!worker_there(1))
            return;
        timeout = start_missing(j);
    }
}

/* SIGKILL for the spawners is SIGKILL for their models (PDEATHSIG); as a subreaper we see them all go. */
static void stop(struct jail *j)
{
    for (int i = 0; i < j->config.spawners; i++)
        if (j->spawner[i] > 0)
            kill(j->spawner[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    for (int i = 0; i < j->config.spawners; i++)
        cgroup_remove(&j->config.cgroups, i);
}

/* Descriptors 0 to 2 are taken, so that no pipe of a run becomes one of them by chance. */
static int take_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (fd <= 2)
        if ((fd = dup(fd)) < 0)
            return -1;
    return close(fd);
}

static int check_main(const struct jail_config *c)
{
    static char text[JAIL_TEXT];
    struct fail f = {JAIL_WHY_FOLDERS, ENOENT};
    int status = 1;
    if (!c->images || !c->models)
        report_failure(&f, text, sizeof text);
    else
        status = spawner_check(c, text, sizeof text, &f) ? 1 : 0;
    fputs(text, stdout);
    return status;
}

/* The control group is left behind by a process that sits in it, so the check itself is done by a child. */
static int check(struct jail_config *c)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        status = check_main(c);
        fflush(stdout);
        _exit(status);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    cgroup_remove(&c->cgroups, JAIL_SPAWNERS_MAX - 1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int say_no_folders(void)
{
    const struct jail_hello h = {
        .head = JAIL_HEAD(JAIL_FAILED, struct jail_hello), .why = JAIL_WHY_FOLDERS, .sys_errno = (uint32_t)errno};
    (void)!write(CONTROL, &h, sizeof h);
    return 1;
}

int main(int argc, char **argv)
{
    static struct jail j;
    bool only_check = false;
    sigset_t set;
    if (read_args(argc, argv, &j.config, &only_check))
        return usage();
    if (take_standard_descriptors() || setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}))
        return perror("lazaret-jail: /dev/null"), 1;
    cgroup_find(&j.config.cgroups);
    cgroup_sweep(&j.config.cgroups);
    if (only_check)
        return check(&j.config);
    if (fcntl(CONTROL, F_SETFD, FD_CLOEXEC))
        return usage();
    if (!j.config.images || !j.config.models)
        return say_no_folders();
    (void)setsid(); /* a terminal's Ctrl-C is for the worker, which ends us in order */
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1))
        return 1;
    run(&j, signals);
    stop(&j);
    return 0;
}
