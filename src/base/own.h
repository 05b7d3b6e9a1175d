/* own.h -- release by scope, for what has one owner and needs no decision (GCC and Clang cleanup attribute).
 *
 *     OWN_FD int fd = open(...);          closed on every return
 *     return TAKE_FD(fd);                 given away instead
 *
 * Released in reverse order of declaration. Not for a forked child: there, _exit. */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline void own_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
static inline void own_file(FILE **f)
{
    if (*f)
        fclose(*f);
}
static inline void own_mem(void *p)
{
    free(*(void **)p);
}

#define OWN_FD   __attribute__((cleanup(own_fd)))
#define OWN_FILE __attribute__((cleanup(own_file)))
#define OWN_MEM  __attribute__((cleanup(own_mem)))

#define TAKE_FD(fd)                                                                                                    \
    ({                                                                                                                 \
        int taken_ = (fd);                                                                                             \
        (fd) = -1;                                                                                                     \
        taken_;                                                                                                        \
    })
#define TAKE(p)                                                                                                        \
    ({                                                                                                                 \
        __typeof__(p) taken_ = (p);                                                                                    \
        (p) = NULL;                                                                                                    \
        taken_;                                                                                                        \
    })

#endif
