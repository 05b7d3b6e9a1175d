#include "study/house_int.h"

#include <assert.h>

#include "base/own.h"
#include "study/ticket.h"

/* --- numbers --- */

static const char *const holders[NAME_HOLDERS] = {"doctor", "installer", "monitor", "audit"};

int names_make(const struct study *s, const uint8_t subject[16], struct arena *a, struct names *ret, struct err *e)
{
    for (int i = 0; i < NAME_HOLDERS; i++)
        if (alias_make(s, holders[i], subject, a, &ret->of[i], e))
            return -1;
    return 0;
}

int64_t names_number(const struct names *n, const char *holder)
{
    for (int i = 0; i < NAME_HOLDERS; i++)
        if (strcmp(holders[i], holder) == 0)
            return n->of[i].number;
    return 0;
}

int names_store(struct tx *tx, const struct study *s, const struct names *n, struct err *e)
{
    for (int i = 0; i < NAME_HOLDERS; i++)
        if (alias_store(tx, s, &n->of[i], e))
            return -1;
    return 0;
}

int names_audit(struct tx *tx, const struct study *s, const uint8_t subject[16], struct arena *a,
                struct audit_entry *entry, char text[ALIAS_AUDIT_TEXT], struct err *e)
{
    uint8_t index[1][BLIND_BYTES];
    int64_t number;
    if (alias_index(s, subject, index[0], e) ||
        alias_numbers(tx, s, "audit", (const uint8_t(*)[BLIND_BYTES])index, 1, a, &number, e))
        return -1;
    snprintf(text, ALIAS_AUDIT_TEXT, "%lld", (long long)number);
    entry->object_id = text;
    return 0;
}

bool house_joins_persons(const struct caller *c)
{
    return policy_view(c->role, ENTITY_PATIENT_LOOKUP, ACTION_READ) != VIEW_NONE;
}

int house_find(struct tx *tx, const struct study *s, const struct caller *c, int64_t number, struct arena *a,
               uint8_t ret[16], struct err *e)
{
    uint8_t named[1][16];
    struct rows r;
    bool found;
    int got = alias_subject(tx, s, role_name(c->role), number, a, named[0], e);
    if (got <= 0)
        return got;
    /* every house has a ticket from its first day on */
    got = tx_rows(tx, a, &r, e, "SELECT 1 FROM ticket WHERE scope = $1 AND house_nick = $2 LIMIT 1", V_ID(s->scope),
                  V_ID(named[0]));
    if (got < 0)
        return -1;
    if (got > 0)
        return memcpy(ret, named[0], 16), 1;
    if (!house_joins_persons(c))
        return 0;
    if (bond_walk(tx, s, WALK_PERSON_HOUSE, (const uint8_t(*)[16])named, 1, a, named, &found, e))
        return -1;
    return found ? (memcpy(ret, named[0], 16), 1) : 0;
}

int house_numbers(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t (*house)[16], int n,
                  struct arena *a, int64_t *ret, struct err *e)
{
    uint8_t subject[DB_MANY][16], index[DB_MANY][BLIND_BYTES];
    bool found[DB_MANY];
    assert(n <= DB_MANY);
    memcpy(subject, house, (size_t)n * 16);
    if (house_joins_persons(c) && bond_walk(tx, s, WALK_HOUSE_PERSON, house, n, a, subject, found, e))
        return -1;
    for (int i = 0; i < n; i++)
        if (alias_index(s, subject[i], index[i], e))
            return -1;
    return alias_numbers(tx, s, role_name(c->role), (const uint8_t(*)[BLIND_BYTES])index, n, a, ret, e);
}

/* --- what the audit log calls them --- */

struct naming {
    const struct study *s;
    const struct caller *c;
    const int64_t *number;
    int n;
    int64_t *ret;
    struct arena *arena;
};

