#include "identity/desk.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "identity/session.h"

enum { BY_MAX = 64 };

static int all_people(const struct people *d, struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(d->db, a, ret, e, "SELECT id, person, state, created_at FROM staff WHERE scope = $1 ORDER BY id",
                   V_ID(d->scope)) < 0
               ? -1
               : 0;
}

/* An id is that of one, whatever others are called. */
static bool find_by_id(const struct rows *r, struct slice who, uint8_t ret[16])
{
    uint8_t id[16];
    bool is_id = uuid_parse(who, id);
    for (int i = 0; is_id && i < r->n; i++)
        if (memcmp(row_at(r, i, 0)->s.p, id, 16) == 0)
            return memcpy(ret, id, 16), true;
    return false;
}

/* By id, or by what is sealed: then everybody is looked at. */
static int find_by_name(const struct people *d, struct slice who, struct arena *a, uint8_t ret[16], struct err *e)
{
    struct rows r;
    int found = 0, rc = 0;
    if (all_people(d, a, &r, e))
        return -1;
    if (find_by_id(&r, who, ret))
        return 0;
    for (int i = 0; i < r.n && !rc; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct json j;
        rc = person_open(d, (const uint8_t *)v[0].s.p, v[1].s, a, &j, e);
        if (!rc && (slice_eq(json_get_text(&j, 0, "sub", a), who) || slice_eq(json_get_text(&j, 0, "name", a), who))) {
            memcpy(ret, v[0].s.p, 16);
            found++;
        }
    }
    if (rc)
        return -1;
    if (found == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "nobody of that name or id has signed in yet; 'lazaret user list' shows who has");
    return found == 1 ? 0
                      : err_set(e, ERR_CONFLICT, "%d people have that name: give the id ('lazaret user list')", found);
}

/* Did `by` propose a role of whom row v of the staff is? */
static bool proposed_by(const struct rows *grants, const struct val *v, const char *by)
{
    for (int k = 0; k < grants->n; k++) {
        const struct val *x = row_at(grants, k, 0);
        if (memcmp(x[0].s.p, v[0].s.p, 16) == 0 && slice_is(x[3].s, by))
            return true;
    }
    return false;
}

