/* outbox_int.h -- event rows, for the thread that sends them. */
#ifndef DELIVER_OUTBOX_INT_H
#define DELIVER_OUTBOX_INT_H

#include "deliver/deliver.h"

enum {
    AT_ONCE_MAX = 256,
    HELD_MAX = 1024,                      /* claimed and not begun, in all */
    AHEAD = 60,                           /* of one endpoint, beside those under way */
    OUTLETS_MAX = HELD_MAX + AT_ONCE_MAX, /* an endpoint is known while it has one of either */
    ENDED_MAX = 2 * AT_ONCE_MAX + 64
};
/* A claim is longer than an event may be held and the attempt after it, by a third of itself. */
#define CLAIM_US (30 * 1000000LL)
enum { HOLD_MS = 5000 }; /* what was not begun by then is given back */
/* Longer than any wait, of a retry or a Retry-After: a row that waits longer was written by a clock since put back. */
#define WAIT_MAX_US (2 * 86400 * 1000000LL)

enum reason {
#define REASON(name, text) REASON_##name,
#include "deliver/reasons.def"
#undef REASON
};
const char *reason_text(enum reason r);

/* An endpoint that events are claimed for. */
struct outlet {
    uint8_t id[16];
    int flying, held;
    bool failing; /* a failure is outstanding: one event at a time */
    bool proven;  /* it has just taken one: some may be claimed ahead */
    bool full;    /* as many were claimed as may be, so more may be due */
    int64_t opened_us;
    struct arena *arena; /* of `x`, which is good for a moment */
    struct endpoint x;
    int found;
};
/* How many may be claimed for it at a time. */
static inline int outlet_most(bool failing, bool proven, int to_endpoint)
{
    return failing ? 1 : to_endpoint + (proven ? AHEAD : 0);
}

struct due {
    uint8_t event[16], endpoint[16], job[16], name[16]; /* name: of the job, as its client knows it */
    int64_t attempts;
    int64_t was_at, until; /* next_at before the claim, and as the claim wrote it */
    int64_t claimed_us;    /* monotonic, before the claim was made */
    bool failing;          /* its endpoint */
    enum job_state state;
    int64_t state_at;
    char trace[33];
};
struct claim {
    const struct outlet *outlet; /* those that have some */
    int outlets, to_endpoint, most;
};
/* Claims up to `most` events that are due. Their number, or -1. */
int outbox_claim(struct db *db, const uint8_t scope[16], const struct claim *c, struct arena *a, struct due *ret,
                 struct err *e);
/* At the start of a process that alone delivers: whatever is claimed is nobody's. */
int outbox_release(struct db *db, const uint8_t scope[16], struct err *e);

struct outcome {
    uint8_t event[16], endpoint[16];
    int64_t attempts; /* before this one */
    int64_t until;    /* of its claim */
    enum reason reason;
    long status;              /* 0: there was none */
    int64_t at;               /* its end */
    int64_t took_us, wait_us; /* wait_us: what Retry-After asked for */
    bool was_failing;
};
/* In one transaction: what became of `n` attempts, and `backs` claimed events that nobody has begun are as they were.
 * One that was claimed by somebody else meanwhile, or dropped, stays so; that it was tried is in its log. */
int outbox_record(struct db *db, const uint8_t scope[16], const struct outcome *x, int n, const struct due *back,
                  int backs, struct err *e);

#endif
