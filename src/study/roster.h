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
/* The same by more than a name: what all words and all birthdays let through, in an order.
 *
 * A word is one or more texts, of which one fits: it begins or is within a word of the part, letters as above; or it is
 * the part, byte by byte (held against a keyed hash). A birthday is one or more ranges of days since 1970-01-01. */
enum { ROSTER_TERMS = 16 };
enum roster_part { ROSTER_ANY, ROSTER_FAMILY, ROSTER_GIVEN };
enum roster_how { ROSTER_BEGINS, ROSTER_CONTAINS, ROSTER_EXACT };
struct roster_word {
    enum roster_part part;
    enum roster_how how;
    struct slice text[20];
    int texts;
};
struct roster_born {
    struct {
        int64_t since, until; /* [since, until) */
        bool not ;
    } days[20];
    int ranges;
    bool missing, known; /* missing: of whom it is not known; known: of whom it is, whichever day */
};
enum roster_order { ROSTER_BY_NAME, ROSTER_BY_BIRTH, ROSTER_BY_JOINED };
struct roster_query {
    struct roster_word word[ROSTER_TERMS];
    struct roster_born born[ROSTER_TERMS];
    int words, borns;
    enum roster_who who;
    enum roster_order order;
    bool descending;
    const uint8_t (*only)[16]; /* NULL: everybody; else `onlys` of them, in the order of their ids */
    int onlys;
    bool but; /* not these */
};
int roster_search(const struct study *s, const struct roster_query *q, const uint8_t *after, int limit,
                  struct roster_found *ret, struct err *e);
/* Wipes one who was erased. */
void roster_forget(const struct study *s, const uint8_t person[16]);

#endif
