#include "study/ticket_int.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"

/* --- the table --- */

static const char *const categories[] = {
#define CATEGORY(name, text, what) text,
#define STATE(name, text, what)
#define DEED(name, text, from, to, entry, otherwise)
#include "study/ticket.def"
};
static const char *const states[] = {
#define CATEGORY(name, text, what)
#define STATE(name, text, what) text,
#define DEED(name, text, from, to, entry, otherwise)
#include "study/ticket.def"
};
static const struct {
    const char *name;
    enum ticket_state from, to;
    const char *entry, *otherwise;
} deeds[DEEDS] = {
#define CATEGORY(name, text, what)
#define STATE(name, text, what)
#define DEED(name, text, from, to, entry, otherwise) {text, TICKET_##from, TICKET_##to, entry, otherwise},
#include "study/ticket.def"
};

const char *ticket_category_name(enum ticket_category c)
{
    return categories[c];
}
const char *ticket_state_name(enum ticket_state s)
{
    return states[s];
}
bool ticket_category_named(struct slice name, enum ticket_category *ret)
{
    for (int i = 0; i < TICKET_CATEGORIES; i++)
        if (slice_is(name, categories[i]))
            return *ret = (enum ticket_category)i, true;
    return false;
}
bool ticket_state_named(struct slice name, enum ticket_state *ret)
{
    for (int i = 0; i < TICKET_STATES; i++)
        if (slice_is(name, states[i]))
            return *ret = (enum ticket_state)i, true;
    return false;
}

bool ticket_text_fits(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
            return false;
    }
    return text.n >= 1 && text.n <= TICKET_TEXT_MAX && utf8_valid(text);
}

/* --- rows --- */

int ticket_find(struct tx *tx, const struct study *s, const struct caller *c, int64_t number, struct arena *a,
                struct rows *ret, struct err *e)
{
    uint8_t id[16];
    int found = alias_subject(tx, s, role_name(c->role), number, a, id, e);
    return found <= 0
               ? found
               : tx_rows(tx, a, ret, e, "SELECT " TICKET_COLUMNS " FROM ticket t WHERE t.scope = $1 AND t.id = $2",
                         V_ID(s->scope), V_ID(id));
}

static bool is_caller(const struct val *v, const struct caller *c)
{
    return v->kind != VAL_NULL && memcmp(v->s.p, c->id, 16) == 0;
}

void ticket_take(const struct val *v, const struct caller *c, struct ticket *ret)
{
    *ret = (struct ticket){
        .rev = v[TICKET_REV].i,
        .category = v[TICKET_CATEGORY].s,
        .state = v[TICKET_STATE].s,
        .last_role = v[TICKET_LAST_ROLE].s,
        .opened_at = grain_cut(c->role, GRAIN_TICKET, v[TICKET_OPENED].i),
        .closed_at = v[TICKET_CLOSED_AT].kind == VAL_NULL ? 0 : grain_cut(c->role, GRAIN_TICKET, v[TICKET_CLOSED_AT].i),
        .last_at = grain_cut(c->role, GRAIN_TICKET, v[TICKET_LAST].i),
        .taken = v[TICKET_INSTALLER].kind != VAL_NULL,
        .mine = is_caller(&v[TICKET_INSTALLER], c)};
}

static int put_entry(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t id[16],
                     const uint8_t ticket[16], int64_t number, const char *kind, int64_t now, struct slice body,
                     struct err *e)
{
    return tx_put(tx, e,
                  "INSERT INTO ticket_entry (scope, id, ticket, number, kind, role, author, at, body) VALUES ($1, $2, "
                  "$3, $4, $5, $6, $7, $8, $9)",
                  V_ID(s->scope), V_ID(id), V_ID(ticket), V_INT(number), V_STR(kind), V_STR(role_name(c->role)),
                  V_ID(c->id), V_INT(now), V_MAYBE(body));
}

/* Does their role take tickets? */
static bool installs(const struct caller *c)
{
    return policy_view(c->role, ENTITY_ASSIGNMENT, ACTION_CREATE) != VIEW_NONE;
}

/* --- opening --- */

