#include "study/history.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/wipe.h"
#include "study/consent_int.h"
#include "study/patient_int.h"

enum { TRIES = 3, DAY_TEXT = 10 }; /* under a pseudonym a time is the day: to the second it names who else looked */

static const struct {
    enum entity entity;
    enum patient_part part;
    enum place place;
    const char *noun;
} kinds[] = {
    [HISTORY_SCREENINGS] = {ENTITY_SCREENING, PART_FINDING, PLACE_SCREENING_FINDING, "Screening"},
    [HISTORY_NOTES] = {ENTITY_NOTE, PART_NOTE, PLACE_NOTE_TEXT, "Note"},
};

void version_put(struct json_out *o, const struct version *v)
{
    const struct {
        const char *name;
        struct slice value;
    } member[] = {{"ts", v->created_at},
                  {"neuro_diag", v->neuro_diag},
                  {"age_class", v->age_class},
                  {"medical_notes", v->text},
                  {"author", v->author}};
    json_open(o, '{');
    if (v->data)
        json_pair_int(o, "data_id", v->data);
    json_pair_int(o, "version", v->number);
    for (size_t i = 0; i < COUNT(member); i++)
        if (member[i].value.p)
            json_pair(o, member[i].name, member[i].value);
    json_close(o, '}');
}

/* --- opened --- */

static int take_version(struct slice text, enum view view, struct arena *a, struct version *ret, struct err *e)
{
    const struct {
        const char *name, *shows;
        struct slice *to;
    } member[] = {{"neuro_diag", "neuro_diag", &ret->neuro_diag},
                  {"age_class", "age_class", &ret->age_class},
                  {"medical_notes", "text", &ret->text},
                  {"author", "author", &ret->author},
                  {"created_at", "created_at", &ret->created_at}};
    struct json j;
    struct json_fault where;
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a version");
    for (size_t i = 0; i < COUNT(member); i++)
        if (view_shows(view, slice_of(member[i].shows)))
            *member[i].to = json_get_text(&j, 0, member[i].name, a);
    if (view_row(view)->as != AS_NAMED && ret->created_at.n > DAY_TEXT)
        ret->created_at = slice_of(arena_printf(a, "%.*sT00:00:00Z", DAY_TEXT, ret->created_at.p));
    return 0;
}

/* v: the sealed value, its number, its id */
static int open_version(const struct study *s, const struct caller *c, enum history_kind kind, const uint8_t *subject,
                        const struct val *v, struct arena *a, struct version *ret, struct err *e)
{
    enum view view = policy_view(c->role, kinds[kind].entity, ACTION_READ);
    struct slice text;
    *ret = (struct version){.number = v[1].i};
    return study_unseal(s, subject, SUBJECT_CLINICAL, kinds[kind].place, (const uint8_t *)v[2].s.p, v[1].i, v[0].s, a,
                        &text, e) ||
                   take_version(text, view, a, ret, e)
               ? -1
               : 0;
}

/* --- of one --- */

struct reading {
    struct looking look;
    enum history_kind kind;
    int64_t before;
    int limit;
    bool found;
    struct rows rows, count;
};

static int read_rows(struct tx *tx, struct reading *x, struct err *e)
{
    bool notes = x->kind == HISTORY_NOTES;
    struct looking *l = &x->look;
    const uint8_t *of = notes ? l->bond.person : l->bond.data_nick;
    const char *list = notes ? "SELECT text, rev, id FROM note WHERE scope = $1 AND person = $2 AND rev < $3 ORDER BY "
                               "rev DESC LIMIT $4"
                             : "SELECT finding, rev, id FROM screening WHERE scope = $1 AND data_nick = $2 AND rev < "
                               "$3 ORDER BY rev DESC LIMIT $4";
    const char *count = notes ? "SELECT count(*) FROM note WHERE scope = $1 AND person = $2"
                              : "SELECT count(*) FROM screening WHERE scope = $1 AND data_nick = $2";
    int64_t before = x->before ? x->before : INT64_MAX;
    return tx_ask(tx, l->arena, &x->rows, e, list, V_ID(l->s->scope), V_ID(of), V_INT(before), V_INT(x->limit + 1)) ||
                   tx_ask(tx, l->arena, &x->count, e, count, V_ID(l->s->scope), V_ID(of)) || tx_wait(tx, e)
               ? -1
               : 0;
}