/* As answers call each: a house by who lives there, where the two may be joined, anything else by its own number. */
static int call_by_own(struct tx *tx, const struct naming *x, const uint8_t (*subject)[16], int n, int64_t *ret,
                       struct err *e)
{
    uint8_t index[DB_MANY][BLIND_BYTES];
    int64_t person[DB_MANY] = {0};
    assert(n <= DB_MANY);
    for (int i = 0; i < n; i++)
        if (alias_index(x->s, subject[i], index[i], e))
            return -1;
    if (alias_numbers(tx, x->s, role_name(x->c->role), (const uint8_t(*)[BLIND_BYTES])index, n, x->arena, ret, e) ||
        (house_joins_persons(x->c) && house_numbers(tx, x->s, x->c, subject, n, x->arena, person, e)))
        return -1;
    for (int i = 0; i < n; i++)
        ret[i] = person[i] ? person[i] : ret[i];
    return 0;
}

static int own_numbers_body(struct tx *tx, void *arg, struct err *e)
{
    const struct naming *x = arg;
    uint8_t(*subject)[16] = arena_take(x->arena, (size_t)(x->n + 1) * 16);
    int *at = arena_take(x->arena, (size_t)(x->n + 1) * sizeof *at), known = 0;
    int64_t *own = arena_take(x->arena, (size_t)(x->n + 1) * sizeof *own);
    if (!subject || !at || !own)
        return err_set(e, ERR_NO_MEMORY, "numbers");
    for (int i = 0; i < x->n; i++) {
        int got = alias_subject(tx, x->s, STUDY_AUDIT_HOLDER, x->number[i], x->arena, subject[known], e);
        if (got < 0)
            return -1;
        if (got)
            at[known++] = i;
    }
    if (known && call_by_own(tx, x, (const uint8_t(*)[16])subject, known, own, e))
        return -1;
    memset(x->ret, 0, (size_t)x->n * sizeof *x->ret);
    for (int i = 0; i < known; i++)
        x->ret[at[i]] = own[i];
    return 0;
}

int study_own_numbers(const struct study *s, const struct caller *c, const int64_t *number, int n, int64_t *ret,
                      struct arena *a, struct err *e)
{
    struct naming x = {s, c, number, n, ret, a};
    return n ? tx_run(s->db, own_numbers_body, &x, e) : 0;
}

int house_given(struct tx *tx, const struct study *s, const struct caller *c, enum view view, const uint8_t house[16],
                struct arena *a, struct err *e)
{
    struct rows r;
    const struct view_row *v = view_row(view);
    if (!v)
        return 0;
    if (v->reach != REACH_ASSIGNED)
        return 1;
    return tx_rows(tx, a, &r, e, "SELECT 1 FROM ticket WHERE scope = $1 AND installer = $2 AND house_nick = $3 LIMIT 1",
                   V_ID(s->scope), V_ID(c->id), V_ID(house));
}

/* --- what follows from tickets --- */

static const struct {
    enum installation_status status;
    enum ticket_category category;
    enum ticket_state state;
} follows[] = {
#define FIELD(name, part, shows, most, what)
#define STATUS(name, text, category, state, what) {INSTALLATION_##name, TICKET_CATEGORY_##category, TICKET_##state},
#define OTHERWISE(name, text, what)
#include "study/installation.def"
};

/* rows: house, category, state, last_at. The first row of installation.def that one of its tickets fits. */
struct house_now house_take(const struct rows *r, const uint8_t house[16])
{
    struct house_now now = {INSTALLATION_UNKNOWN, 0};
    size_t best = COUNT(follows);
    for (int i = 0; i < r->n; i++) {
        const struct val *v = row_at(r, i, 0);
        if (memcmp(v[0].s.p, house, 16) != 0)
            continue;
        now.last_at = v[3].i > now.last_at ? v[3].i : now.last_at;
        if (now.status == INSTALLATION_UNKNOWN)
            now.status = INSTALLATION_OPEN;
        for (size_t k = 0; k < best; k++)
            if (slice_is(v[1].s, ticket_category_name(follows[k].category)) &&
                slice_is(v[2].s, ticket_state_name(follows[k].state)))
                best = k;
    }
    if (best < COUNT(follows))
        now.status = follows[best].status;
    return now;
}

