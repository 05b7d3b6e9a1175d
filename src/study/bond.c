/* bond.c -- the three edge tables: Patient (person, data_nick), Home (home, house_nick), Stream (stream, house_nick,
 * data_nick).
 *
 * Whoever may read an edge table may walk its edges, in both directions; what a role can reach is what its edges
 * connect (policy/check.c proves that this is what it is meant to be). In the store an edge is its ends, sealed under
 * the table's own key, and for each end a keyed hash to find it by; so the file alone joins nothing. Ends are random,
 * made for their table, derived from nothing, and shown to nobody: people see aliases. */
#include "study/study_int.h"

#include "base/rnd.h"

enum { PATIENT_PERSON, PATIENT_DATA, HOME_HOME, HOME_HOUSE, STREAM_STREAM, STREAM_HOUSE, STREAM_DATA };

static struct slice id_slice(const uint8_t id[16])
{
    return (struct slice){(const char *)id, 16};
}

void bond_make(struct bond *ret)
{
    rnd_bytes(ret, sizeof *ret);
}

static int seal_ends(const struct study *s, const char *domain, enum place place, const uint8_t row[16],
                     struct slice ends, struct arena *a, struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(place, s->scope, row, 0);
    if (keyring_domain(s->keyring, s->scope, domain, &key, e))
        return -1;
    int rc = seal(&key, &at, ends, a, ret, e);
    key_wipe(&key);
    return rc;
}

int bond_seal(const struct study *s, const struct bond *b, struct arena *a, struct bond_rows *ret, struct err *e)
{
    static const enum blind_column column[] = {BLIND_PATIENT_PERSON, BLIND_PATIENT_DATA,  BLIND_HOME_HOME,
                                               BLIND_HOME_HOUSE,     BLIND_STREAM_STREAM, BLIND_STREAM_HOUSE,
                                               BLIND_STREAM_DATA};
    const uint8_t *const end[] = {b->person, b->data_nick,  b->home,     b->house_nick,
                                  b->stream, b->house_nick, b->data_nick};
    uint8_t patient[32], home[32], stream[48];
    for (int i = 0; i < 7; i++)
        if (blind_index(s->keyring, s->scope, column[i], id_slice(end[i]), ret->index[i], e))
            return -1;
    for (int i = 0; i < 2; i++) {
        memcpy(patient + 16 * i, end[PATIENT_PERSON + i], 16);
        memcpy(home + 16 * i, end[HOME_HOME + i], 16);
    }
    for (int i = 0; i < 3; i++) {
        memcpy(stream + 16 * i, end[STREAM_STREAM + i], 16);
        rnd_bytes(ret->id[i], 16);
    }
    return seal_ends(s, "edge.patient", PLACE_PATIENT_ENDS, ret->id[0], (struct slice){(char *)patient, sizeof patient},
                     a, &ret->patient, e) ||
                   seal_ends(s, "edge.home", PLACE_HOME_ENDS, ret->id[1], (struct slice){(char *)home, sizeof home}, a,
                             &ret->home, e) ||
                   seal_ends(s, "edge.stream", PLACE_STREAM_ENDS, ret->id[2],
                             (struct slice){(char *)stream, sizeof stream}, a, &ret->stream, e)
               ? -1
               : 0;
}

int bond_store(struct tx *tx, const struct study *s, const struct bond_rows *r, struct err *e)
{
    return tx_put(tx, e,
                  "INSERT INTO patient_edge (scope, id, person_index, data_index, ends) VALUES ($1, $2, $3, $4, $5)",
                  V_ID(s->scope), V_ID(r->id[0]), V_ID(r->index[PATIENT_PERSON]), V_ID(r->index[PATIENT_DATA]),
                  V_BLOB(r->patient)) ||
                   tx_put(
                       tx, e,
                       "INSERT INTO home_edge (scope, id, home_index, house_index, ends) VALUES ($1, $2, $3, $4, $5)",
                       V_ID(s->scope), V_ID(r->id[1]), V_ID(r->index[HOME_HOME]), V_ID(r->index[HOME_HOUSE]),
                       V_BLOB(r->home)) ||
                   tx_put(
                       tx, e,
                       "INSERT INTO stream_edge (scope, id, stream_index, house_index, data_index, ends) VALUES ($1, "
                       "$2, $3, $4, $5, $6)",
                       V_ID(s->scope), V_ID(r->id[2]), V_ID(r->index[STREAM_STREAM]), V_ID(r->index[STREAM_HOUSE]),
                       V_ID(r->index[STREAM_DATA]), V_BLOB(r->stream))
               ? -1
               : 0;
}

