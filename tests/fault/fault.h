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

/* A failed check inside a walk says where it was. */
#define CHECK_AT(cond, fmt, ...)                                                                                       \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            shim_disarm();                                                                                             \
            fail_msg("%s: " fmt, #cond, __VA_ARGS__);                                                                  \
        }                                                                                                              \
    } while (0)

#endif
