#include "study/patient.h"

#include <assert.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "keys/hint.h"
#include "study/glass_int.h"
#include "study/patient_int.h"
#include "study/ticket_int.h"

static const char AUDIT_HOLDER[] = "audit";
enum { DAY_S = 24 * 3600 };

/* The entities of the parts; PLAIN is DETAIL's. */
static const enum entity part_entity[PARTS] = {ENTITY_PATIENT_DETAIL, ENTITY_PATIENT_GENERAL, ENTITY_SCREENING,
                                               ENTITY_NOTE, ENTITY_PATIENT_DETAIL};

static enum view part_view(const struct caller *c, enum patient_part part)
{
    return policy_view(c->role, part_entity[part], ACTION_READ);
}

/* What their home is like now: of patients' tables nothing is asked for it, but of tickets. */
static bool shows_status(const struct caller *c)
{
    return view_shows(part_view(c, PART_PLAIN), SLICE("status")) &&
           policy_view(c->role, ENTITY_TICKET, ACTION_READ) != VIEW_NONE;
}

static const char *holder_of(const struct caller *c)
{
    return role_name(c->role);
}

static struct slice day_text(int64_t day, struct arena *a)
{
    int y, m, d;
    clock_civil(day, &y, &m, &d);
    return slice_of(arena_printf(a, "%04d-%02d-%02d", y, m, d));
}

static int64_t day_of(struct slice s)
{
    int64_t us, span;
    return clock_parse(s, &us, &span) ? us / (DAY_S * 1000000LL) - (us % (DAY_S * 1000000LL) < 0) : 0;
}

/* Who the entry is about, by a number that only the table of aliases leads back from. */
static void name_in_audit(struct audit_entry *entry, int64_t number, char text[ALIAS_AUDIT_TEXT])
{
    snprintf(text, ALIAS_AUDIT_TEXT, "%lld", (long long)number);
    entry->object_id = text;
}

/* --- reading --- */

struct looking {
    const struct study *s;
    const struct caller *c;
    int64_t id;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    struct bond bond;
    bool bound;
    struct rows person, home, finding, note; /* the sealed part first; PERSON: detail, rev, joined_on, left_on */
    struct rows number;                      /* what the audit log calls them */
    struct rows tickets;                     /* of their house (house_take) */
};

/* What is asked for by the person alone. */
static int ask_person(struct tx *tx, struct looking *x, struct err *e)
{
    const struct study *s = x->s;
    const uint8_t *person = x->bond.person;
    if (part_view(x->c, PART_DETAIL) != VIEW_NONE &&
        tx_ask(tx, x->arena, &x->person, e,
               "SELECT detail, rev, id, joined_on, left_on FROM person WHERE scope = $1 AND id = $2", V_ID(s->scope),
               V_ID(person)))
        return -1;
    return part_view(x->c, PART_NOTE) != VIEW_NONE
               ? tx_ask(tx, x->arena, &x->note, e,
                        "SELECT text, rev, id FROM note WHERE scope = $1 AND person = $2 ORDER BY rev DESC LIMIT 1",
                        V_ID(s->scope), V_ID(person))
               : 0;
}

/* What is asked for by the rest of the bond. */
static int ask_bound(struct tx *tx, struct looking *x, struct err *e)
{
    const struct study *s = x->s;
    if (x->bound && part_view(x->c, PART_GENERAL) != VIEW_NONE &&
        tx_ask(tx, x->arena, &x->home, e, "SELECT general, rev, id FROM home WHERE scope = $1 AND id = $2",
               V_ID(s->scope), V_ID(x->bond.home)))
        return -1;
    if (x->bound && shows_status(x->c) && house_ask(tx, s, x->bond.house_nick, x->arena, &x->tickets, e))
        return -1;
    return x->bound && part_view(x->c, PART_FINDING) != VIEW_NONE
               ? tx_ask(tx, x->arena, &x->finding, e,
                        "SELECT finding, rev, id FROM screening WHERE scope = $1 AND data_nick = $2 ORDER BY rev DESC "
                        "LIMIT 1",
                        V_ID(s->scope), V_ID(x->bond.data_nick))
               : 0;
}

