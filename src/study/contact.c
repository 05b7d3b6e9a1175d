#include "study/contact.h"

#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "study/contact_int.h"
#include "study/patient_int.h"

enum { TRIES = 3 };

static const struct {
    const char *name;
    size_t most;
} fields[CONTACT_FIELDS] = {
#define CONTACT(name, most, what) {#name, most},
#include "study/contact.def"
#undef CONTACT
};

enum view contact_view(const struct caller *c)
{
    return policy_view(c->role, ENTITY_CONTACT, ACTION_READ);
}

/* --- forms --- */

static int field_of(const struct json *j, uint32_t key)
{
    for (int f = 0; f < CONTACT_FIELDS; f++)
        if (json_is(j, key, fields[f].name))
            return f;
    return -1;
}

static bool is_empty(const struct contact *c)
{
    for (int f = 0; f < CONTACT_FIELDS; f++)
        if (c->value[f].n)
            return false;
    return true;
}

static const char *take_value(const struct json *j, uint32_t v, int f, struct arena *a, struct contact_edit *x)
{
    struct slice s = json_kind(j, v) == JSON_STRING ? slice_trim(json_text(j, v, a)) : (struct slice){NULL, 0};
    if (json_kind(j, v) != JSON_STRING && json_kind(j, v) != JSON_NULL)
        return "Input should be a valid string";
    if (s.n > fields[f].most)
        return "Value error, it is too long";
    if (!patient_plain_text(s, false))
        return "Value error, it has control characters";
    x->said[f] = true;
    x->to.value[f] = s.n ? s : (struct slice){NULL, 0};
    return NULL;
}

/* With `id` as a member, if `ret_id`. */
static const char *take_object(const struct json *j, uint32_t node, struct arena *a, struct contact_edit *x,
                               int64_t *ret_id, const char **field)
{
    *field = NULL;
    if (json_kind(j, node) != JSON_OBJECT)
        return "Input should be an object";
    for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        int f = field_of(j, k);
        const char *fault = NULL;
        if (f >= 0) {
            *field = fields[f].name;
            fault = take_value(j, v, f, a, x);
        } else if (ret_id && json_is(j, k, "id")) {
            *field = "id";
            fault = json_kind(j, v) == JSON_NUMBER && slice_int(json_raw(j, v), 1, (INT64_C(1) << 52) - 1, ret_id)
                        ? NULL
                        : "Input should be an id: a number that this service gave you";
        } else {
            *field = NULL;
            fault = "Extra inputs are not permitted";
        }
        if (fault)
            return fault;
    }
    *field = NULL;
    return NULL;
}

const char *contact_form(const struct json *j, uint32_t node, struct arena *a, struct contact_edit *ret,
                         const char **field)
{
    struct contact_edit x = {0};
    const char *fault = take_object(j, node, a, &x, NULL, field);
    if (!fault)
        *ret = x;
    return fault;
}

const char *contacts_form(const struct json *j, uint32_t node, struct arena *a, struct contact_list *ret,
                          const char **field)
{
    struct contact_list l = {.contact = arena_take(a, CONTACTS_MAX * sizeof *l.contact)};
    *field = NULL;
    if (json_kind(j, node) != JSON_ARRAY)
        return "Input should be a list of contacts";
    for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k)) {
        struct contact_edit x = {0};
        if (l.n == CONTACTS_MAX || !l.contact)
            return "Value error, there are at most 20 contacts";
        const char *fault = take_object(j, k, a, &x, &x.to.id, field);
        if (fault)
            return fault;
        if (is_empty(&x.to))
            return "Value error, a contact has an alias, a phone_no or an email";
        l.contact[l.n++] = x.to;
    }
    *ret = l;
    return NULL;
}

void contact_put(struct json_out *o, const struct contact *c)
{
    json_open(o, '{');
    if (c->id)
        json_pair_int(o, "id", c->id);
    for (int f = 0; f < CONTACT_FIELDS; f++) {
        json_key(o, fields[f].name);
        if (c->value[f].p)
            json_put(o, c->value[f]);
        else
            json_put_null(o);
    }
    json_close(o, '}');
}