bool house_fit(enum installation_status status, struct house_fit *ret)
{
    *ret = (struct house_fit){"", ""};
    for (size_t k = 0; k < COUNT(follows); k++)
        if (follows[k].status == status) {
            *ret = (struct house_fit){ticket_category_name(follows[k].category), ticket_state_name(follows[k].state)};
            return true;
        }
    return false;
}

int house_ask(struct tx *tx, const struct study *s, const uint8_t house[16], struct arena *a, struct rows *ret,
              struct err *e)
{
    return tx_ask(tx, a, ret, e,
                  "SELECT house_nick, category, state, max(last_at) FROM ticket WHERE scope = $1 AND house_nick = $2 "
                  "GROUP BY house_nick, category, state",
                  V_ID(s->scope), V_ID(house));
}

int house_ask_now(struct tx *tx, const struct study *s, const uint8_t (*house)[16], int n, struct arena *a,
                  struct rows *ret, struct err *e)
{
    struct val v[2 + DB_MANY] = {V_NULL, V_ID(s->scope)};
    assert(n <= DB_MANY);
    *ret = (struct rows){.n = 0};
    if (n <= 1)
        return n ? house_ask(tx, s, house[0], a, ret, e) : 0;
    db_many(v + 2, house, 16, n);
    return tx_ask_n(tx, a, ret, e,
                    "SELECT house_nick, category, state, max(last_at) FROM ticket WHERE scope = $1 AND house_nick IN "
                    "(" DB_HUNDRED_2 ") GROUP BY house_nick, category, state",
                    v, 1 + DB_MANY);
}

int house_now(struct tx *tx, const struct study *s, const uint8_t (*house)[16], int n, struct arena *a,
              struct house_now *ret, struct err *e)
{
    struct rows r;
    if (house_ask_now(tx, s, house, n, a, &r, e) || tx_wait(tx, e))
        return -1;
    for (int i = 0; i < n; i++)
        ret[i] = house_take(&r, house[i]);
    return 0;
}

/* --- times --- */

/* In microseconds; 0: the role is told of none. */
static int64_t grain_of(enum role role, enum grain g)
{
    static const int64_t seconds[ROLE_COUNT][2] = {
#define GRAIN(role, ticket, home) [ROLE_##role] = {ticket, home},
#include "study/grain.def"
#undef GRAIN
    };
    return seconds[role][g] * 1000000;
}

int64_t grain_cut(enum role role, enum grain g, int64_t us)
{
    int64_t unit = grain_of(role, g);
    return unit && us > 0 ? us - us % unit : 0;
}

/* Migration 0028 counts the same: a number has 52 bits, and minutes 27 until the year 2225. */
int64_t house_turn(enum role role, enum grain g, int64_t us, int64_t number)
{
    int64_t unit = grain_of(role, g);
    return unit && us > 0 ? us / unit * HOUSE_TURN_UNIT + house_turn_number(number) : 0;
}

int64_t house_turn_number(int64_t number)
{
    assert(number >= 0 && number < INT64_C(1) << 52);
    return number >> 16;
}

/* --- visits --- */

int house_lock(struct tx *tx, const struct study *s, const uint8_t house[16], struct err *e)
{
    int n = tx_exec(tx, e, "UPDATE installation SET rev = rev WHERE scope = $1 AND house_nick = $2", V_ID(s->scope),
                    V_ID(house));
    return n < 0 ? -1 : n == 0 ? err_set(e, ERR_NOT_FOUND, "no installation of this house") : 0;
}