/* In a body behind the gate: does the view let these data be read at all? 1, 0, -1. */
static int may_read(struct tx *tx, struct looking *l, enum view view, struct err *e)
{
    unsigned asked = consent_asked(view);
    if (view_row(view)->reach == REACH_COHORT)
        return 0; /* cohort.c reads them */
    if (!asked)
        return 1;
    return consent_hold(tx, l->arena, e) ? -1 : consent_given(tx, l->s, l->bond.data_nick, asked, l->arena, e);
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    struct looking *l = &x->look;
    enum view view = policy_view(l->c->role, kinds[x->kind].entity, ACTION_READ);
    x->found = false;
    int found = x->kind == HISTORY_NOTES ? patient_enter(tx, l, e) : patient_enter_data(tx, l, e);
    if (found > 0)
        found = may_read(tx, l, view, e);
    if (found <= 0)
        return found ? -1 : patient_absent(tx, l, e);
    x->found = true;
    if (read_rows(tx, x, e))
        return -1;
    return patient_leave(tx, l, x->rows.n < x->limit ? x->rows.n : x->limit, e);
}

static int new_page(int rows, int limit, struct arena *a, struct version_page *ret, struct err *e)
{
    *ret = (struct version_page){.n = rows < limit ? rows : limit};
    ret->version = arena_take(a, (size_t)(ret->n + 1) * sizeof *ret->version);
    return ret->version ? 0 : err_set(e, ERR_NO_MEMORY, "a page of versions");
}

int history_list(const struct study *s, const struct caller *c, enum history_kind kind, int64_t id, int64_t before,
                 int limit, const struct audit_entry *audit, struct arena *a, struct version_page *ret, struct err *e)
{
    struct reading x = {.look = patient_looking(s, c, id, audit, a), .kind = kind, .before = before, .limit = limit};
    struct version_page page;
    x.look.audit.object = kinds[kind].noun;
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    if (new_page(x.rows.n, limit, a, &page, e))
        return -1;
    const uint8_t *subject = kind == HISTORY_NOTES ? x.look.bond.person : x.look.bond.data_nick;
    for (int i = 0; i < page.n; i++)
        if (open_version(s, c, kind, subject, row_at(&x.rows, i, 0), a, &page.version[i], e))
            return err_in(e, "a page of versions");
    page.all = x.count.cell[0].i;
    page.next = x.rows.n > limit ? page.version[page.n - 1].number : 0;
    *ret = page;
    return 1;
}

/* --- the newest of each --- */

int screening_ask_newest(struct tx *tx, const struct study *s, const uint8_t (*data)[16], int n, struct arena *a,
                         struct rows *ret, struct err *e)
{
    struct val v[2 + DB_MANY] = {V_NULL, V_ID(s->scope)};
    db_many(v + 2, data, 16, n);
    return tx_ask_n(tx, a, ret, e,
                    "SELECT finding, rev, id, data_nick FROM screening WHERE scope = $1 AND data_nick IN "
                    "(" DB_HUNDRED_2 ") AND rev = (SELECT max(n.rev) FROM screening n WHERE n.scope = "
                    "screening.scope AND n.data_nick = screening.data_nick)",
                    v, 1 + DB_MANY);
}

const struct val *screening_newest_of(const struct rows *r, const uint8_t data[16])
{
    for (int i = 0; i < r->n; i++)
        if (memcmp(row_at(r, i, 3)->s.p, data, 16) == 0)
            return row_at(r, i, 0);
    return NULL;
}

/* --- of all who agreed --- */

struct newest {
    const struct study *s;
    const struct caller *c;
    int64_t after;
    int limit;
    struct arena *arena;
    struct audit_entry audit;
    struct rows data, rows, count; /* data: data_nick; rows: finding, rev, id, data_nick */
    int n;                         /* shown: without the one that says that there are more */
    int64_t number[VERSIONS_PAGE];
};
_Static_assert(VERSIONS_PAGE <= (int)DB_MANY, "of a whole page is asked at once");

#define CONSENTING                                                                                                     \
    "FROM consent c WHERE c.scope = $1 AND c.until IS NULL AND c.state = 'active' AND (c.purposes & $2) <> 0 AND "     \
    "EXISTS (SELECT 1 FROM screening s WHERE s.scope = c.scope AND s.data_nick = c.data_nick)"

