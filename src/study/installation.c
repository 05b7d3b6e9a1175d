#include "study/installation.h"

#include "base/clock.h"
#include "base/own.h"
#include "study/house_int.h"

enum part { PART_SENSORS, PART_INFO, PART_START, PART_END };
enum { SEALED_PARTS = 2, TRIES = 5 };

static const struct {
    const char *name, *shows;
    enum part part;
    size_t most;
} fields[INSTALLATION_FIELDS] = {
#define FIELD(name, part, shows, most, what) {#name, #shows, PART_##part, most},
#define STATUS(name, text, category, state, what)
#define OTHERWISE(name, text, what)
#include "study/installation.def"
};
static const char *const statuses[] = {
#define FIELD(name, part, shows, most, what)
#define STATUS(name, text, category, state, what) text,
#define OTHERWISE(name, text, what)               text,
#include "study/installation.def"
};
static const enum place place[SEALED_PARTS] = {PLACE_INSTALLATION_SENSORS, PLACE_INSTALLATION_INFO};
static const char *const part_shows[SEALED_PARTS] = {"sensors", "info"};

const char *installation_status_name(enum installation_status s)
{
    return statuses[s];
}
bool installation_status_named(struct slice name, enum installation_status *ret)
{
    for (int i = 0; i < INSTALLATION_STATUSES; i++)
        if (slice_is(name, statuses[i]))
            return *ret = (enum installation_status)i, true;
    return false;
}
const char *installation_field_name(enum installation_field f)
{
    return fields[f].name;
}

/* --- forms --- */

struct faults {
    struct installation_fault *list;
    int n;
};

static void fault(struct faults *f, const char *field, const char *text)
{
    if (f->n < INSTALLATION_FAULTS)
        f->list[f->n++] = (struct installation_fault){field, text};
}

static int field_of(const struct json *j, uint32_t key)
{
    for (int f = 0; f < INSTALLATION_FIELDS; f++)
        if (json_is(j, key, fields[f].name))
            return f;
    return -1;
}

static const char *value_fault(int f, struct slice s)
{
    int64_t us;
    if (s.n > fields[f].most)
        return "Value error, it is too long";
    for (size_t i = 0; i < s.n; i++)
        if (((uint8_t)s.p[i] < ' ' && s.p[i] != '\n' && s.p[i] != '\r' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return "Value error, it has control characters";
    if (fields[f].part >= PART_START && (!clock_parse(s, &us, NULL) || us <= 0))
        return "Value error, a time is written YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, and is after 1970";
    return NULL;
}

static void take_field(const struct json *j, uint32_t k, enum view write, struct arena *a,
                       struct installation_change *to, struct faults *wrong)
{
    uint32_t v = json_value(k);
    int f = field_of(j, k);
    if (f < 0) {
        fault(wrong, NULL, "Extra inputs are not permitted");
        return;
    }
    to->given[f] = true;
    if (json_kind(j, v) == JSON_STRING)
        to->value[f] = slice_trim(json_text(j, v, a));
    else if (json_kind(j, v) != JSON_NULL)
        fault(wrong, fields[f].name, "Input should be a valid string");
    const char *why = !view_shows(write, slice_of(fields[f].shows))
                          ? "Value error, it is not a field of your role: leave it out"
                      : to->value[f].n ? value_fault(f, to->value[f])
                                       : NULL;
    if (why)
        fault(wrong, fields[f].name, why);
}

static bool ends_early(const struct installation_change *n)
{
    int64_t start, end;
    return clock_parse(n->value[HOME_date_start], &start, NULL) && clock_parse(n->value[HOME_date_end], &end, NULL) &&
           end < start;
}

int installation_form(enum role role, struct slice text, struct arena *a, struct installation_change *ret,
                      struct installation_fault ret_faults[INSTALLATION_FAULTS])
{
    struct json j;
    struct json_fault where;
    struct installation_change n = {0};
    struct faults wrong = {ret_faults, 0};
    if (json_parse(a, text, &j, &where) || json_kind(&j, 0) != JSON_OBJECT)
        return -1;
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k))
        take_field(&j, k, policy_view(role, ENTITY_INSTALLATION, ACTION_UPDATE), a, &n, &wrong);
    if (wrong.n == 0 && ends_early(&n))
        fault(&wrong, fields[HOME_date_end].name, "Value error, it is before date_start");
    if (wrong.n == 0)
        *ret = n;
    return wrong.n;
}

