#include "base/fault.h"

#ifdef LAZARET_FAULTS
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_long seen[FAULT_KINDS], at[FAULT_KINDS];
static atomic_int stays[FAULT_KINDS];

int fault_hit(enum fault kind)
{
    long n = atomic_load_explicit(&at[kind], memory_order_relaxed);
    long k = atomic_fetch_add_explicit(&seen[kind], 1, memory_order_relaxed) + 1;
    return n && (k == n || (k > n && stays[kind]));
}

void fault_arm(enum fault kind, long n, int sticky)
{
    seen[kind] = 0;
    stays[kind] = sticky;
    at[kind] = n;
}

long fault_count(enum fault kind)
{
    return seen[kind];
}

int fault_switch(const char *name)
{
    const char *on = getenv("LAZARET_FAULT");
    return on && strstr(on, name) != NULL;
}

/* --- crash points --- */

static const char *const point_name[CRASH_POINTS] = {
#define CRASH_POINT(name, during, leaves, where) #name,
#include "base/crash_points.def"
#undef CRASH_POINT
};
static atomic_long passed[CRASH_POINTS];
static struct {
    int point; /* -1: none */
    long k;
    const char *seen_file;
} crash = {.point = -1};

static void read_environment(void)
{
    const char *want = getenv("LAZARET_CRASH");
    size_t n = want ? strcspn(want, ":") : 0;
    crash.seen_file = getenv("LAZARET_CRASH_SEEN");
    if (!want)
        return;
    for (int i = 0; i < CRASH_POINTS; i++)
        if (strlen(point_name[i]) == n && memcmp(want, point_name[i], n) == 0)
            crash.point = i;
    crash.k = want[n] ? strtol(want + n + 1, NULL, 10) : 1;
    if (crash.point < 0 || crash.k < 1) { /* a test that kills nothing proves nothing */
        fprintf(stderr, "LAZARET_CRASH=%s names no point of crash_points.def\n", want);
        abort();
    }
}

static void note_first(enum crash_point p)
{
    char line[80];
    int n = snprintf(line, sizeof line, "%s\n", point_name[p]);
    int fd = open(crash.seen_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)n) != n)
        abort();
    close(fd);
}

void fault_crash(enum crash_point p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
    long k = atomic_fetch_add(&passed[p], 1) + 1;
    if (k == 1 && crash.seen_file)
        note_first(p);
    if ((int)p == crash.point && k == crash.k)
        kill(getpid(), SIGKILL);
}

/* --- a wall clock that is set --- */

static const _Atomic int64_t *wrong_by;

static void map_clock(void)
{
    const char *path = getenv("LAZARET_CLOCK");
    if (!path)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        abort();
    close(fd);
    wrong_by = p;
}

int64_t fault_clock_us(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, map_clock);
    return wrong_by ? atomic_load(wrong_by) : 0;
}
#else
typedef int fault_is_empty;
#endif
