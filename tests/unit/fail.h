/* fail.h -- what fails only where a machine does: each call of a function that can refuse is refused once.
 *
 * A test program says which functions it wraps (FAIL_WRAP here, their names in tests/unit/meson.build, for the linker):
 * calls of them from the rooms are counted, and the n-th that comes after fail_arm(n) is answered by the failure
 * instead of the function. What calls itself within one file is not seen; pieces of arenas are counted and refused by
 * base/fault.h.
 *
 * dies() runs something in a child and tells whether it ended by abort() or a failed assert(); counts of a coverage
 * build are written before. */
#ifndef FAIL_H
#define FAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "test.h"

static atomic_long fail_seen, fail_at;
static atomic_bool fail_always __attribute__((unused)); /* refuse every call, in any thread */

static inline bool fail_hit(void)
{
    return atomic_fetch_add(&fail_seen, 1) + 1 == fail_at || fail_always;
}

static inline void fail_arm(long n)
{
    fail_seen = 0;
    fail_at = n;
}

#define FAIL_WRAP(type, name, params, args, fails) FAIL_WRAP_IF(type, name, params, args, fails, false)
#define FAIL_WRAP_IF(type, name, params, args, fails, also)                                                            \
    type __real_##name params;                                                                                         \
    type __wrap_##name params;                                                                                         \
    type __wrap_##name params                                                                                          \
    {                                                                                                                  \
        return fail_hit() || (also) ? (fails) : __real_##name args;                                                    \
    }

/* --- what ends the process --- */

enum { FAIL_DIED = 86 };

extern void __gcov_dump(void) __attribute__((weak));

static inline _Noreturn void fail_die(void)
{
    if (__gcov_dump)
        __gcov_dump();
    _exit(FAIL_DIED);
}

#define FAIL_DEATHS                                                                                                    \
    _Noreturn void __wrap_abort(void);                                                                                 \
    _Noreturn void __wrap_abort(void)                                                                                  \
    {                                                                                                                  \
        fail_die();                                                                                                    \
    }                                                                                                                  \
    _Noreturn void __wrap___assert_fail(const char *what, const char *file, unsigned line, const char *function);      \
    _Noreturn void __wrap___assert_fail(const char *what, const char *file, unsigned line, const char *function)       \
    {                                                                                                                  \
        (void)what, (void)file, (void)line, (void)function;                                                            \
        fail_die();                                                                                                    \
    }

/* With the n-th refusable call refused (0: none). */
static inline bool dies(void (*run)(void), long n)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        fail_arm(n);
        run();
        if (__gcov_dump)
            __gcov_dump();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status) == FAIL_DIED;
}

#endif