/* rows: id, ends. The ends of the first, `n` of them. 1, 0, -1. */
static int open_ends(const struct study *s, enum place place, const struct rows *r, struct arena *a, size_t n,
                     const uint8_t **ret, struct err *e)
{
    struct slice ends;
    if (r->n == 0)
        return 0;
    struct seal_place at = place_of(place, s->scope, (const uint8_t *)row_at(r, 0, 0)->s.p, 0);
    if (keyring_unseal(s->keyring, &at, row_at(r, 0, 1)->s, a, &ends, e))
        return -1;
    if (ends.n != n * 16)
        return err_set(e, ERR_KEYS, "an edge of another length");
    *ret = (const uint8_t *)ends.p;
    return 1;
}

/* --- from a person on --- */

static int ask_patient_edge(struct tx *tx, const struct study *s, const struct bond *b, struct arena *a,
                            struct rows *ret, struct err *e)
{
    uint8_t index[BLIND_BYTES];
    return blind_index(s->keyring, s->scope, BLIND_PATIENT_PERSON, id_slice(b->person), index, e) ||
                   tx_ask(tx, a, ret, e, "SELECT id, ends FROM patient_edge WHERE scope = $1 AND person_index = $2",
                          V_ID(s->scope), V_ID(index))
               ? -1
               : 0;
}

static int ask_stream_edge(struct tx *tx, const struct study *s, const struct bond *b, struct arena *a,
                           struct rows *ret, struct err *e)
{
    uint8_t index[BLIND_BYTES];
    return blind_index(s->keyring, s->scope, BLIND_STREAM_DATA, id_slice(b->data_nick), index, e) ||
                   tx_ask(tx, a, ret, e,
                          "SELECT id, ends FROM stream_edge WHERE scope = $1 AND data_index = $2 LIMIT 1",
                          V_ID(s->scope), V_ID(index))
               ? -1
               : 0;
}

static int ask_home_edge(struct tx *tx, const struct study *s, const struct bond *b, struct arena *a, struct rows *ret,
                         struct err *e)
{
    uint8_t index[BLIND_BYTES];
    return blind_index(s->keyring, s->scope, BLIND_HOME_HOUSE, id_slice(b->house_nick), index, e) ||
                   tx_ask(tx, a, ret, e, "SELECT id, ends FROM home_edge WHERE scope = $1 AND house_index = $2",
                          V_ID(s->scope), V_ID(index))
               ? -1
               : 0;
}

/* Each takes the ends that its edge adds to those that are known. 1, 0, -1. */
static int take_patient_edge(const struct study *s, const struct rows *r, struct arena *a, struct bond *ret,
                             struct err *e)
{
    const uint8_t *end = NULL;
    int got = open_ends(s, PLACE_PATIENT_ENDS, r, a, 2, &end, e);
    if (got > 0)
        memcpy(ret->data_nick, end + 16, 16);
    return got;
}

static int take_stream_edge(const struct study *s, const struct rows *r, struct arena *a, struct bond *ret,
                            struct err *e)
{
    const uint8_t *end = NULL;
    int got = open_ends(s, PLACE_STREAM_ENDS, r, a, 3, &end, e);
    if (got > 0) {
        memcpy(ret->stream, end, 16);
        memcpy(ret->house_nick, end + 16, 16);
    }
    return got;
}

static int take_home_edge(const struct study *s, const struct rows *r, struct arena *a, struct bond *ret, struct err *e)
{
    const uint8_t *end = NULL;
    int got = open_ends(s, PLACE_HOME_ENDS, r, a, 2, &end, e);
    if (got > 0)
        memcpy(ret->home, end, 16);
    return got;
}

int bond_of_person(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a, struct bond *ret,
                   struct err *e)
{
    struct rows r;
    struct bond b;
    memcpy(b.person, person, 16);
    if (ask_patient_edge(tx, s, &b, a, &r, e) || tx_wait(tx, e))
        return -1;
    int got = take_patient_edge(s, &r, a, &b, e);
    if (got > 0)
        got = ask_stream_edge(tx, s, &b, a, &r, e) || tx_wait(tx, e) ? -1 : take_stream_edge(s, &r, a, &b, e);
    if (got > 0)
        got = ask_home_edge(tx, s, &b, a, &r, e) || tx_wait(tx, e) ? -1 : take_home_edge(s, &r, a, &b, e);
    if (got > 0)
        *ret = b;
    return got;
}

