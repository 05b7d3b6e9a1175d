/* audit.h -- the log of every decision: who did what to which thing, was it permitted, and why.
 *
 * An entry is appended in the transaction of the access it speaks of: cannot append means no access. It is canonical
 * CBOR (RFC 8949 4.2.1: shortest forms, map keys sorted), a map of
 *
 *     n (rows disclosed) t (us since 1970, UTC) v (1) bg (glass broken for it) act obj{id,type} out (permit|deny|error)
 * req why actor{id,role} route scope trace
 *
 * stored with its RFC 6962 leaf hash, SHA-256(0x00 | entry); tree, checkpoints and proofs are computed over these. No
 * entry holds a patient's data: ids, codes and counts only. There is one log per installation; entries carry their
 * scope. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "base/json.h"
#include "store/db.h"

/* Who has to tell which entry was made passes one of these: what is appended is left in it (seat.h). */
struct audit_seat {
    int64_t after; /* the entry comes behind this index */
    bool taken;    /* something was appended, which its transaction may have undone */
    bool durable;  /* it was not, and `index` is its own */
    uint8_t leaf[32];
    int64_t index;
};

enum { AUDIT_ENTRY = 4096 }; /* bytes of an entry, at most */

/* Texts may hold anything: what is no UTF-8 is written as U+FFFD, and of a text over 200 bytes the beginning. */
struct audit_entry {
    const uint8_t *scope;                /* 16 bytes */
    const char *actor, *role;            /* a client's name, "operator", "worker"; NULL for nobody known */
    const char *action;                  /* create read update delete execute admin */
    const char *object, *object_id;      /* "Job", its id; NULL when there is none */
    const char *outcome;                 /* permit deny error */
    const char *why;                     /* a code: an error's name, a state; NULL for none */
    const char *request, *route, *trace; /* request id, route's pattern, W3C trace id; NULL when there is none */
    const char *glass;                   /* the id of the glass that was broken for this access; NULL: none was */
    int64_t rows;                        /* how many records were disclosed or made */
    struct audit_seat *seat;             /* NULL: nobody asks for its index */
};

/* In a body. */
int audit_append(struct tx *tx, const struct audit_entry *entry, struct err *e);

/* The same, for who needs a proof of it: the leaf's hash, and its index where that is known already (else -1). */
int audit_append_at(struct tx *tx, const struct audit_entry *entry, uint8_t ret_leaf[32], int64_t *ret_index,
                    struct err *e);
/* The index of a leaf; ERR_NOT_FOUND. Does not read through the log, if audit_sort did before. */
int audit_find(struct db *db, const uint8_t leaf[32], int64_t *ret_index, struct err *e);
/* Sorts what came to the log by its leaf, up to some 65,000 entries; the keeper does (checkpoint.h). */
int audit_sort(struct db *db, struct err *e);

/* An entry of its own, in its own transaction: for denials, which touch nothing else. */
int audit_note(struct db *db, const struct audit_entry *entry, struct err *e);

/* Where bodies run beside each other (tx_shared), an entry waits in audit_pending for its index, which is given by one
 * process at a time. The keeper (checkpoint.h) does that five times a second; whoever reads the log does it first.
 * Elsewhere entries have their index from the start, and this does nothing. */
int audit_index(struct db *db, struct err *e);
/* One step of that, there alone, for somebody who waits: *ret has a row (idx, leaf) of each entry that got its index;
 * fewer than AUDIT_INDEX_STEP: none waits any more that waited when this began. */
enum { AUDIT_INDEX_STEP = 2000 };
int audit_index_step(struct db *db, struct arena *a, struct rows *ret, struct err *e);
/* In a body: until its end no other process gives indices or signs. */
int audit_lock(struct tx *tx, struct err *e);

/* How many entries there are. */
int audit_count(struct db *db, int64_t *ret, struct err *e);

/* Entries `from` .. `from + most - 1` as a JSON array of objects, each with its index `idx`. */
int audit_list(struct db *db, int64_t from, int most, struct arena *a, struct json_out *o, struct err *e);

#endif