/* --- a row --- */

/* Of whom the household is not shown: the same without it. */
#define ROW(info, info_rev)                                                                                            \
    "SELECT house_nick, rev, started_at, ended_at, sensors, sensors_rev, " info ", " info_rev                          \
    " FROM installation WHERE scope = $1 AND house_nick = $2"
enum { HOUSE, REV, STARTED, ENDED, SENSORS, SENSORS_REV, INFO, INFO_REV };

struct looking {
    const struct study *s;
    const struct caller *c;
    int64_t id, patient_id;
    enum view view; /* of what is to be done */
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    uint8_t house[1][16];
    struct rows row;
    struct house_now now;
};

static bool shows(const struct looking *x, enum part part)
{
    return view_shows(policy_view(x->c->role, ENTITY_INSTALLATION, ACTION_READ), slice_of(part_shows[part]));
}

/* In a body, behind the gate: 1, 0, -1. */
static int find(struct tx *tx, struct looking *x, struct err *e)
{
    const uint8_t *house = x->house[0];
    int got = house_find(tx, x->s, x->c, x->id, x->arena, x->house[0], e);
    if (got > 0)
        got = house_given(tx, x->s, x->c, x->view, house, x->arena, e);
    if (got <= 0)
        return got;
    return shows(x, PART_INFO)
               ? tx_rows(tx, x->arena, &x->row, e, ROW("info", "info_rev"), V_ID(x->s->scope), V_ID(house))
               : tx_rows(tx, x->arena, &x->row, e, ROW("NULL", "0"), V_ID(x->s->scope), V_ID(house));
}

static int look_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    const uint8_t(*house)[16] = (const uint8_t(*)[16])x->house;
    int got = study_enter(tx, x->s, x->c, e) ? -1 : find(tx, x, e);
    x->found = got > 0;
    if (got <= 0)
        return got < 0 ? -1 : study_leave_absent(tx, &x->audit, e);
    if (house_now(tx, x->s, house, 1, x->arena, &x->now, e) ||
        house_numbers(tx, x->s, x->c, house, 1, x->arena, &x->patient_id, e) || tx_ungate(tx, e) ||
        names_audit(tx, x->s, x->house[0], x->arena, &x->audit, x->audit_id, e))
        return -1;
    x->audit.rows = 1;
    return audit_append(tx, &x->audit, e);
}

static int open_part(const struct looking *x, enum part part, struct installation *ret, struct err *e)
{
    const struct val *v = &x->row.cell[part == PART_SENSORS ? SENSORS : INFO];
    struct slice text;
    struct json j;
    struct json_fault where;
    if (v[0].kind == VAL_NULL)
        return 0;
    if (study_unseal(x->s, x->house[0], SUBJECT_INSTALLATION, place[part], x->house[0], v[1].i, v[0].s, x->arena, &text,
                     e))
        return -1;
    if (json_parse(x->arena, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "details of an installation");
    for (int f = 0; f < INSTALLATION_FIELDS; f++)
        if (fields[f].part == part)
            ret->value[f] = json_get_text(&j, 0, fields[f].name, x->arena);
    return 0;
}

static struct slice time_text(const struct val *v, const struct caller *c, struct arena *a)
{
    char when[CLOCK_TEXT];
    return v->kind == VAL_NULL ? (struct slice){NULL, 0}
                               : arena_copy(a, slice_of(clock_text(grain_cut(c->role, GRAIN_HOME, v->i), when)));
}

/* But for its numbers, what is there of it, as the caller sees it. */
static int open_row(const struct looking *x, struct installation *ret, struct err *e)
{
    const struct val *v = x->row.cell;
    *ret = (struct installation){.id = x->id,
                                 .patient_id = x->patient_id,
                                 .rev = v[REV].i,
                                 .status = x->now.status,
                                 .last_at = grain_cut(x->c->role, GRAIN_TICKET, x->now.last_at)};
    ret->value[HOME_date_start] = time_text(&v[STARTED], x->c, x->arena);
    ret->value[HOME_date_end] = time_text(&v[ENDED], x->c, x->arena);
    for (int part = 0; part < SEALED_PARTS; part++)
        if (shows(x, (enum part)part) && open_part(x, (enum part)part, ret, e))
            return err_in(e, "an installation");
    return 0;
}

int installation_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                      struct arena *a, struct installation *ret, struct err *e)
{
    struct looking x = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit};
    x.view = policy_view(c->role, ENTITY_INSTALLATION, ACTION_READ);
    x.audit.object = entity_name(ENTITY_INSTALLATION);
    if (tx_run(s->db, look_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    return open_row(&x, ret, e) ? -1 : 1;
}

/* --- changing --- */

struct changing {
    struct looking look;
    const struct installation_change *n;
    struct installation now; /* with the change */
    bool changes[SEALED_PARTS], raced;
    struct slice sealed[SEALED_PARTS];
    struct val started, ended;
};

static int find_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    int got = study_enter(tx, x->s, x->c, e) ? -1 : find(tx, x, e);
    x->found = got > 0;
    return got < 0 ? -1 : got ? tx_ungate(tx, e) : study_leave_absent(tx, &x->audit, e);
}