int bond_ask(struct tx *tx, const struct study *s, const struct bond *hint, struct arena *a, struct bond_edges *ret,
             struct err *e)
{
    return ask_patient_edge(tx, s, hint, a, &ret->patient, e) || ask_stream_edge(tx, s, hint, a, &ret->stream, e) ||
                   ask_home_edge(tx, s, hint, a, &ret->home, e)
               ? -1
               : 0;
}

int bond_holds(const struct study *s, const struct bond_edges *x, const struct bond *hint, struct arena *a,
               struct err *e)
{
    struct bond b;
    memcpy(b.person, hint->person, 16);
    int got = take_patient_edge(s, &x->patient, a, &b, e);
    if (got > 0)
        got = take_stream_edge(s, &x->stream, a, &b, e);
    if (got > 0)
        got = take_home_edge(s, &x->home, a, &b, e);
    return got > 0 ? memcmp(&b, hint, sizeof b) == 0 : got;
}

/* By its data's end: whose they are. 1, 0, -1. */
static int person_of_data(struct tx *tx, const struct study *s, const uint8_t data[16], struct arena *a,
                          uint8_t ret[16], struct err *e)
{
    uint8_t index[BLIND_BYTES];
    struct rows r;
    const uint8_t *end = NULL;
    if (blind_index(s->keyring, s->scope, BLIND_PATIENT_DATA, id_slice(data), index, e) ||
        tx_rows(tx, a, &r, e, "SELECT id, ends FROM patient_edge WHERE scope = $1 AND data_index = $2", V_ID(s->scope),
                V_ID(index)) < 0)
        return -1;
    int got = open_ends(s, PLACE_PATIENT_ENDS, &r, a, 2, &end, e);
    if (got > 0)
        memcpy(ret, end, 16);
    return got;
}

