/* fault.h -- what a test can make fail: the n-th allocation or write, the process itself at a named point, the wall
 * clock. Compiled to nothing outside test builds (LAZARET_FAULTS).
 *
 * In the environment of a test build:
 *   LAZARET_FAULT=NAME...     switches by name, such as answer-before-commit
 *   LAZARET_CRASH=NAME:K      the process kills itself (SIGKILL) at its K-th passage of NAME in crash_points.def
 *   LAZARET_CRASH_SEEN=FILE   the points that were passed, a line NAME for each first time (appended)
 *   LAZARET_CLOCK=FILE        eight bytes: by how many microseconds the wall clock is wrong; may change meanwhile */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdint.h>

enum fault { FAULT_ALLOC, FAULT_WRITE, FAULT_KINDS };

enum crash_point {
#define CRASH_POINT(name, during, leaves, where) CRASH_##name,
#include "base/crash_points.def"
#undef CRASH_POINT
    CRASH_POINTS
};

#ifdef LAZARET_FAULTS
int fault_hit(enum fault kind); /* 1: fail now */
/* The n-th hit from now on fails, in any thread (0: none); `sticky`: and all after it. */
void fault_arm(enum fault kind, long n, int sticky);
long fault_count(enum fault kind); /* hits since fault_arm */
/* A switch of a test by name, from LAZARET_FAULT in the environment: "answer-before-commit". */
int fault_switch(const char *name);
/* The process passes this point, or ends here as by kill -9. */
void fault_crash(enum crash_point p);
int64_t fault_clock_us(void);
#else
static inline int fault_hit(enum fault kind)
{
    return (void)kind, 0;
}
static inline int fault_switch(const char *name)
{
    return (void)name, 0;
}
static inline void fault_crash(enum crash_point p)
{
    (void)p;
}
static inline int64_t fault_clock_us(void)
{
    return 0;
}
#endif

#endif