int desk_list(const struct people *d, const char *by, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r, g;
    char text[UUID_TEXT], when[CLOCK_TEXT];
    int rc = 0;
    if (db_rows(
            d->db, a, &g, e,
            "SELECT staff, role, since, proposed_by, approved_by FROM role_grant WHERE scope = $1 AND until IS NULL "
            "ORDER BY staff, role",
            V_ID(d->scope)) < 0 ||
        all_people(d, a, &r, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct json j;
        if (by && !proposed_by(&g, v, by))
            continue;
        rc = person_open(d, (const uint8_t *)v[0].s.p, v[1].s, a, &j, e);
        if (rc)
            break;
        json_open(out, '{');
        json_pair_str(out, "id", uuid_text((const uint8_t *)v[0].s.p, text));
        json_pair(out, "name", json_get_text(&j, 0, "name", a));
        json_pair(out, "subject", json_get_text(&j, 0, "sub", a));
        json_pair(out, "state", v[2].s);
        json_pair_str(out, "created_at", clock_text(v[3].i, when));
        for (int held = 1; held >= 0; held--) {
            json_key(out, held ? "roles" : "proposals");
            json_open(out, '[');
            for (int k = 0; k < g.n; k++) {
                const struct val *x = row_at(&g, k, 0);
                if (memcmp(x[0].s.p, v[0].s.p, 16) != 0 || (x[2].kind != VAL_NULL) != held ||
                    (by && !slice_is(x[3].s, by)))
                    continue;
                json_open(out, '{');
                json_pair(out, "role", x[1].s);
                json_pair(out, "proposed_by", x[3].s);
                if (held)
                    json_pair(out, "approved_by", x[4].s);
                json_close(out, '}');
            }
            json_close(out, ']');
        }
        json_close(out, '}');
    }
    json_close(out, ']');
    return rc;
}

enum deed { PROPOSE, APPROVE, REMOVE, SUSPEND, RESUME };

struct managing {
    const struct people *d;
    uint8_t id[16];
    enum deed deed;
    enum role role;
    const char *by;
    struct arena *arena;
    enum desk_done done;
};

static const char *manager(const struct people *d)
{
    return d->manager ? d->manager : role_name(ROLE_OPERATOR);
}

static bool sees_people(enum role role)
{
    return role == ROLE_DOCTOR || role == ROLE_INSTALLER || role == ROLE_MONITOR || role == ROLE_RESEARCHER;
}

/* The role against all that the person holds or may get. */
static int check_apart(const struct person *p, enum role role, struct err *e)
{
    for (int other = 0; other < ROLE_COUNT; other++) {
        const char *why = (p->held >> other & 1) ? role_apart(role, (enum role)other) : NULL;
        if (why)
            return err_set(e, ERR_CONFLICT, "nobody may be %s and %s: %s", role_name(role), role_name((enum role)other),
                           why);
    }
    return 0;
}

static int set_state(struct tx *tx, const struct managing *m, const char *state, struct err *e)
{
    return tx_exec(tx, e, "UPDATE staff SET state = $1, changed_at = $2 WHERE scope = $3 AND id = $4", V_STR(state),
                   V_INT(clock_now_us()), V_ID(m->d->scope), V_ID(m->id)) < 0
               ? -1
               : 0;
}

/* One who proposed it is not the second person. */
static int grant(struct tx *tx, struct managing *m, const struct person *p, struct err *e)
{
    const char *role = role_name(m->role);
    struct rows r;
    if (tx_rows(
            tx, m->arena, &r, e,
            "SELECT proposed_by FROM role_grant WHERE scope = $1 AND staff = $2 AND role = $3 AND since IS NULL AND "
            "until IS NULL",
            V_ID(m->d->scope), V_ID(m->id), V_STR(role)) < 0)
        return -1;
    bool proposed = r.n > 0;
    if (!proposed && person_propose(tx, m->d->scope, m->id, m->role, m->by, e))
        return -1;
    bool two = sees_people(m->role) || m->d->manager;
    if (!proposed && two)
        return m->done = DESK_PROPOSED, 0;
    if (two && slice_is(row_at(&r, 0, 0)->s, m->by))
        return err_set(e, ERR_CONFLICT, "%s proposed this: the role %s needs somebody else's approval", m->by, role);
    int n =
        tx_exec(tx, e,
                "UPDATE role_grant SET since = $1, approved_by = $2 WHERE scope = $3 AND staff = $4 AND role = $5 AND "
                "since IS NULL AND until IS NULL",
                V_INT(clock_now_us()), V_STR(m->by), V_ID(m->d->scope), V_ID(m->id), V_STR(role));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "somebody changed this meanwhile");
    m->done = DESK_GRANTED;
    return p->suspended || p->active ? 0 : set_state(tx, m, "active", e);
}

static int end_role(struct tx *tx, const struct managing *m, struct err *e)
{
    int n = tx_exec(tx, e,
                    "UPDATE role_grant SET until = $1, ended_by = $2 WHERE scope = $3 AND staff = $4 AND role = $5 AND "
                    "until IS NULL",
                    V_INT(clock_now_us()), V_STR(m->by), V_ID(m->d->scope), V_ID(m->id), V_STR(role_name(m->role)));
    return n < 0    ? -1
           : n == 0 ? err_set(e, ERR_NOT_FOUND, "they neither hold %s nor is it proposed", role_name(m->role))
                    : 0;
}

static int end_sessions(struct tx *tx, const struct managing *m, struct err *e)
{
    struct audit_entry by = {.actor = m->by, .role = manager(m->d)};
    int ended;
    return session_end_all_in(tx, m->d->scope, m->id, "suspended", &by, m->arena, &ended, e);
}