static struct slice part_text(const struct installation *i, enum part part, struct arena *a)
{
    struct buf b = buf_in(a, 64 * 1024);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    for (int f = 0; f < INSTALLATION_FIELDS; f++)
        if (fields[f].part == part && i->value[f].n)
            json_pair(&o, fields[f].name, i->value[f]);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

/* The time of a field, changed or as it was (more exact than the caller is told). */
static struct val time_val(const struct changing *x, enum installation_field f, const struct val *was)
{
    int64_t us = 0;
    if (!x->n->given[f])
        return *was;
    return x->n->value[f].n && clock_parse(x->n->value[f], &us, NULL) ? V_INT(us) : V_NULL;
}

/* What is sealed anew, and when it begins and ends. */
static int prepare(struct changing *x, struct err *e)
{
    struct looking *l = &x->look;
    if (open_row(l, &x->now, e))
        return -1;
    memset(x->changes, 0, sizeof x->changes);
    for (int f = 0; f < INSTALLATION_FIELDS; f++) {
        if (!x->n->given[f])
            continue;
        x->now.value[f] = x->n->value[f].n ? x->n->value[f] : (struct slice){NULL, 0};
        if (fields[f].part < PART_START)
            x->changes[fields[f].part] = true;
    }
    x->started = time_val(x, HOME_date_start, &l->row.cell[STARTED]);
    x->ended = time_val(x, HOME_date_end, &l->row.cell[ENDED]);
    if (x->started.kind == VAL_INT && x->ended.kind == VAL_INT && x->ended.i < x->started.i)
        return err_set(e, ERR_RULE, "it would end before it started: change date_start and date_end together");
    for (int part = 0; part < SEALED_PARTS; part++) {
        struct slice text = x->changes[part] ? part_text(&x->now, (enum part)part, l->arena) : (struct slice){NULL, 0};
        if (x->changes[part] && !text.p)
            return err_set(e, ERR_NO_MEMORY, "details of an installation");
        if (text.p && study_seal_again(l->s, l->house[0], SUBJECT_INSTALLATION, place[part], l->house[0],
                                       x->now.rev + 1, text, l->arena, &x->sealed[part], e))
            return -1;
    }
    return 0;
}

#define TIMES                    "UPDATE installation SET rev = rev + 1, started_at = $1, ended_at = $2"
#define WHERE(scope, house, rev) " WHERE scope = " scope " AND house_nick = " house " AND rev = " rev

/* Only what changes is named: no role writes a column that it does not see. */
static int update(struct tx *tx, const struct changing *x, struct err *e)
{
    struct val scope = V_ID(x->look.s->scope), house = V_ID(x->look.house[0]), rev = V_INT(x->now.rev),
               next = V_INT(x->now.rev + 1), sensors = V_MAYBE(x->sealed[PART_SENSORS]),
               info = V_MAYBE(x->sealed[PART_INFO]);
    if (x->changes[PART_SENSORS] && x->changes[PART_INFO])
        return tx_exec(tx, e,
                       TIMES ", sensors = $3, sensors_rev = $4, info = $5, info_rev = $6" WHERE("$7", "$8", "$9"),
                       x->started, x->ended, sensors, next, info, next, scope, house, rev);
    if (x->changes[PART_SENSORS])
        return tx_exec(tx, e, TIMES ", sensors = $3, sensors_rev = $4" WHERE("$5", "$6", "$7"), x->started, x->ended,
                       sensors, next, scope, house, rev);
    if (x->changes[PART_INFO])
        return tx_exec(tx, e, TIMES ", info = $3, info_rev = $4" WHERE("$5", "$6", "$7"), x->started, x->ended, info,
                       next, scope, house, rev);
    return tx_exec(tx, e, TIMES WHERE("$3", "$4", "$5"), x->started, x->ended, scope, house, rev);
}

static int change_body(struct tx *tx, void *arg, struct err *e)
{
    struct changing *x = arg;
    struct looking *l = &x->look;
    const uint8_t(*house)[16] = (const uint8_t(*)[16])l->house;
    int given = study_enter(tx, l->s, l->c, e)
                    ? -1
                    : house_given(tx, l->s, l->c, l->view, l->house[0], l->arena, e); /* still? */
    int n = given > 0 ? update(tx, x, e) : given;
    if (n < 0)
        return -1;
    x->raced = n == 0;
    if (x->raced)
        return tx_ungate(tx, e);
    if (house_now(tx, l->s, house, 1, l->arena, &l->now, e) ||
        house_numbers(tx, l->s, l->c, house, 1, l->arena, &l->patient_id, e) || tx_ungate(tx, e) ||
        names_audit(tx, l->s, l->house[0], l->arena, &l->audit, l->audit_id, e))
        return -1;
    l->audit.rows = 1;
    return audit_append(tx, &l->audit, e);
}

/* 0: changed; 1: somebody else was faster; -1. */
static int change_once(struct changing *x, const struct study_revs *only, bool first, struct err *e)
{
    struct looking *l = &x->look;
    if (tx_run(l->s->db, find_body, l, e))
        return -1;
    if (!l->found)
        return err_set(e, ERR_NOT_FOUND, "no such home of this role");
    const struct val *v = l->row.cell;
    if (!study_is_of(only, v[REV].i))
        return err_set(e, ERR_PRECONDITION, "an installation of another revision");
    if (first && (v[SENSORS].kind != VAL_NULL || v[INFO].kind != VAL_NULL))
        return err_set(e, ERR_RULE, "this home has its details already: change them with PUT");
    if (prepare(x, e) || tx_run(l->s->db, change_body, x, e))
        return -1;
    return x->raced;
}

int installation_change(const struct study *s, const struct caller *c, int64_t id, const struct installation_change *n,
                        const struct study_revs *only, bool first, const struct audit_entry *audit, struct arena *a,
                        struct installation *ret, struct err *e)
{
    struct changing x = {.look = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit}, .n = n};
    int rc = 1;
    x.look.view = policy_view(c->role, ENTITY_INSTALLATION, first ? ACTION_CREATE : ACTION_UPDATE);
    x.look.audit.object = entity_name(ENTITY_INSTALLATION);
    for (int i = 0; rc > 0 && i < TRIES; i++)
        rc = change_once(&x, only, first, e);
    if (rc > 0)
        return err_set(e, ERR_RULE, "others change this home all the time: read it again, and try again");
    if (rc < 0)
        return -1;
    *ret = x.now;
    ret->rev++;
    ret->patient_id = x.look.patient_id;
    ret->status = x.look.now.status;
    ret->last_at = grain_cut(c->role, GRAIN_TICKET, x.look.now.last_at);
    ret->value[HOME_date_start] = time_text(&x.started, c, a);
    ret->value[HOME_date_end] = time_text(&x.ended, c, a);
    return 0;
}

