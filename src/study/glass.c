#include "study/glass.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "study/glass_int.h"

#define HOUR_US INT64_C(3600000000)
static_assert((int)GLASS_ID_TEXT == (int)UUID_TEXT, "a caller has room for the id of a glass");
enum { SIGN_IN_AHEAD_S = 60, SUBJECT_BYTES = 32 };

/* --- the table --- */

static const char *const states[] = {
#define STATE(name, text, what) text,
#define MOVE(from, to, when)
#define REASON(name, text, what)
#define OUTCOME(name, text)
#include "study/glass_states.def"
};
static const char *const reasons[] = {
#define STATE(name, text, what)
#define MOVE(from, to, when)
#define REASON(name, text, what) text,
#define OUTCOME(name, text)
#include "study/glass_states.def"
};
static const char *const outcomes[] = {
#define STATE(name, text, what)
#define MOVE(from, to, when)
#define REASON(name, text, what)
#define OUTCOME(name, text) text,
#include "study/glass_states.def"
};
static const bool moves[GLASS_STATES][GLASS_STATES] = {
#define STATE(name, text, what)
#define MOVE(from, to, when) [GLASS_##from][GLASS_##to] = true,
#define REASON(name, text, what)
#define OUTCOME(name, text)
#include "study/glass_states.def"
};

const char *glass_state_name(enum glass_state s)
{
    return states[s];
}
const char *glass_reason_name(enum glass_reason r)
{
    return reasons[r];
}
const char *glass_outcome_name(enum glass_outcome o)
{
    return outcomes[o];
}
bool glass_may_move(enum glass_state from, enum glass_state to)
{
    return moves[from][to];
}

static int find_name(const char *const *names, int n, struct slice name)
{
    for (int i = 0; i < n; i++)
        if (slice_is(name, names[i]))
            return i;
    return -1;
}

bool glass_state_named(struct slice name, enum glass_state *ret)
{
    int i = find_name(states, GLASS_STATES, name);
    return i >= 0 && (*ret = (enum glass_state)i, true);
}
bool glass_reason_named(struct slice name, enum glass_reason *ret)
{
    int i = find_name(reasons, GLASS_REASONS, name);
    return i >= 0 && (*ret = (enum glass_reason)i, true);
}
bool glass_outcome_named(struct slice name, enum glass_outcome *ret)
{
    int i = find_name(outcomes, GLASS_OUTCOMES, name);
    return i >= 0 && (*ret = (enum glass_outcome)i, true);
}

bool glass_text_fits(struct slice text)
{
    return study_text_fits(text, GLASS_TEXT_MIN, GLASS_TEXT_MAX, true);
}

static enum glass_state state_at(const struct glass *g, int64_t now)
{
    return g->reviewed_at                       ? GLASS_REVIEWED
           : !g->ended_at && g->until > now     ? GLASS_ACTIVE
           : g->review_by && now < g->review_by ? GLASS_ENDED
                                                : GLASS_OVERDUE;
}

/* --- what is sealed of it --- */

/* Whom it is of, what their holder calls them and what the audit log does. */
struct subject {
    uint8_t person[16];
    int64_t number, audited;
};

static int seal_under(const struct study *s, enum place place, const uint8_t id[16], struct slice plain,
                      struct arena *a, struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(place, s->scope, id, 0);
    if (keyring_domain(s->keyring, s->scope, "glass", &key, e))
        return -1;
    int rc = seal(&key, &at, plain, a, ret, e);
    key_wipe(&key);
    return rc;
}

static int unseal_under(const struct study *s, enum place place, const uint8_t id[16], struct slice sealed,
                        struct arena *a, struct slice *ret, struct err *e)
{
    struct seal_place at = place_of(place, s->scope, id, 0);
    return keyring_unseal(s->keyring, &at, sealed, a, ret, e);
}

static int seal_subject(const struct study *s, const uint8_t id[16], const struct subject *x, struct arena *a,
                        struct slice *ret, struct err *e)
{
    uint8_t plain[SUBJECT_BYTES];
    memcpy(plain, x->person, 16);
    memcpy(plain + 16, &x->number, 8);
    memcpy(plain + 24, &x->audited, 8);
    return seal_under(s, PLACE_GLASS_SUBJECT, id, (struct slice){(char *)plain, sizeof plain}, a, ret, e);
}

