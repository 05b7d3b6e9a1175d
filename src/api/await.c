#include "api/await.h"

#include <unistd.h>

#include "base/clock.h"
#include "jobs/watch.h"

enum { LOOK_MS = 100, GAP_US = 2000 };

/* 1: it has ended, or is gone. */
static int look(struct api_request *q, const uint8_t id[16], struct err *e)
{
    uint8_t one[1][16];
    struct job_now now;
    struct arena_mark before = arena_mark(q->arena);
    memcpy(one[0], id, 16);
    int n = job_watched(q->api->jobs, (const uint8_t(*)[16])one, 1, q->arena, &now, e);
    arena_rewind(q->arena, before);
    return n < 0 ? -1 : n == 0 || job_state_ended(now.state);
}

/* The gap makes one look of many moves that come together; another process may have moved it without a bell. */
static int wait_for(struct api_request *q, const uint8_t id[16], int ms, struct err *e)
{
    int64_t until = clock_mono_us() + ms * 1000LL;
    uint64_t seen = 0;
    for (;;) {
        int ended = look(q, id, e);
        int64_t left = until - clock_mono_us();
        if (ended || left <= 0)
            return ended;
        jobs_changed_wait(q->api->jobs, &seen, left < LOOK_MS * 1000LL ? (int)(left / 1000) + 1 : LOOK_MS);
        usleep(GAP_US);
    }
}

int await_job(struct api_request *q, const uint8_t id[16], int ms, struct err *e)
{
    int ret = 0;
    if (atomic_fetch_add(&q->api->awaiting, 1) < q->api->config.await_most)
        ret = wait_for(q, id, ms, e);
    atomic_fetch_sub(&q->api->awaiting, 1);
    return ret;
}