/* Behind the caller's gate: the person whom they call so. In an emergency the program finds out who that is before the
 * gate, which shows nobody else. */
static int enter_for(struct tx *tx, struct looking *x, struct err *e)
{
    if (x->c->role == ROLE_EMERGENCY)
        return glass_use(tx, x->s, x->c, x->id, x->arena, &x->bond, &x->bound, e) ||
                       study_enter_one(tx, x->s, x->c, &x->bond, x->bound, e) || ask_person(tx, x, e)
                   ? -1
                   : 1;
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    int found = alias_subject(tx, x->s, holder_of(x->c), x->id, x->arena, x->bond.person, e);
    if (found <= 0)
        return found;
    int bound = ask_person(tx, x, e) ? -1 : bond_of_person(tx, x->s, x->bond.person, x->arena, &x->bond, e);
    x->bound = bound > 0;
    return bound < 0 ? -1 : 1;
}

/* The last of what is asked for, behind the gate and outside of it; then all of it is here. */
static int ask_rest(struct tx *tx, struct looking *x, struct err *e)
{
    return ask_bound(tx, x, e) || tx_ungate(tx, e) ||
                   alias_ask(tx, x->s, AUDIT_HOLDER, x->bond.person, x->arena, &x->number, e) || tx_wait(tx, e)
               ? -1
               : 0;
}

/* --- by a hint: whose number it was the last time; all is asked for at once --- */

static_assert(sizeof(struct bond) == HINT_IDS * ID_BYTES, "a bond is a hint's ids");

static void name_hint(const struct looking *x, uint8_t ret[HINT_NAME])
{
    memset(ret, 0, HINT_NAME);
    memcpy(ret, x->s->scope, ID_BYTES);
    memcpy(ret + ID_BYTES, &x->id, sizeof x->id);
    ret[HINT_NAME - 1] = (uint8_t)x->c->role;
}

/* Where a question costs nothing there is nothing to gain; in an emergency the gate shows who it is. */
static bool take_hint(struct tx *tx, struct looking *x)
{
    uint8_t name[HINT_NAME];
    name_hint(x, name);
    x->bound = tx_shared(tx) && x->c->role != ROLE_EMERGENCY &&
               keyring_hint(x->s->keyring, name, (uint8_t(*)[ID_BYTES])(void *)&x->bond);
    return x->bound;
}

static void keep_hint(const struct looking *x)
{
    uint8_t name[HINT_NAME];
    name_hint(x, name);
    if (x->bound && db_shared(x->s->db) && x->c->role != ROLE_EMERGENCY)
        keyring_hint_keep(x->s->keyring, name, (const uint8_t(*)[ID_BYTES])(const void *)&x->bond);
}

/* 1: what was answered is of the person whom the number means now, and all that is bound to them. 0: look anew. */
static int read_hinted(struct tx *tx, struct looking *x, struct err *e)
{
    struct rows alias;
    struct bond_edges edges;
    uint8_t person[16];
    if (!take_hint(tx, x))
        return 0;
    if (study_enter(tx, x->s, x->c, e) || alias_ask_subject(tx, x->s, holder_of(x->c), x->id, x->arena, &alias, e) ||
        ask_person(tx, x, e) || bond_ask(tx, x->s, &x->bond, x->arena, &edges, e) || ask_rest(tx, x, e))
        return -1;
    int same = alias_take_subject(x->s, holder_of(x->c), x->id, &alias, x->arena, person, e);
    if (same > 0)
        same = memcmp(person, x->bond.person, 16) == 0 ? bond_holds(x->s, &edges, &x->bond, x->arena, e) : 0;
    return same;
}