static struct val turn_of(enum role role, const struct ticket_new *n)
{
    return V_INT(house_turn(role, GRAIN_TICKET, n->now, names_number(&n->names, role_name(role))));
}

static int put_ticket(struct tx *tx, const struct study *s, const struct caller *c, const struct ticket_new *n,
                      struct err *e)
{
    bool take = installs(c);
    if (tx_put(tx, e,
               "INSERT INTO ticket (scope, id, house_nick, alias_index, category, state, rev, entries, opened_at, "
               "last_at, last_role, installer, installer_turn, monitor_turn) VALUES ($1, $2, $3, $4, $5, 'open', 1, 1, "
               "$6, $7, $8, $9, $10, $11)",
               V_ID(s->scope), V_ID(n->id), V_ID(n->house), V_ID(n->names.of[0].index), V_STR(categories[n->category]),
               V_INT(n->now), V_INT(n->now), V_STR(role_name(c->role)), take ? V_ID(c->id) : V_NULL,
               turn_of(ROLE_INSTALLER, n), turn_of(ROLE_MONITOR, n)))
        return -1;
    return put_entry(tx, s, c, n->entry, n->id, 1, deeds[DEED_SAY].entry, n->now, n->body, e);
}

static int make_ticket(const struct study *s, const uint8_t house[16], enum ticket_category category, struct arena *a,
                       struct ticket_new *ret, struct err *e)
{
    *ret = (struct ticket_new){.category = category, .now = clock_now_us()};
    memcpy(ret->house, house, 16);
    rnd_bytes(ret->id, 16);
    rnd_bytes(ret->entry, 16);
    return names_make(s, ret->id, a, &ret->names, e);
}

int ticket_first_make(const struct study *s, const uint8_t house[16], struct arena *a, struct ticket_first *ret,
                      struct err *e)
{
    static const char text[] = "A new home: its sensors are to be mounted.";
    return house_make(s, house, a, &ret->house, e) ||
                   keyring_subject_make(s->keyring, s->scope, house, SUBJECT_TICKET, &ret->key, e) ||
                   make_ticket(s, house, TICKET_CATEGORY_INSTALLATION, a, &ret->ticket, e) ||
                   study_seal(&ret->key, PLACE_TICKET_BODY, ret->ticket.entry, 1, slice_of(text), a, &ret->ticket.body,
                              e)
               ? -1
               : 0;
}

int ticket_first_store(struct tx *tx, const struct study *s, const struct caller *c, const struct ticket_first *f,
                       struct err *e)
{
    return house_store(tx, s, &f->house, e) || keyring_subject_store(tx, &f->key, e) ||
                   put_ticket(tx, s, c, &f->ticket, e) || names_store(tx, s, &f->ticket.names, e)
               ? -1
               : 0;
}

struct opening {
    const struct study *s;
    const struct caller *c;
    int64_t patient_id;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    struct ticket_new ticket;
};

static int find_house_body(struct tx *tx, void *arg, struct err *e)
{
    struct opening *x = arg;
    int got =
        study_enter(tx, x->s, x->c, e) ? -1 : house_find(tx, x->s, x->c, x->patient_id, x->arena, x->ticket.house, e);
    x->found = got > 0;
    return got < 0 ? -1 : got ? tx_ungate(tx, e) : study_leave_absent(tx, &x->audit, e);
}

/* More than these nobody works through, and each of them is a row for good. In a body that has locked the house: `most`
 * are open at most. */
static int check_room(struct tx *tx, const struct study *s, const uint8_t house[16], int most, struct arena *a,
                      struct err *e)
{
    struct rows r;
    int n =
        tx_rows(tx, a, &r, e, "SELECT 1 FROM ticket WHERE scope = $1 AND house_nick = $2 AND state = 'open' LIMIT $3",
                V_ID(s->scope), V_ID(house), V_INT(most + 1));
    return n < 0 ? -1
           : n > most
               ? err_set(e, ERR_RULE, "%d tickets are open for this home: write in one of them, or close some first",
                         TICKETS_OPEN)
               : 0;
}

