/* progress.h -- how far a long piece of work is, told by whoever does it and read by any other thread meanwhile; and
 * the wish that it ends early. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    _Atomic(const char *) what;  /* a literal: "copying the database"; NULL: nothing is at work */
    _Atomic int64_t done, total; /* total 0: it is not known */
    atomic_bool stop;
};

static inline void progress_begin(struct progress *p, const char *what, int64_t total)
{
    p->done = 0;
    p->total = total;
    p->what = what;
}
static inline void progress_add(struct progress *p, int64_t n)
{
    p->done += n;
}

#endif