static int read_all(struct tx *tx, struct looking *x, struct err *e)
{
    int found = read_hinted(tx, x, e);
    if (found)
        return found;
    x->bound = false;
    x->person = x->home = x->finding = x->note = x->number = x->tickets = (struct rows){.n = 0};
    found = enter_for(tx, x, e);
    return found > 0 && ask_rest(tx, x, e) ? -1 : found;
}

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    int found = read_all(tx, x, e);
    if (found < 0)
        return -1;
    if (!found || x->person.n == 0) { /* that somebody tries numbers, of other things, too, is seen */
        struct audit_entry absent = x->audit;
        absent.outcome = "deny";
        absent.why = "absent";
        return study_leave(tx, &absent, e);
    }
    x->found = true;
    name_in_audit(&x->audit, x->number.n ? x->number.cell[0].i : 0, x->audit_id);
    x->audit.rows = 1;
    return audit_append(tx, &x->audit, e);
}

static int open_part(const struct looking *x, enum patient_part part, const struct rows *r, const uint8_t *subject,
                     enum subject_domain d, enum place place, struct patient *ret, struct err *e)
{
    struct slice text;
    if (r->n == 0)
        return 0;
    const struct val *v = row_at(r, 0, 0);
    return study_unseal(x->s, subject, d, place, (const uint8_t *)v[2].s.p, v[1].i, v[0].s, x->arena, &text, e) ||
                   patient_part_take(text, part, part_view(x->c, part), x->arena, ret, e)
               ? -1
               : 0;
}

static void take_days(const struct val *join, const struct val *leave, struct arena *a, struct patient *ret)
{
    ret->value[PATIENT_join_date] = day_text(join->i, a);
    if (leave->kind != VAL_NULL)
        ret->value[PATIENT_exit_date] = day_text(leave->i, a);
}

/* By one question, not by one for each part. */
static int fetch_keys(const struct looking *x, struct err *e)
{
    const struct bond *b = &x->bond;
    struct subject_want want[PARTS];
    int n = 0;
    if (x->person.n)
        want[n++] = (struct subject_want){b->person, SUBJECT_IDENTITY};
    if (x->note.n)
        want[n++] = (struct subject_want){b->person, SUBJECT_CLINICAL};
    if (x->home.n)
        want[n++] = (struct subject_want){b->home, SUBJECT_HOME};
    if (x->finding.n)
        want[n++] = (struct subject_want){b->data_nick, SUBJECT_CLINICAL};
    return keyring_subject_fetch(x->s->keyring, x->s->scope, want, n, e);
}