static int open_subject(const struct study *s, const uint8_t id[16], struct slice sealed, struct arena *a,
                        struct subject *ret, struct err *e)
{
    struct slice plain;
    if (unseal_under(s, PLACE_GLASS_SUBJECT, id, sealed, a, &plain, e))
        return -1;
    if (plain.n != SUBJECT_BYTES)
        return err_set(e, ERR_KEYS, "the subject of a glass has another length");
    memcpy(ret->person, plain.p, 16);
    memcpy(&ret->number, plain.p + 16, 8);
    memcpy(&ret->audited, plain.p + 24, 8);
    return 0;
}

/* --- rows --- */

#define COLUMNS                                                                                                        \
    "id, holder, role, reason, subject, text, since, until, uses, ended_at, reviewer, reviewed_at, outcome, review"
enum { ID, HOLDER, ROLE, REASON_, SUBJECT, TEXT, SINCE, UNTIL, USES, ENDED, REVIEWER, REVIEWED, OUTCOME_, REVIEW };

static struct slice text_of(const struct val *v)
{
    return v->kind == VAL_NULL ? (struct slice){NULL, 0} : v->s;
}

/* But for what is sealed, which stays so. */
static void take_row(const struct val *v, int64_t now, struct glass *ret)
{
    *ret = (struct glass){.role = v[ROLE].s,
                          .reason = v[REASON_].s,
                          .since = v[SINCE].i,
                          .until = v[UNTIL].i,
                          .uses = v[USES].i,
                          .ended_at = v[ENDED].kind == VAL_NULL ? 0 : v[ENDED].i,
                          .reviewed_at = v[REVIEWED].kind == VAL_NULL ? 0 : v[REVIEWED].i,
                          .outcome = text_of(&v[OUTCOME_])};
    memcpy(ret->id, v[ID].s.p, 16);
    memcpy(ret->holder, v[HOLDER].s.p, 16);
    if (v[REVIEWER].kind != VAL_NULL)
        memcpy(ret->reviewer, v[REVIEWER].s.p, 16);
    if (!ret->ended_at && ret->until <= now)
        ret->ended_at = ret->until;
    if (ret->ended_at)
        ret->review_by = ret->ended_at + GLASS_REVIEW_HOURS * HOUR_US;
    ret->state = state_at(ret, now);
}

/* After the body: what is sealed, as `c` may see it. */
static int open_row(const struct study *s, const struct caller *c, const struct val *v, struct arena *a,
                    struct glass *ret, struct err *e)
{
    struct subject x;
    take_row(v, clock_latest_us(), ret);
    if (open_subject(s, ret->id, v[SUBJECT].s, a, &x, e) ||
        unseal_under(s, PLACE_GLASS_TEXT, ret->id, v[TEXT].s, a, &ret->text, e) ||
        (v[REVIEW].kind != VAL_NULL && unseal_under(s, PLACE_GLASS_REVIEW, ret->id, v[REVIEW].s, a, &ret->review, e)))
        return err_in(e, "an emergency access");
    ret->subject = memcmp(c->id, ret->holder, 16) == 0 ? x.number : x.audited;
    return 0;
}