int house_settle_visit(struct tx *tx, const struct study *s, const uint8_t house[16], const uint8_t staff[16],
                       int64_t now, struct arena *a, struct err *e)
{
    const uint8_t *scope = s->scope;
    uint8_t home[16];
    struct rows open, visit;
    int got = bond_home_of_house(tx, s, house, a, home, e);
    if (got <= 0)
        return got < 0 ? -1 : err_set(e, ERR_INTERNAL, "a house without a home");
    if (tx_rows(tx, a, &open, e,
                "SELECT 1 FROM ticket WHERE scope = $1 AND installer = $2 AND house_nick = $3 AND state = 'open' LIMIT "
                "1",
                V_ID(scope), V_ID(staff), V_ID(house)) < 0 ||
        tx_rows(tx, a, &visit, e,
                "SELECT since FROM visit WHERE scope = $1 AND staff = $2 AND home = $3 AND until IS NULL", V_ID(scope),
                V_ID(staff), V_ID(home)) < 0)
        return -1;
    if (open.n && !visit.n)
        return tx_put(tx, e, "INSERT INTO visit (scope, home, staff, since) VALUES ($1, $2, $3, $4)", V_ID(scope),
                      V_ID(home), V_ID(staff), V_INT(now));
    if (!open.n && visit.n)
        return tx_put(tx, e,
                      "UPDATE visit SET until = $1 WHERE scope = $2 AND home = $3 AND staff = $4 AND until IS NULL",
                      V_INT(now), V_ID(scope), V_ID(home), V_ID(staff));
    return 0;
}

/* --- one that is new --- */

int house_make(const struct study *s, const uint8_t house[16], struct arena *a, struct house_new *ret, struct err *e)
{
    memcpy(ret->house, house, 16);
    return names_make(s, house, a, &ret->names, e) ||
                   keyring_subject_make(s->keyring, s->scope, house, SUBJECT_INSTALLATION, &ret->installation, e)
               ? -1
               : 0;
}

int house_store(struct tx *tx, const struct study *s, const struct house_new *n, struct err *e)
{
    return tx_put(tx, e,
                  "INSERT INTO installation (scope, house_nick, alias_index, rev, sensors_rev, info_rev) VALUES ($1, "
                  "$2, $3, 1, 0, 0)",
                  V_ID(s->scope), V_ID(n->house), V_ID(n->names.of[0].index)) ||
                   names_store(tx, s, &n->names, e) || keyring_subject_store(tx, &n->installation, e)
               ? -1
               : 0;
}

int house_erase(struct tx *tx, const struct study *s, const uint8_t house[16], struct err *e)
{
    static const char *const statement[] = {
        "DELETE FROM alias WHERE scope = $1 AND subject_index IN (SELECT alias_index FROM ticket WHERE scope = $1 AND "
        "house_nick = $2)",
        "DELETE FROM ticket_entry WHERE scope = $1 AND ticket IN (SELECT id FROM ticket WHERE scope = $1 AND "
        "house_nick = $2)",
        "DELETE FROM ticket WHERE scope = $1 AND house_nick = $2",
        "DELETE FROM alias WHERE scope = $1 AND subject_index IN (SELECT alias_index FROM sensor WHERE scope = $1 AND "
        "house_nick = $2)",
        "DELETE FROM sensor WHERE scope = $1 AND house_nick = $2",
        "DELETE FROM installation WHERE scope = $1 AND house_nick = $2",
        /* unreadable from here on; document_sweep removes what is left */
        "UPDATE document SET lease_until = 0, file_key = NULL, card = NULL, author = NULL WHERE scope = $1 AND "
        "house_nick = $2",
    };
    int n = 0;
    for (size_t i = 0; i < COUNT(statement); i++) {
        int gone = tx_exec(tx, e, statement[i], V_ID(s->scope), V_ID(house));
        if (gone < 0)
            return -1;
        n += gone;
    }
    return n;
}