void contacts_put(struct json_out *o, const struct contact_list *l)
{
    json_open(o, '[');
    for (int i = 0; i < l->n; i++)
        contact_put(o, &l->contact[i]);
    json_close(o, ']');
}

/* --- sealed and opened --- */

static struct slice entry_text(const struct contact *c, struct arena *a)
{
    struct buf b = buf_in(a, 4096);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    for (int f = 0; f < CONTACT_FIELDS; f++)
        if (c->value[f].n)
            json_pair(&o, fields[f].name, c->value[f]);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

static int take_entry(struct slice text, enum view view, struct arena *a, struct contact *ret, struct err *e)
{
    struct json j;
    struct json_fault where;
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a contact");
    for (int f = 0; f < CONTACT_FIELDS; f++)
        if (view_shows(view, slice_of(fields[f].name)))
            ret->value[f] = json_get_text(&j, 0, fields[f].name, a);
    return 0;
}

int contact_ask(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t person[16], struct arena *a,
                struct contact_rows *ret, struct err *e)
{
    return contact_view(c) == VIEW_NONE
               ? 0
               : tx_ask(tx, a, &ret->rows, e,
                        "SELECT id, rev, entry FROM contact WHERE scope = $1 AND person = $2 ORDER BY nth, id LIMIT 20",
                        V_ID(s->scope), V_ID(person));
}

int contact_numbers(struct tx *tx, const struct study *s, const struct caller *c, struct arena *a,
                    struct contact_rows *ret, struct err *e)
{
    uint8_t index[CONTACTS_MAX][BLIND_BYTES];
    if (ret->rows.n == 0 || policy_view(c->role, ENTITY_ALIAS, ACTION_READ) == VIEW_NONE)
        return 0;
    for (int i = 0; i < ret->rows.n; i++)
        if (alias_index(s, (const uint8_t *)row_at(&ret->rows, i, 0)->s.p, index[i], e))
            return -1;
    return alias_numbers(tx, s, study_holder(c), (const uint8_t(*)[BLIND_BYTES])index, ret->rows.n, a, ret->number, e);
}

int contact_rows(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t person[16],
                 struct arena *a, struct contact_rows *ret, struct err *e)
{
    return contact_ask(tx, s, c, person, a, ret, e) || tx_wait(tx, e) || contact_numbers(tx, s, c, a, ret, e) ? -1 : 0;
}

int contact_open(const struct study *s, const struct caller *c, const uint8_t person[16], const struct contact_rows *r,
                 struct arena *a, struct contact_list *ret, struct err *e)
{
    struct contact_list l = {.contact = arena_take(a, CONTACTS_MAX * sizeof *l.contact), .n = r->rows.n};
    if (!l.contact)
        return err_set(e, ERR_NO_MEMORY, "a patient's contacts");
    for (int i = 0; i < l.n; i++) {
        const struct val *v = row_at(&r->rows, i, 0);
        struct slice text;
        l.contact[i] = (struct contact){.id = r->number[i], .rev = v[1].i};
        if (study_unseal(s, person, SUBJECT_CONTACT, PLACE_CONTACT_ENTRY, (const uint8_t *)v[0].s.p, v[1].i, v[2].s, a,
                         &text, e) ||
            take_entry(text, contact_view(c), a, &l.contact[i], e))
            return err_in(e, "a contact");
    }
    *ret = l;
    return 0;
}

static int seal_row(const struct study *s, const struct caller *c, const struct contact *from, struct arena *a,
                    struct contact_new *n, struct contact_row *row, struct err *e)
{
    if (row->fresh) {
        rnd_bytes(row->id, 16);
        if (alias_make(s, study_holder(c), row->id, a, &row->known, e))
            return -1;
    }
    struct slice text = entry_text(from, a);
    return study_seal(&n->key.key, PLACE_CONTACT_ENTRY, row->id, row->rev, text, a, &row->entry, e);
}

int contact_seal(const struct study *s, const struct caller *c, const uint8_t person[16], const struct contact_list *l,
                 struct arena *a, struct contact_new *ret, struct err *e)
{
    ret->n = l->n;
    if (l->n && study_key(s, person, SUBJECT_CONTACT, &ret->key, e))
        return -1;
    for (int i = 0; i < l->n; i++) {
        ret->row[i] = (struct contact_row){.rev = 1, .fresh = true};
        if (seal_row(s, c, &l->contact[i], a, ret, &ret->row[i], e))
            return -1;
    }
    return 0;
}

/* Rows without an entry stay as they are but for their place. */
int contact_insert(struct tx *tx, const struct study *s, const uint8_t person[16], const struct contact_new *n,
                   struct err *e)
{
    for (int i = 0; i < n->n; i++) {
        const struct contact_row *r = &n->row[i];
        int rc = r->fresh
                     ? tx_put(tx, e,
                              "INSERT INTO contact (scope, id, person, rev, nth, entry) VALUES ($1, $2, $3, 1, $4, $5)",
                              V_ID(s->scope), V_ID(r->id), V_ID(person), V_INT(i), V_BLOB(r->entry)) ||
                           alias_store(tx, s, &r->known, e)
                 : r->entry.p
                     ? tx_put(tx, e, "UPDATE contact SET rev = $1, nth = $2, entry = $3 WHERE scope = $4 AND id = $5",
                              V_INT(r->rev), V_INT(i), V_BLOB(r->entry), V_ID(s->scope), V_ID(r->id))
                     : tx_put(tx, e, "UPDATE contact SET nth = $1 WHERE scope = $2 AND id = $3", V_INT(i),
                              V_ID(s->scope), V_ID(r->id));
        if (rc)
            return -1;
    }
    return 0;
}

void contact_show(const struct caller *c, const struct contact_list *l, const struct contact_new *n, struct arena *a,
                  struct contact_list *ret)
{
    enum view view = contact_view(c);
    struct contact_list shown = {.contact = arena_take(a, CONTACTS_MAX * sizeof *shown.contact), .rev = l->rev};
    for (int i = 0; i < l->n && shown.contact && view != VIEW_NONE; i++, shown.n++) {
        struct contact *to = &shown.contact[i];
        *to = (struct contact){.id = n->row[i].fresh ? n->row[i].known.number : l->contact[i].id, .rev = n->row[i].rev};
        for (int f = 0; f < CONTACT_FIELDS; f++)
            if (view_shows(view, slice_of(fields[f].name)))
                to->value[f] = l->contact[i].value[f];
    }
    *ret = shown;
}

/* --- a patient's list, looked up and changed as a whole --- */

/* What a change makes of the list, before it is sealed: 0, or -1. Its contacts with an id are those that are there. */
struct work;
typedef int change_of(struct work *w, struct err *e);

struct work {
    const struct study *s;
    const struct caller *c;
    int64_t number; /* of the patient, or with `one` of the contact */
    bool one, found;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    uint8_t person[16], contact[16];
    int64_t patient; /* with `one`: whose it is, as the caller calls them */
    struct contact_rows rows;
    struct contact_list was, to;
    int at; /* which of `was` the number is of; the last of `to`, when one is added */
    change_of *change;
    const void *with;              /* the change's own */
    const struct study_revs *only; /* of the one, or of the list; NULL: any */
    struct contact_new next;
};

static struct work work_of(const struct study *s, const struct caller *c, int64_t number, bool one,
                           const struct audit_entry *audit, struct arena *a)
{
    struct work w = {.s = s, .c = c, .number = number, .one = one, .arena = a, .audit = *audit, .at = -1};
    w.audit.object = "Contact";
    w.audit.glass = c->role == ROLE_EMERGENCY ? c->glass : NULL;
    return w;
}

/* In a body, behind the gate after it: whose contacts, and which version they are. 1, 0, -1. */
static int find_person(struct tx *tx, struct work *w, struct err *e)
{
    struct rows r;
    int found;
    if (w->one) {
        found = study_enter(tx, w->s, w->c, e)
                    ? -1
                    : alias_subject(tx, w->s, study_holder(w->c), w->number, w->arena, w->contact, e);
        if (found <= 0)
            return found;
        found = tx_rows(tx, w->arena, &r, e, "SELECT person FROM contact WHERE scope = $1 AND id = $2",
                        V_ID(w->s->scope), V_ID(w->contact));
        if (found <= 0)
            return found;
        memcpy(w->person, r.cell[0].s.p, 16);
    } else {
        struct looking l = {.s = w->s, .c = w->c, .id = w->number, .arena = w->arena};
        found = patient_enter(tx, &l, e);
        if (found <= 0)
            return found;
        memcpy(w->person, l.bond.person, 16);
    }
    found = tx_rows(tx, w->arena, &r, e, "SELECT contacts_rev FROM person WHERE scope = $1 AND id = $2",
                    V_ID(w->s->scope), V_ID(w->person));
    if (found > 0)
        w->was.rev = r.cell[0].i;
    return found;
}

static int name_person(struct tx *tx, struct work *w, struct err *e)
{
    int64_t number;
    if (tx_ungate(tx, e) || study_audit_number(tx, w->s, w->person, w->arena, &number, e))
        return -1;
    study_name_in_audit(&w->audit, number, w->audit_id);
    return 0;
}

static int number_person(struct tx *tx, struct work *w, struct err *e)
{
    uint8_t index[1][BLIND_BYTES];
    if (policy_view(w->c->role, ENTITY_ALIAS, ACTION_READ) == VIEW_NONE)
        return 0;
    return alias_index(w->s, w->person, index[0], e) ||
                   alias_numbers(tx, w->s, study_holder(w->c), (const uint8_t(*)[BLIND_BYTES])index, 1, w->arena,
                                 &w->patient, e)
               ? -1
               : 0;
}

static int load_body(struct tx *tx, void *arg, struct err *e)
{
    struct work *w = arg;
    int found = find_person(tx, w, e);
    if (found < 0)
        return -1;
    w->found = found;
    if (!found) {
        struct audit_entry absent = w->audit;
        absent.outcome = "deny";
        absent.why = "absent";
        return study_leave(tx, &absent, e);
    }
    if (contact_rows(tx, w->s, w->c, w->person, w->arena, &w->rows, e) || (w->one && number_person(tx, w, e)))
        return -1;
    if (w->change)
        return tx_ungate(tx, e);
    w->audit.rows = w->one ? 1 : w->rows.rows.n;
    return name_person(tx, w, e) || audit_append(tx, &w->audit, e) ? -1 : 0;
}

/* 1, 0, -1 */
static int load(struct work *w, struct err *e)
{
    if (tx_run(w->s->db, load_body, w, e))
        return -1;
    if (!w->found)
        return 0;
    int64_t rev = w->was.rev;
    if (contact_open(w->s, w->c, w->person, &w->rows, w->arena, &w->was, e))
        return -1;
    w->was.rev = rev;
    for (int i = 0; i < w->was.n; i++)
        if (w->one && memcmp(row_at(&w->rows.rows, i, 0)->s.p, w->contact, 16) == 0)
            w->at = i;
    return !w->one || w->at >= 0;
}

static int index_of(const struct contact_list *l, int64_t id)
{
    for (int i = 0; i < l->n; i++)
        if (l->contact[i].id == id)
            return i;
    return -1;
}

static bool same(const struct contact *a, const struct contact *b)
{
    for (int f = 0; f < CONTACT_FIELDS; f++)
        if (!slice_eq(a->value[f], b->value[f]))
            return false;
    return true;
}

/* Those that are there keep their rows, and what did not change keeps its version. */
static int seal_list(struct work *w, struct err *e)
{
    struct contact_new *n = &w->next;
    n->n = w->to.n;
    if (n->n && study_key(w->s, w->person, SUBJECT_CONTACT, &n->key, e))
        return -1;
    for (int i = 0; i < n->n; i++) {
        const struct contact *to = &w->to.contact[i];
        int was = to->id ? index_of(&w->was, to->id) : -1;
        n->row[i] = (struct contact_row){.rev = 1, .fresh = was < 0};
        if (was >= 0) {
            memcpy(n->row[i].id, row_at(&w->rows.rows, was, 0)->s.p, 16);
            n->row[i].rev = w->was.contact[was].rev;
            if (same(to, &w->was.contact[was]))
                continue;
            n->row[i].rev++;
        }
        if (seal_row(w->s, w->c, to, w->arena, n, &n->row[i], e))
            return -1;
    }
    return 0;
}

static bool stays(const struct work *w, const uint8_t *id)
{
    for (int i = 0; i < w->next.n; i++)
        if (!w->next.row[i].fresh && memcmp(w->next.row[i].id, id, 16) == 0)
            return true;
    return false;
}

/* `aliases`: outside of the gate, the numbers of what was removed behind it. */
static int remove_others(struct tx *tx, const struct work *w, bool aliases, struct err *e)
{
    uint8_t index[BLIND_BYTES];
    for (int i = 0; i < w->rows.rows.n; i++) {
        const uint8_t *id = (const uint8_t *)row_at(&w->rows.rows, i, 0)->s.p;
        if (stays(w, id))
            continue;
        if (aliases ? alias_index(w->s, id, index, e) ||
                          tx_put(tx, e, "DELETE FROM alias WHERE scope = $1 AND subject_index = $2", V_ID(w->s->scope),
                                 V_ID(index))
                    : tx_put(tx, e, "DELETE FROM contact WHERE scope = $1 AND id = $2", V_ID(w->s->scope), V_ID(id)))
            return -1;
    }
    return 0;
}

static int write_body(struct tx *tx, void *arg, struct err *e)
{
    struct work *w = arg;
    if (study_enter(tx, w->s, w->c, e))
        return -1;
    int n = tx_exec(tx, e, "UPDATE person SET contacts_rev = $1 WHERE scope = $2 AND id = $3 AND contacts_rev = $4",
                    V_INT(w->was.rev + 1), V_ID(w->s->scope), V_ID(w->person), V_INT(w->was.rev));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_CONFLICT, "these contacts were changed meanwhile");
    return remove_others(tx, w, false, e) || contact_insert(tx, w->s, w->person, &w->next, e) ||
                   name_person(tx, w, e) || remove_others(tx, w, true, e) ||
                   (w->next.n && study_store_key(tx, &w->next.key, e)) || audit_append(tx, &w->audit, e)
               ? -1
               : 0;
}

