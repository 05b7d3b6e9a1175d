/* test_escape.c -- every attempt of attempts.def: it must succeed as a plain process of the worker's user, and fail as
 * a model. One that fails outside counts for nothing, and is a failure of the test unless attempts.def excuses it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "place.h"

enum judged { EXIT, HARD, VICTIM, SURVIVOR, SECOND, BESIDE };

enum { LEAST = 40 }; /* attempts that have to count */

static const struct attempt {
    const char *name;
    enum judged judged;
    const char *excuse[2]; /* as root, as an ordinary user */
} attempts[] = {
#define ATTEMPT(name, function, judged, root, user) {name, judged, {root, user}},
#include "attempts.def"
#undef ATTEMPT
};

/* What the attempts are after. */
static struct place place;
static struct sandbox *sandbox;
static pid_t victim;
static int leaked, listeners[2];
static char known[8] = "secret!";
static char arg[9][128]; /* pid, descriptor, address, secret's path, port, abstract name, scratch, mark, spawner's pid */

static int fail(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static void start_victim(void)
{
    victim = fork();
    if (victim == 0)
        for (;;)
            pause();
}

static void stop_victim(void)
{
    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
}

static bool victim_lives(void) { return waitpid(victim, NULL, WNOHANG) == 0; }

static int listen_loopback(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 4) || getsockname(fd, (struct sockaddr *)&a, &n))
        fail("a listener on loopback");
    snprintf(arg[4], sizeof arg[4], "%d", ntohs(a.sin_port));
    return fd;
}

static int listen_abstract(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(arg[5], sizeof arg[5], "lazaret-test-%d", (int)getpid());
    memcpy(a.sun_path + 1, arg[5], strlen(arg[5]));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(arg[5]))) ||
        listen(fd, 4))
        fail("an abstract socket");
    return fd;
}

static void lay_out(void)
{
    snprintf(arg[3], sizeof arg[3], "%s/secret", place.dir);
    /* A careless library's descriptor, without O_CLOEXEC; high, where nothing of the jail's falls on it by chance. */
    OWN_FD int fd = open(arg[3], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    leaked = fcntl(fd, F_DUPFD, 100);
    if (leaked < 0 || write(leaked, known, sizeof known) != (ssize_t)sizeof known)
        fail(arg[3]);
    setenv("LAZARET_TEST_SECRET", "x", 1);
    start_victim();
    listeners[0] = listen_loopback();
    listeners[1] = listen_abstract();
    snprintf(arg[0], sizeof arg[0], "%d", (int)victim);
    snprintf(arg[1], sizeof arg[1], "%d", leaked);
    snprintf(arg[2], sizeof arg[2], "%lx", (unsigned long)known);
    snprintf(arg[6], sizeof arg[6], "%s", place.scratch);
    snprintf(arg[7], sizeof arg[7], "lzesc-%d", (int)getpid());
}

/* --- outside --- */

static void become_attempt(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/model", place.model);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    close(null);
    alarm(30);
    execl(path, path, name, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5], arg[6], arg[7], arg[8], (char *)NULL);
    _exit(2);
}

static bool plain_run(const char *name)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        become_attempt(name);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* kill(-1) reaches everything its caller may see, so outside it is let loose in a process namespace of its own, on a
 * bystander there. Runs as process 1 of it. */
static void sacrifice(const char *name)
{
    pid_t bystander = fork();
    if (bystander == 0)
        for (;;)
            pause();
    pid_t pid = fork();
    if (pid == 0)
        become_attempt(name);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 200; i++, usleep(5000))
        if (waitpid(bystander, NULL, WNOHANG) == bystander)
            _exit(0);
    _exit(1);
}