int patient_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct patient *ret, struct err *e)
{
    struct looking x = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit};
    struct patient p = {.id = id};
    x.audit.object = "Patient";
    x.audit.glass = c->role == ROLE_EMERGENCY ? c->glass : NULL;
    if (tx_run(s->db, read_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    take_days(row_at(&x.person, 0, 3), row_at(&x.person, 0, 4), a, &p);
    if (x.bound && shows_status(c))
        p.status = installation_status_name(house_take(&x.tickets, x.bond.house_nick).status);
    if (fetch_keys(&x, e) ||
        open_part(&x, PART_DETAIL, &x.person, x.bond.person, SUBJECT_IDENTITY, PLACE_PERSON_DETAIL, &p, e) ||
        open_part(&x, PART_NOTE, &x.note, x.bond.person, SUBJECT_CLINICAL, PLACE_NOTE_TEXT, &p, e) ||
        open_part(&x, PART_GENERAL, &x.home, x.bond.home, SUBJECT_HOME, PLACE_HOME_GENERAL, &p, e) ||
        open_part(&x, PART_FINDING, &x.finding, x.bond.data_nick, SUBJECT_CLINICAL, PLACE_SCREENING_FINDING, &p, e))
        return err_in(e, "a patient");
    keep_hint(&x);
    *ret = p;
    return 1;
}

/* --- enrolling --- */

/* Each part under its own key, which comes into the store with it. */
struct part_new {
    struct subject_key key;
    uint8_t row[16];
    struct slice sealed; /* {NULL,0}: there is nothing to say */
};

struct enrolling {
    const struct study *s;
    const struct caller *c;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    struct bond bond;
    struct bond_rows edges;
    struct part_new detail, general, finding, note;
    struct ticket_first first;   /* of their house */
    struct alias known, audited; /* by the enrolling role, and by the audit log */
    uint8_t fiscal[BLIND_BYTES];
    int64_t joined_on, left_on; /* left_on 0: not yet */
    bool has_left;
};

static int seal_part(struct enrolling *x, const struct patient *p, enum patient_part part, const uint8_t *subject,
                     enum subject_domain d, enum place place, bool row_is_subject, struct arena *a, struct part_new *to,
                     struct err *e)
{
    struct slice text = patient_part_text(p, part, a);
    if (row_is_subject)
        memcpy(to->row, subject, 16);
    else
        rnd_bytes(to->row, 16);
    if (!text.p && !row_is_subject)
        return 0;
    return keyring_subject_make(x->s->keyring, x->s->scope, subject, d, &to->key, e) ||
                   study_seal(&to->key, place, to->row, 1, text.p ? text : SLICE("{}"), a, &to->sealed, e)
               ? -1
               : 0;
}

static int prepare(struct enrolling *x, const struct patient *p, struct arena *a, struct err *e)
{
    const struct study *s = x->s;
    bond_make(&x->bond);
    x->joined_on =
        p->value[PATIENT_join_date].n ? day_of(p->value[PATIENT_join_date]) : clock_now_us() / 1000000 / DAY_S;
    x->has_left = p->value[PATIENT_exit_date].n > 0;
    x->left_on = x->has_left ? day_of(p->value[PATIENT_exit_date]) : 0;
    return seal_part(x, p, PART_DETAIL, x->bond.person, SUBJECT_IDENTITY, PLACE_PERSON_DETAIL, true, a, &x->detail,
                     e) ||
                   seal_part(x, p, PART_GENERAL, x->bond.home, SUBJECT_HOME, PLACE_HOME_GENERAL, true, a, &x->general,
                             e) ||
                   seal_part(x, p, PART_FINDING, x->bond.data_nick, SUBJECT_CLINICAL, PLACE_SCREENING_FINDING, false, a,
                             &x->finding, e) ||
                   seal_part(x, p, PART_NOTE, x->bond.person, SUBJECT_CLINICAL, PLACE_NOTE_TEXT, false, a, &x->note,
                             e) ||
                   bond_seal(s, &x->bond, a, &x->edges, e) ||
                   ticket_first_make(s, x->bond.house_nick, a, &x->first, e) ||
                   alias_make(s, holder_of(x->c), x->bond.person, a, &x->known, e) ||
                   alias_make(s, AUDIT_HOLDER, x->bond.person, a, &x->audited, e) ||
                   blind_index(s->keyring, s->scope, BLIND_TAX_CODE, p->value[PATIENT_codice_fiscale], x->fiscal, e)
               ? -1
               : 0;
}

static int store_parts(struct tx *tx, const struct enrolling *x, struct err *e)
{
    const uint8_t *scope = x->s->scope;
    int n =
        tx_exec(tx, e,
                "INSERT INTO person (scope, id, rev, detail, fiscal_index, joined_on, left_on) VALUES ($1, $2, 1, $3, "
                "$4, $5, $6) ON CONFLICT DO NOTHING",
                V_ID(scope), V_ID(x->bond.person), V_BLOB(x->detail.sealed), V_ID(x->fiscal), V_INT(x->joined_on),
                x->has_left ? V_INT(x->left_on) : V_NULL);
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "somebody with this tax code is in the study");
    if (tx_put(tx, e, "INSERT INTO home (scope, id, rev, general) VALUES ($1, $2, 1, $3)", V_ID(scope),
               V_ID(x->bond.home), V_BLOB(x->general.sealed)))
        return -1;
    if (x->finding.sealed.p &&
        tx_put(tx, e, "INSERT INTO screening (scope, id, data_nick, rev, finding) VALUES ($1, $2, $3, 1, $4)",
               V_ID(scope), V_ID(x->finding.row), V_ID(x->bond.data_nick), V_BLOB(x->finding.sealed)))
        return -1;
    return x->note.sealed.p
               ? tx_put(tx, e, "INSERT INTO note (scope, id, person, rev, text) VALUES ($1, $2, $3, 1, $4)",
                        V_ID(scope), V_ID(x->note.row), V_ID(x->bond.person), V_BLOB(x->note.sealed))
               : 0;
}

