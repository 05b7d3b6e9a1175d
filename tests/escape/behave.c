/* behave.c -- a model that behaves as its first argument says; for the tests of how a run ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static long number; /* the second argument */
static char block[1 << 16];

static int leave(void) { return (int)number; }
static int die_by_abort(void) { abort(); }
static int die_by_fault(void) { return *(volatile int *)number; }
static int die_by_signal(void) { return kill(getpid(), (int)number); }
static int die_by_alarm(void)
{
    alarm(1);
    return pause();
}
static int spin(void)
{
    volatile unsigned long i = 1;
    while (i)
        i |= 1;
    return 0;
}
static int sleep_long(void)
{
    while (pause() < 0)
        ;
    return 0;
}
static int ignore_signals(void)
{
    for (int s = 1; s < 64; s++)
        signal(s, SIG_IGN);
    return sleep_long();
}
static int close_and_sleep(void)
{
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    return sleep_long();
}
static int stop_itself(void)
{
    raise(SIGSTOP);
    return sleep_long();
}
static int fork_and_spin(void)
{
    while (number-- > 0 && fork() != 0)
        ;
    return spin();
}
static int touch_memory(void)
{
    size_t n = (size_t)number << 20;
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 9;
    for (size_t i = 0; i < n; i += 4096)
        p[i] = 1;
    return 0;
}
static int reserve_memory(void)
{
    size_t n = (size_t)number << 20;
    return mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED ? 9 : 0;
}
static int put(int fd, long n)
{
    memset(block, 'o', sizeof block);
    while (n > 0) {
        ssize_t k = write(fd, block, n < (long)sizeof block ? (size_t)n : sizeof block);
        if (k <= 0)
            return 1;
        n -= k;
    }
    return 0;
}
static int put_output(void) { return put(1, number); }
static int put_errors(void) { return put(2, number) || write(1, "done\n", 5) != 5; }
static int echo(void)
{
    for (ssize_t n; (n = read(0, block, sizeof block)) > 0;)
        for (ssize_t at = 0, k; at < n; at += k)
            if ((k = write(1, block + at, (size_t)(n - at))) <= 0)
                return 1;
    return 0;
}
static int read_nothing(void) { return printf("{\"output\":{}}\n") < 0; }
static int print_environment(void)
{
    for (char **e = environ; *e; e++)
        puts(*e);
    return 0;
}
static int print_folder(void) { return getcwd(block, sizeof block) ? puts(block) < 0 : 1; }
static int print_ids(void)
{
    printf("uid %d gid %d pid %d parent %d umask %o\n", (int)getuid(), (int)getgid(), (int)getpid(), (int)getppid(),
           (unsigned)0);
    return 0;
}
static int count_files(void)
{
    FILE *f = fopen("/tmp/left", "r");
    if (f)
        return 1;
    f = fopen("/tmp/left", "w");
    return !f || fclose(f);
}
static int echo_and_mark(void) { return echo() || count_files(); }
static int spin_and_echo(void)
{
    for (clock_t end = clock() + number * (CLOCKS_PER_SEC / 1000); clock() < end;)
        ;
    return echo();
}
/* By the contract `files`: the answer is what was asked, with what is on stdin behind it, which is nothing. */
static int answer_by_file(const char *input, const char *output)
{
    FILE *in = fopen(input, "r"), *out = fopen(output, "w");
    if (!in || !out)
        return 1;
    for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
        fwrite(block, 1, n, out);
    for (ssize_t n; (n = read(0, block, sizeof block)) > 0;)
        fwrite(block, 1, (size_t)n, out);
    return puts("said on stdout") < 0 || fclose(out);
}
static int by_file(void) { return answer_by_file(getenv("LAZARET_INPUT"), getenv("LAZARET_OUTPUT")); }
static int by_file_badly(void) { return by_file() ? 1 : 7; }
static int by_link(void) { return symlink("/dev/zero", getenv("LAZARET_OUTPUT")); }
static int by_folder(void) { return mkdir(getenv("LAZARET_OUTPUT"), 0755); }
static int by_much(void)
{
    FILE *out = fopen(getenv("LAZARET_OUTPUT"), "w");
    return !out || ftruncate(fileno(out), number) || fclose(out);
}
static int leave_spinning(void)
{
    if (fork() == 0)
        spin();
    for (clock_t end = clock() + number * (CLOCKS_PER_SEC / 1000); clock() < end;)
        ;
    return 0;
}
/* Serves line after line; what a line says, it does besides. */
static int serve(void)
{
    char line[256];
    for (int n = 1; fgets(line, sizeof line, stdin); n++) {
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "die"))
            return die_by_abort();
        if (!strcmp(line, "sleep"))
            sleep_long();
        if (!strcmp(line, "late"))
            usleep(200 * 1000);
        fprintf(stderr, "line %d was %s\n", n, line);
        printf("%s %d\n", line, n);
        fflush(stdout);
        if (!strcmp(line, "end"))
            return 0;
        if (!strcmp(line, "more")) {
            usleep(100 * 1000);
            printf("and more\n");
            fflush(stdout);
        }
    }
    return 0;
}
static int orphan(void)
{
    if (fork() == 0) {
        if (fork() == 0)
            sleep_long();
        _exit(0);
    }
    wait(NULL);
    return 0;
}

static const struct {
    const char *name;
    int (*act)(void);
} table[] = {{"exit", leave},
             {"abort", die_by_abort},
             {"fault", die_by_fault},
             {"signal", die_by_signal},
             {"alarm", die_by_alarm},
             {"spin", spin},
             {"sleep", sleep_long},
             {"ignore", ignore_signals},
             {"close", close_and_sleep},
             {"stop", stop_itself},
             {"forks", fork_and_spin},
             {"touch", touch_memory},
             {"reserve", reserve_memory},
             {"output", put_output},
             {"errors", put_errors},
             {"echo", echo},
             {"unread", read_nothing},
             {"environment", print_environment},
             {"folder", print_folder},
             {"ids", print_ids},
             {"left", count_files},
             {"mark", echo_and_mark},
             {"prepare", spin_and_echo},
             {"file", by_file},
             {"file-bad", by_file_badly},
             {"file-link", by_link},
             {"file-folder", by_folder},
             {"file-much", by_much},
             {"spinning", leave_spinning},
             {"serve", serve},
             {"orphan", orphan}};

int main(int argc, char **argv)
{
    number = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (size_t i = 0; argc > 1 && i < sizeof table / sizeof table[0]; i++)
        if (!strcmp(argv[1], table[i].name))
            return table[i].act();
    return 99;
}