static bool run_with_bystander(const char *name)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWPID | (place.as_root ? 0 : CLONE_NEWUSER)))
            _exit(2);
        pid_t first = fork();
        if (first == 0)
            sacrifice(name);
        _exit(waitpid(first, &status, 0) == first && status == 0 ? 0 : 1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool survives(void)
{
    pid_t pid = 0;
    if (place_named(arg[7], &pid) == 0)
        return false;
    kill(pid, SIGKILL);
    return true;
}

/* What an attempt might have changed of the model's folder outside is as before. */
static void reset_page(void)
{
    char path[256];
    const struct timespec t[2] = {{1000000, 0}, {1000000, 0}};
    snprintf(path, sizeof path, "%s/page", place.model);
    if (utimensat(AT_FDCWD, path, t, 0))
        fail(path);
}

/* One starts while the other is at work. */
struct beside {
    bool (*run)(const char *name);
    const char *name;
    bool got;
};

static void *run_beside(void *ctx)
{
    struct beside *b = ctx;
    b->got = b->run(b->name);
    arena_thread_end();
    return NULL;
}

static bool two_at_once(bool (*run)(const char *name), const char *name)
{
    struct beside first = {run, name, false};
    pthread_t t;
    if (pthread_create(&t, NULL, run_beside, &first))
        fail("a thread");
    usleep(500000);
    bool got = run(name);
    pthread_join(t, NULL);
    return got || first.got;
}

static bool outside(const struct attempt *x)
{
    reset_page();
    if (x->judged == BESIDE)
        return two_at_once(plain_run, x->name);
    bool got = x->judged == VICTIM ? run_with_bystander(x->name) : plain_run(x->name);
    if (x->judged == SECOND)
        got = plain_run(x->name);
    return x->judged == SURVIVOR ? survives() : got;
}

/* --- inside --- */

/* Runs the attempt as a model: whether it exited 0; `said` describes the end. */
static bool model_run(const char *name, char *said, size_t max)
{
    static const char *const how[] = {"exited",          "crashed", "timeout",  "out of memory",
                                      "too much output", "refused", "cancelled"};
    struct err e;
    struct sandbox_out out;
    struct slice argv[16];
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct sandbox_spec spec =
        place_spec(&place, argv, name, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5], arg[6], arg[7], arg[8], NULL);
    if (sandbox_run(sandbox, &spec, -1, a, &out, &e))
        fail(e.detail);
    if (out.how == SANDBOX_REFUSED || (out.how == SANDBOX_EXITED && out.exit_code == 2))
        fail(name);
    snprintf(said, max, "%s %d", how[out.how], out.how == SANDBOX_CRASHED ? out.signal : out.exit_code);
    return out.how == SANDBOX_EXITED && out.exit_code == 0;
}

static bool model_run_silent(const char *name)
{
    char said[64];
    return model_run(name, said, sizeof said);
}

static bool inside(const struct attempt *x, char *said, size_t max)
{
    reset_page();
    if (x->judged == BESIDE) {
        snprintf(said, max, "neither sees the other");
        return two_at_once(model_run_silent, x->name);
    }
    bool got = model_run(x->name, said, max);
    if (x->judged == SECOND)
        got = model_run(x->name, said, max);
    if (x->judged == SURVIVOR)
        got = survives();
    return (x->judged != VICTIM && got) || !victim_lives();
}

static bool memory_is_hard(void)
{
    struct err e;
    struct slice json;
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    if (sandbox_describe(sandbox, a, &json, &e))
        fail(e.detail);
    return strstr(json.p, "\"what\":\"memory\",\"holds\":true") != NULL;
}

/* Adds to *n when it counts. A plain remark else: neither passed nor failed. */
static int judge(int *n, const struct attempt *x, bool hard)
{
    char said[64] = "";
    const char *excuse = x->excuse[!place.as_root];
    bool out = outside(x), in = inside(x, said, sizeof said);
    if (x->judged == HARD && !hard) /* it runs all the same: it must hurt nobody else */
        return printf("# %s counts for nothing: memory is limited softly here\n", x->name), 0;
    if (!in && !out && *excuse)
        return printf("# %s counts for nothing, it fails outside as well: %s\n", x->name, excuse), 0;
    if (in)
        return printf("not ok %d - %s succeeded in the sandbox\n", ++*n, x->name), 1;
    if (!out)
        return printf("not ok %d - %s does not even succeed outside\n", ++*n, x->name), 1;
    return printf("ok %d - %s succeeds outside, in the sandbox: %s\n", ++*n, x->name, said), 0;
}

int main(int argc, char **argv)
{
    struct err e;
    char said[64];
    pid_t jail = 0, spawner = 0;
    int failed = 0, n = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    place_make(&place, argc, argv);
    lay_out();
    if (place_open(&place, 2, &sandbox, &e))
        fail(e.detail);
    if (place_children(getpid(), "lazaret-jail", &jail, 1) != 1 || place_children(jail, "lazaret-jail", &spawner, 1) != 2)
        fail("the jail's processes");
    snprintf(arg[8], sizeof arg[8], "%d", (int)spawner);
    if (!model_run("nothing", said, sizeof said))
        fail("the sandbox does not run the program at all");
    printf("# as %s\n", place.as_root ? "root" : "an ordinary user");
    bool hard = memory_is_hard();
    for (size_t i = 0; i < COUNT(attempts); i++)
        failed += judge(&n, &attempts[i], hard);
    sandbox_close(sandbox);
    stop_victim();
    close(leaked);
    close(listeners[0]);
    close(listeners[1]);
    int groups = place_groups(jail), left = place_end(&place) + groups;
    printf("%sok %d - nothing is left behind: processes, mounts, descriptors, control groups (%d)\n",
           left ? "not " : "", n + 1, groups);
    printf("%sok %d - at least %d attempts count: %d\n", n < LEAST ? "not " : "", n + 2, LEAST, n);
    printf("1..%d\n# %d of %zu attempts count\n", n + 2, n, COUNT(attempts));
    arena_thread_end();
    return failed || left || n < LEAST;
}
