/* wipe.h -- zero memory in a way the compiler may not drop. */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <string.h>

static inline void wipe(void *p, size_t n)
{
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

#endif