/* 1, 0, -1. What others changed between the look and the write is looked at again. */
static int change(struct work *w, struct err *e)
{
    struct work fresh = *w;
    for (int i = 0; i < TRIES; i++) {
        *w = fresh;
        int rc = load(w, e);
        if (rc <= 0)
            return rc;
        if (w->only && !study_is_of(w->only, w->one ? w->was.contact[w->at].rev : w->was.rev))
            return err_set(e, ERR_PRECONDITION, "another version of contacts");
        rc = w->change(w, e) || seal_list(w, e) || tx_run(w->s->db, write_body, w, e) ? -1 : 1;
        wipe(&w->next.key, sizeof w->next.key);
        if (rc > 0 || e->code != ERR_CONFLICT)
            return rc;
    }
    return -1;
}

static struct contact_list copy(const struct contact_list *l, struct arena *a)
{
    struct contact_list to = {.contact = arena_take(a, CONTACTS_MAX * sizeof *to.contact)};
    if (to.contact && l->n)
        memcpy(to.contact, l->contact, (size_t)(to.n = l->n) * sizeof *to.contact);
    return to;
}

/* --- what can be done --- */

int contact_all(const struct study *s, const struct caller *c, int64_t patient, const struct audit_entry *audit,
                struct arena *a, struct contact_list *ret, struct err *e)
{
    struct work w = work_of(s, c, patient, false, audit, a);
    int rc = load(&w, e);
    if (rc > 0)
        *ret = w.was;
    return rc;
}