static int newest_rows(struct tx *tx, struct newest *x, unsigned asked, struct err *e)
{
    uint8_t after[16] = {0};
    int found = x->after ? alias_subject(tx, x->s, study_holder(x->c), x->after, x->arena, after, e) : 1;
    if (found <= 0)
        return found ? -1 : err_set(e, ERR_NOT_FOUND, "the page begins behind data that are not there");
    if (consent_hold(tx, x->arena, e) ||
        tx_ask(tx, x->arena, &x->data, e,
               "SELECT c.data_nick " CONSENTING " AND c.data_nick > $3 ORDER BY "
               "c.data_nick LIMIT $4",
               V_ID(x->s->scope), V_INT(asked), V_ID(after), V_INT(x->limit + 1)) ||
        tx_ask(tx, x->arena, &x->count, e, "SELECT count(*) " CONSENTING, V_ID(x->s->scope), V_INT(asked)) ||
        tx_wait(tx, e))
        return -1;
    x->n = x->data.n < x->limit ? x->data.n : x->limit;
    return 0;
}

/* The newest of each that is shown, and what the caller calls their data. */
static int newest_of_each(struct tx *tx, struct newest *x, struct err *e)
{
    uint8_t data[VERSIONS_PAGE][16], index[VERSIONS_PAGE][BLIND_BYTES];
    struct rows numbers;
    for (int i = 0; i < x->n; i++) {
        memcpy(data[i], row_at(&x->data, i, 0)->s.p, 16);
        if (alias_index(x->s, data[i], index[i], e))
            return -1;
    }
    if (screening_ask_newest(tx, x->s, (const uint8_t(*)[16])data, x->n, x->arena, &x->rows, e) ||
        alias_ask_numbers(tx, x->s, study_holder(x->c), (const uint8_t(*)[BLIND_BYTES])index, x->n, x->arena, &numbers,
                          e) ||
        tx_wait(tx, e))
        return -1;
    alias_take_numbers(&numbers, (const uint8_t(*)[BLIND_BYTES])index, x->n, x->number);
    return 0;
}

static int newest_body(struct tx *tx, void *arg, struct err *e)
{
    struct newest *x = arg;
    enum view view = policy_view(x->c->role, ENTITY_SCREENING, ACTION_READ);
    unsigned asked = consent_asked(view);
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    if (asked && view_row(view)->reach != REACH_COHORT && newest_rows(tx, x, asked, e))
        return -1;
    if (x->n && newest_of_each(tx, x, e))
        return -1;
    x->audit.rows = x->n;
    return study_leave(tx, &x->audit, e);
}

int history_newest(const struct study *s, const struct caller *c, int64_t after, int limit,
                   const struct audit_entry *audit, struct arena *a, struct version_page *ret, struct err *e)
{
    struct newest x = {.s = s, .c = c, .after = after, .limit = limit, .arena = a, .audit = *audit};
    struct version_page page;
    x.audit.object = kinds[HISTORY_SCREENINGS].noun;
    if (tx_run(s->db, newest_body, &x, e) || new_page(x.data.n, limit, a, &page, e))
        return -1;
    for (int i = 0; i < page.n; i++) {
        const struct val *v = screening_newest_of(&x.rows, (const uint8_t *)row_at(&x.data, i, 0)->s.p);
        if (!v || open_version(s, c, HISTORY_SCREENINGS, (const uint8_t *)v[3].s.p, v, a, &page.version[i], e))
            return v ? err_in(e, "a page of screenings") : err_set(e, ERR_INTERNAL, "data whose screening is gone");
        page.version[i].data = x.number[i];
    }
    page.all = x.count.n ? x.count.cell[0].i : 0;
    page.next = x.data.n > limit ? page.version[page.n - 1].data : 0;
    *ret = page;
    return 0;
}

/* --- another one --- */

const char *screening_form(const struct json *j, struct arena *a, struct screening_form *ret, const char **field)
{
    static const enum patient_field fields[] = {PATIENT_neuro_diag, PATIENT_age_class};
    struct screening_form x = {0};
    struct slice *const to[] = {&x.neuro_diag, &x.age_class};
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        int f = json_is(j, k, "neuro_diag") ? 0 : json_is(j, k, "age_class") ? 1 : -1;
        *field = f < 0 ? NULL : patient_field_name(fields[f]);
        if (f < 0)
            return "Extra inputs are not permitted";
        if (json_kind(j, v) == JSON_NULL)
            continue;
        if (json_kind(j, v) != JSON_STRING)
            return "Input should be a valid string";
        *to[f] = slice_trim(json_text(j, v, a));
        if (to[f]->n > patient_field_row(fields[f])->most)
            return "Value error, it is too long";
        if (!patient_plain_text(*to[f], false))
            return "Value error, it has control characters";
    }
    *field = NULL;
    if (!x.neuro_diag.n && !x.age_class.n)
        return "Value error, a screening has a neuro_diag or an age_class";
    *ret = x;
    return NULL;
}

