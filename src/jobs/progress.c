#include "jobs/progress.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"

void progress_tell(struct progress_reader *r)
{
    struct err e;
    int percent;
    if (!r->last_n || clock_mono_us() < r->next_us)
        return;
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    bool is = a && wire_progress(a, (struct slice){r->last, r->last_n}, r->id, &percent);
    r->last_n = 0;
    if (!is || percent <= r->told)
        return;
    r->told = percent;
    r->next_us = clock_mono_us() + PROGRESS_MS * 1000LL;
    if (job_progress(r->jobs, r->claim, percent, &e))
        log_err(LOG_WARN, "how far a job is was not stored", &e);
}

static void end_of_line(struct progress_reader *r)
{
    if (!r->too_long && r->line_n) {
        memcpy(r->last, r->line, r->line_n);
        r->last_n = r->line_n;
    }
    r->line_n = 0;
    r->too_long = false;
}

void progress_read(void *reader, struct slice piece)
{
    struct progress_reader *r = reader;
    while (piece.n) {
        const char *end = memchr(piece.p, '\n', piece.n);
        size_t n = end ? (size_t)(end - piece.p) : piece.n;
        if (n > sizeof r->line - r->line_n)
            r->too_long = true;
        else {
            memcpy(r->line + r->line_n, piece.p, n);
            r->line_n += n;
        }
        if (end)
            end_of_line(r);
        n += end != NULL;
        piece = (struct slice){piece.p + n, piece.n - n};
    }
    progress_tell(r);
}
