#include "study/patient.h"

#include <assert.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "keys/hint.h"
#include "study/codice_fiscale.h"
#include "study/glass_int.h"
#include "study/patient_int.h"
#include "study/ticket_int.h"

enum { DAY_S = 24 * 3600 };

/* The entities of the parts; PLAIN is DETAIL's. */
static const enum entity part_entity[PARTS] = {ENTITY_PATIENT_DETAIL, ENTITY_PATIENT_GENERAL, ENTITY_SCREENING,
                                               ENTITY_NOTE, ENTITY_PATIENT_DETAIL};

enum view patient_part_view(const struct caller *c, enum patient_part part)
{
    return policy_view(c->role, part_entity[part], ACTION_READ);
}

bool patient_shows_status(const struct caller *c)
{
    return view_shows(patient_part_view(c, PART_PLAIN), SLICE("status")) &&
           policy_view(c->role, ENTITY_TICKET, ACTION_READ) != VIEW_NONE;
}

struct slice patient_day_text(int64_t day, struct arena *a)
{
    int y, m, d;
    clock_civil(day, &y, &m, &d);
    return slice_of(arena_printf(a, "%04d-%02d-%02d", y, m, d));
}

int64_t patient_day(struct slice s)
{
    int64_t us, span;
    return clock_parse(s, &us, &span) ? us / (DAY_S * 1000000LL) - (us % (DAY_S * 1000000LL) < 0) : 0;
}

char *patient_tag(const struct patient *p, char ret[PATIENT_TAG])
{
    snprintf(ret, PATIENT_TAG, "%lld.%lld.%lld.%lld.%lld", (long long)p->rev.person, (long long)p->rev.home,
             (long long)p->rev.finding, (long long)p->rev.note, (long long)p->rev.contacts);
    return ret;
}

/* --- reading --- */

struct looking patient_looking(const struct study *s, const struct caller *c, int64_t id,
                               const struct audit_entry *audit, struct arena *a)
{
    struct looking x = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit};
    x.audit.object = "Patient";
    x.audit.glass = c->role == ROLE_EMERGENCY ? c->glass : NULL;
    return x;
}

/* A number may mean something else than somebody: a contact, somebody's data. 1, 0, -1. */
static int is_person(struct tx *tx, struct looking *x, struct err *e)
{
    struct rows r;
    return tx_rows(tx, x->arena, &r, e, "SELECT id FROM person WHERE scope = $1 AND id = $2", V_ID(x->s->scope),
                   V_ID(x->bond.person));
}

/* In an emergency the program finds out who that is before the gate, which shows nobody else. */
static int enter_emergency(struct tx *tx, struct looking *x, struct err *e)
{
    return glass_use(tx, x->s, x->c, x->id, x->arena, &x->bond, &x->bound, e) ||
                   study_enter_one(tx, x->s, x->c, &x->bond, x->bound, e)
               ? -1
               : 1;
}

int patient_enter(struct tx *tx, struct looking *x, struct err *e)
{
    if (x->c->role == ROLE_EMERGENCY)
        return enter_emergency(tx, x, e);
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    int found = alias_subject(tx, x->s, study_holder(x->c), x->id, x->arena, x->bond.person, e);
    int bound = found > 0 ? bond_of_person(tx, x->s, x->bond.person, x->arena, &x->bond, e) : 0;
    x->bound = bound > 0;
    return bound < 0 ? -1 : bound ? 1 : found ? is_person(tx, x, e) : 0;
}

int patient_enter_data(struct tx *tx, struct looking *x, struct err *e)
{
    bool people = policy_view(x->c->role, ENTITY_PATIENT_LOOKUP, ACTION_READ) != VIEW_NONE;
    if (people || x->c->role == ROLE_EMERGENCY) {
        int found = patient_enter(tx, x, e);
        return found > 0 ? x->bound : found;
    }
    x->by_data = true;
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    return policy_view(x->c->role, ENTITY_ALIAS, ACTION_READ) == VIEW_NONE
               ? 0
               : alias_subject(tx, x->s, study_holder(x->c), x->id, x->arena, x->bond.data_nick, e);
}

