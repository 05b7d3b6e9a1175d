#include "study/erase.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "study/consent_int.h"
#include "study/house_int.h"
#include "study/patient_int.h"
#include "study/roster.h"
#include "study/stream_int.h"

enum { TRIES = 5, BOUND_SUBJECTS = 4 }; /* person, data, home, house */
enum whose { WHOSE_PERSON, WHOSE_DATA, WHOSE_HOME };

static const struct {
    const char *sql;
    enum whose whose;
} rows_of[] = {
#define ROWS(table, column, whose) {"DELETE FROM " #table " WHERE scope = $1 AND " #column " = $2", WHOSE_##whose},
#include "study/erase.def"
#undef ROWS
};

struct erasing {
    struct looking look;
    const struct patient_match *only;
    bool found;
    struct erase_receipt receipt;
    char text[UUID_TEXT];
};

static int erase_alias(struct tx *tx, const struct study *s, const uint8_t subject[16], struct err *e)
{
    uint8_t index[BLIND_BYTES];
    return alias_index(s, subject, index, e) ||
                   tx_put(tx, e, "DELETE FROM alias WHERE scope = $1 AND subject_index = $2", V_ID(s->scope),
                          V_ID(index))
               ? -1
               : 0;
}

static int erase_contacts_aliases(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a,
                                  struct err *e)
{
    struct rows r;
    if (tx_rows(tx, a, &r, e, "SELECT id FROM contact WHERE scope = $1 AND person = $2", V_ID(s->scope), V_ID(person)) <
        0)
        return -1;
    for (int i = 0; i < r.n; i++)
        if (erase_alias(tx, s, (const uint8_t *)row_at(&r, i, 0)->s.p, e))
            return -1;
    return 0;
}

static int erase_subject(struct tx *tx, const struct study *s, const uint8_t subject[16], struct erase_receipt *ret,
                         struct err *e)
{
    if (keyring_subject_destroy(tx, s->scope, subject, e) < 0 || erase_alias(tx, s, subject, e))
        return -1;
    memcpy(ret->subject[ret->subjects++], subject, 16);
    return 0;
}

/* Each of the person's streams: its record, its sensor, its number, its key. */
static int erase_streams(struct tx *tx, const struct study *s, const struct stream_ends *x, int n,
                         struct erase_receipt *ret, struct err *e)
{
    int gone = 0;
    for (int i = 0; i < n; i++) {
        int one = stream_erase(tx, s, x[i].stream, e);
        if (one < 0 || erase_subject(tx, s, x[i].stream, ret, e))
            return -1;
        gone += one;
    }
    return gone;
}

/* In a body outside of the gate: all there is of the bond. The number of rows, or -1. */
static int erase_bond(struct tx *tx, const struct study *s, const struct bond *b, bool bound, struct arena *a,
                      struct erase_receipt *ret, struct err *e)
{
    const uint8_t *const of[] = {[WHOSE_PERSON] = b->person, [WHOSE_DATA] = b->data_nick, [WHOSE_HOME] = b->home};
    struct stream_ends *stream = NULL;
    int others = bound ? bond_shares_home(tx, s, b, a, e) : 1;
    int streams = bound ? bond_streams(tx, s, BY_DATA, b->data_nick, a, &stream, e) : 0;
    if (streams < 0)
        return -1;
    ret->subjects = 0;
    ret->subject = arena_take(a, (size_t)(BOUND_SUBJECTS + streams) * 16);
    if (!ret->subject)
        return err_set(e, ERR_NO_MEMORY, "an erasure");
    /* whoever changes contacts has to change this row first, and waits */
    if (others < 0 ||
        tx_exec(tx, e, "UPDATE person SET contacts_rev = contacts_rev + 1 WHERE scope = $1 AND id = $2", V_ID(s->scope),
                V_ID(b->person)) < 0 ||
        erase_contacts_aliases(tx, s, b->person, a, e))
        return -1;
    int n = erase_streams(tx, s, stream, streams, ret, e);
    if (n < 0)
        return -1;
    for (size_t i = 0; i < COUNT(rows_of); i++) {
        if ((rows_of[i].whose == WHOSE_HOME && others) || (rows_of[i].whose == WHOSE_DATA && !bound))
            continue;
        int gone = tx_exec(tx, e, rows_of[i].sql, V_ID(s->scope), V_ID(of[rows_of[i].whose]));
        if (gone < 0)
            return -1;
        n += gone;
    }
    if (erase_subject(tx, s, b->person, ret, e))
        return -1;
    if (bound && (bond_erase(tx, s, b, others, e) || erase_subject(tx, s, b->data_nick, ret, e)))
        return -1;
    if (others)
        return n;
    int of_house = house_erase(tx, s, b->house_nick, e);
    return of_house < 0 || erase_subject(tx, s, b->home, ret, e) || erase_subject(tx, s, b->house_nick, ret, e)
               ? -1
               : n + of_house;
}

static int erase_body(struct tx *tx, void *arg, struct err *e)
{
    struct erasing *x = arg;
    struct looking *l = &x->look;
    x->found = false;
    if (consent_hold_alone(tx, l->arena, e))
        return -1;
    int found = x->only->n ? patient_all(tx, l, e) : patient_enter(tx, l, e);
    if (found <= 0 || (x->only->n && l->person.n == 0))
        return found < 0 ? -1 : patient_absent(tx, l, e);
    x->found = true;
    if (x->only->n && !patient_is_of(l, x->only))
        return err_set(e, ERR_PRECONDITION, "another version of a patient");
    x->receipt.erased_at = clock_now_us();
    if ((!x->only->n && tx_ungate(tx, e)) || erase_bond(tx, l->s, &l->bond, l->bound, l->arena, &x->receipt, e) < 0)
        return -1;
    l->audit.object_id = x->text;
    l->audit.why = "erased";
    l->audit.rows = 1;
    return audit_append_at(tx, &l->audit, x->receipt.leaf, &x->receipt.audit_index, e);
}

int patient_erase(const struct study *s, const struct caller *c, int64_t id, const struct patient_match *only,
                  const struct audit_entry *audit, struct arena *a, struct erase_receipt *ret, struct err *e)
{
    struct erasing x = {.look = patient_looking(s, c, id, audit, a), .only = only};
    struct erase_receipt *r = &x.receipt;
    uuid7(r->id);
    uuid_text(r->id, x.text);
    int rc = -1;
    for (int i = 0; i < TRIES && rc; i++) { /* a note may come between; that it refers to who is gone stops this */
        rc = tx_run(s->db, erase_body, &x, e);
        if (rc && e->code != ERR_CONFLICT)
            break;
    }
    if (rc)
        return -1;
    if (!x.found)
        return 0;
    for (int i = 0; i < r->subjects; i++)
        keyring_subject_forget(s->keyring, s->scope, r->subject[i]);
    roster_forget(s, x.look.bond.person);
    if (db_scrub(s->db, e) ||
        (r->audit_index < 0 && (audit_index(s->db, e) || audit_find(s->db, r->leaf, &r->audit_index, e))))
        return -1;
    *ret = *r;
    return 1;
}

int patient_erase_again(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a, struct err *e)
{
    struct bond b;
    struct erase_receipt none = {0};
    int bound = bond_of_person(tx, s, person, a, &b, e);
    memcpy(b.person, person, 16);
    return bound < 0 ? -1 : erase_bond(tx, s, &b, bound > 0, a, &none, e);
}
