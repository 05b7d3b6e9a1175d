/* spawn.c -- how long a program takes from fork to its end, or to the first line that says a word.
 *
 *     spawn [-n N] [-i FILE] [-o WORD] [-u WORD] -- PROGRAM ARG...
 *
 * N times (50), one after the other: fork, exec, FILE on its standard input, its standard output read to the end,
 * reaped.
 * "{}" in an argument stands for the number of the run.
 *   -o WORD   its output must contain WORD, or the run counts as failed
 *   -u WORD   measured only until a line with WORD was read; then it gets SIGTERM and has to end with 0
 * Prints one line of JSON with the percentiles, the median of the processor's time and the highest peak of memory; exit
 * 1 when a run failed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "exchange.h"

enum { RUNS_MAX = 10000, ARGS_MAX = 64, OUTPUT_MAX = 1 << 16 };

static struct {
    int runs;
    const char *input, *output, *until;
} opt = {.runs = 50, .input = "/dev/null"};

/* The arguments with the run's number; they belong to the child, which has no need to free them. */
static void number_args(char **from, char **to, int run)
{
    int i = 0;
    for (; from[i] && i < ARGS_MAX - 1; i++) {
        char *at = strstr(from[i], "{}"), *made;
        to[i] = from[i];
        if (at && asprintf(&made, "%.*s%d%s", (int)(at - from[i]), from[i], run, at + 2) >= 0)
            to[i] = made;
    }
    to[i] = NULL;
}

static pid_t start(char **args, int run, int *ret_out)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC))
        stop("pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        stop("fork: %s", strerror(errno));
    if (pid == 0) {
        char *mine[ARGS_MAX];
        int in = open(opt.input, O_RDONLY | O_CLOEXEC), quiet = opt.until ? open("/dev/null", O_WRONLY | O_CLOEXEC) : 2;
        number_args(args, mine, run);
        if (in < 0 || quiet < 0 || dup2(in, 0) < 0 || dup2(fd[1], 1) < 0 || dup2(quiet, 2) < 0)
            _exit(126);
        execvp(mine[0], mine);
        _exit(127);
    }
    close(fd[1]);
    *ret_out = fd[0];
    return pid;
}

/* Microseconds of one run, or -1; *ret_used: what it took of the machine. */
static int64_t run_once(char **args, int run, struct rusage *ret_used)
{
    static char out[OUTPUT_MAX];
    size_t got = 0;
    int status;
    int64_t begun = now_ns(), took = -1;
    OWN_FD int fd = -1;
    pid_t pid = start(args, run, &fd);
    for (ssize_t n; got < sizeof out - 1 && (n = read(fd, out + got, sizeof out - 1 - got)) > 0;) {
        got += (size_t)n;
        out[got] = 0;
        if (opt.until && strstr(out, opt.until)) {
            took = now_ns() - begun;
            kill(pid, SIGTERM);
            break;
        }
    }
    while (wait4(pid, &status, 0, ret_used) < 0 && errno == EINTR)
        ;
    if (!opt.until)
        took = now_ns() - begun;
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && (!opt.output || strstr(out, opt.output));
    return ok && took >= 0 ? took / 1000 : -1;
}

static int64_t us_of(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int main(int argc, char **argv)
{
    int failed = 0, ran = 0;
    for (int o; (o = getopt(argc, argv, "+n:i:o:u:")) != -1;) {
        switch (o) {
        case 'n': opt.runs = number_of(optarg, 1, RUNS_MAX); break;
        case 'i': opt.input = optarg; break;
        case 'o': opt.output = optarg; break;
        case 'u': opt.until = optarg; break;
        default: return 2;
        }
    }
    if (optind >= argc)
        stop("usage: spawn [-n RUNS] [-i FILE] [-o WORD] [-u WORD] -- PROGRAM ARG...");
    OWN_MEM uint32_t *us = calloc((size_t)opt.runs, sizeof *us), *cpu = calloc((size_t)opt.runs, sizeof *cpu);
    long peak = 0;
    if (!us || !cpu)
        stop("out of memory");
    for (int i = 0; i < opt.runs; i++) {
        struct rusage used;
        int64_t took = run_once(argv + optind, i, &used);
        if (took < 0) {
            failed++;
            continue;
        }
        cpu[ran] = (uint32_t)(us_of(used.ru_utime) + us_of(used.ru_stime));
        us[ran++] = (uint32_t)took;
        peak = used.ru_maxrss > peak ? used.ru_maxrss : peak;
    }
    sort_u32(us, (size_t)ran);
    sort_u32(cpu, (size_t)ran);
    printf("{\"runs\":%d,\"failed\":%d,\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"cpu_us\":%u,\"peak_"
           "kib\":%ld}\n",
           opt.runs, failed, percentile(us, (size_t)ran, 0.5), percentile(us, (size_t)ran, 0.9),
           percentile(us, (size_t)ran, 0.99), percentile(us, (size_t)ran, 1), percentile(cpu, (size_t)ran, 0.5), peak);
    return failed != 0;
}