int patient_absent(struct tx *tx, const struct looking *x, struct err *e)
{
    struct audit_entry absent = x->audit;
    absent.outcome = "deny";
    absent.why = "absent";
    return study_leave(tx, &absent, e);
}

/* What is asked for by the person alone. */
static int ask_person(struct tx *tx, struct looking *x, struct err *e)
{
    const struct study *s = x->s;
    const uint8_t *person = x->bond.person;
    if (patient_part_view(x->c, PART_DETAIL) != VIEW_NONE &&
        tx_ask(tx, x->arena, &x->person, e,
               "SELECT detail, rev, id, joined_on, left_on, contacts_rev FROM person WHERE scope = $1 AND id = $2",
               V_ID(s->scope), V_ID(person)))
        return -1;
    if (patient_part_view(x->c, PART_NOTE) != VIEW_NONE &&
        tx_ask(tx, x->arena, &x->note, e,
               "SELECT text, rev, id FROM note WHERE scope = $1 AND person = $2 ORDER BY rev DESC LIMIT 1",
               V_ID(s->scope), V_ID(person)))
        return -1;
    return contact_ask(tx, s, x->c, person, x->arena, &x->contacts, e);
}

/* What is asked for by the rest of the bond. */
static int ask_bound(struct tx *tx, struct looking *x, struct err *e)
{
    const struct study *s = x->s;
    if (x->bound && patient_part_view(x->c, PART_GENERAL) != VIEW_NONE &&
        tx_ask(tx, x->arena, &x->home, e, "SELECT general, rev, id FROM home WHERE scope = $1 AND id = $2",
               V_ID(s->scope), V_ID(x->bond.home)))
        return -1;
    if (x->bound && patient_shows_status(x->c) && house_ask(tx, s, x->bond.house_nick, x->arena, &x->tickets, e))
        return -1;
    return x->bound && patient_part_view(x->c, PART_FINDING) != VIEW_NONE
               ? tx_ask(tx, x->arena, &x->finding, e,
                        "SELECT finding, rev, id FROM screening WHERE scope = $1 AND data_nick = $2 ORDER BY rev DESC "
                        "LIMIT 1",
                        V_ID(s->scope), V_ID(x->bond.data_nick))
               : 0;
}

static int enter_and_ask(struct tx *tx, struct looking *x, struct err *e)
{
    if (x->c->role == ROLE_EMERGENCY)
        return enter_emergency(tx, x, e) < 0 || ask_person(tx, x, e) ? -1 : 1;
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    int found = alias_subject(tx, x->s, study_holder(x->c), x->id, x->arena, x->bond.person, e);
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
                   alias_ask(tx, x->s, STUDY_AUDIT_HOLDER, x->bond.person, x->arena, &x->number, e) || tx_wait(tx, e) ||
                   contact_numbers(tx, x->s, x->c, x->arena, &x->contacts, e)
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
               keyring_hint(x->s->keyring, name, (uint8_t(*)[ID_BYTES])(void *)&x->bond, &x->forgets);
    return x->bound;
}

static void keep_hint(const struct looking *x)
{
    uint8_t name[HINT_NAME];
    name_hint(x, name);
    if (x->bound && db_shared(x->s->db) && x->c->role != ROLE_EMERGENCY)
        keyring_hint_keep(x->s->keyring, name, (const uint8_t(*)[ID_BYTES])(const void *)&x->bond, x->forgets);
}

