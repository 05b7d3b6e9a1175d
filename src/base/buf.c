#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->failed || n == 0)
        return;
    if (n > b->max - b->n) {
        b->failed = true;
        return;
    }
    if (n > b->cap - b->n) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        while (cap < b->n + n)
            cap *= 2;
        char *q = arena_grow(b->arena, b->p, b->cap, cap);
        if (!q) {
            b->failed = true;
            return;
        }
        b->p = q;
        b->cap = cap;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof small) {
        buf_add(b, small, (size_t)n);
    } else if (n >= 0) {
        char *big = arena_take(b->arena, (size_t)n + 1);
        if (big) {
            vsnprintf(big, (size_t)n + 1, fmt, again);
            buf_add(b, big, (size_t)n);
        } else {
            b->failed = true;
        }
    } else {
        b->failed = true;
    }
    va_end(again);
}