struct adding {
    struct looking look;
    const struct screening_form *form;
    bool found;
    struct part_new next;
    int64_t rev;
};

static int look_body(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    struct looking *l = &x->look;
    struct rows r;
    x->found = false;
    int found = patient_enter(tx, l, e);
    if (found <= 0 || !l->bound)
        return found < 0 ? -1 : patient_absent(tx, l, e);
    x->found = true;
    if (tx_rows(tx, l->arena, &r, e,
                "SELECT rev FROM screening WHERE scope = $1 AND data_nick = $2 ORDER BY rev DESC "
                "LIMIT 1",
                V_ID(l->s->scope), V_ID(l->bond.data_nick)) < 0)
        return -1;
    x->rev = r.n ? r.cell[0].i : 0;
    return tx_ungate(tx, e);
}

int screening_insert(struct tx *tx, const struct study *s, const struct bond *b, const struct part_new *p,
                     struct arena *a, struct err *e)
{
    int collects = consent_collects(tx, s, b->data_nick, a, e);
    if (collects <= 0)
        return collects ? -1 : err_set(e, ERR_CONSENT, "consent was withdrawn: nothing is collected any more");
    int n =
        tx_exec(tx, e,
                "INSERT INTO screening (scope, id, data_nick, rev, finding) SELECT $1, $2, $3, $4, $5 WHERE EXISTS "
                "(SELECT 1 FROM person WHERE scope = $1 AND id = $6) ON CONFLICT DO NOTHING",
                V_ID(s->scope), V_ID(p->row), V_ID(b->data_nick), V_INT(p->rev), V_BLOB(p->sealed), V_ID(b->person));
    return n == 1 ? 0 : n < 0 ? -1 : err_set(e, ERR_CONFLICT, "a screening was added, or the person erased, meanwhile");
}

static int add_body(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    struct looking *l = &x->look;
    return study_enter(tx, l->s, l->c, e) || screening_insert(tx, l->s, &l->bond, &x->next, l->arena, e) ||
                   patient_leave(tx, l, 1, e) || study_store_key(tx, &x->next.key, e)
               ? -1
               : 0;
}

/* 1, 0, -1 */
static int add_once(struct adding *x, struct version *ret, struct err *e)
{
    struct looking *l = &x->look;
    struct patient p = {0};
    if (tx_run(l->s->db, look_body, x, e))
        return -1;
    if (!x->found)
        return 0;
    p.value[PATIENT_neuro_diag] = x->form->neuro_diag;
    p.value[PATIENT_age_class] = x->form->age_class;
    const struct written by = {l->c->name, clock_now_us()};
    int rc = patient_seal_part(l->s, &l->bond, &p, PART_FINDING, NULL, x->rev + 1, &by, l->arena, &x->next, e) ||
             tx_run(l->s->db, add_body, x, e);
    patient_wipe_parts(&x->next, 1);
    if (rc)
        return -1;
    struct version v = {.number = x->rev + 1};
    if (take_version(patient_part_text(&p, PART_FINDING, &by, l->arena),
                     policy_view(l->c->role, ENTITY_SCREENING, ACTION_READ), l->arena, &v, e))
        return -1;
    *ret = v;
    return 1;
}

int screening_add(const struct study *s, const struct caller *c, int64_t id, const struct screening_form *n,
                  const struct audit_entry *audit, struct arena *a, struct version *ret, struct err *e)
{
    int rc = -1;
    for (int i = 0; i < TRIES; i++) {
        struct adding x = {.look = patient_looking(s, c, id, audit, a), .form = n};
        x.look.audit.object = kinds[HISTORY_SCREENINGS].noun;
        rc = add_once(&x, ret, e);
        if (rc >= 0 || e->code != ERR_CONFLICT)
            return rc;
    }
    return rc;
}