int contact_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct contact *ret, struct err *e)
{
    struct work w = work_of(s, c, id, true, audit, a);
    int rc = load(&w, e);
    if (rc > 0) {
        *ret = w.was.contact[w.at];
        ret->patient = w.patient;
    }
    return rc;
}

static int with_one_more(struct work *w, struct err *e)
{
    w->to = copy(&w->was, w->arena);
    if (w->to.n == CONTACTS_MAX)
        return err_set(e, ERR_BAD_REQUEST, "there are as many contacts as may be: %d", CONTACTS_MAX);
    if (!w->to.contact)
        return err_set(e, ERR_NO_MEMORY, "a contact");
    w->at = w->to.n++;
    w->to.contact[w->at] = *(const struct contact *)w->with;
    return 0;
}

/* A change of the one at w->at; *ret is what it is afterwards, as the caller sees it. */
static int change_one(struct work *w, struct contact *ret, struct err *e)
{
    struct contact_list shown;
    w->audit.rows = 1;
    int rc = change(w, e);
    if (rc <= 0)
        return rc;
    contact_show(w->c, &w->to, &w->next, w->arena, &shown);
    *ret = shown.n ? shown.contact[w->at] : (struct contact){0};
    return 1;
}

int contact_add(const struct study *s, const struct caller *c, int64_t patient, const struct contact *n,
                const struct audit_entry *audit, struct arena *a, struct contact *ret, struct err *e)
{
    struct work w = work_of(s, c, patient, false, audit, a);
    w.change = with_one_more;
    w.with = n;
    return change_one(&w, ret, e);
}

