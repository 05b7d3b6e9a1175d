/* seat.h -- at which index an entry stands that was just appended: for the answer that tells it (`Lazaret-Audit`).
 *
 * An entry is appended deep inside of a transaction that may yet be undone, and where processes share a store it has no
 * index before it is committed (audit.h). So its leaf is left in a seat (struct audit_seat), and once the transaction
 * is over the index is asked for here: what is told is in the log, and stays. Where the store is one's own the seat has
 * it, and whether it is durable. Elsewhere who asks waits for the indexer, who works for all that wait at once: an
 * entry is covered by every round that begins after its commit, and while one round is running the next one gathers.
 *
 * Any thread. Asking blocks where the store is shared, for up to two commits. */
#ifndef AUDIT_SEAT_H
#define AUDIT_SEAT_H

#include "audit/audit.h"

struct audit_seats;

int audit_seats_open(struct db *db, struct audit_seats **ret, struct err *e);
void audit_seats_close(struct audit_seats *s); /* NULL is fine */

/* Before anything is appended with it. */
void audit_seat_begin(struct audit_seats *s, struct audit_seat *ret);
/* 1: the index of the last entry that was appended with it. 0: none is in the log. -1: it could not be told. */
int audit_seat_index(struct audit_seats *s, const struct audit_seat *seat, int64_t *ret_index, struct err *e);

#endif