static int append(struct tx *tx, const struct audit_entry *audit, const char *action, const uint8_t id[16],
                  const char *why, struct err *e)
{
    char text[UUID_TEXT];
    struct audit_entry entry = *audit;
    entry.action = action;
    entry.object = entity_name(ENTITY_BREAK_GLASS);
    entry.object_id = entry.glass = uuid_text(id, text);
    entry.why = why;
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

/* Those whose hour is over have ended then; each is written into the log by whoever sees it first: the keeper, or a
 * request that comes before it. */
static int lapse(struct tx *tx, const struct study *s, int64_t now, struct arena *a, struct err *e)
{
    static const struct audit_entry program = {.actor = "lazaret", .role = "operator", .outcome = "permit"};
    struct audit_entry entry = program;
    struct rows r;
    entry.scope = s->scope;
    if (tx_rows(tx, a, &r, e, "SELECT id FROM glass WHERE scope = $1 AND ended_at IS NULL AND until <= $2",
                V_ID(s->scope), V_INT(now)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        struct slice id = row_at(&r, i, 0)->s;
        int n = tx_exec(tx, e, "UPDATE glass SET ended_at = until WHERE scope = $1 AND id = $2 AND ended_at IS NULL",
                        V_ID(s->scope), V_BLOB(id));
        if (n < 0 || (n == 1 && append(tx, &entry, "update", (const uint8_t *)id.p, "ended-by-time", e)))
            return -1;
    }
    return 0;
}

struct lapsing {
    const struct study *s;
    struct arena *arena;
};

static int lapse_body(struct tx *tx, void *arg, struct err *e)
{
    const struct lapsing *x = arg;
    return lapse(tx, x->s, clock_latest_us(), x->arena, e);
}

int glass_lapse(const struct study *s, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct lapsing x = {s, a};
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look for emergency accesses that have ended");
    int n =
        db_rows(s->db, a, &r, e, "SELECT 1 FROM glass WHERE scope = $1 AND ended_at IS NULL AND until <= $2 LIMIT 1",
                V_ID(s->scope), V_INT(clock_latest_us()));
    return n < 0 || (n && tx_run(s->db, lapse_body, &x, e)) ? -1 : 0;
}

static int find(struct tx *tx, const struct study *s, const uint8_t id[16], struct arena *a, struct rows *ret,
                struct err *e)
{
    int n =
        tx_rows(tx, a, ret, e, "SELECT " COLUMNS " FROM glass WHERE scope = $1 AND id = $2", V_ID(s->scope), V_ID(id));
    return n < 0 ? -1 : n == 0 ? err_set(e, ERR_NOT_FOUND, "no such emergency access") : 0;
}

/* --- breaking it --- */

struct breaking {
    const struct study *s;
    const struct caller *c;
    const struct glass_new *n;
    const struct audit_entry *audit;
    struct arena *arena;
    uint8_t id[16];
    struct slice text;
    struct rows row;
};

static int check_sign_in(const struct caller *c, struct err *e)
{
    int64_t ago = clock_latest_us() - c->signed_in_at_us;
    if (c->signed_in_at_us > 0 && ago <= GLASS_SIGN_IN_S * 1000000LL && ago >= -SIGN_IN_AHEAD_S * 1000000LL)
        return 0;
    return err_set(e, ERR_STEP_UP, "an emergency access needs a sign-in of the last five minutes: sign in again");
}

/* What the holder has open already, and what nobody has reviewed yet. */
static int check_earlier(struct tx *tx, const struct breaking *x, int64_t now, struct err *e)
{
    char when[CLOCK_TEXT], id[UUID_TEXT];
    struct rows r;
    struct glass g;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT " COLUMNS " FROM glass WHERE scope = $1 AND holder = $2 AND reviewed_at IS NULL ORDER BY id",
                V_ID(x->s->scope), V_ID(x->c->id)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        take_row(row_at(&r, i, 0), now, &g);
        if (g.state == GLASS_ACTIVE)
            return err_set(e, ERR_CONFLICT, "you have an emergency access that is open until %s: end it first (%s)",
                           clock_text(g.until, when), uuid_text(g.id, id));
        if (g.state == GLASS_OVERDUE)
            return err_set(e, ERR_GLASS,
                           "your emergency role is suspended: the access %s has not been reviewed in %d hours; an "
                           "auditor has to do that first",
                           uuid_text(g.id, id), GLASS_REVIEW_HOURS);
    }
    return r.n < GLASS_UNREVIEWED
               ? 0
               : err_set(e, ERR_GLASS,
                         "%d emergency accesses of yours wait for their review: an auditor has to do that first", r.n);
}

static int name_subject(struct tx *tx, const struct breaking *x, struct subject *ret, struct err *e)
{
    uint8_t named[16];
    struct rows audited;
    int found = alias_subject(tx, x->s, role_name(x->c->role), x->n->subject, x->arena, named, e);
    if (found > 0)
        found = bond_person_of(tx, x->s, named, x->arena, ret->person, e);
    if (found <= 0)
        return found < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "nobody of this number");
    ret->number = x->n->subject;
    if (alias_ask(tx, x->s, "audit", ret->person, x->arena, &audited, e) || tx_wait(tx, e))
        return -1;
    ret->audited = audited.n ? audited.cell[0].i : 0;
    return 0;
}

