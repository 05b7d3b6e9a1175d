/* limit.h -- how often a client, and a stranger, may ask: token buckets in memory.
 *
 * A bucket holds `burst` tokens and gains `rate` of them a second; a request takes one, and without one is refused with
 * the seconds until there is one again. A client's bucket is its own; failed sign-ins are counted by source address (an
 * IPv6 /64 is one, since one host has it all). There are LIMIT_BUCKETS of them; the one that was unused longest makes
 * room, and begins anew, full.
 *
 * What is refused here leaves no audit entry each: that would be the flood again, on disk. One entry a client or
 * address and minute says how many there were ("n"), with why RATE, STREAMS or QUEUE_FULL; `act` is execute, as of any
 * attempt to sign in. Entries that had to make room while they counted are summed up under the id "others". A process
 * that is killed forgets the minute it was counting.
 *
 * Functions take any thread, never block for longer than a glance, and take NULL for no limits at all. */
#ifndef API_LIMIT_H
#define API_LIMIT_H

#include "identity/client.h"

enum { LIMIT_BUCKETS = 4096 };

struct limit;
struct limit_config {
    struct db *db;
    const uint8_t *scope;                  /* 16 bytes; outlives the limits */
    int64_t client_rate, client_burst;     /* of clients that have none of their own; rate 0: no limit */
    int64_t stranger_rate, stranger_burst; /* of failed sign-ins; rate 0: no limit */
    int note_ms;                           /* 60000: how long refusals are counted into one audit entry */
};

int limit_start(const struct limit_config *c, struct limit **ret, struct err *e);
/* Writes what was counted and not told yet. NULL is fine. */
void limit_stop(struct limit *l);

/* 0: the client's request may pass. Else the seconds, 1 at least, after which the next one may. */
int limit_client(struct limit *l, const struct caller *c);
/* A failed sign-in of this address: 0: tell and audit it; else as above. An empty address or NULL passes. */
int limit_denied(struct limit *l, const char *peer);
/* Has this address no failure left? A look, which takes none: before a password of it is judged. Seconds, as above. */
int limit_spent(struct limit *l, const char *peer);
/* Something else was refused to a client for there being too many: counts it for the audit log. */
void limit_note(struct limit *l, const struct caller *c, enum err_code why);

#endif