/* --- many --- */

/* By the caller's own numbers: in this order nobody else has them. (CROSS: SQLite then begins with the numbers.) */
#define LISTED                                                                                                         \
    "SELECT i.house_nick, i.rev, i.started_at, i.ended_at, a.number FROM alias a CROSS JOIN installation i WHERE "     \
    "i.scope = a.scope AND i.alias_index = a.subject_index AND a.scope = $1 AND a.holder = $2 AND a.number > $3"
#define LISTED_END(limit) " ORDER BY a.number LIMIT " limit
/* Of who sees what was given to them: from their tickets on, which are few. */
#define TAKEN "i.house_nick IN (SELECT t.house_nick FROM ticket t WHERE t.scope = $1 AND t.installer = $2)"
#define GIVEN                                                                                                          \
    "SELECT i.house_nick, i.rev, i.started_at, i.ended_at, a.number FROM installation i JOIN alias a ON a.scope = "    \
    "i.scope AND a.subject_index = i.alias_index WHERE i.scope = $1 AND " TAKEN " AND a.holder = $3 AND a.number > $4"
#define COUNTED "SELECT count(*) FROM installation i WHERE i.scope = $1"
/* installation.def in the store's words: the place of the first row that one of its tickets fits (house_take). Not as
 * an equality, since PostgreSQL then takes it that hardly any home has the status, and reads all for a page. */