/* The holder's row first, by a write that changes nothing: two requests of one person come one after the other. */
static int break_body(struct tx *tx, void *arg, struct err *e)
{
    struct breaking *x = arg;
    const uint8_t *scope = x->s->scope;
    int64_t now = clock_latest_us();
    struct subject who;
    struct slice sealed;
    if (tx_exec(tx, e, "UPDATE staff SET changed_at = changed_at WHERE scope = $1 AND id = $2", V_ID(scope),
                V_ID(x->c->id)) < 0 ||
        lapse(tx, x->s, now, x->arena, e) || check_earlier(tx, x, now, e) || name_subject(tx, x, &who, e) ||
        seal_subject(x->s, x->id, &who, x->arena, &sealed, e) ||
        tx_put(tx, e,
               "INSERT INTO glass (scope, id, holder, role, reason, subject, text, since, until, uses) VALUES ($1, $2, "
               "$3, $4, $5, $6, $7, $8, $9, 0)",
               V_ID(scope), V_ID(x->id), V_ID(x->c->id), V_STR(role_name(x->c->role)),
               V_STR(glass_reason_name(x->n->reason)), V_BLOB(sealed), V_BLOB(x->text), V_INT(now),
               V_INT(now + GLASS_MINUTES * HOUR_US / 60)))
        return -1;
    return find(tx, x->s, x->id, x->arena, &x->row, e) ||
                   append(tx, x->audit, "create", x->id, glass_reason_name(x->n->reason), e)
               ? -1
               : 0;
}

int glass_break(const struct study *s, const struct caller *c, const struct glass_new *n,
                const struct audit_entry *audit, struct arena *a, struct glass *ret, struct err *e)
{
    struct breaking x = {.s = s, .c = c, .n = n, .audit = audit, .arena = a};
    char id[UUID_TEXT];
    uuid7(x.id);
    if (check_sign_in(c, e) || seal_under(s, PLACE_GLASS_TEXT, x.id, n->text, a, &x.text, e) ||
        tx_run(s->db, break_body, &x, e))
        return -1;
    metric_add(METRIC_GLASS_BROKEN, 1);
    log_line(LOG_WARN, "somebody broke the glass", "glass", uuid_text(x.id, id), "holder", c->name, "role",
             role_name(c->role), "reason", glass_reason_name(n->reason), NULL);
    return open_row(s, c, row_at(&x.row, 0, 0), a, ret, e);
}

/* --- using it --- */

static int why_not(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t id[16], struct arena *a,
                   struct err *e)
{
    struct rows r;
    if (tx_rows(tx, a, &r, e, "SELECT role FROM glass WHERE scope = $1 AND id = $2 AND holder = $3", V_ID(s->scope),
                V_ID(id), V_ID(c->id)) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_GLASS, "Lazaret-Break-Glass names no emergency access of yours");
    if (!slice_is(row_at(&r, 0, 0)->s, role_name(c->behind)))
        return err_set(e, ERR_GLASS, "this emergency access is that of another role of yours");
    return err_set(e, ERR_GLASS, "this emergency access has ended");
}