/* 1: what was answered is of the person whom the number means now, and all that is bound to them. 0: look anew. */
static int read_hinted(struct tx *tx, struct looking *x, struct err *e)
{
    struct rows alias;
    struct bond_edges edges;
    uint8_t person[16];
    if (!take_hint(tx, x))
        return 0;
    if (study_enter(tx, x->s, x->c, e) || alias_ask_subject(tx, x->s, study_holder(x->c), x->id, x->arena, &alias, e) ||
        ask_person(tx, x, e) || bond_ask(tx, x->s, &x->bond, x->arena, &edges, e) || ask_rest(tx, x, e))
        return -1;
    int same = alias_take_subject(x->s, study_holder(x->c), x->id, &alias, x->arena, person, e);
    if (same > 0)
        same = memcmp(person, x->bond.person, 16) == 0 ? bond_holds(x->s, &edges, &x->bond, x->arena, e) : 0;
    return same;
}

int patient_all(struct tx *tx, struct looking *x, struct err *e)
{
    int found = read_hinted(tx, x, e);
    if (found)
        return found;
    x->bound = false;
    x->person = x->home = x->finding = x->note = x->number = x->tickets = x->contacts.rows = (struct rows){.n = 0};
    found = enter_and_ask(tx, x, e);
    return found > 0 && ask_rest(tx, x, e) ? -1 : found;
}

int patient_leave(struct tx *tx, struct looking *x, int64_t rows, struct err *e)
{
    int64_t number = 0;
    if (tx_ungate(tx, e) ||
        (x->by_data && bond_person_of(tx, x->s, x->bond.data_nick, x->arena, x->bond.person, e) < 0) ||
        study_audit_number(tx, x->s, x->bond.person, x->arena, &number, e))
        return -1;
    study_name_in_audit(&x->audit, number, x->audit_id);
    x->audit.rows = rows;
    return audit_append(tx, &x->audit, e);
}

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    int found = patient_all(tx, x, e);
    if (found <= 0 || x->person.n == 0) /* a number may be of something else */
        return found < 0 ? -1 : patient_absent(tx, x, e);
    study_name_in_audit(&x->audit, x->number.n ? x->number.cell[0].i : 0, x->audit_id);
    x->audit.rows = 1;
    return audit_append(tx, &x->audit, e);
}

static int open_part(const struct looking *x, enum patient_part part, const struct rows *r, const uint8_t *subject,
                     enum subject_domain d, enum place place, struct patient *ret, int64_t *ret_rev, struct err *e)
{
    struct slice text;
    if (r->n == 0)
        return 0;
    const struct val *v = row_at(r, 0, 0);
    *ret_rev = v[1].i;
    return study_unseal(x->s, subject, d, place, (const uint8_t *)v[2].s.p, v[1].i, v[0].s, x->arena, &text, e) ||
                   patient_part_take(text, part, patient_part_view(x->c, part), x->arena, ret, e)
               ? -1
               : 0;
}

void patient_take_days(const struct val *join, const struct val *leave, struct arena *a, struct patient *ret)
{
    ret->value[PATIENT_join_date] = patient_day_text(join->i, a);
    if (leave->kind != VAL_NULL)
        ret->value[PATIENT_exit_date] = patient_day_text(leave->i, a);
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
    if (x->contacts.rows.n)
        want[n++] = (struct subject_want){b->person, SUBJECT_CONTACT};
    if (x->home.n)
        want[n++] = (struct subject_want){b->home, SUBJECT_HOME};
    if (x->finding.n)
        want[n++] = (struct subject_want){b->data_nick, SUBJECT_CLINICAL};
    return keyring_subject_fetch(x->s->keyring, x->s->scope, want, n, e);
}