#define STATUS_IS(n)                                                                                                   \
    " AND CASE COALESCE((SELECT min(CASE WHEN s.category = 'uninstallation' AND s.state = 'closed' THEN 0 WHEN "       \
    "s.category "                                                                                                      \
    "= 'uninstallation' THEN 1 WHEN s.category = 'installation' AND s.state = 'open' THEN 2 WHEN s.category = "        \
    "'maintenance' AND s.state = 'open' THEN 3 ELSE 4 END) FROM ticket s WHERE s.scope = i.scope AND s.house_nick = "  \
    "i.house_nick), 5) WHEN " n " THEN 1 ELSE 0 END > 0"
/* Where a row of it is to fit, from the tickets that can: of a status that few homes have, few. */
#define FITTING(category, state)                                                                                       \
    " AND i.house_nick IN (SELECT t.house_nick FROM ticket t WHERE t.scope = $1 AND t.category = " category            \
    " AND t.state = " state ")"
const char installation_list_sql[] = LISTED LISTED_END("$4");
const char installation_given_sql[] = GIVEN LISTED_END("$5");
const char installation_count_sql[] = COUNTED;
const char installation_given_count_sql[] =
    "SELECT count(DISTINCT house_nick) FROM ticket WHERE scope = $1 AND installer = $2";
const char installation_of_status_sql[] = LISTED STATUS_IS("$4") LISTED_END("$5");
const char installation_kind_sql[] = "SELECT count(*) FROM ticket WHERE scope = $1 AND category = $2 AND state = $3";
const char installation_fitting_sql[] =
    "WITH fit AS MATERIALIZED (SELECT i.house_nick, i.rev, i.started_at, i.ended_at, i.alias_index FROM installation i "
    "WHERE i.scope = $1" FITTING("$2", "$3") STATUS_IS(
        "$4") ") SELECT fit.house_nick, fit.rev, fit.started_at, "
              "fit.ended_at, a.number, (SELECT count(house_nick) FROM fit) FROM fit JOIN alias a ON a.subject_index = "
              "fit.alias_index "
              "WHERE a.scope = $1 AND a.holder = $5 AND a.number > $6" LISTED_END("$7");
const char installation_given_of_status_sql[] = GIVEN STATUS_IS("$5") LISTED_END("$6");
const char installation_count_fitting_sql[] = COUNTED FITTING("$2", "$3") STATUS_IS("$4");
const char installation_count_open_sql[] =
    "SELECT count(DISTINCT house_nick) - count(DISTINCT CASE WHEN category = 'uninstallation' OR (state = 'open' AND "
    "category IN ('installation', 'maintenance')) THEN house_nick END) FROM ticket WHERE scope = $1";
const char installation_count_unknown_sql[] =
    "SELECT count(*) - (SELECT count(DISTINCT house_nick) FROM ticket WHERE scope = $1) FROM installation i WHERE "
    "i.scope = $1";