int glass_use(struct tx *tx, const struct study *s, const struct caller *c, int64_t number, struct arena *a,
              struct bond *ret, bool *ret_bound, struct err *e)
{
    uint8_t id[16];
    struct rows r;
    struct subject who;
    if (!uuid_parse(slice_of(c->glass), id))
        return err_set(e, ERR_GLASS, "Lazaret-Break-Glass names no emergency access of yours");
    int n = tx_exec(tx, e,
                    "UPDATE glass SET uses = uses + 1 WHERE scope = $1 AND id = $2 AND holder = $3 AND role = $4 AND "
                    "ended_at IS NULL AND until > $5",
                    V_ID(s->scope), V_ID(id), V_ID(c->id), V_STR(role_name(c->behind)), V_INT(clock_latest_us()));
    if (n != 1)
        return n < 0 ? -1 : why_not(tx, s, c, id, a, e);
    n = tx_rows(tx, a, &r, e, "SELECT subject FROM glass WHERE scope = $1 AND id = $2", V_ID(s->scope), V_ID(id));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_STORE, "a glass that is gone");
    if (open_subject(s, id, r.cell[0].s, a, &who, e))
        return -1;
    if (who.number != number)
        return err_set(e, ERR_GLASS, "this emergency access is for another person: it opens nobody else");
    int bound = bond_of_person(tx, s, who.person, a, ret, e);
    if (bound < 0)
        return -1;
    memcpy(ret->person, who.person, 16);
    *ret_bound = bound > 0;
    return 0;
}

/* --- ending and reviewing it --- */

struct closing {
    const struct study *s;
    const struct caller *c;
    const uint8_t *id;
    bool review;
    enum glass_outcome outcome;
    struct slice text;
    const struct audit_entry *audit;
    struct arena *arena;
    struct rows row;
};

static int refuse_move(const struct glass *g, struct err *e)
{
    char when[CLOCK_TEXT];
    return g->state == GLASS_REVIEWED ? err_set(e, ERR_CONFLICT, "this emergency access was reviewed already")
           : g->state == GLASS_ACTIVE
               ? err_set(e, ERR_CONFLICT, "this emergency access is open until %s: it is reviewed when it has ended",
                         clock_text(g->until, when))
               : err_set(e, ERR_CONFLICT, "this emergency access has ended already");
}

static int write_end(struct tx *tx, const struct closing *x, int64_t now, struct err *e)
{
    int n = tx_exec(tx, e, "UPDATE glass SET ended_at = $1 WHERE scope = $2 AND id = $3 AND ended_at IS NULL",
                    V_INT(now), V_ID(x->s->scope), V_ID(x->id));
    return n < 0    ? -1
           : n == 0 ? err_set(e, ERR_CONFLICT, "this emergency access has ended already")
                    : append(tx, x->audit, "update", x->id, "ended-by-holder", e);
}

static int write_review(struct tx *tx, const struct closing *x, int64_t now, struct err *e)
{
    int n = tx_exec(tx, e,
                    "UPDATE glass SET reviewer = $1, reviewed_at = $2, outcome = $3, review = $4 WHERE scope = $5 AND "
                    "id = $6 AND reviewed_at IS NULL AND ended_at IS NOT NULL AND holder <> $7",
                    V_ID(x->c->id), V_INT(now), V_STR(glass_outcome_name(x->outcome)), V_BLOB(x->text),
                    V_ID(x->s->scope), V_ID(x->id), V_ID(x->c->id));
    return n < 0    ? -1
           : n == 0 ? err_set(e, ERR_CONFLICT, "this emergency access was reviewed already")
                    : append(tx, x->audit, "update", x->id, glass_outcome_name(x->outcome), e);
}

static int close_body(struct tx *tx, void *arg, struct err *e)
{
    struct closing *x = arg;
    int64_t now = clock_latest_us();
    struct glass g;
    if (lapse(tx, x->s, now, x->arena, e) || find(tx, x->s, x->id, x->arena, &x->row, e))
        return -1;
    take_row(row_at(&x->row, 0, 0), now, &g);
    bool own = memcmp(g.holder, x->c->id, 16) == 0;
    if (!x->review && !own)
        return err_set(e, ERR_NOT_FOUND, "an emergency access of somebody else");
    if (x->review && own)
        return err_set(e, ERR_GLASS, "nobody reviews an emergency access of their own: another auditor has to");
    if (!glass_may_move(g.state, x->review ? GLASS_REVIEWED : GLASS_ENDED))
        return refuse_move(&g, e);
    return (x->review ? write_review(tx, x, now, e) : write_end(tx, x, now, e)) ||
                   find(tx, x->s, x->id, x->arena, &x->row, e)
               ? -1
               : 0;
}

