#include "study/project_int.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"

#define DAY_US INT64_C(86400000000)
enum { DAY_TEXT = 10, ONE_MEMORY = 256 * 1024 };

/* --- the table --- */

static const char *const states[] = {
#define STATE(name, text, what) text,
#define MOVE(from, to, when)
#define DATA(name, bit, text, what)
#include "study/project_states.def"
};
static const bool moves[PROJECT_STATES][PROJECT_STATES] = {
#define STATE(name, text, what)
#define MOVE(from, to, when) [PROJECT_##from][PROJECT_##to] = true,
#define DATA(name, bit, text, what)
#include "study/project_states.def"
};
static const struct {
    unsigned bit;
    const char *name;
} kinds[] = {
#define STATE(name, text, what)
#define MOVE(from, to, when)
#define DATA(name, bit, text, what) {bit, text},
#include "study/project_states.def"
};

const char *project_state_name(enum project_state s)
{
    return states[s];
}

bool project_state_named(struct slice name, enum project_state *ret)
{
    for (int i = 0; i < PROJECT_STATES; i++)
        if (slice_is(name, states[i]))
            return *ret = (enum project_state)i, true;
    return false;
}

bool project_may_move(enum project_state from, enum project_state to)
{
    return moves[from][to];
}

/* --- forms --- */

static const char *take_data(const struct json *j, uint32_t v, unsigned *ret)
{
    unsigned data = 0;
    for (uint32_t i = json_first(j, v); json_kind(j, v) == JSON_ARRAY && i != json_end(j, v); i = json_next(j, i)) {
        unsigned bit = 0;
        for (size_t k = 0; k < COUNT(kinds); k++)
            if (json_kind(j, i) == JSON_STRING && json_is(j, i, kinds[k].name))
                bit = kinds[k].bit;
        if (!bit)
            return "Value error, a project asks for 'screenings', 'streams' or both";
        data |= bit;
    }
    *ret = data;
    return data ? NULL : "Value error, a project asks for 'screenings', 'streams' or both";
}

/* The day is the last one, in UTC. */
static const char *take_until(struct slice text, int64_t *ret)
{
    int64_t day, span;
    if (text.n != DAY_TEXT || !clock_parse(text, &day, &span) || span != DAY_US)
        return "Value error, a date is written YYYY-MM-DD";
    *ret = day + DAY_US;
    return *ret > clock_latest_us() && day / DAY_US <= clock_latest_us() / DAY_US + PROJECT_DAYS_MAX
               ? NULL
               : "Value error, a project goes on until today or later, and no longer than two years";
}

static struct slice text_at(const struct json *j, uint32_t v, struct arena *a)
{
    return json_kind(j, v) == JSON_STRING ? slice_trim(json_text(j, v, a)) : (struct slice){NULL, 0};
}

const char *project_form(const struct json *j, struct arena *a, struct project_new *ret, const char **field)
{
    struct project_new n = {.data = 0};
    const char *fault;
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        *field = json_is(j, k, "title")      ? "title"
                 : json_is(j, k, "question") ? "question"
                 : json_is(j, k, "data")     ? "data"
                 : json_is(j, k, "until")    ? "until"
                                             : NULL;
        if (!*field)
            return "Extra inputs are not permitted";
        if (strcmp(*field, "data") == 0)
            fault = take_data(j, v, &n.data);
        else if (strcmp(*field, "until") == 0)
            fault = take_until(text_at(j, v, a), &n.until);
        else if (strcmp(*field, "title") == 0)
            fault = study_text_fits(n.title = text_at(j, v, a), PROJECT_TITLE_MIN, PROJECT_TITLE_MAX, false)
                        ? NULL
                        : "Value error, 3 to 120 characters, none of them control characters";
        else
            fault = study_text_fits(n.question = text_at(j, v, a), PROJECT_QUESTION_MIN, PROJECT_QUESTION_MAX, true)
                        ? NULL
                        : "Value error, 15 to 4000 characters, none of them control characters";
        if (fault)
            return fault;
    }
    *field = !n.title.p ? "title" : !n.question.p ? "question" : !n.data ? "data" : !n.until ? "until" : NULL;
    if (*field)
        return "Field required";
    *ret = n;
    return NULL;
}

