#include "study/renew.h"

#include "base/own.h"
#include "study/house_int.h"

enum { ONE_MEMORY = 1 << 20 };

struct renewing {
    const struct study *s;
    enum role role;
    const char *holder;
    enum bond_edge edge;
    uint8_t from[BLIND_BYTES], to[BLIND_BYTES]; /* the last that is done, before a body and after it */
    struct audit_entry audit;
    struct arena *arena;
    int64_t all;
    int n;
};

static int begin_body(struct tx *tx, void *arg, struct err *e)
{
    struct renewing *x = arg;
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e, "SELECT count(*) FROM alias WHERE scope = $1 AND holder = $2", V_ID(x->s->scope),
                V_STR(x->holder)) < 0)
        return -1;
    x->all = x->audit.rows = r.cell[0].i;
    return audit_append(tx, &x->audit, e);
}

/* --- numbers --- */

/* Where it stands in the lists of a role that has an order of its own. */
static int renew_turn(struct tx *tx, const struct renewing *x, const struct alias *fresh, struct err *e)
{
#define TURN(table, role)                                                                                              \
    "UPDATE " table " SET " role "_turn = " role "_turn / $1 * $2 + $3 WHERE scope = $4 AND alias_index = $5"
    static const struct {
        enum role role;
        const char *sql;
    } lists[] = {{ROLE_INSTALLER, TURN("ticket", "installer")},
                 {ROLE_MONITOR, TURN("ticket", "monitor")},
                 {ROLE_MONITOR, TURN("document", "monitor")}};
    for (size_t i = 0; i < COUNT(lists); i++)
        if (lists[i].role == x->role &&
            tx_exec(tx, e, lists[i].sql, V_INT(HOUSE_TURN_UNIT), V_INT(HOUSE_TURN_UNIT),
                    V_INT(house_turn_number(fresh->number)), V_ID(x->s->scope), V_ID(fresh->index)) < 0)
            return -1;
    return 0;
}

/* v: subject_index, number, subject */
static int renew_number(struct tx *tx, const struct renewing *x, const struct val *v, struct err *e)
{
    struct alias fresh;
    struct slice subject;
    uint8_t row[16];
    struct seal_place at = alias_place(x->s->scope, slice_of(x->holder), v[1].i, row);
    if (keyring_unseal(x->s->keyring, &at, v[2].s, x->arena, &subject, e))
        return -1;
    if (subject.n != 16)
        return err_set(e, ERR_KEYS, "an alias of another length");
    if (alias_make(x->s, x->holder, (const uint8_t *)subject.p, x->arena, &fresh, e))
        return -1;
    int n = tx_exec(tx, e,
                    "UPDATE alias SET number = $1, subject = $2 WHERE scope = $3 AND holder = $4 AND number = $5",
                    V_INT(fresh.number), V_BLOB(fresh.sealed), V_ID(x->s->scope), V_STR(x->holder), V_INT(v[1].i));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "a number became another one meanwhile");
    return renew_turn(tx, x, &fresh, e);
}

static int numbers_body(struct tx *tx, void *arg, struct err *e)
{
    struct renewing *x = arg;
    struct rows r;
    x->n = tx_rows(tx, x->arena, &r, e,
                   "SELECT subject_index, number, subject FROM alias WHERE scope = $1 AND holder = $2 AND "
                   "subject_index > $3 ORDER BY subject_index LIMIT $4",
                   V_ID(x->s->scope), V_STR(x->holder), V_ID(x->from), V_INT(DB_MANY));
    for (int i = 0; i < x->n; i++)
        if (renew_number(tx, x, row_at(&r, i, 0), e))
            return -1;
    if (x->n > 0)
        memcpy(x->to, row_at(&r, x->n - 1, 0)->s.p, BLIND_BYTES);
    return x->n < 0 ? -1 : 0;
}

/* --- edges --- */

static int edges_body(struct tx *tx, void *arg, struct err *e)
{
    struct renewing *x = arg;
    memcpy(x->to, x->from, sizeof x->to);
    x->n = bond_renew(tx, x->s, x->edge, x->to, x->arena, e);
    return x->n < 0 ? -1 : 0;
}

/* One transaction after the other, until there are no more. */
static int all_of(struct renewing *x, tx_body body, struct progress *p, int64_t *ret, struct err *e)
{
    memset(x->from, 0, sizeof x->from);
    for (;;) {
        OWN_ARENA struct arena *a = arena_new(ONE_MEMORY);
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "renew numbers");
        x->arena = a;
        if (tx_run(x->s->db, body, x, e)) {
            if (e->code != ERR_CONFLICT)
                return -1;
            continue;
        }
        memcpy(x->from, x->to, sizeof x->from);
        *ret += x->n;
        progress_add(p, x->n);
        if (x->n == 0)
            return 0;
        if (p->stop)
            return err_set(e, ERR_BUSY, "stopped after %lld: begin again, and all of them are renewed",
                           (long long)*ret);
    }
}

int study_renew(const struct study *s, enum role role, const struct audit_entry *audit, struct progress *p,
                struct renewed *ret, struct err *e)
{
    static const enum entity walked[] = {ENTITY_PATIENT_LOOKUP, ENTITY_INSTALLATION_LOOKUP, ENTITY_STREAM_LOOKUP};
    OWN_ARENA struct arena *a = arena_new(ONE_MEMORY);
    struct renewing x = {.s = s, .role = role, .holder = role_name(role), .arena = a, .audit = *audit};
    struct renewed done = {0};
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "renew numbers");
    if (policy_view(role, ENTITY_ALIAS, ACTION_READ) == VIEW_NONE)
        return err_set(e, ERR_USAGE, "%s has no numbers of its own", x.holder);
    x.audit.object = entity_name(ENTITY_ALIAS);
    x.audit.object_id = x.holder;
    x.audit.why = "renewed";
    if (tx_run(s->db, begin_body, &x, e))
        return -1;
    progress_begin(p, "renewing numbers", x.all);
    if (all_of(&x, numbers_body, p, &done.numbers, e))
        return -1;
    for (x.edge = 0; x.edge < BOND_EDGES; x.edge++)
        if (policy_view(role, walked[x.edge], ACTION_READ) != VIEW_NONE && all_of(&x, edges_body, p, &done.edges, e))
            return -1;
    *ret = done;
    return 0;
}
