/* buf.h -- bytes being put together, in an arena, up to a limit.
 *
 * Writing past the limit or out of memory sets `failed` and drops the rest, so callers check once, at the end:
 *     if (buf_failed(&b)) return err_set(e, ERR_NO_MEMORY, ...); */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"
#include "base/str.h"

struct buf {
    struct arena *arena;
    char *p;
    size_t n, cap, max;
    bool failed;
};

static inline struct buf buf_in(struct arena *a, size_t max)
{
    return (struct buf){.arena = a, .max = max};
}
void buf_add(struct buf *b, const void *p, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void buf_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.p, s.n);
}
static inline void buf_str(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}
static inline void buf_byte(struct buf *b, char c)
{
    if (b->n < b->cap)
        b->p[b->n++] = c;
    else
        buf_add(b, &c, 1);
}
static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}
static inline struct slice buf_text(const struct buf *b)
{
    return (struct slice){b->p, b->n};
}

#endif
