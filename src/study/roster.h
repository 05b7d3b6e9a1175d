/* roster.h -- everybody's name, in memory alone, so that somebody is found by it and lists can be in its order.
 *
 * Names are stored sealed, each under the person's own key, and no index of them is: whoever holds the file would guess
 * names from which rows are equal. Opening 10,000 of them takes longer than anybody waits for a search, so they are
 * opened once, their letters (letters.h) kept in locked memory that is not dumped, and before each use held against
 * the store: what is new or another revision is opened again, what is gone is wiped. So it is never older than the
 * question, whoever else writes the store.
 *
 * It only says which rows to read. What is told of them is read behind the caller's gate, and audited there.
 *
 * A word fits when a word of the name begins with it; all words have to. Umlauts are taken as AE, OE, UE. Of a name in
 * another script there are no letters, so it is found by no search. Any thread; one at a time. */
#ifndef STUDY_ROSTER_H
#define STUDY_ROSTER_H

#include "keys/keyring.h"

struct roster;
struct study;

int roster_open(struct roster **ret, struct err *e);
void roster_close(struct roster *r); /* wipes it; NULL is fine */

enum roster_who { ROSTER_ALL, ROSTER_PRESENT, ROSTER_LEFT }; /* by whether they left the study */
struct roster_found {
    uint8_t id[100][16]; /* in the order of their names: last name, then first name */
    int n;
    int64_t all;
    bool more;
};
/* Those whose name fits all words of `name` ({NULL,0}: everybody), behind the person `after` (NULL: from the start), at
 * most `limit`, 1 to 100. 1; 0: `after` is not there. Blocks for reads of the store. */
int roster_find(const struct study *s, struct slice name, enum roster_who who, const uint8_t *after, int limit,
                struct roster_found *ret, struct err *e);
/* Wipes one who was erased. */
void roster_forget(const struct study *s, const uint8_t person[16]);

#endif