static int do_deed(struct tx *tx, struct managing *m, const struct person *p, struct err *e)
{
    switch (m->deed) {
    case PROPOSE:
    case APPROVE:
        if (p->held >> m->role & 1)
            return err_set(e, ERR_CONFLICT, "they hold %s already", role_name(m->role));
        if (check_apart(p, m->role, e))
            return -1;
        if (m->deed == APPROVE)
            return grant(tx, m, p, e);
        if (p->proposed >> m->role & 1)
            return err_set(e, ERR_CONFLICT, "%s is proposed already", role_name(m->role));
        return person_propose(tx, m->d->scope, m->id, m->role, m->by, e);
    case REMOVE: return end_role(tx, m, e);
    case SUSPEND: return set_state(tx, m, "suspended", e) || end_sessions(tx, m, e) ? -1 : 0;
    case RESUME: break;
    }
    return p->suspended ? set_state(tx, m, p->held ? "active" : "pending", e)
                        : err_set(e, ERR_CONFLICT, "they are not suspended");
}

static int manage_in(struct tx *tx, void *arg, struct err *e)
{
    static const char *const word[] = {"proposed", "approved", "removed", "suspended", "resumed"};
    struct managing *m = arg;
    struct person p;
    bool role = m->deed <= REMOVE;
    int found = person_lock(tx, m->d->scope, m->id, m->arena, &p, e);
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_NOT_FOUND, "nobody of that name or id has signed in yet");
    m->done = DESK_PROPOSED;
    if (do_deed(tx, m, &p, e))
        return -1;
    const char *did = m->deed == APPROVE && m->done == DESK_PROPOSED ? word[PROPOSE] : word[m->deed];
    char why[64];
    snprintf(why, sizeof why, "%s%s%s", did, role ? " " : "", role ? role_name(m->role) : "");
    return person_audit(tx, m->d->scope, m->by, manager(m->d), "admin", role ? "Grant" : "Staff", m->id, why, e);
}

int desk_may_do(enum role role, const char *by, struct err *e)
{
    size_t n = strlen(by);
    if (n < 1 || n > BY_MAX || strspn(by, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@") != n ||
        strcmp(by, "provider") == 0)
        return err_set(e, ERR_USAGE, "who does this (--by) is 1 to 64 of A-Z a-z 0-9 . _ - @, and not 'provider'");
    return role_is_staff(role) ? 0 : err_set(e, ERR_USAGE, "%s is not a role that staff hold", role_name(role));
}

int desk_approve_in(struct tx *tx, const struct people *d, const uint8_t id[16], enum role role, const char *by,
                    struct arena *a, enum desk_done *ret, struct err *e)
{
    struct managing m = {.d = d, .deed = APPROVE, .role = role, .by = by, .arena = a};
    memcpy(m.id, id, 16);
    if (manage_in(tx, &m, e))
        return -1;
    *ret = m.done;
    return 0;
}

static int manage(const struct people *d, struct slice who, struct managing *m, struct arena *a, struct err *e)
{
    if (desk_may_do(m->deed <= REMOVE ? m->role : ROLE_DOCTOR, m->by, e))
        return -1;
    m->d = d;
    m->arena = a;
    return find_by_name(d, who, a, m->id, e) || tx_run(d->db, manage_in, m, e) ? -1 : 0;
}

int desk_propose(const struct people *d, struct slice who, enum role role, const char *by, struct arena *a,
                 struct err *e)
{
    struct managing m = {.deed = PROPOSE, .role = role, .by = by};
    return manage(d, who, &m, a, e);
}

int desk_approve(const struct people *d, struct slice who, enum role role, const char *by, struct arena *a,
                 enum desk_done *ret, struct err *e)
{
    struct managing m = {.deed = APPROVE, .role = role, .by = by};
    if (manage(d, who, &m, a, e))
        return -1;
    *ret = m.done;
    return 0;
}

int desk_remove(const struct people *d, struct slice who, enum role role, const char *by, struct arena *a,
                struct err *e)
{
    struct managing m = {.deed = REMOVE, .role = role, .by = by};
    return manage(d, who, &m, a, e);
}

int desk_suspend(const struct people *d, struct slice who, bool on, const char *by, struct arena *a, struct err *e)
{
    struct managing m = {.deed = on ? SUSPEND : RESUME, .by = by};
    return manage(d, who, &m, a, e);
}
