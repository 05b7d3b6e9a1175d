/* fault.h -- the n-th allocation or write fails, on demand of a test. Compiled to nothing outside test builds. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

enum fault { FAULT_ALLOC, FAULT_WRITE, FAULT_KINDS };

#ifdef LAZARET_FAULTS
int fault_hit(enum fault kind); /* 1: fail now */
/* The n-th hit from now on fails, in any thread (0: none); `sticky`: and all after it. */
void fault_arm(enum fault kind, long n, int sticky);
long fault_count(enum fault kind); /* hits since fault_arm */
/* A switch of a test by name, from LAZARET_FAULT in the environment: "answer-before-commit". */
int fault_switch(const char *name);
#else
static inline int fault_hit(enum fault kind)
{
    return (void)kind, 0;
}
static inline int fault_switch(const char *name)
{
    return (void)name, 0;
}
#endif

#endif
