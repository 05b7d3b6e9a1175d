/* jail.c -- what a fresh sandbox costs: the same static program, the same 4 KiB of input, by plain posix_spawn, by fork
 * and exec, by sandbox_run, and by bubblewrap and crun where they are installed; interleaved in one run, so that all
 * see the same machine. From before the start to the answer read to its end and the process reaped.
 *
 *     jail LAZARET_JAIL MODEL [N]                 prints a table and the ratios of the medians */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "sandbox/sandbox.h"

#define DIGEST "00000000000000000000000000000000000000000000000000000000000000aa"
enum { INPUT = 4096, N_MAX = 20000, TOOLS_EVERY = 10 /* the slow ones run for each tenth round */ };

static char dir[64], model[512], root[128], input[INPUT];
static struct sandbox *sandbox;

struct series {
    const char *name;
    int (*once)(void);
    int every, n;
    bool waits; /* until a program waits */
    int64_t us[N_MAX];
};

/* Feeds a started process, reads its answer to the end, reaps it. */
static int converse(pid_t pid, int in, int out)
{
    char buf[4096];
    ssize_t n, got = 0;
    int status;
    if (write(in, input, INPUT) != INPUT)
        return -1;
    close(in);
    while ((n = read(out, buf, sizeof buf)) > 0)
        got += n;
    close(out);
    return waitpid(pid, &status, 0) == pid && status == 0 && got > 0 ? 0 : -1;
}

static int by_spawn(char *const argv[])
{
    int in[2], out[2];
    pid_t pid;
    posix_spawn_file_actions_t f;
    char *env[] = {NULL};
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return -1;
    posix_spawn_file_actions_init(&f);
    posix_spawn_file_actions_adddup2(&f, in[0], 0);
    posix_spawn_file_actions_adddup2(&f, out[1], 1);
    int rc = posix_spawn(&pid, argv[0], &f, NULL, argv, env);
    posix_spawn_file_actions_destroy(&f);
    close(in[0]);
    close(out[1]);
    return rc ? -1 : converse(pid, in[1], out[0]);
}

static int once_spawn(void)
{
    return by_spawn((char *[]){model, NULL});
}

static int once_fork(void)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl(model, model, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return pid < 0 ? -1 : converse(pid, in[1], out[0]);
}

static int run_sandbox(uint32_t ahead_ms)
{
    struct err e;
    struct sandbox_out out;
    struct slice argv[] = {SLICE("/model/model")};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct sandbox_spec spec = {.image = SLICE("none"),
                                .model = SLICE(DIGEST),
                                .argv = argv,
                                .argc = 1,
                                .input = {input, INPUT},
                                .ahead_ms = ahead_ms,
                                .max = {5000, 5000, 64, 16, 4, 64}};
    if (sandbox_run(sandbox, &spec, -1, a, &out, &e)) {
        fprintf(stderr, "%s\n", e.detail);
        return -1;
    }
    return out.how == SANDBOX_EXITED && out.exit_code == 0 && out.output.n > 0 ? 0 : -1;
}

static int once_sandbox(void)
{
    return run_sandbox(0);
}

static int once_ahead(void)
{
    return run_sandbox(1000);
}

static int once_bwrap(void)
{
    char *argv[] = {
        "/usr/bin/bwrap", "--unshare-all", "--ro-bind",         root,           "/", "--dev", "/dev", "--tmpfs",
        "/tmp",           "--new-session", "--die-with-parent", "/model/model", NULL};
    return by_spawn(argv);
}