int glass_end(const struct study *s, const struct caller *c, const uint8_t id[16], const struct audit_entry *audit,
              struct arena *a, struct glass *ret, struct err *e)
{
    struct closing x = {.s = s, .c = c, .id = id, .audit = audit, .arena = a};
    return tx_run(s->db, close_body, &x, e) || open_row(s, c, row_at(&x.row, 0, 0), a, ret, e) ? -1 : 0;
}

int glass_review(const struct study *s, const struct caller *c, const uint8_t id[16], enum glass_outcome outcome,
                 struct slice text, const struct audit_entry *audit, struct arena *a, struct glass *ret, struct err *e)
{
    struct closing x = {.s = s, .c = c, .id = id, .review = true, .outcome = outcome, .audit = audit, .arena = a};
    return seal_under(s, PLACE_GLASS_REVIEW, id, text, a, &x.text, e) || tx_run(s->db, close_body, &x, e) ||
                   open_row(s, c, row_at(&x.row, 0, 0), a, ret, e)
               ? -1
               : 0;
}

/* --- looking --- */

struct looking {
    const struct study *s;
    const struct caller *c;
    const struct glass_filter *f;
    const struct audit_entry *audit;
    struct arena *arena;
    struct rows rows;
};

/* Which states a row may be in follows from its times; numbers as in enum glass_state. */
static int list_body(struct tx *tx, void *arg, struct err *e)
{
    static const uint8_t none[16] = {0};
    struct looking *x = arg;
    const struct glass_filter *f = x->f;
    int64_t now = clock_latest_us();
    bool all = policy_view(x->c->role, ENTITY_BREAK_GLASS, ACTION_READ) == VIEW_BREAK_GLASS_ALL;
    int64_t late = f->after ? f->after_overdue : 2; /* behind nothing */
    if (lapse(tx, x->s, now, x->arena, e) ||
        tx_rows(tx, x->arena, &x->rows, e,
                "SELECT " COLUMNS " FROM (SELECT " COLUMNS
                ", CASE WHEN reviewed_at IS NOT NULL THEN 3 WHEN ended_at IS "
                "NULL THEN 0 WHEN ended_at <= $1 THEN 2 ELSE 1 END AS state FROM glass WHERE scope = $2 AND (holder = "
                "$3 OR $4 = 1)) g WHERE (state = $5 OR $5 < 0) AND (CASE WHEN state = 2 THEN 1 ELSE 0 END, id) < ($6, "
                "$7) ORDER BY CASE WHEN state = 2 THEN 1 ELSE 0 END DESC, id DESC LIMIT $8",
                V_INT(now - GLASS_REVIEW_HOURS * HOUR_US), V_ID(x->s->scope), V_ID(x->c->id), V_INT(all),
                V_INT(f->state), V_INT(late), V_ID(f->after ? f->after_id : none), V_INT(f->limit + 1)) < 0)
        return -1;
    struct audit_entry entry = *x->audit;
    entry.object = entity_name(ENTITY_BREAK_GLASS);
    entry.rows = x->rows.n < f->limit ? x->rows.n : f->limit;
    return audit_append(tx, &entry, e);
}

int glass_list(const struct study *s, const struct caller *c, const struct glass_filter *f,
               const struct audit_entry *audit, struct arena *a, struct glass_page *ret, struct err *e)
{
    struct looking x = {.s = s, .c = c, .f = f, .audit = audit, .arena = a};
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    struct glass_page page = {.n = x.rows.n < f->limit ? x.rows.n : f->limit, .more = x.rows.n > f->limit};
    page.glass = arena_take(a, (size_t)(page.n + 1) * sizeof *page.glass);
    if (!page.glass)
        return err_set(e, ERR_NO_MEMORY, "a page of emergency accesses");
    for (int i = 0; i < page.n; i++)
        if (open_row(s, c, row_at(&x.rows, i, 0), a, &page.glass[i], e))
            return -1;
    *ret = page;
    return 0;
}