const char installation_given_count_of_status_sql[] = COUNTED " AND " TAKEN STATUS_IS("$3");
_Static_assert(INSTALLATION_CLOSED == 0 && INSTALLATION_CLOSING == 1 && INSTALLATION_OPENING == 2 &&
                   INSTALLATION_PAUSE == 3 && INSTALLATION_OPEN == 4 && INSTALLATION_UNKNOWN == 5,
               "STATUS_IS says the same as installation.def");
enum { NUMBER = ENDED + 1 };

struct listing {
    const struct study *s;
    const struct caller *c;
    int status; /* -1: any */
    int64_t after;
    int limit;
    struct arena *arena;
    struct audit_entry audit;
    struct rows rows, count;
    int n; /* shown: without the one that says that there are more */
    struct house_now now[INSTALLATIONS_PAGE];
    int64_t patient_id[INSTALLATIONS_PAGE];
};
_Static_assert(INSTALLATIONS_PAGE <= (int)DB_MANY, "of a whole page is asked at once");

/* --- which have a status --- */

#define HOUSES "SELECT i.house_nick FROM installation i WHERE i.scope = $1"
const char house_fitting_sql[] = HOUSES FITTING("$2", "$3") STATUS_IS("$4");
const char house_open_sql[] = HOUSES STATUS_IS("$2");
const char house_known_sql[] = "SELECT DISTINCT house_nick FROM ticket WHERE scope = $1";

int house_of_status(struct tx *tx, const struct study *s, enum installation_status status, struct arena *a,
                    struct rows *ret, struct err *e)
{
    struct house_fit fit;
    if (status == INSTALLATION_UNKNOWN)
        return tx_rows(tx, a, ret, e, house_known_sql, V_ID(s->scope));
    return house_fit(status, &fit) ? tx_rows(tx, a, ret, e, house_fitting_sql, V_ID(s->scope), V_STR(fit.category),
                                             V_STR(fit.state), V_INT(status))
                                   : tx_rows(tx, a, ret, e, house_open_sql, V_ID(s->scope), V_INT(status));
}

/* --- a page of them --- */

/* Up to how many homes of a status are all looked at for a page of them; of more, every few numbers there is one. */
enum { FEW = 2000, ALL = ENDED + 2 };

static int ask_given_of_status(struct tx *tx, struct listing *x, struct err *e)
{
    struct val scope = V_ID(x->s->scope), me = V_ID(x->c->id), status = V_INT(x->status);
    return tx_ask(tx, x->arena, &x->rows, e, installation_given_of_status_sql, scope, me, V_STR(role_name(x->c->role)),
                  V_INT(x->after), status, V_INT(x->limit + 1)) ||
                   tx_ask(tx, x->arena, &x->count, e, installation_given_count_of_status_sql, scope, me, status) ||
                   tx_wait(tx, e)
               ? -1
               : 0;
}

static int count_status(struct tx *tx, struct listing *x, const struct house_fit *fit, struct err *e)
{
    struct val scope = V_ID(x->s->scope);
    int n = *fit->category ? tx_rows(tx, x->arena, &x->count, e, installation_count_fitting_sql, scope,
                                     V_STR(fit->category), V_STR(fit->state), V_INT(x->status))
            : x->status == INSTALLATION_OPEN
                ? tx_rows(tx, x->arena, &x->count, e, installation_count_open_sql, scope)
                : tx_rows(tx, x->arena, &x->count, e, installation_count_unknown_sql, scope);
    return n < 0 ? -1 : 0;
}

/* Of a status that can be few homes', all of them at once: the page, and how many there are. *ret: so it was. */
static int list_few(struct tx *tx, struct listing *x, const struct house_fit *fit, bool *ret, struct err *e)
{
    struct val scope = V_ID(x->s->scope), category = V_STR(fit->category), state = V_STR(fit->state);
    struct rows kind;
    *ret = false;
    if (!*fit->category)
        return 0;
    if (tx_rows(tx, x->arena, &kind, e, installation_kind_sql, scope, category, state) < 0)
        return -1;
    *ret = kind.cell[0].i <= FEW;
    if (!*ret)
        return 0;
    if (tx_rows(tx, x->arena, &x->rows, e, installation_fitting_sql, scope, category, state, V_INT(x->status),
                V_STR(role_name(x->c->role)), V_INT(x->after), V_INT(x->limit + 1)) < 0)
        return -1;
    if (x->rows.n == 0) /* behind the last of them, or there is none */
        return count_status(tx, x, fit, e);
    x->count = (struct rows){1, 1, row_at(&x->rows, 0, ALL)};
    return 0;
}