static int with_these(struct work *w, struct err *e)
{
    const struct contact_list *l = w->with;
    for (int i = 0; i < l->n; i++)
        if (l->contact[i].id && (index_of(&w->was, l->contact[i].id) < 0 || index_of(l, l->contact[i].id) != i))
            return err_set(e, ERR_BAD_REQUEST, "an id is not of this patient's contacts, or is there twice");
    w->to = *l;
    return 0;
}

int contact_replace(const struct study *s, const struct caller *c, int64_t patient, const struct contact_list *to,
                    const struct study_revs *only, const struct audit_entry *audit, struct arena *a,
                    struct contact_list *ret, struct err *e)
{
    struct work w = work_of(s, c, patient, false, audit, a);
    w.change = with_these;
    w.with = to;
    w.only = only;
    w.audit.rows = to->n;
    int rc = change(&w, e);
    w.to.rev = w.was.rev + 1;
    if (rc > 0)
        contact_show(c, &w.to, &w.next, a, ret);
    return rc;
}

static int with_it_changed(struct work *w, struct err *e)
{
    const struct contact_edit *edit = w->with;
    w->to = copy(&w->was, w->arena);
    if (!w->to.contact)
        return err_set(e, ERR_NO_MEMORY, "a contact");
    for (int f = 0; f < CONTACT_FIELDS; f++)
        if (edit->said[f])
            w->to.contact[w->at].value[f] = edit->to.value[f];
    return is_empty(&w->to.contact[w->at])
               ? err_set(e, ERR_BAD_REQUEST, "a contact has an alias, a phone_no or an email")
               : 0;
}

int contact_change(const struct study *s, const struct caller *c, int64_t id, const struct contact_edit *edit,
                   const struct study_revs *only, const struct audit_entry *audit, struct arena *a, struct contact *ret,
                   struct err *e)
{
    struct work w = work_of(s, c, id, true, audit, a);
    w.change = with_it_changed;
    w.with = edit;
    w.only = only;
    return change_one(&w, ret, e);
}

static int without_it(struct work *w, struct err *e)
{
    w->to = copy(&w->was, w->arena);
    if (!w->to.contact)
        return err_set(e, ERR_NO_MEMORY, "a contact");
    w->to.n--;
    memmove(&w->to.contact[w->at], &w->to.contact[w->at + 1], (size_t)(w->to.n - w->at) * sizeof *w->to.contact);
    return 0;
}

int contact_remove(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                   const struct audit_entry *audit, struct arena *a, struct contact *ret, struct err *e)
{
    struct work w = work_of(s, c, id, true, audit, a);
    w.change = without_it;
    w.only = only;
    w.audit.rows = 1;
    int rc = change(&w, e);
    if (rc > 0)
        *ret = w.was.contact[w.at];
    return rc;
}
