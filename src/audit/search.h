/* search.h -- the log read by people: entries decoded, and looked for, the newest first.
 *
 * What an entry says is in its CBOR alone, so a search decodes what it passes: by time it goes straight to the spot, by
 * all else it looks at SEARCH_SPAN entries and then says where to go on, whatever it has found by then. */
#ifndef AUDIT_SEARCH_H
#define AUDIT_SEARCH_H

#include "audit/audit.h"

enum { SEARCH_SPAN = 20000 };

struct audit_found {
    int64_t index, at;        /* us since 1970: what the entry says, which is `at` of its row unless that was changed */
    struct slice raw;         /* the entry, as its leaf hash is of it */
    bool cut;                 /* what it says was cut for whoever reads it, so `raw` is not told */
    bool readable;            /* if not, it is no entry of this program's, and `entry` is nothing */
    struct audit_entry entry; /* its texts are in the arena */
};

/* What an entry says; `ret->at` stays what it was where it is not readable. -1: memory. Pure, but for the arena. */
int audit_decode(struct slice raw, int64_t index, int64_t at, struct arena *a, struct audit_found *ret, struct err *e);
/* The entry at an index. 1; 0: there is none; -1. */
int audit_at(struct db *db, int64_t index, struct arena *a, struct audit_found *ret, struct err *e);

enum audit_who { AUDIT_ANYBODY, AUDIT_PROGRAMS, AUDIT_PEOPLE }; /* a client's name may look like somebody's id */

struct audit_filter {
    struct slice actor, role, action, object, object_id, outcome; /* p NULL: any */
    enum audit_who who;
    const uint8_t *scope;            /* 16 bytes; NULL: all */
    int64_t since, until;            /* from, and before; us since 1970; `until` 0: up to now */
    int64_t before_at, before_index; /* where the last page ended; 0 and 0: from the newest on */
    int most;                        /* 1 .. 1000 */
    int64_t span;                    /* 0: SEARCH_SPAN */
};

struct audit_page {
    struct audit_found *x;
    int n;
    bool more; /* there is more behind what was looked at, which ended at: */
    int64_t at, index;
};

bool audit_matches(const struct audit_filter *f, const struct audit_found *x); /* but for the times */
int audit_search(struct db *db, const struct audit_filter *f, struct arena *a, struct audit_page *ret, struct err *e);

/* {"idx", "n", "t", "v", "act", "obj": {...}, ...}: the entry's own members, and with `proof` what makes it provable:
 * "leaf" (hexadecimal) and "entry" (base64). */
void audit_put(struct json_out *o, const struct audit_found *x, bool proof);

#endif