static int list_of_status(struct tx *tx, struct listing *x, struct err *e)
{
    struct house_fit fit;
    bool listed;
    house_fit((enum installation_status)x->status, &fit);
    if (list_few(tx, x, &fit, &listed, e))
        return -1;
    if (listed)
        return 0;
    return count_status(tx, x, &fit, e) ||
                   tx_rows(tx, x->arena, &x->rows, e, installation_of_status_sql, V_ID(x->s->scope),
                           V_STR(role_name(x->c->role)), V_INT(x->after), V_INT(x->status), V_INT(x->limit + 1)) < 0
               ? -1
               : 0;
}

static int list_page(struct tx *tx, struct listing *x, struct err *e)
{
    const struct view_row *v = view_row(policy_view(x->c->role, ENTITY_INSTALLATION, ACTION_READ));
    const char *holder = role_name(x->c->role);
    struct val scope = V_ID(x->s->scope), me = V_ID(x->c->id), after = V_INT(x->after), limit = V_INT(x->limit + 1);
    bool given = v && v->reach == REACH_ASSIGNED;
    if (x->status >= 0)
        return given ? ask_given_of_status(tx, x, e) : list_of_status(tx, x, e);
    if (given ? tx_ask(tx, x->arena, &x->rows, e, installation_given_sql, scope, me, V_STR(holder), after, limit) ||
                    tx_ask(tx, x->arena, &x->count, e, installation_given_count_sql, scope, me)
              : tx_ask(tx, x->arena, &x->rows, e, installation_list_sql, scope, V_STR(holder), after, limit) ||
                    tx_ask(tx, x->arena, &x->count, e, installation_count_sql, scope))
        return -1;
    return tx_wait(tx, e);
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    uint8_t house[INSTALLATIONS_PAGE][16];
    struct rows tickets;
    if (study_enter(tx, x->s, x->c, e) || list_page(tx, x, e))
        return -1;
    x->n = x->rows.n < x->limit ? x->rows.n : x->limit;
    for (int i = 0; i < x->n; i++) {
        memcpy(house[i], row_at(&x->rows, i, HOUSE)->s.p, 16);
        x->patient_id[i] = row_at(&x->rows, i, NUMBER)->i; /* of who may know no other */
    }
    if (house_ask_now(tx, x->s, (const uint8_t(*)[16])house, x->n, x->arena, &tickets, e) ||
        (house_joins_persons(x->c) &&
         house_numbers(tx, x->s, x->c, (const uint8_t(*)[16])house, x->n, x->arena, x->patient_id, e)) ||
        tx_wait(tx, e))
        return -1;
    for (int i = 0; i < x->n; i++)
        x->now[i] = house_take(&tickets, house[i]);
    x->audit.rows = x->n;
    return study_leave(tx, &x->audit, e);
}

int installation_list(const struct study *s, const struct caller *c, int status, int64_t after, int limit,
                      const struct audit_entry *audit, struct arena *a, struct installation_page *ret, struct err *e)
{
    struct listing x = {.s = s, .c = c, .status = status, .after = after, .limit = limit, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_INSTALLATION);
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    struct installation_page page = {.n = x.n, .all = x.count.cell[0].i};
    page.installation = arena_take(a, (size_t)(page.n + 1) * sizeof *page.installation);
    if (!page.installation)
        return err_set(e, ERR_NO_MEMORY, "a page of installations");
    for (int i = 0; i < page.n; i++) {
        const struct val *v = row_at(&x.rows, i, 0);
        struct installation *to = &page.installation[i];
        *to = (struct installation){.id = v[NUMBER].i,
                                    .patient_id = x.patient_id[i],
                                    .rev = v[REV].i,
                                    .status = x.now[i].status,
                                    .last_at = grain_cut(c->role, GRAIN_TICKET, x.now[i].last_at)};
        to->value[HOME_date_start] = time_text(&v[STARTED], c, a);
        to->value[HOME_date_end] = time_text(&v[ENDED], c, a);
    }
    if (x.rows.n > limit)
        page.next = page.installation[page.n - 1].id;
    *ret = page;
    return 0;
}