/* The house first: of several that are opened at once each counts those before it. */
static int open_body(struct tx *tx, void *arg, struct err *e)
{
    struct opening *x = arg;
    const struct study *s = x->s;
    const struct ticket_new *n = &x->ticket;
    if (house_lock(tx, s, n->house, e) || study_enter(tx, s, x->c, e) ||
        check_room(tx, s, n->house, TICKETS_OPEN - 1, x->arena, e) || put_ticket(tx, s, x->c, n, e) ||
        tx_ungate(tx, e) || names_store(tx, s, &n->names, e))
        return -1;
    if (installs(x->c) && house_settle_visit(tx, s, n->house, x->c->id, n->now, x->arena, e))
        return -1;
    if (n->category == TICKET_CATEGORY_UNINSTALLATION &&
        tx_put(tx, e,
               "UPDATE installation SET ended_at = $1, rev = rev + 1 WHERE scope = $2 AND house_nick = $3 AND ended_at "
               "IS NULL",
               V_INT(n->now), V_ID(s->scope), V_ID(n->house)))
        return -1;
    return names_audit(tx, s, n->id, x->arena, &x->audit, x->audit_id, e) || audit_append(tx, &x->audit, e) ? -1 : 0;
}

int ticket_open(const struct study *s, const struct caller *c, int64_t patient_id, enum ticket_category category,
                struct slice text, const struct audit_entry *audit, struct arena *a, struct ticket *ret, struct err *e)
{
    struct opening x = {.s = s, .c = c, .patient_id = patient_id, .arena = a, .audit = *audit};
    uint8_t house[16];
    x.audit.object = entity_name(ENTITY_TICKET);
    if (tx_run(s->db, find_house_body, &x, e))
        return -1;
    if (!x.found)
        return err_set(e, ERR_NOT_FOUND, "no such home of this role");
    memcpy(house, x.ticket.house, 16);
    if (make_ticket(s, house, category, a, &x.ticket, e) ||
        study_seal_again(s, house, SUBJECT_TICKET, PLACE_TICKET_BODY, x.ticket.entry, 1, text, a, &x.ticket.body, e))
        return -1;
    x.audit.rows = 1;
    if (tx_run(s->db, open_body, &x, e))
        return -1;
    int64_t now = grain_cut(c->role, GRAIN_TICKET, x.ticket.now);
    *ret = (struct ticket){.id = names_number(&x.ticket.names, role_name(c->role)),
                           .patient_id = patient_id,
                           .rev = 1,
                           .category = slice_of(categories[category]),
                           .state = slice_of(states[TICKET_OPEN]),
                           .last_role = slice_of(role_name(c->role)),
                           .opened_at = now,
                           .last_at = now,
                           .taken = installs(c),
                           .mine = installs(c)};
    return 0;
}

/* --- deeds --- */

struct doing {
    const struct study *s;
    const struct caller *c;
    int64_t id;
    const struct study_revs *only;
    enum ticket_deed deed;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    struct rows row;      /* before; then after */
    int64_t patient_id;   /* the caller's number */
    uint8_t entry[2][16]; /* of what is written, and of taking it by writing */
    struct slice body;    /* sealed */
    int64_t now, number;
};

/* Why it may not be done, as a sentence; NULL: it may. */
static const char *refusal(const struct doing *x, const struct val *v)
{
    bool taken = v[TICKET_INSTALLER].kind != VAL_NULL, mine = is_caller(&v[TICKET_INSTALLER], x->c);
    const struct view_row *release = view_row(policy_view(x->c->role, ENTITY_ASSIGNMENT, ACTION_DELETE));
    if (!slice_is(v[TICKET_STATE].s, states[deeds[x->deed].from]))
        return deeds[x->deed].otherwise;
    if (x->deed == DEED_TAKE && taken)
        return mine ? "you have taken it already" : "somebody else has taken it: they, or a monitor, release it first";
    if (x->deed == DEED_RELEASE && !taken)
        return "nobody has taken it";
    if (x->deed == DEED_RELEASE && !mine && (!release || release->reach == REACH_OWN))
        return "somebody else has taken it: they, or a monitor, release it";
    if (x->deed != DEED_CLOSE && x->deed != DEED_REOPEN && v[TICKET_ENTRY_COUNT].i >= TICKET_ENTRIES)
        return "the ticket is full: close it, and open another one";
    return NULL;
}