static int store_keys(struct tx *tx, const struct enrolling *x, struct err *e)
{
    const struct part_new *part[] = {&x->detail, &x->general, &x->finding, &x->note};
    for (size_t i = 0; i < COUNT(part); i++)
        if (part[i]->sealed.p && keyring_subject_store(tx, &part[i]->key, e))
            return -1;
    return 0;
}

static int enrol_body(struct tx *tx, void *arg, struct err *e)
{
    struct enrolling *x = arg;
    return study_enter(tx, x->s, x->c, e) || store_parts(tx, x, e) || bond_store(tx, x->s, &x->edges, e) ||
                   alias_store(tx, x->s, &x->known, e) || tx_ungate(tx, e) || store_keys(tx, x, e) ||
                   ticket_first_store(tx, x->s, x->c, &x->first, e) || alias_store(tx, x->s, &x->audited, e) ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

/* What the caller may read again: a write shows no more than reading would. */
static void show(const struct caller *c, const struct patient *p, struct patient *ret)
{
    for (int f = 0; f < PATIENT_FIELDS; f++) {
        const struct patient_field_row *row = patient_field_row((enum patient_field)f);
        if (view_shows(part_view(c, row->part), slice_of(row->shows)))
            ret->value[f] = p->value[f];
    }
}

int patient_enrol(const struct study *s, const struct caller *c, const struct patient *p,
                  const struct audit_entry *audit, struct arena *a, struct patient *ret, struct err *e)
{
    struct enrolling x = {.s = s, .c = c, .audit = *audit};
    int rc = prepare(&x, p, a, e);
    x.audit.object = "Patient";
    x.audit.rows = 1;
    name_in_audit(&x.audit, x.audited.number, x.audit_id);
    rc = rc || tx_run(s->db, enrol_body, &x, e) ? -1 : 0;
    if (!rc) {
        *ret = (struct patient){.id = x.known.number};
        show(c, p, ret);
        if (shows_status(c))
            ret->status = installation_status_name(INSTALLATION_OPENING);
        if (!ret->value[PATIENT_join_date].p && view_shows(part_view(c, PART_PLAIN), SLICE("join_date")))
            ret->value[PATIENT_join_date] = day_text(x.joined_on, a);
    }
    wipe(&x.detail.key, sizeof x.detail.key);
    wipe(&x.general.key, sizeof x.general.key);
    wipe(&x.finding.key, sizeof x.finding.key);
    wipe(&x.note.key, sizeof x.note.key);
    wipe(&x.first, sizeof x.first);
    return rc;
}

/* --- listing --- */

struct listing {
    const struct study *s;
    const struct caller *c;
    int64_t after;
    int limit;
    struct arena *arena;
    struct audit_entry audit;
    struct rows rows, count; /* rows: detail, rev, id, joined_on, left_on */
    int64_t number[PATIENTS_PAGE + 1];
    struct house_now now[PATIENTS_PAGE + 1];
};

static int list_page(struct tx *tx, struct listing *x, struct err *e)
{
    const uint8_t *scope = x->s->scope;
    uint8_t person[16];
    struct rows r;
    int found;
    if (!x->after)
        return tx_rows(
            tx, x->arena, &x->rows, e,
            "SELECT detail, rev, id, joined_on, left_on FROM person WHERE scope = $1 ORDER BY joined_on DESC, "
            "id DESC LIMIT $2",
            V_ID(scope), V_INT(x->limit + 1));
    found = alias_subject(tx, x->s, holder_of(x->c), x->after, x->arena, person, e);
    if (found < 0 || (found && tx_rows(tx, x->arena, &r, e, "SELECT joined_on FROM person WHERE scope = $1 AND id = $2",
                                       V_ID(scope), V_ID(person)) < 0))
        return -1;
    if (!found || r.n == 0)
        return err_set(e, ERR_NOT_FOUND, "the page begins behind a patient who is not there");
    return tx_rows(tx, x->arena, &x->rows, e,
                   "SELECT detail, rev, id, joined_on, left_on FROM person WHERE scope = $1 AND (joined_on, id) < ($2, "
                   "$3) ORDER BY joined_on DESC, id DESC LIMIT $4",
                   V_ID(scope), V_INT(r.cell[0].i), V_ID(person), V_INT(x->limit + 1));
}

static int list_status(struct tx *tx, struct listing *x, struct err *e)
{
    uint8_t person[PATIENTS_PAGE + 1][16];
    for (int i = 0; i < x->rows.n; i++)
        memcpy(person[i], row_at(&x->rows, i, 2)->s.p, 16);
    return house_now_of_persons(tx, x->s, (const uint8_t(*)[16])person, x->rows.n, x->arena, x->now, e);
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    uint8_t index[PATIENTS_PAGE + 1][BLIND_BYTES];
    if (study_enter(tx, x->s, x->c, e) ||
        tx_ask(tx, x->arena, &x->count, e, "SELECT count(*) FROM person WHERE scope = $1", V_ID(x->s->scope)) ||
        list_page(tx, x, e) < 0)
        return -1;
    for (int i = 0; i < x->rows.n; i++)
        if (alias_index(x->s, (const uint8_t *)row_at(&x->rows, i, 2)->s.p, index[i], e))
            return -1;
    if (alias_numbers(tx, x->s, holder_of(x->c), (const uint8_t(*)[BLIND_BYTES])index, x->rows.n, x->arena, x->number,
                      e))
        return -1;
    if (shows_status(x->c) && list_status(tx, x, e))
        return -1;
    x->audit.rows = x->rows.n < x->limit ? x->rows.n : x->limit;
    return study_leave(tx, &x->audit, e);
}

static int open_row(const struct listing *x, int i, struct patient *ret, struct err *e)
{
    const struct val *v = row_at(&x->rows, i, 0);
    const uint8_t *person = (const uint8_t *)v[2].s.p;
    struct slice text;
    *ret = (struct patient){.id = x->number[i]};
    if (shows_status(x->c))
        ret->status = installation_status_name(x->now[i].status);
    take_days(&v[3], &v[4], x->arena, ret);
    if (study_unseal(x->s, person, SUBJECT_IDENTITY, PLACE_PERSON_DETAIL, person, v[1].i, v[0].s, x->arena, &text, e))
        return e->code == ERR_GONE ? 0 : -1; /* of one who was erased the number is left */
    return patient_part_take(text, PART_DETAIL, part_view(x->c, PART_DETAIL), x->arena, ret, e);
}

static int fetch_list_keys(const struct listing *x, int n, struct err *e)
{
    struct subject_want want[PATIENTS_PAGE];
    for (int i = 0; i < n; i++)
        want[i] = (struct subject_want){(const uint8_t *)row_at(&x->rows, i, 2)->s.p, SUBJECT_IDENTITY};
    return keyring_subject_fetch(x->s->keyring, x->s->scope, want, n, e);
}

int patient_list(const struct study *s, const struct caller *c, int64_t after, int limit,
                 const struct audit_entry *audit, struct arena *a, struct patient_page *ret, struct err *e)
{
    struct listing x = {.s = s, .c = c, .after = after, .limit = limit, .arena = a, .audit = *audit};
    x.audit.object = "Patient";
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    struct patient_page page = {.n = x.rows.n < limit ? x.rows.n : limit, .all = x.count.cell[0].i};
    page.patient = arena_take(a, (size_t)(page.n + 1) * sizeof *page.patient);
    if (!page.patient)
        return err_set(e, ERR_NO_MEMORY, "a page of patients");
    if (fetch_list_keys(&x, page.n, e))
        return err_in(e, "a page of patients");
    for (int i = 0; i < page.n; i++)
        if (open_row(&x, i, &page.patient[i], e))
            return err_in(e, "a page of patients");
    if (x.rows.n > limit)
        page.next = page.patient[page.n - 1].id;
    *ret = page;
    return 0;
}