const char *project_decision_form(const struct json *j, struct arena *a, struct project_decision *ret,
                                  const char **field)
{
    struct project_decision n = {.to = PROJECT_PROPOSED};
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        bool decision = json_is(j, k, "decision");
        struct slice text = text_at(j, json_value(k), a);
        *field = decision ? "decision" : json_is(j, k, "reason") ? "reason" : NULL;
        if (!*field)
            return "Extra inputs are not permitted";
        if (decision && (!project_state_named(text, &n.to) || (n.to != PROJECT_APPROVED && n.to != PROJECT_REFUSED)))
            return "Value error, a decision is 'approved' or 'refused'";
        if (!decision && !study_text_fits(n.reason = text, PROJECT_REASON_MIN, PROJECT_REASON_MAX, true))
            return "Value error, 15 to 500 characters, none of them control characters";
    }
    *field = n.to == PROJECT_PROPOSED ? "decision" : !n.reason.p ? "reason" : NULL;
    if (*field)
        return "Field required";
    *ret = n;
    return NULL;
}

static void pair_time(struct json_out *o, const char *key, int64_t us)
{
    char when[CLOCK_TEXT];
    if (us)
        json_pair_str(o, key, clock_text(us, when));
}

void project_put(struct json_out *o, const struct project *p)
{
    static const uint8_t nobody[16] = {0};
    char text[UUID_TEXT], day[CLOCK_TEXT];
    json_open(o, '{');
    json_pair_str(o, "id", uuid_text(p->id, text));
    json_pair_str(o, "state", states[p->state]);
    json_pair_str(o, "owner", uuid_text(p->owner, text));
    json_pair(o, "title", p->title);
    json_pair(o, "question", p->question);
    json_key(o, "data");
    json_open(o, '[');
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (p->data & kinds[i].bit)
            json_put_str(o, kinds[i].name);
    json_close(o, ']');
    pair_time(o, "since", p->since);
    json_pair(o, "until", (struct slice){clock_text(p->until - DAY_US, day), DAY_TEXT});
    json_pair_int(o, "uses", p->uses);
    if (p->decided_at) {
        json_pair_str(o, "decided_by", uuid_text(p->decided_by, text));
        pair_time(o, "decided_at", p->decided_at);
        json_pair(o, "reason", p->reason);
    }
    pair_time(o, "ended_at", p->ended_at);
    if (p->ended_at && memcmp(p->ended_by, nobody, 16) != 0)
        json_pair_str(o, "ended_by", uuid_text(p->ended_by, text));
    json_close(o, '}');
}

/* --- what is sealed of it --- */

static int seal_text(const struct study *s, enum place place, const uint8_t id[16], struct slice plain, struct arena *a,
                     struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(place, s->scope, id, 0);
    if (!plain.p)
        return err_set(e, ERR_NO_MEMORY, "a project");
    if (keyring_domain(s->keyring, s->scope, "project", &key, e))
        return -1;
    int rc = seal(&key, &at, plain, a, ret, e);
    key_wipe(&key);
    return rc;
}

