/* fault.h -- walking over the points at which something can fail. */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

#include <stdio.h>
#include <stdlib.h>

#include "shim.h"
#include "test.h"

/* A walk tries the 1st, 2nd, ... point until one does not come any more. Of `points`, as many as a run without fault has, it
 * tries about `most`, evenly; with N in the environment all. */
static inline long fault_stride(long points, long most) { return getenv("N") || points <= most ? 1 : (points + most - 1) / most; }

/* A failed check inside a walk says where it was and lets the walk go on; the test fails at the walk's end. */
static int fault_failures;
#define CHECK_AT(cond, fmt, ...)                                                                                       \
    do {                                                                                                               \
        if (!(cond) && ++fault_failures <= 30)                                                                         \
            print_message("# not so: %s: " fmt "\n", #cond, __VA_ARGS__);                                              \
    } while (0)

static inline void fault_walked(void)
{
    int n = fault_failures;
    fault_failures = 0;
    CHECK_INT(n, 0);
}

#endif