/* --- where it is --- */

struct visiting {
    struct looking look;
    uint8_t home[16];
    struct rows general;
};

static int read_home(struct tx *tx, struct visiting *x, struct err *e)
{
    const struct looking *l = &x->look;
    const struct view_row *v = view_row(l->view);
    return v && v->reach == REACH_VISITED
               ? tx_rows(tx, l->arena, &x->general, e,
                         "SELECT h.general, h.rev FROM home h JOIN visit v ON v.scope = h.scope AND v.home = h.id "
                         "WHERE h.scope = $1 AND h.id = $2 AND v.staff = $3 AND v.until IS NULL",
                         V_ID(l->s->scope), V_ID(x->home), V_ID(l->c->id))
               : tx_rows(tx, l->arena, &x->general, e, "SELECT general, rev FROM home WHERE scope = $1 AND id = $2",
                         V_ID(l->s->scope), V_ID(x->home));
}

static int info_body(struct tx *tx, void *arg, struct err *e)
{
    struct visiting *x = arg;
    struct looking *l = &x->look;
    int got = study_enter(tx, l->s, l->c, e) ? -1 : house_find(tx, l->s, l->c, l->id, l->arena, l->house[0], e);
    if (got > 0)
        got = bond_home_of_house(tx, l->s, l->house[0], l->arena, x->home, e);
    if (got > 0)
        got = read_home(tx, x, e);
    l->found = got > 0;
    if (got <= 0)
        return got < 0 ? -1 : study_leave_absent(tx, &l->audit, e);
    if (tx_ungate(tx, e) || names_audit(tx, l->s, l->house[0], l->arena, &l->audit, l->audit_id, e))
        return -1;
    l->audit.rows = 1;
    return audit_append(tx, &l->audit, e);
}

int installation_info(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                      struct arena *a, struct home_info *ret, struct err *e)
{
    struct visiting x = {.look = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit}};
    struct slice text;
    struct json j;
    struct json_fault where;
    x.look.view = policy_view(c->role, ENTITY_PATIENT_GENERAL, ACTION_READ);
    x.look.audit.object = entity_name(ENTITY_PATIENT_GENERAL);
    if (tx_run(s->db, info_body, &x, e))
        return -1;
    if (!x.look.found)
        return 0;
    const struct val *v = x.general.cell;
    if (study_unseal(s, x.home, SUBJECT_HOME, PLACE_HOME_GENERAL, x.home, v[1].i, v[0].s, a, &text, e))
        return err_in(e, "a home");
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a home");
    const struct {
        const char *name;
        struct slice *to;
    } shown[] = {{"last_name", &ret->last_name}, {"address", &ret->address}, {"phone", &ret->phone}};
    *ret = (struct home_info){0};
    for (size_t i = 0; i < COUNT(shown); i++)
        if (view_shows(x.look.view, slice_of(shown[i].name)))
            *shown[i].to = json_get_text(&j, 0, shown[i].name, a);
    return 1;
}

/* --- what another role calls it --- */

struct calling {
    const struct study *s;
    const struct caller *c, *other;
    int64_t id, number;
    struct arena *arena;
};

static int as_body(struct tx *tx, void *arg, struct err *e)
{
    struct calling *x = arg;
    uint8_t house[1][16];
    x->number = 0;
    int got = study_enter(tx, x->s, x->c, e) ? -1 : house_find(tx, x->s, x->c, x->id, x->arena, house[0], e);
    if (got <= 0)
        return got;
    return tx_ungate(tx, e) ||
                   house_numbers(tx, x->s, x->other, (const uint8_t(*)[16])house, 1, x->arena, &x->number, e)
               ? -1
               : 0;
}

int installation_as(const struct study *s, const struct caller *c, int64_t id, const struct caller *other,
                    struct arena *a, int64_t *ret, struct err *e)
{
    struct calling x = {s, c, other, id, 0, a};
    if (tx_run(s->db, as_body, &x, e))
        return -1;
    *ret = x.number;
    return x.number != 0;
}