int patient_open(const struct looking *x, struct patient *ret, struct err *e)
{
    const struct val *v = row_at(&x->person, 0, 0);
    struct patient p = {.id = x->id, .rev.contacts = v[5].i, .has_contacts = contact_view(x->c) != VIEW_NONE};
    const struct bond *b = &x->bond;
    patient_take_days(&v[3], &v[4], x->arena, &p);
    if (fetch_keys(x, e) ||
        open_part(x, PART_DETAIL, &x->person, b->person, SUBJECT_IDENTITY, PLACE_PERSON_DETAIL, &p, &p.rev.person, e) ||
        open_part(x, PART_NOTE, &x->note, b->person, SUBJECT_CLINICAL, PLACE_NOTE_TEXT, &p, &p.rev.note, e) ||
        open_part(x, PART_GENERAL, &x->home, b->home, SUBJECT_HOME, PLACE_HOME_GENERAL, &p, &p.rev.home, e) ||
        open_part(x, PART_FINDING, &x->finding, b->data_nick, SUBJECT_CLINICAL, PLACE_SCREENING_FINDING, &p,
                  &p.rev.finding, e) ||
        contact_open(x->s, x->c, b->person, &x->contacts, x->arena, &p.contacts, e))
        return err_in(e, "a patient");
    if (x->bound && patient_shows_status(x->c))
        p.status = installation_status_name(house_take(&x->tickets, b->house_nick).status);
    p.contacts.rev = p.rev.contacts;
    p.born = p.value[PATIENT_date_of_birth];
    *ret = p;
    return 0;
}

int patient_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct patient *ret, struct err *e)
{
    struct looking x = patient_looking(s, c, id, audit, a);
    if (tx_run(s->db, read_body, &x, e))
        return -1;
    if (x.person.n == 0)
        return 0;
    if (patient_open(&x, ret, e))
        return -1;
    keep_hint(&x);
    return 1;
}

/* --- parts, sealed --- */

/* Whose each part is, under which of their keys it lies, and where. */
static const struct {
    size_t subject; /* in struct bond */
    enum subject_domain domain;
    enum place place;
} part_at[] = {
    [PART_DETAIL] = {offsetof(struct bond, person), SUBJECT_IDENTITY, PLACE_PERSON_DETAIL},
    [PART_GENERAL] = {offsetof(struct bond, home), SUBJECT_HOME, PLACE_HOME_GENERAL},
    [PART_FINDING] = {offsetof(struct bond, data_nick), SUBJECT_CLINICAL, PLACE_SCREENING_FINDING},
    [PART_NOTE] = {offsetof(struct bond, person), SUBJECT_CLINICAL, PLACE_NOTE_TEXT},
};

int patient_seal_part(const struct study *s, const struct bond *b, const struct patient *p, enum patient_part part,
                      const uint8_t *row, int64_t rev, const struct written *by, struct arena *a, struct part_new *to,
                      struct err *e)
{
    struct slice text = patient_part_text(p, part, by, a);
    to->rev = rev;
    if (row)
        memcpy(to->row, row, 16);
    else
        rnd_bytes(to->row, 16);
    return study_key(s, (const uint8_t *)b + part_at[part].subject, part_at[part].domain, &to->key, e) ||
                   study_seal(&to->key.key, part_at[part].place, to->row, rev, text.p ? text : SLICE("{}"), a,
                              &to->sealed, e)
               ? -1
               : 0;
}

int patient_store_keys(struct tx *tx, const struct part_new *part, int n, struct err *e)
{
    for (int i = 0; i < n; i++)
        if (part[i].sealed.p && study_store_key(tx, &part[i].key, e))
            return -1;
    return 0;
}

void patient_wipe_parts(struct part_new *part, int n)
{
    for (int i = 0; i < n; i++)
        wipe(&part[i].key, sizeof part[i].key);
}

int patient_fiscal_index(const struct study *s, struct slice code, struct fiscal_index *ret, struct err *e)
{
    struct fiscal f;
    struct fiscal_index x = {0};
    if (blind_index(s->keyring, s->scope, BLIND_TAX_CODE, code, x.code, e))
        return -1;
    x.has_base = fiscal_read(code, &f, NULL) == FISCAL_OK && f.kind == FISCAL_PERSON;
    int rc = x.has_base ? blind_index(s->keyring, s->scope, BLIND_TAX_CODE_BASE, slice_of(f.base), x.base, e) : 0;
    wipe(&f, sizeof f);
    if (!rc)
        *ret = x;
    return rc;
}