static int once_crun(void)
{
    static int count;
    static char id[32], bundle[96];
    snprintf(id, sizeof id, "lazaret-bench-%d-%d", (int)getpid(), ++count);
    snprintf(bundle, sizeof bundle, "%s/bundle", dir);
    char *argv[] = {"/usr/bin/crun", "--cgroup-manager=disabled", "run", "--bundle", bundle, id, NULL};
    return by_spawn(argv);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t at(struct series *s, double part)
{
    return s->us[(int)((s->n - 1) * part)];
}

static int measure(struct series *s, int round)
{
    if (!s->every || round % s->every || s->n == N_MAX)
        return 0;
    for (int i = 0; s->waits && i < 500 && metric_value[METRIC_READY] < 1; i++)
        usleep(1000);
    int64_t start = clock_mono_us();
    if (s->once()) {
        fprintf(stderr, "%s: a run failed, left out\n", s->name);
        s->every = 0;
        return -1;
    }
    s->us[s->n++] = clock_mono_us() - start;
    return 0;
}

static void print(struct series *s, int64_t floor)
{
    if (!s->n)
        return;
    qsort(s->us, (size_t)s->n, sizeof s->us[0], by_size);
    printf("%-14s n=%-6d min %6.3f  p50 %6.3f  p90 %6.3f  p99 %6.3f ms", s->name, s->n, (double)at(s, 0) / 1e3,
           (double)at(s, .5) / 1e3, (double)at(s, .9) / 1e3, (double)at(s, .99) / 1e3);
    if (floor)
        printf("   %+6.3f ms, %.2f x fork+exec", (double)(at(s, .5) - floor) / 1e3, (double)at(s, .5) / (double)floor);
    putchar('\n');
}

static int copy_file(const char *from, const char *to)
{
    static char buf[1 << 16];
    OWN_FD int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    for (ssize_t n; (n = read(in, buf, sizeof buf)) != 0;)
        if (n < 0 || write(out, buf, (size_t)n) != n)
            return -1;
    return close(TAKE_FD(out)) || chmod(to, 0755);
}

static const char *const folders[] = {
    "images", "images/none", "images/none/dev", "images/none/tmp", "images/none/model", "models", ("models/" DIGEST),
    "root",   "root/dev",    "root/tmp",        "root/proc",       "root/model",        "bundle"};

static int make_folders(const char *program)
{
    char path[256];
    snprintf(dir, sizeof dir, "/tmp/lazaret-bench-XXXXXX");
    if (!mkdtemp(dir) || chmod(dir, 0755))
        return -1;
    for (size_t i = 0; i < COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        if (mkdir(path, 0755))
            return -1;
    }
    snprintf(root, sizeof root, "%s/root", dir);
    snprintf(model, sizeof model, "%s/models/" DIGEST "/model", dir);
    snprintf(path, sizeof path, "%s/root/model/model", dir);
    return copy_file(program, model) || copy_file(program, path);
}

/* The bundle crun wants: the same root, no terminal, the namespaces its own default names. */
static int make_bundle(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/bundle/config.json", dir);
    OWN_FILE FILE *f = fopen(path, "we");
    return f && fprintf(f,
                        "{\"ociVersion\":\"1.0.0\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
                        "\"args\":[\"/model/model\"],\"env\":[],\"cwd\":\"/\",\"noNewPrivileges\":true},"
                        "\"root\":{\"path\":\"%s\",\"readonly\":true},\"hostname\":\"model\","
                        "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
                        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\"]}],"
                        "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},"
                        "{\"type\":\"uts\"},{\"type\":\"mount\"}]}}",
                        root) > 0
               ? 0
               : -1;
}

static void remove_folders(void)
{
    char path[256];
    static const char *const file[] = {"models/" DIGEST "/model", "root/model/model", "bundle/config.json"};
    for (size_t i = 0; i < COUNT(file); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, file[i]);
        unlink(path);
    }
    for (size_t i = COUNT(folders); i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        rmdir(path);
    }
    rmdir(dir);
}

/* crun refuses machines with both kinds of control groups; in a mount namespace of our own the new are put away. */
static void put_unified_away(void)
{
    if (geteuid() == 0 && !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        (void)umount2("/sys/fs/cgroup/unified", MNT_DETACH);
}

int main(int argc, char **argv)
{
    static struct series series[] = {
        {"posix_spawn", once_spawn, 1, 0, false, {0}},   {"fork+exec", once_fork, 1, 0, false, {0}},
        {"sandbox_run", once_sandbox, 1, 0, false, {0}}, {"bwrap", once_bwrap, 0, 0, false, {0}},
        {"crun", once_crun, 0, 0, false, {0}},           {"started_ahead", once_ahead, 1, 0, true, {0}}};
    struct err e = {.code = ERR_NONE};
    int64_t rounds = 1000;
    if (argc < 3 || (argc > 3 && !slice_int(slice_of(argv[3]), 1, N_MAX, &rounds)) || make_folders(argv[2]) ||
        make_bundle())
        return fprintf(stderr, "usage: jail LAZARET_JAIL MODEL [N]\n"), 2;
    put_unified_away();
    char images[96], models[96];
    snprintf(images, sizeof images, "%s/images", dir);
    snprintf(models, sizeof models, "%s/models", dir);
    const struct sandbox_config c = {.jail = argv[1], .images = images, .models = models, .spawners = 1, .ready = 1};
    if (sandbox_open(&c, &sandbox, &e) ||
        sandbox_keep_ready(sandbox, &(struct sandbox_ahead){1024, 600000, SANDBOX_LIFE_MS}, &e))
        return fprintf(stderr, "%s\n", e.detail), remove_folders(), 1;
    series[3].every = access("/usr/bin/bwrap", X_OK) ? 0 : TOOLS_EVERY;
    series[4].every = access("/usr/bin/crun", X_OK) || geteuid() ? 0 : TOOLS_EVERY;
    for (int i = 0; i < (int)rounds; i++)
        for (size_t k = 0; k < COUNT(series); k++)
            measure(&series[k], i);
    sandbox_close(sandbox);
    qsort(series[1].us, (size_t)series[1].n, sizeof(int64_t), by_size);
    for (size_t k = 0; k < COUNT(series); k++)
        print(&series[k], series[1].n ? at(&series[1], .5) : 0);
    remove_folders();
    return 0;
}