static struct slice sheet_text(const struct project_new *n, struct arena *a)
{
    struct buf b = buf_in(a, 8 * PROJECT_QUESTION_MAX);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair(&o, "title", n->title);
    json_pair(&o, "question", n->question);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

/* --- rows --- */

#define COLUMNS "id, owner, state, data, sheet, since, until, uses, decided_by, decided_at, reason, ended_by, ended_at"
enum { ID, OWNER, STATE_, DATA_, SHEET, SINCE, UNTIL, USES, DECIDED_BY, DECIDED, REASON, ENDED_BY, ENDED };

static void take_id(const struct val *v, uint8_t ret[16])
{
    if (v->kind != VAL_NULL)
        memcpy(ret, v->s.p, 16);
}

/* But for what is sealed. */
static void take_row(const struct val *v, int64_t now, struct project *ret)
{
    *ret = (struct project){.state = PROJECT_ENDED,
                            .data = (unsigned)v[DATA_].i,
                            .since = v[SINCE].i,
                            .until = v[UNTIL].i,
                            .uses = v[USES].i,
                            .decided_at = v[DECIDED].kind == VAL_NULL ? 0 : v[DECIDED].i,
                            .ended_at = v[ENDED].kind == VAL_NULL ? 0 : v[ENDED].i};
    take_id(&v[ID], ret->id);
    take_id(&v[OWNER], ret->owner);
    take_id(&v[DECIDED_BY], ret->decided_by);
    take_id(&v[ENDED_BY], ret->ended_by);
    project_state_named(v[STATE_].s, &ret->state);
    if (project_may_move(ret->state, PROJECT_ENDED) && ret->until <= now) {
        ret->state = PROJECT_ENDED;
        ret->ended_at = ret->until;
    }
}

/* After the body. */
static int open_row(const struct study *s, const struct val *v, struct arena *a, struct project *ret, struct err *e)
{
    struct seal_place sheet, reason;
    struct slice text;
    struct json j;
    struct json_fault where;
    take_row(v, clock_latest_us(), ret);
    sheet = place_of(PLACE_PROJECT_SHEET, s->scope, ret->id, 0);
    reason = place_of(PLACE_PROJECT_REASON, s->scope, ret->id, 0);
    if (keyring_unseal(s->keyring, &sheet, v[SHEET].s, a, &text, e) ||
        (v[REASON].kind != VAL_NULL && keyring_unseal(s->keyring, &reason, v[REASON].s, a, &ret->reason, e)))
        return err_in(e, "a project");
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a project");
    ret->title = json_get_text(&j, 0, "title", a);
    ret->question = json_get_text(&j, 0, "question", a);
    return arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "a project") : 0;
}

static int append(struct tx *tx, const struct audit_entry *audit, const char *action, const uint8_t id[16],
                  const char *why, struct err *e)
{
    char text[UUID_TEXT];
    struct audit_entry entry = *audit;
    entry.action = action;
    entry.object = entity_name(ENTITY_PROJECT);
    entry.object_id = uuid_text(id, text);
    entry.why = why;
    entry.rows = 1;
    return audit_append(tx, &entry, e);
}

char *project_holder(const uint8_t id[16], char out[PROJECT_HOLDER_TEXT])
{
    memcpy(out, "project:", 8);
    hex_encode(id, 16, out + 8);
    return out;
}

/* The one way to the end. 1: it ended by this; 0: it had. */
static int write_end(struct tx *tx, const struct study *s, const uint8_t id[16], const uint8_t *by, int64_t at,
                     struct err *e)
{
    char holder[PROJECT_HOLDER_TEXT];
    int n = tx_exec(tx, e,
                    "UPDATE project SET state = 'ended', ended_at = $1, ended_by = $2 WHERE scope = $3 AND id = $4 AND "
                    "state IN ('proposed', 'approved')",
                    V_INT(at), by ? V_ID(by) : V_NULL, V_ID(s->scope), V_ID(id));
    return n <= 0 ? n
           : tx_put(tx, e, "DELETE FROM alias WHERE scope = $1 AND holder = $2", V_ID(s->scope),
                    V_STR(project_holder(id, holder)))
               ? -1
               : 1;
}