int patient_has_twin(struct tx *tx, const struct study *s, const uint8_t person[16], const struct fiscal_index *f,
                     struct arena *a, struct err *e)
{
    struct rows r;
    if (!f->has_base)
        return 0;
    int n = tx_rows(tx, a, &r, e,
                    "SELECT id FROM person WHERE scope = $1 AND base_index = $2 AND fiscal_index <> $3 AND id <> $4 "
                    "LIMIT 1",
                    V_ID(s->scope), V_ID(f->base), V_ID(f->code), V_ID(person));
    return n < 0 ? -1 : n > 0;
}

/* --- enrolling --- */

struct enrolling {
    const struct study *s;
    const struct caller *c;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    struct bond bond;
    struct bond_rows edges;
    struct part_new part[PART_PLAIN]; /* without a key: there is nothing to say */
    struct contact_new contacts;
    struct ticket_first first;   /* of their house */
    struct alias known, audited; /* by the enrolling role, and by the audit log */
    struct fiscal_index fiscal;
    int64_t joined_on, left_on; /* left_on 0: not yet */
    uint32_t mark;
    bool has_left, twin;
};

/* Who and where has a row in any case, screening and note when there is something to say. */
static int seal_parts(struct enrolling *x, const struct patient *p, struct arena *a, struct err *e)
{
    const struct written by = {x->c->name, clock_now_us()};
    for (int part = 0; part < PART_PLAIN; part++) {
        bool version = part == PART_FINDING || part == PART_NOTE;
        const uint8_t *row = part == PART_DETAIL ? x->bond.person : part == PART_GENERAL ? x->bond.home : NULL;
        if (version && patient_part_is_empty(p, (enum patient_part)part))
            continue;
        if (patient_seal_part(x->s, &x->bond, p, (enum patient_part)part, row, 1, version ? &by : NULL, a,
                              &x->part[part], e))
            return -1;
    }
    return 0;
}

static int prepare(struct enrolling *x, const struct patient *p, struct arena *a, struct err *e)
{
    const struct study *s = x->s;
    struct slice join = p->value[PATIENT_join_date], leave = p->value[PATIENT_exit_date];
    bond_make(&x->bond);
    rnd_bytes(&x->mark, sizeof x->mark);
    x->joined_on = join.n ? patient_day(join) : clock_now_us() / 1000000 / DAY_S;
    x->has_left = leave.n > 0;
    x->left_on = x->has_left ? patient_day(leave) : 0;
    return seal_parts(x, p, a, e) || bond_seal(s, &x->bond, a, &x->edges, e) ||
                   contact_seal(s, x->c, x->bond.person, &p->contacts, a, &x->contacts, e) ||
                   ticket_first_make(s, x->bond.house_nick, a, &x->first, e) ||
                   alias_make(s, study_holder(x->c), x->bond.person, a, &x->known, e) ||
                   alias_make(s, STUDY_AUDIT_HOLDER, x->bond.person, a, &x->audited, e) ||
                   patient_fiscal_index(s, p->value[PATIENT_codice_fiscale], &x->fiscal, e)
               ? -1
               : 0;
}

