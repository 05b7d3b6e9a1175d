/* arena.h -- all the memory of one request: taken piece by piece, zeroed and freed in one go.
 *
 * The content is health data, so freeing also wipes. An arena belongs to one thread at a time. It has a limit; past it
 * arena_take answers NULL (callers report ERR_NO_MEMORY). Blocks are kept per thread for the next arena, wiped, so a
 * request costs no malloc once the thread is warm. Nothing here blocks. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

/* Never NULL-checked by the caller's scope macro: NULL only when malloc fails. `limit` in bytes. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a); /* NULL is fine */

/* 16-byte aligned, zeroed; NULL past the limit or when memory is out. */
void *arena_take(struct arena *a, size_t n);
/* Makes the piece `p` of `n` bytes `m` bytes long: in place when it was taken last, else moved and the old wiped. */
void *arena_grow(struct arena *a, void *p, size_t n, size_t m);
/* Gives back the end of the piece `p` of `n` bytes, of which `m` stay, when it is the last one taken; else does
 * nothing. What is given back must not have been written to: it is handed out again as zeroed. */
void arena_shrink(struct arena *a, void *p, size_t n, size_t m);
/* Gives back, wiped, everything taken since the mark: for a step that leaves nothing behind. Nothing taken before the
 * mark may have grown since, and nothing taken since may be used any more. */
struct arena_mark {
    void *block;
    size_t in_block, used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct slice arena_copy(struct arena *a, struct slice s); /* p is NULL when memory is out; NUL follows the copy */
char *arena_str(struct arena *a, struct slice s);         /* NUL-terminated copy or NULL */
size_t arena_used(const struct arena *a);                 /* bytes handed out */
/* How many pieces were refused so far. Some readers answer NULL both for "absent" and for "no memory"; who decides by
 * what they answered asks here before the decision leaves its hands. */
unsigned arena_failed(const struct arena *a);

/* Frees this thread's spare blocks; for the end of a thread. */
void arena_thread_end(void);

static inline void own_arena(struct arena **a)
{
    arena_free(*a);
}
#define OWN_ARENA         __attribute__((cleanup(own_arena)))
#define TAKE_NEW(a, type) ((type *)arena_take((a), sizeof(type)))

#endif