/* Streams of a house are somebody's data: all of one person, or nobody can be meant. */
static int person_of_house(struct tx *tx, const struct study *s, const uint8_t house[16], struct arena *a,
                           uint8_t ret[16], struct err *e)
{
    uint8_t index[BLIND_BYTES], data[16];
    struct rows r;
    const uint8_t *end = NULL;
    if (blind_index(s->keyring, s->scope, BLIND_STREAM_HOUSE, id_slice(house), index, e) ||
        tx_rows(tx, a, &r, e, "SELECT id, ends FROM stream_edge WHERE scope = $1 AND house_index = $2", V_ID(s->scope),
                V_ID(index)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        struct rows one = {1, r.cols, row_at(&r, i, 0)};
        if (open_ends(s, PLACE_STREAM_ENDS, &one, a, 3, &end, e) < 0)
            return -1;
        if (i > 0 && memcmp(data, end + 32, 16) != 0)
            return err_set(e, ERR_CONFLICT, "several people live in this house: name one by their data");
        memcpy(data, end + 32, 16);
    }
    return r.n ? person_of_data(tx, s, data, a, ret, e) : 0;
}

int bond_person_of(struct tx *tx, const struct study *s, const uint8_t any[16], struct arena *a, uint8_t ret[16],
                   struct err *e)
{
    struct rows r;
    int n = tx_rows(tx, a, &r, e, "SELECT id FROM person WHERE scope = $1 AND id = $2", V_ID(s->scope), V_ID(any));
    if (n > 0)
        memcpy(ret, any, 16);
    int got = n ? n : person_of_data(tx, s, any, a, ret, e);
    return got ? got : person_of_house(tx, s, any, a, ret, e);
}

int bond_home_of_house(struct tx *tx, const struct study *s, const uint8_t house[16], struct arena *a, uint8_t ret[16],
                       struct err *e)
{
    uint8_t index[BLIND_BYTES];
    struct rows r;
    const uint8_t *end = NULL;
    if (blind_index(s->keyring, s->scope, BLIND_HOME_HOUSE, id_slice(house), index, e) ||
        tx_rows(tx, a, &r, e, "SELECT id, ends FROM home_edge WHERE scope = $1 AND house_index = $2", V_ID(s->scope),
                V_ID(index)) < 0)
        return -1;
    int got = open_ends(s, PLACE_HOME_ENDS, &r, a, 2, &end, e);
    if (got > 0)
        memcpy(ret, end, 16);
    return got;
}

/* --- many at once --- */

enum { AT_ONCE = 25 };
#define SOME                                                                                                           \
    " IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, " \
    "$25, $26)"

/* One edge from each: which table, by which end, to which. */
static const struct hop {
    const char *sql;
    enum place place;
    enum blind_column by;
    int ends, from, to;
} hops[2][2] = {
    [WALK_PERSON_HOUSE] = {{"SELECT id, ends FROM patient_edge WHERE scope = $1 AND person_index" SOME,
                            PLACE_PATIENT_ENDS, BLIND_PATIENT_PERSON, 2, 0, 1},
                           {"SELECT id, ends FROM stream_edge WHERE scope = $1 AND data_index" SOME, PLACE_STREAM_ENDS,
                            BLIND_STREAM_DATA, 3, 2, 1}},
    [WALK_HOUSE_PERSON] = {{"SELECT id, ends FROM stream_edge WHERE scope = $1 AND house_index" SOME, PLACE_STREAM_ENDS,
                            BLIND_STREAM_HOUSE, 3, 1, 2},
                           {"SELECT id, ends FROM patient_edge WHERE scope = $1 AND data_index" SOME,
                            PLACE_PATIENT_ENDS, BLIND_PATIENT_DATA, 2, 1, 0}},
};

/* The first of those that begin there; of several that lead on, the lowest, so that it is the same each time. */
static void arrive(const struct hop *hop, const uint8_t *ends, const uint8_t (*from)[16], int n, uint8_t (*to)[16],
                   bool *found)
{
    const uint8_t *end = ends + 16 * hop->to;
    for (int i = 0; i < n; i++)
        if (memcmp(from[i], ends + 16 * hop->from, 16) == 0 && (!found[i] || memcmp(end, to[i], 16) < 0)) {
            memcpy(to[i], end, 16);
            found[i] = true;
        }
}

/* One edge from each of at most AT_ONCE; the same text for any number: what is left over asks for the first again. */
static int ask_hop(struct tx *tx, const struct study *s, const struct hop *hop, const uint8_t (*from)[16], int n,
                   struct arena *a, struct rows *ret, struct err *e)
{
    uint8_t index[AT_ONCE][BLIND_BYTES];
    struct val v[2 + AT_ONCE] = {V_NULL, V_ID(s->scope)};
    for (int i = 0; i < n; i++)
        if (blind_index(s->keyring, s->scope, hop->by, id_slice(from[i]), index[i], e))
            return -1;
    for (int i = 0; i < AT_ONCE; i++)
        v[2 + i] = V_ID(index[i < n ? i : 0]);
    return tx_ask_n(tx, a, ret, e, hop->sql, v, 1 + AT_ONCE);
}

/* All of them in one round trip. */
static int take_hop(struct tx *tx, const struct study *s, const struct hop *hop, const uint8_t (*from)[16], int n,
                    struct arena *a, uint8_t (*to)[16], bool *found, struct err *e)
{
    int parts = (n + AT_ONCE - 1) / AT_ONCE;
    struct rows *r = arena_take(a, (size_t)(parts + 1) * sizeof *r);
    const uint8_t *ends = NULL;
    if (!r)
        return err_set(e, ERR_NO_MEMORY, "edges");
    for (int i = 0; i < parts; i++) {
        int at = i * AT_ONCE;
        if (ask_hop(tx, s, hop, from + at, n - at < AT_ONCE ? n - at : AT_ONCE, a, &r[i], e))
            return -1;
    }
    if (tx_wait(tx, e))
        return -1;
    memset(found, 0, (size_t)n * sizeof *found);
    for (int i = 0; i < parts; i++)
        for (int k = 0; k < r[i].n; k++) {
            struct rows one = {1, r[i].cols, row_at(&r[i], k, 0)};
            if (open_ends(s, hop->place, &one, a, (size_t)hop->ends, &ends, e) < 0)
                return -1;
            arrive(hop, ends, from, n, to, found);
        }
    return 0;
}

int bond_walk(struct tx *tx, const struct study *s, enum walk w, const uint8_t (*from)[16], int n, struct arena *a,
              uint8_t (*ret)[16], bool *ret_found, struct err *e)
{
    uint8_t(*between)[16] = arena_take(a, (size_t)(n + 1) * 16), (*to)[16] = arena_take(a, (size_t)(n + 1) * 16);
    bool *half = arena_take(a, (size_t)n + 1);
    if (!between || !to || !half)
        return err_set(e, ERR_NO_MEMORY, "bonds");
    memset(between, 0, (size_t)n * 16);
    memset(to, 0, (size_t)n * 16);
    if (n == 0)
        return 0;
    if (take_hop(tx, s, &hops[w][0], from, n, a, between, half, e) ||
        take_hop(tx, s, &hops[w][1], (const uint8_t(*)[16])between, n, a, to, ret_found, e))
        return -1;
    memcpy(ret, to, (size_t)n * 16);
    for (int i = 0; i < n; i++)
        ret_found[i] = ret_found[i] && half[i];
    return 0;
}

int bond_shares_home(struct tx *tx, const struct study *s, const struct bond *b, struct arena *a, struct err *e)
{
    uint8_t house[BLIND_BYTES], data[BLIND_BYTES];
    struct rows r;
    if (blind_index(s->keyring, s->scope, BLIND_STREAM_HOUSE, id_slice(b->house_nick), house, e) ||
        blind_index(s->keyring, s->scope, BLIND_STREAM_DATA, id_slice(b->data_nick), data, e))
        return -1;
    int n = tx_rows(tx, a, &r, e,
                    "SELECT id FROM stream_edge WHERE scope = $1 AND house_index = $2 AND data_index <> $3 LIMIT 1",
                    V_ID(s->scope), V_ID(house), V_ID(data));
    return n < 0 ? -1 : n > 0;
}

int bond_erase(struct tx *tx, const struct study *s, const struct bond *b, bool others, struct err *e)
{
    uint8_t person[BLIND_BYTES], data[BLIND_BYTES], home[BLIND_BYTES];
    if (blind_index(s->keyring, s->scope, BLIND_PATIENT_PERSON, id_slice(b->person), person, e) ||
        blind_index(s->keyring, s->scope, BLIND_STREAM_DATA, id_slice(b->data_nick), data, e) ||
        blind_index(s->keyring, s->scope, BLIND_HOME_HOME, id_slice(b->home), home, e))
        return -1;
    return tx_put(tx, e, "DELETE FROM patient_edge WHERE scope = $1 AND person_index = $2", V_ID(s->scope),
                  V_ID(person)) ||
                   tx_put(tx, e, "DELETE FROM stream_edge WHERE scope = $1 AND data_index = $2", V_ID(s->scope),
                          V_ID(data)) ||
                   (!others && tx_put(tx, e, "DELETE FROM home_edge WHERE scope = $1 AND home_index = $2",
                                      V_ID(s->scope), V_ID(home)))
               ? -1
               : 0;
}

int bond_data_of(struct tx *tx, const struct study *s, const uint8_t (*person)[16], int n, struct arena *a,
                 uint8_t (*ret)[16], bool *ret_there, struct err *e)
{
    struct val v[3 + DB_MANY] = {V_NULL, V_ID(s->scope), V_INT(0)};
    uint8_t index[DB_MANY][BLIND_BYTES];
    const uint8_t *end = NULL;
    struct rows r;
    for (int i = 0; i < n; i++)
        if (blind_index(s->keyring, s->scope, BLIND_PATIENT_PERSON, id_slice(person[i]), index[i], e))
            return -1;
    for (int i = 0; i < DB_MANY; i++)
        v[3 + i] = V_ID(index[i < n ? i : 0]);
    if (tx_rows_n(tx, a, &r, e,
                  "SELECT id, ends FROM patient_edge WHERE scope = $1 AND CAST($2 AS BIGINT) = 0 AND person_index IN "
                  "(" DB_HUNDRED ")",
                  v, 2 + DB_MANY) < 0)
        return -1;
    for (int k = 0; k < r.n; k++) {
        struct rows one = {1, r.cols, row_at(&r, k, 0)};
        if (open_ends(s, PLACE_PATIENT_ENDS, &one, a, 2, &end, e) < 0)
            return -1;
        for (int i = 0; i < n; i++)
            if (memcmp(end, person[i], 16) == 0) {
                memcpy(ret[i], end + 16, 16);
                ret_there[i] = true;
            }
    }
    return 0;
}