static int store_parts(struct tx *tx, struct enrolling *x, struct err *e)
{
    const uint8_t *scope = x->s->scope;
    const struct part_new *part = x->part;
    int twin = patient_has_twin(tx, x->s, x->bond.person, &x->fiscal, x->arena, e);
    if (twin < 0)
        return -1;
    x->twin = twin;
    int n = tx_exec(tx, e,
                    "INSERT INTO person (scope, id, rev, detail, fiscal_index, base_index, joined_on, left_on, "
                    "contacts_rev, mark) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT DO NOTHING",
                    V_ID(scope), V_ID(x->bond.person), V_BLOB(part[PART_DETAIL].sealed), V_ID(x->fiscal.code),
                    x->fiscal.has_base ? V_ID(x->fiscal.base) : V_NULL, V_INT(x->joined_on),
                    x->has_left ? V_INT(x->left_on) : V_NULL, V_INT(x->mark));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_TAX_CODE, "somebody with this tax code is in the study");
    if (tx_put(tx, e, "INSERT INTO home (scope, id, rev, general) VALUES ($1, $2, 1, $3)", V_ID(scope),
               V_ID(x->bond.home), V_BLOB(part[PART_GENERAL].sealed)))
        return -1;
    if (part[PART_FINDING].sealed.p &&
        tx_put(tx, e, "INSERT INTO screening (scope, id, data_nick, rev, finding) VALUES ($1, $2, $3, 1, $4)",
               V_ID(scope), V_ID(part[PART_FINDING].row), V_ID(x->bond.data_nick), V_BLOB(part[PART_FINDING].sealed)))
        return -1;
    return part[PART_NOTE].sealed.p
               ? tx_put(tx, e, "INSERT INTO note (scope, id, person, rev, text) VALUES ($1, $2, $3, 1, $4)",
                        V_ID(scope), V_ID(part[PART_NOTE].row), V_ID(x->bond.person), V_BLOB(part[PART_NOTE].sealed))
               : 0;
}

static int enrol_body(struct tx *tx, void *arg, struct err *e)
{
    struct enrolling *x = arg;
    return study_enter(tx, x->s, x->c, e) || store_parts(tx, x, e) || bond_store(tx, x->s, &x->edges, e) ||
                   alias_store(tx, x->s, &x->known, e) || contact_insert(tx, x->s, x->bond.person, &x->contacts, e) ||
                   tx_ungate(tx, e) || patient_store_keys(tx, x->part, PART_PLAIN, e) ||
                   (x->contacts.n && study_store_key(tx, &x->contacts.key, e)) ||
                   ticket_first_store(tx, x->s, x->c, &x->first, e) || alias_store(tx, x->s, &x->audited, e) ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

void patient_show(const struct caller *c, const struct patient *p, struct patient *ret)
{
    for (int f = 0; f < PATIENT_FIELDS; f++) {
        const struct patient_field_row *row = patient_field_row((enum patient_field)f);
        if (view_shows(patient_part_view(c, row->part), slice_of(row->shows)))
            ret->value[f] = p->value[f];
    }
    ret->born = ret->value[PATIENT_date_of_birth];
}

static void show_new(const struct enrolling *x, const struct patient *p, struct arena *a, struct patient *ret)
{
    *ret = (struct patient){
        .id = x->known.number,
        .rev = {.person = 1, .home = 1, .finding = x->part[PART_FINDING].rev, .note = x->part[PART_NOTE].rev},
        .has_contacts = contact_view(x->c) != VIEW_NONE,
        .twin = x->twin,
        .status = patient_shows_status(x->c) ? installation_status_name(INSTALLATION_OPENING) : NULL};
    patient_show(x->c, p, ret);
    contact_show(x->c, &p->contacts, &x->contacts, a, &ret->contacts);
    if (!ret->value[PATIENT_join_date].p && view_shows(patient_part_view(x->c, PART_PLAIN), SLICE("join_date")))
        ret->value[PATIENT_join_date] = patient_day_text(x->joined_on, a);
}

int patient_enrol(const struct study *s, const struct caller *c, const struct patient *p,
                  const struct audit_entry *audit, struct arena *a, struct patient *ret, struct err *e)
{
    struct enrolling x = {.s = s, .c = c, .arena = a, .audit = *audit};
    int rc = prepare(&x, p, a, e);
    x.audit.object = "Patient";
    x.audit.rows = 1;
    study_name_in_audit(&x.audit, x.audited.number, x.audit_id);
    rc = rc || tx_run(s->db, enrol_body, &x, e) ? -1 : 0;
    if (!rc)
        show_new(&x, p, a, ret);
    patient_wipe_parts(x.part, PART_PLAIN);
    wipe(&x.contacts.key, sizeof x.contacts.key);
    wipe(&x.first, sizeof x.first);
    return rc;
}