/* Its row is taken hold of first, by a write that changes nothing: deeds of many come one after the other, and each
 * finds what the one before it left. */
static int find_to_do(struct tx *tx, struct doing *x, struct err *e)
{
    int got = ticket_find(tx, x->s, x->c, x->id, x->arena, &x->row, e);
    if (got <= 0)
        return got;
    if (tx_shared(tx) && (tx_exec(tx, e, "UPDATE ticket SET rev = rev WHERE scope = $1 AND id = $2", V_ID(x->s->scope),
                                  V_BLOB(x->row.cell[TICKET_ID].s)) < 0 ||
                          ticket_find(tx, x->s, x->c, x->id, x->arena, &x->row, e) < 0))
        return -1;
    if (x->row.n == 0)
        return 0;
    if (!study_is_of(x->only, x->row.cell[TICKET_REV].i))
        return err_set(e, ERR_PRECONDITION, "a ticket of another revision");
    const char *why = refusal(x, x->row.cell);
    return why ? err_set(e, ERR_RULE, "%s", why) : 1;
}

static int change_row(struct tx *tx, struct doing *x, bool take, struct err *e)
{
    const struct val *v = x->row.cell;
    bool closes = deeds[x->deed].to == TICKET_CLOSED, says = x->deed == DEED_SAY;
    struct val installer = take ? V_ID(x->c->id) : x->deed == DEED_RELEASE ? V_NULL : v[TICKET_INSTALLER];
    x->number = v[TICKET_ENTRY_COUNT].i + 1 + (take && says);
    return tx_put(tx, e,
                  "UPDATE ticket SET state = $1, rev = rev + 1, entries = $2, closed_at = $3, last_at = $4, last_role "
                  "= $5, installer = $6 WHERE scope = $7 AND id = $8",
                  V_STR(states[deeds[x->deed].to]), V_INT(x->number), closes ? V_INT(x->now) : V_NULL,
                  V_INT(says ? x->now : v[TICKET_LAST].i),
                  says ? V_STR(role_name(x->c->role)) : V_TEXT(v[TICKET_LAST_ROLE].s), installer, V_ID(x->s->scope),
                  V_BLOB(v[TICKET_ID].s));
}

static int put_entries(struct tx *tx, const struct doing *x, bool take, struct err *e)
{
    const uint8_t *id = (const uint8_t *)x->row.cell[TICKET_ID].s.p;
    if (take && x->deed == DEED_SAY &&
        put_entry(tx, x->s, x->c, x->entry[1], id, x->number - 1, deeds[DEED_TAKE].entry, x->now,
                  (struct slice){NULL, 0}, e))
        return -1;
    return put_entry(tx, x->s, x->c, x->entry[0], id, x->number, deeds[x->deed].entry, x->now, x->body, e);
}

/* Outside of the gate: whether one more may be open, whose visit begins or ends, and when the home's sensors began to
 * work. */
static int follow(struct tx *tx, const struct doing *x, bool take, struct err *e)
{
    const struct val *v = x->row.cell;
    const uint8_t *house = (const uint8_t *)v[TICKET_HOUSE].s.p;
    const uint8_t *installer = take                                   ? x->c->id
                               : v[TICKET_INSTALLER].kind == VAL_NULL ? NULL
                                                                      : (const uint8_t *)v[TICKET_INSTALLER].s.p;
    if (x->deed == DEED_SAY && !take)
        return 0;
    if (house_lock(tx, x->s, house, e) ||
        (x->deed == DEED_REOPEN && check_room(tx, x->s, house, TICKETS_OPEN, x->arena, e)) ||
        (installer && house_settle_visit(tx, x->s, house, installer, x->now, x->arena, e)))
        return -1;
    return x->deed == DEED_CLOSE && slice_is(v[TICKET_CATEGORY].s, categories[TICKET_CATEGORY_INSTALLATION])
               ? tx_put(tx, e,
                        "UPDATE installation SET started_at = $1, rev = rev + 1 WHERE scope = $2 AND house_nick = $3 "
                        "AND started_at IS NULL",
                        V_INT(x->now), V_ID(x->s->scope), V_ID(house))
               : 0;
}

