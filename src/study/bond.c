/* bond.c -- the three edge tables: Patient (person, data_nick), Home (home, house_nick), Stream (stream, house_nick,
 * data_nick).
 *
 * Whoever may read an edge table may walk its edges, in both directions; what a role can reach is what its edges
 * connect (policy/check.c proves that this is what it is meant to be). In the store an edge is its ends, sealed under
 * the table's own key, and for each end a keyed hash to find it by; so the file alone joins nothing. Ends are random,
 * made for their table, derived from nothing, and shown to nobody: people see aliases. */
#include "study/study_int.h"

#include <assert.h>

#include "base/rnd.h"

enum { PATIENT_PERSON, PATIENT_DATA, HOME_HOME, HOME_HOUSE, STREAM_STREAM, STREAM_HOUSE, STREAM_DATA };
/* What stands behind the ends, of an edge that is not of the first epoch: which one it is of. */
enum { EPOCH_BYTES = 4 };

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

/* rows: id, ends. The ends of the first, `n` of them; behind them its epoch. 1, 0, -1. */
static int open_ends(const struct study *s, enum place place, const struct rows *r, struct arena *a, size_t n,
                     const uint8_t **ret, struct err *e)
{
    struct slice ends;
    if (r->n == 0)
        return 0;
    struct seal_place at = place_of(place, s->scope, (const uint8_t *)row_at(r, 0, 0)->s.p, 0);
    uint8_t *whole = arena_take(a, n * 16 + EPOCH_BYTES);
    if (!whole)
        return err_set(e, ERR_NO_MEMORY, "an edge");
    if (keyring_unseal(s->keyring, &at, row_at(r, 0, 1)->s, a, &ends, e))
        return -1;
    if (ends.n != n * 16 && ends.n != n * 16 + EPOCH_BYTES)
        return err_set(e, ERR_KEYS, "an edge of another length");
    memset(whole + n * 16, 0, EPOCH_BYTES);
    *ret = memcpy(whole, ends.p, ends.n);
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
    memcpy(b.stream, hint->stream, 16); /* any of them leads from the data to the house */
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

/* --- streams --- */

/* rows: id, ends. How many, or -1. */
static int take_streams(const struct study *s, const struct rows *r, struct arena *a, struct stream_ends **ret,
                        struct err *e)
{
    const uint8_t *p = NULL;
    struct stream_ends *list = arena_take(a, (size_t)(r->n + 1) * sizeof *list);
    if (!list)
        return err_set(e, ERR_NO_MEMORY, "edges of streams");
    for (int i = 0; i < r->n; i++) {
        struct rows one = {1, r->cols, row_at(r, i, 0)};
        if (open_ends(s, PLACE_STREAM_ENDS, &one, a, 3, &p, e) < 0)
            return -1;
        memcpy(list[i].stream, p, 16);
        memcpy(list[i].house, p + 16, 16);
        memcpy(list[i].data, p + 32, 16);
        memcpy(&list[i].epoch, p + 48, EPOCH_BYTES);
    }
    *ret = list;
    return r->n;
}

int bond_streams(struct tx *tx, const struct study *s, enum stream_end by, const uint8_t end[16], struct arena *a,
                 struct stream_ends **ret, struct err *e)
{
    static const struct {
        enum blind_column column;
        const char *sql;
    } ways[] = {
        [BY_STREAM] = {BLIND_STREAM_STREAM, "SELECT id, ends FROM stream_edge WHERE scope = $1 AND stream_index = $2"},
        [BY_HOUSE] = {BLIND_STREAM_HOUSE, "SELECT id, ends FROM stream_edge WHERE scope = $1 AND house_index = $2"},
        [BY_DATA] = {BLIND_STREAM_DATA, "SELECT id, ends FROM stream_edge WHERE scope = $1 AND data_index = $2"}};
    uint8_t index[BLIND_BYTES];
    struct rows r;
    if (blind_index(s->keyring, s->scope, ways[by].column, id_slice(end), index, e) ||
        tx_rows(tx, a, &r, e, ways[by].sql, V_ID(s->scope), V_ID(index)) < 0)
        return -1;
    return take_streams(s, &r, a, ret, e);
}

int bond_stream_seal(const struct study *s, const struct stream_ends *x, struct arena *a, struct stream_edge *ret,
                     struct err *e)
{
    uint8_t ends[48 + EPOCH_BYTES];
    memcpy(ends, x->stream, 16);
    memcpy(ends + 16, x->house, 16);
    memcpy(ends + 32, x->data, 16);
    memcpy(ends + 48, &x->epoch, EPOCH_BYTES);
    rnd_bytes(ret->id, 16);
    return blind_index(s->keyring, s->scope, BLIND_STREAM_STREAM, id_slice(x->stream), ret->index[0], e) ||
                   blind_index(s->keyring, s->scope, BLIND_STREAM_HOUSE, id_slice(x->house), ret->index[1], e) ||
                   blind_index(s->keyring, s->scope, BLIND_STREAM_DATA, id_slice(x->data), ret->index[2], e) ||
                   seal_ends(s, "edge.stream", PLACE_STREAM_ENDS, ret->id,
                             (struct slice){(char *)ends, x->epoch ? sizeof ends : 48}, a, &ret->ends, e)
               ? -1
               : 0;
}

int bond_stream_store(struct tx *tx, const struct study *s, const struct stream_edge *x, struct err *e)
{
    return tx_put(tx, e,
                  "INSERT INTO stream_edge (scope, id, stream_index, house_index, data_index, ends) VALUES ($1, $2, "
                  "$3, $4, $5, $6)",
                  V_ID(s->scope), V_ID(x->id), V_ID(x->index[0]), V_ID(x->index[1]), V_ID(x->index[2]),
                  V_BLOB(x->ends));
}

/* Streams of a house are somebody's data: all of one person, or nobody can be meant. */
static int person_of_house(struct tx *tx, const struct study *s, const uint8_t house[16], struct arena *a,
                           uint8_t ret[16], struct err *e)
{
    struct stream_ends *x;
    int n = bond_streams(tx, s, BY_HOUSE, house, a, &x, e);
    for (int i = 1; i < n; i++)
        if (memcmp(x[0].data, x[i].data, 16) != 0)
            return err_set(e, ERR_CONFLICT, "several people live in this house: name one by their data");
    return n > 0 ? person_of_data(tx, s, x[0].data, a, ret, e) : n;
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

/* One edge from each: which table, by which end, to which. One alone is asked for without the other places. */
#define EDGES(table, by)                                                                                               \
    {                                                                                                                  \
        "SELECT id, ends FROM " table " WHERE scope = $1 AND " by " = $2",                                             \
            "SELECT id, ends FROM " table " WHERE scope = $1 AND " by " IN (" DB_HUNDRED_2 ")"                         \
    }
static const struct hop_row {
    const char *sql[2]; /* of one, of many */
    enum place place;
    enum blind_column by;
    int ends, from, to;
} hops[] = {
    [HOP_PERSON_DATA] = {EDGES("patient_edge", "person_index"), PLACE_PATIENT_ENDS, BLIND_PATIENT_PERSON, 2, 0, 1},
    [HOP_DATA_HOUSE] = {EDGES("stream_edge", "data_index"), PLACE_STREAM_ENDS, BLIND_STREAM_DATA, 3, 2, 1},
    [HOP_HOUSE_DATA] = {EDGES("stream_edge", "house_index"), PLACE_STREAM_ENDS, BLIND_STREAM_HOUSE, 3, 1, 2},
    [HOP_DATA_PERSON] = {EDGES("patient_edge", "data_index"), PLACE_PATIENT_ENDS, BLIND_PATIENT_DATA, 2, 1, 0},
};
static const enum hop walks[][2] = {
    [WALK_PERSON_HOUSE] = {HOP_PERSON_DATA, HOP_DATA_HOUSE},
    [WALK_HOUSE_PERSON] = {HOP_HOUSE_DATA, HOP_DATA_PERSON},
};

/* The first of those that begin there; of several that lead on, the lowest, so that it is the same each time. */
static void arrive(const struct hop_row *hop, const uint8_t *ends, const uint8_t (*from)[16], int n, uint8_t (*to)[16],
                   bool *found)
{
    const uint8_t *end = ends + 16 * hop->to;
    for (int i = 0; i < n; i++)
        if (memcmp(from[i], ends + 16 * hop->from, 16) == 0 && (!found[i] || memcmp(end, to[i], 16) < 0)) {
            memcpy(to[i], end, 16);
            found[i] = true;
        }
}

int bond_ask_hop(struct tx *tx, const struct study *s, enum hop h, const uint8_t (*from)[16], int n, struct arena *a,
                 struct rows *ret, struct err *e)
{
    uint8_t index[DB_MANY][BLIND_BYTES];
    struct val v[2 + DB_MANY] = {V_NULL, V_ID(s->scope)};
    assert(n >= 1 && n <= DB_MANY);
    for (int i = 0; i < n; i++)
        if (blind_index(s->keyring, s->scope, hops[h].by, id_slice(from[i]), index[i], e))
            return -1;
    db_many(v + 2, index, BLIND_BYTES, n);
    return tx_ask_n(tx, a, ret, e, hops[h].sql[n > 1], v, n > 1 ? 1 + DB_MANY : 2);
}

int bond_take_hop(const struct study *s, enum hop h, const struct rows *r, const uint8_t (*from)[16], int n,
                  struct arena *a, uint8_t (*ret)[16], bool *ret_found, struct err *e)
{
    const uint8_t *ends = NULL;
    memset(ret, 0, (size_t)n * 16);
    memset(ret_found, 0, (size_t)n * sizeof *ret_found);
    for (int i = 0; i < r->n; i++) {
        struct rows one = {1, r->cols, row_at(r, i, 0)};
        if (open_ends(s, hops[h].place, &one, a, (size_t)hops[h].ends, &ends, e) < 0)
            return -1;
        arrive(&hops[h], ends, from, n, ret, ret_found);
    }
    return 0;
}

int bond_streams_of(struct tx *tx, const struct study *s, const uint8_t (*data)[16], int n, struct arena *a,
                    struct stream_ends **ret, struct err *e)
{
    struct rows r;
    return bond_ask_hop(tx, s, HOP_DATA_HOUSE, data, n, a, &r, e) || tx_wait(tx, e) ? -1
                                                                                   : take_streams(s, &r, a, ret, e);
}

int bond_walk(struct tx *tx, const struct study *s, enum walk w, const uint8_t (*from)[16], int n, struct arena *a,
              uint8_t (*ret)[16], bool *ret_found, struct err *e)
{
    uint8_t end[3][DB_MANY][16];
    bool found[3][DB_MANY];
    struct rows r;
    assert(n <= DB_MANY);
    memcpy(end[0], from, (size_t)n * 16);
    memset(found[0], true, sizeof found[0]);
    for (int i = 0; n && i < 2; i++)
        if (bond_ask_hop(tx, s, walks[w][i], (const uint8_t(*)[16])end[i], n, a, &r, e) || tx_wait(tx, e) ||
            bond_take_hop(s, walks[w][i], &r, (const uint8_t(*)[16])end[i], n, a, end[i + 1], found[i + 1], e))
            return -1;
    for (int i = 0; i < n; i++) {
        ret_found[i] = found[1][i] && found[2][i];
        memcpy(ret[i], end[2][i], 16);
    }
    return 0;
}

/* One end of each edge that was found, each once. */
static int distinct_ends(const struct study *s, enum hop h, const struct rows *r, struct arena *a, uint8_t (*ret)[16],
                         int *n, struct err *e)
{
    const uint8_t *ends = NULL;
    for (int i = 0; i < r->n; i++) {
        struct rows one = {1, r->cols, row_at(r, i, 0)};
        struct arena_mark before = arena_mark(a);
        if (open_ends(s, hops[h].place, &one, a, (size_t)hops[h].ends, &ends, e) < 0)
            return -1;
        bool known = false;
        for (int k = 0; k < *n && !known; k++)
            known = memcmp(ret[k], ends + 16 * hops[h].to, 16) == 0;
        if (!known)
            memcpy(ret[(*n)++], ends + 16 * hops[h].to, 16);
        arena_rewind(a, before);
    }
    return 0;
}

int bond_persons(struct tx *tx, const struct study *s, const uint8_t (*house)[16], int n, struct arena *a,
                 uint8_t (**ret)[16], struct err *e)
{
    struct rows r;
    int datas = 0, persons = 0;
    if (bond_ask_hop(tx, s, HOP_HOUSE_DATA, house, n, a, &r, e) || tx_wait(tx, e))
        return -1;
    uint8_t(*data)[16] = arena_take(a, (size_t)(r.n + 1) * 16);
    uint8_t(*person)[16] = arena_take(a, (size_t)(r.n + 1) * 16); /* of one's data there is one edge */
    if (!data || !person)
        return err_set(e, ERR_NO_MEMORY, "people of homes");
    if (distinct_ends(s, HOP_HOUSE_DATA, &r, a, data, &datas, e))
        return -1;
    for (int at = 0; at < datas; at += DB_MANY)
        if (bond_ask_hop(tx, s, HOP_DATA_PERSON, (const uint8_t(*)[16])data + at,
                         datas - at < DB_MANY ? datas - at : DB_MANY, a, &r, e) ||
            tx_wait(tx, e) || distinct_ends(s, HOP_DATA_PERSON, &r, a, person, &persons, e))
            return -1;
    *ret = person;
    return persons;
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

/* --- another epoch --- */

#define RENEWED(table, by)                                                                                             \
    "SELECT id, ends, " by " FROM " table " WHERE scope = $1 AND " by " > $2 ORDER BY " by " LIMIT $3",                \
        "UPDATE " table " SET id = $1, ends = $2 WHERE scope = $3 AND id = $4"
static const struct {
    const char *list, *put, *domain;
    enum place place;
    size_t ends;
} tables[BOND_EDGES] = {
    [BOND_PATIENT] = {RENEWED("patient_edge", "person_index"), "edge.patient", PLACE_PATIENT_ENDS, 2},
    [BOND_HOME] = {RENEWED("home_edge", "home_index"), "edge.home", PLACE_HOME_ENDS, 2},
    [BOND_STREAM] = {RENEWED("stream_edge", "stream_index"), "edge.stream", PLACE_STREAM_ENDS, 3},
};

static int renew_edge(struct tx *tx, const struct study *s, enum bond_edge which, const struct rows *one,
                      struct arena *a, struct err *e)
{
    const uint8_t *ends = NULL;
    uint8_t next[48 + EPOCH_BYTES], id[16];
    uint32_t epoch;
    size_t n = tables[which].ends * 16;
    struct slice sealed;
    if (open_ends(s, tables[which].place, one, a, tables[which].ends, &ends, e) < 0)
        return -1;
    memcpy(&epoch, ends + n, EPOCH_BYTES);
    epoch++;
    memcpy(next, ends, n);
    memcpy(next + n, &epoch, EPOCH_BYTES);
    rnd_bytes(id, sizeof id);
    if (seal_ends(s, tables[which].domain, tables[which].place, id, (struct slice){(char *)next, n + EPOCH_BYTES}, a,
                  &sealed, e))
        return -1;
    int rc = tx_exec(tx, e, tables[which].put, V_ID(id), V_BLOB(sealed), V_ID(s->scope), V_BLOB(one->cell[0].s));
    return rc == 1 ? 0 : rc < 0 ? -1 : err_set(e, ERR_CONFLICT, "an edge became another one meanwhile");
}

int bond_renew(struct tx *tx, const struct study *s, enum bond_edge which, uint8_t cursor[BLIND_BYTES], struct arena *a,
               struct err *e)
{
    struct rows r;
    if (tx_rows(tx, a, &r, e, tables[which].list, V_ID(s->scope), V_ID(cursor), V_INT(DB_MANY)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        struct rows one = {1, r.cols, row_at(&r, i, 0)};
        if (renew_edge(tx, s, which, &one, a, e))
            return -1;
    }
    if (r.n)
        memcpy(cursor, row_at(&r, r.n - 1, 2)->s.p, BLIND_BYTES);
    return r.n;
}