/* In a body, outside of any gate. */
static int lapse(struct tx *tx, const struct study *s, int64_t now, struct arena *a, struct err *e)
{
    static const struct audit_entry program = {.actor = "lazaret", .role = "operator", .outcome = "permit"};
    struct audit_entry entry = program;
    struct rows r;
    entry.scope = s->scope;
    if (tx_rows(tx, a, &r, e,
                "SELECT id, until FROM project WHERE scope = $1 AND state IN ('proposed', 'approved') AND until <= $2",
                V_ID(s->scope), V_INT(now)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        const uint8_t *id = (const uint8_t *)row_at(&r, i, 0)->s.p;
        int n = write_end(tx, s, id, NULL, row_at(&r, i, 1)->i, e);
        if (n < 0 || (n > 0 && append(tx, &entry, "update", id, "ended-by-time", e)))
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

int project_lapse(const struct study *s, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(ONE_MEMORY);
    struct lapsing x = {s, a};
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "look for projects that are over");
    int n = db_rows(s->db, a, &r, e,
                    "SELECT 1 FROM project WHERE scope = $1 AND state IN ('proposed', 'approved') AND until <= $2 "
                    "LIMIT 1",
                    V_ID(s->scope), V_INT(clock_latest_us()));
    return n < 0 || (n && tx_run(s->db, lapse_body, &x, e)) ? -1 : 0;
}

/* --- one step --- */

struct step {
    const struct study *s;
    const struct caller *c;
    const struct project_new *proposal;
    const struct project_decision *decision; /* NULL: it ends */
    uint8_t id[16];
    struct slice sealed;
    const struct audit_entry *audit;
    struct arena *arena;
    bool found;
    struct rows row;
};

/* Behind the gate of the caller, and then outside of it: the one of this id, if they see it. 1, 0, -1. */
static int find(struct tx *tx, struct step *x, struct err *e)
{
    struct project p;
    if (study_enter(tx, x->s, x->c, e) ||
        tx_rows(tx, x->arena, &x->row, e, "SELECT " COLUMNS " FROM project WHERE scope = $1 AND id = $2",
                V_ID(x->s->scope), V_ID(x->id)) < 0 ||
        tx_ungate(tx, e))
        return -1;
    if (x->row.n == 0)
        return 0;
    take_row(row_at(&x->row, 0, 0), clock_latest_us(), &p);
    return policy_view(x->c->role, ENTITY_PROJECT, ACTION_READ) == VIEW_PROJECT_ALL ||
           memcmp(p.owner, x->c->id, 16) == 0;
}

static int refuse_move(enum project_state from, struct err *e)
{
    return err_set(e, ERR_RULE, "%s",
                   from == PROJECT_APPROVED  ? "this project was approved already"
                   : from == PROJECT_REFUSED ? "this project was refused already"
                                             : "this project is over");
}

static int propose_body(struct tx *tx, void *arg, struct err *e)
{
    struct step *x = arg;
    const struct project_new *n = x->proposal;
    struct rows open;
    /* the owner's row first, by a write that changes nothing: two of one person come one after the other */
    if (tx_exec(tx, e, "UPDATE staff SET changed_at = changed_at WHERE scope = $1 AND id = $2", V_ID(x->s->scope),
                V_ID(x->c->id)) < 0 ||
        lapse(tx, x->s, clock_latest_us(), x->arena, e) || study_enter(tx, x->s, x->c, e) ||
        tx_rows(tx, x->arena, &open, e,
                "SELECT count(*) FROM project WHERE scope = $1 AND owner = $2 AND state IN ('proposed', 'approved')",
                V_ID(x->s->scope), V_ID(x->c->id)) < 0)
        return -1;
    if (open.cell[0].i >= PROJECTS_OPEN)
        return err_set(e, ERR_RULE, "%d projects of yours wait or are approved: end one first", PROJECTS_OPEN);
    if (tx_exec(tx, e,
                "INSERT INTO project (scope, id, owner, state, data, sheet, since, until, uses) VALUES ($1, $2, $3, "
                "$4, $5, $6, $7, $8, 0)",
                V_ID(x->s->scope), V_ID(x->id), V_ID(x->c->id), V_STR(states[PROJECT_PROPOSED]), V_INT(n->data),
                V_BLOB(x->sealed), V_INT(clock_latest_us()), V_INT(n->until)) < 0)
        return -1;
    return find(tx, x, e) < 0 || append(tx, x->audit, "create", x->id, states[PROJECT_PROPOSED], e) ? -1 : 0;
}

int project_propose(const struct study *s, const struct caller *c, const struct project_new *n,
                    const struct audit_entry *audit, struct arena *a, struct project *ret, struct err *e)
{
    struct step x = {.s = s, .c = c, .proposal = n, .audit = audit, .arena = a};
    uuid7(x.id);
    return seal_text(s, PLACE_PROJECT_SHEET, x.id, sheet_text(n, a), a, &x.sealed, e) ||
                   tx_run(s->db, propose_body, &x, e) || open_row(s, row_at(&x.row, 0, 0), a, ret, e)
               ? -1
               : 0;
}

static int write_decision(struct tx *tx, const struct step *x, struct err *e)
{
    const char *to = states[x->decision->to];
    int n = tx_exec(tx, e,
                    "UPDATE project SET state = $1, decided_by = $2, decided_at = $3, reason = $4 WHERE scope = $5 AND "
                    "id = $6 AND state = 'proposed' AND owner <> $7",
                    V_STR(to), V_ID(x->c->id), V_INT(clock_latest_us()), V_BLOB(x->sealed), V_ID(x->s->scope),
                    V_ID(x->id), V_ID(x->c->id));
    return n < 0    ? -1
           : n == 0 ? err_set(e, ERR_CONFLICT, "somebody decided about this project meanwhile")
                    : append(tx, x->audit, "update", x->id, to, e);
}

static int move_body(struct tx *tx, void *arg, struct err *e)
{
    struct step *x = arg;
    struct project p;
    if (lapse(tx, x->s, clock_latest_us(), x->arena, e))
        return -1;
    int got = find(tx, x, e);
    if (got <= 0)
        return got ? -1 : err_set(e, ERR_NOT_FOUND, "no project of this id");
    take_row(row_at(&x->row, 0, 0), clock_latest_us(), &p);
    bool own = memcmp(p.owner, x->c->id, 16) == 0;
    if (x->decision && own)
        return err_set(e, ERR_RULE, "nobody decides about a project of their own: another auditor has to");
    if (!project_may_move(p.state, x->decision ? x->decision->to : PROJECT_ENDED))
        return refuse_move(p.state, e);
    if (x->decision) {
        got = write_decision(tx, x, e);
    } else {
        got = write_end(tx, x->s, x->id, x->c->id, clock_latest_us(), e);
        got = got < 0    ? -1
              : got == 0 ? err_set(e, ERR_CONFLICT, "somebody decided about this project meanwhile")
                         : append(tx, x->audit, "update", x->id, own ? "ended-by-researcher" : "ended-by-auditor", e);
    }
    return got || find(tx, x, e) < 0 ? -1 : 0;
}

int project_decide(const struct study *s, const struct caller *c, const uint8_t id[16],
                   const struct project_decision *n, const struct audit_entry *audit, struct arena *a,
                   struct project *ret, struct err *e)
{
    struct step x = {.s = s, .c = c, .decision = n, .audit = audit, .arena = a};
    memcpy(x.id, id, 16);
    return seal_text(s, PLACE_PROJECT_REASON, id, n->reason, a, &x.sealed, e) || tx_run(s->db, move_body, &x, e) ||
                   open_row(s, row_at(&x.row, 0, 0), a, ret, e)
               ? -1
               : 0;
}

int project_end(const struct study *s, const struct caller *c, const uint8_t id[16], const struct audit_entry *audit,
                struct arena *a, struct project *ret, struct err *e)
{
    struct step x = {.s = s, .c = c, .audit = audit, .arena = a};
    memcpy(x.id, id, 16);
    return tx_run(s->db, move_body, &x, e) || open_row(s, row_at(&x.row, 0, 0), a, ret, e) ? -1 : 0;
}

/* --- using it --- */

int project_use(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t id[16], unsigned data,
                struct arena *a, struct err *e)
{
    struct rows r;
    struct project p;
    int n = tx_exec(tx, e,
                    "UPDATE project SET uses = uses + 1 WHERE scope = $1 AND id = $2 AND owner = $3 AND state = "
                    "'approved' AND until > $4 AND (data & $5) <> 0",
                    V_ID(s->scope), V_ID(id), V_ID(c->id), V_INT(clock_latest_us()), V_INT(data));
    if (n)
        return n;
    n = tx_rows(tx, a, &r, e, "SELECT " COLUMNS " FROM project WHERE scope = $1 AND id = $2 AND owner = $3",
                V_ID(s->scope), V_ID(id), V_ID(c->id));
    if (n <= 0)
        return n;
    take_row(row_at(&r, 0, 0), clock_latest_us(), &p);
    return p.state == PROJECT_PROPOSED ? err_set(e, ERR_RULE, "this project waits for an auditor to approve it")
           : p.state == PROJECT_APPROVED
               ? err_set(e, ERR_RULE, "this project did not ask for these data: propose another one that does")
               : refuse_move(p.state, e);
}

/* --- looking --- */

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct step *x = arg;
    int got = lapse(tx, x->s, clock_latest_us(), x->arena, e) ? -1 : find(tx, x, e);
    x->found = got > 0;
    struct audit_entry absent = *x->audit;
    absent.outcome = "deny";
    absent.object = entity_name(ENTITY_PROJECT);
    absent.why = "absent";
    return got < 0 ? -1 : got > 0 ? append(tx, x->audit, "read", x->id, NULL, e) : audit_append(tx, &absent, e);
}

int project_read(const struct study *s, const struct caller *c, const uint8_t id[16], const struct audit_entry *audit,
                 struct arena *a, struct project *ret, struct err *e)
{
    struct step x = {.s = s, .c = c, .audit = audit, .arena = a};
    memcpy(x.id, id, 16);
    if (tx_run(s->db, read_body, &x, e))
        return -1;
    return x.found ? (open_row(s, row_at(&x.row, 0, 0), a, ret, e) ? -1 : 1) : 0;
}

/* $2: the owner, and in the other one a value that every row has; $3: the id behind which it goes on; $4: the state. */
#define LIST(whose)                                                                                                    \
    "SELECT " COLUMNS " FROM project WHERE scope = $1 AND " whose " AND id < $3 AND ($4 = '' OR state = $4) ORDER BY " \
    "id DESC LIMIT $5"
const char project_list_own_sql[] = LIST("owner = $2"), project_list_all_sql[] = LIST("scope = $2");

struct listing {
    const struct study *s;
    const struct caller *c;
    const struct project_filter *f;
    const struct audit_entry *audit;
    struct arena *arena;
    struct rows rows;
};

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    static const uint8_t last[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct listing *x = arg;
    const struct project_filter *f = x->f;
    bool all = policy_view(x->c->role, ENTITY_PROJECT, ACTION_READ) == VIEW_PROJECT_ALL;
    if (lapse(tx, x->s, clock_latest_us(), x->arena, e) || study_enter(tx, x->s, x->c, e) ||
        tx_rows(tx, x->arena, &x->rows, e, all ? project_list_all_sql : project_list_own_sql, V_ID(x->s->scope),
                V_ID(all ? x->s->scope : x->c->id), V_ID(f->after ? f->after : last),
                V_STR(f->state < 0 ? "" : states[f->state]), V_INT(f->limit + 1)) < 0)
        return -1;
    struct audit_entry entry = *x->audit;
    entry.object = entity_name(ENTITY_PROJECT);
    entry.rows = x->rows.n < f->limit ? x->rows.n : f->limit;
    return study_leave(tx, &entry, e);
}

int project_list(const struct study *s, const struct caller *c, const struct project_filter *f,
                 const struct audit_entry *audit, struct arena *a, struct project_page *ret, struct err *e)
{
    struct listing x = {.s = s, .c = c, .f = f, .audit = audit, .arena = a};
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    struct project_page page = {.n = x.rows.n < f->limit ? x.rows.n : f->limit, .more = x.rows.n > f->limit};
    page.project = arena_take(a, (size_t)(page.n + 1) * sizeof *page.project);
    if (!page.project)
        return err_set(e, ERR_NO_MEMORY, "a page of projects");
    for (int i = 0; i < page.n; i++)
        if (open_row(s, row_at(&x.rows, i, 0), a, &page.project[i], e))
            return -1;
    *ret = page;
    return 0;
}
