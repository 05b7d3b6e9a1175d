/* outbox_int.h -- event rows, for the thread that sends them. */
#ifndef DELIVER_OUTBOX_INT_H
#define DELIVER_OUTBOX_INT_H

#include "deliver/deliver.h"

enum { AT_ONCE_MAX = 256 };
#define CLAIM_US (30 * 1000000LL) /* longer than any attempt */
/* Longer than any wait, of a retry or a Retry-After: a row that waits longer was written by a clock since put back. */
#define WAIT_MAX_US (2 * 86400 * 1000000LL)

enum reason {
#define REASON(name, text) REASON_##name,
#include "deliver/reasons.def"
#undef REASON
};
const char *reason_text(enum reason r);

/* What is being sent now. */
struct busy {
    uint8_t endpoint[AT_ONCE_MAX][16];
    int n;
};

struct due {
    uint8_t event[16], endpoint[16], job[16];
    int64_t attempts;
};
/* Claims up to `max` events that are due, at most `to_endpoint` for one endpoint with those that are busy. Their
 * number, or -1. */
int outbox_claim(struct db *db, const uint8_t scope[16], const struct busy *busy, int to_endpoint, int max,
                 struct arena *a, struct due *ret, struct err *e);
/* At the start of a process that alone delivers: whatever is claimed is nobody's. */
int outbox_release(struct db *db, const uint8_t scope[16], struct err *e);

struct outcome {
    uint8_t event[16], endpoint[16];
    int64_t attempts; /* before this one */
    enum reason reason;
    long status;              /* 0: there was none */
    int64_t took_us, wait_us; /* wait_us: what Retry-After asked for */
    bool was_failing;
};
int outbox_record(struct db *db, const uint8_t scope[16], const struct outcome *x, int n, struct err *e);

#endif