static int do_body(struct tx *tx, void *arg, struct err *e)
{
    struct doing *x = arg;
    const struct study *s = x->s;
    uint8_t house[1][16], id[16];
    int got = study_enter(tx, s, x->c, e) ? -1 : find_to_do(tx, x, e);
    x->found = got > 0;
    if (got <= 0)
        return got < 0 ? -1 : study_leave_absent(tx, &x->audit, e);
    const struct val *v = x->row.cell;
    bool take = x->deed == DEED_TAKE || (x->deed == DEED_SAY && installs(x->c) && v[TICKET_INSTALLER].kind == VAL_NULL);
    memcpy(house[0], v[TICKET_HOUSE].s.p, 16);
    memcpy(id, v[TICKET_ID].s.p, 16);
    x->audit.why = take ? deeds[DEED_TAKE].entry : x->deed == DEED_SAY ? NULL : deeds[x->deed].entry;
    struct rows before = x->row;
    if (change_row(tx, x, take, e) || put_entries(tx, x, take, e) ||
        ticket_find(tx, s, x->c, x->id, x->arena, &x->row, e) < 0 ||
        house_numbers(tx, s, x->c, (const uint8_t(*)[16])house, 1, x->arena, &x->patient_id, e) || tx_ungate(tx, e))
        return -1;
    struct rows after = x->row;
    x->row = before;
    int rc = follow(tx, x, take, e);
    x->row = after;
    return rc || names_audit(tx, s, id, x->arena, &x->audit, x->audit_id, e) || audit_append(tx, &x->audit, e) ? -1 : 0;
}

/* Which house's key a message is sealed under. */
static int find_ticket_body(struct tx *tx, void *arg, struct err *e)
{
    struct doing *x = arg;
    int got = study_enter(tx, x->s, x->c, e) ? -1 : ticket_find(tx, x->s, x->c, x->id, x->arena, &x->row, e);
    x->found = got > 0;
    return got < 0 ? -1 : got ? tx_ungate(tx, e) : study_leave_absent(tx, &x->audit, e);
}

int ticket_do(const struct study *s, const struct caller *c, int64_t id, enum ticket_deed deed, struct slice text,
              const struct study_revs *only, const struct audit_entry *audit, struct arena *a, struct ticket *ret,
              struct ticket_entry *ret_entry, struct err *e)
{
    struct doing x = {.s = s, .c = c, .id = id, .only = only, .deed = deed, .arena = a, .audit = *audit};
    x.audit.object = entity_name(deed == DEED_SAY ? ENTITY_TICKET_ENTRY : ENTITY_TICKET);
    x.audit.rows = 1;
    x.now = clock_now_us();
    rnd_bytes(x.entry, sizeof x.entry);
    if (deed == DEED_SAY) {
        if (tx_run(s->db, find_ticket_body, &x, e))
            return -1;
        if (x.found && study_seal_again(s, (const uint8_t *)x.row.cell[TICKET_HOUSE].s.p, SUBJECT_TICKET,
                                        PLACE_TICKET_BODY, x.entry[0], 1, text, a, &x.body, e))
            return -1;
        if (!x.found)
            return err_set(e, ERR_NOT_FOUND, "no such ticket of this role");
    }
    if (tx_run(s->db, do_body, &x, e))
        return -1;
    if (!x.found)
        return err_set(e, ERR_NOT_FOUND, "no such ticket of this role");
    ticket_take(x.row.cell, c, ret);
    ret->id = id;
    ret->patient_id = x.patient_id;
    if (ret_entry)
        *ret_entry = (struct ticket_entry){.number = x.number,
                                           .kind = slice_of(deeds[deed].entry),
                                           .role = slice_of(role_name(c->role)),
                                           .body = text,
                                           .at = grain_cut(c->role, GRAIN_TICKET, x.now),
                                           .mine = true};
    return 0;
}
