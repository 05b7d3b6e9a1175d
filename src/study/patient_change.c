/* patient_change.c -- a patient's record becomes another.
 *
 * What is there is read and opened, the change is put over it, and what is another part then is sealed again as its
 * next version; the body writes that if every part it replaces still is what was read (compare and set). Who said which
 * version they meant is told when it is another one; for who did not, it is done again with what is there now. */
#include "base/clock.h"
#include "base/own.h"
#include "base/wipe.h"
#include "study/patient_int.h"

enum { TRIES = 3 };

struct changing {
    struct looking look;
    bool found;
    struct patient was, to;
    bool part[PARTS]; /* which are another */
    struct part_new next[PART_PLAIN];
    struct fiscal_index fiscal;
    bool twin;
};

static int look_body(struct tx *tx, void *arg, struct err *e)
{
    struct changing *x = arg;
    int found = patient_all(tx, &x->look, e);
    x->found = found > 0 && x->look.person.n > 0;
    return found < 0 ? -1 : x->found ? 0 : patient_absent(tx, &x->look, e);
}

static bool matches(const struct patient *p, const struct patient_match *only)
{
    char tag[PATIENT_TAG];
    patient_tag(p, tag);
    for (int i = 0; i < only->n; i++)
        if (slice_is(only->tag[i], tag))
            return true;
    return only->n == 0;
}

bool patient_is_of(const struct looking *x, const struct patient_match *only)
{
    const struct rows *part[] = {&x->person, &x->home, &x->finding, &x->note};
    struct patient p = {.rev.contacts = x->person.n ? x->person.cell[5].i : 0};
    int64_t *const rev[] = {&p.rev.person, &p.rev.home, &p.rev.finding, &p.rev.note};
    for (size_t i = 0; i < COUNT(part); i++)
        *rev[i] = part[i]->n ? part[i]->cell[1].i : 0;
    return matches(&p, only);
}

static void compare(struct changing *x)
{
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (!slice_eq(x->was.value[f], x->to.value[f]))
            x->part[patient_field_row((enum patient_field)f)->part] = true;
    if (!slice_eq(x->was.value[PATIENT_last_name], x->to.value[PATIENT_last_name]))
        x->part[PART_GENERAL] = true; /* which says it, too */
    if (!x->to.value[PATIENT_join_date].n)
        x->to.value[PATIENT_join_date] = x->was.value[PATIENT_join_date];
    x->part[PART_DETAIL] |= x->part[PART_PLAIN];
}

static int seal_changed(struct changing *x, struct err *e)
{
    const struct looking *l = &x->look;
    const struct written by = {l->c->name, clock_now_us()};
    const int64_t rev[] = {[PART_DETAIL] = x->was.rev.person,
                           [PART_GENERAL] = x->was.rev.home,
                           [PART_FINDING] = x->was.rev.finding,
                           [PART_NOTE] = x->was.rev.note};
    for (int part = 0; part < PART_PLAIN; part++) {
        bool version = part == PART_FINDING || part == PART_NOTE;
        const uint8_t *row = part == PART_DETAIL ? l->bond.person : part == PART_GENERAL ? l->bond.home : NULL;
        if (x->part[part] && patient_seal_part(l->s, &l->bond, &x->to, (enum patient_part)part, row, rev[part] + 1,
                                               version ? &by : NULL, l->arena, &x->next[part], e))
            return -1;
    }
    return x->part[PART_DETAIL] ? patient_fiscal_index(l->s, x->to.value[PATIENT_codice_fiscale], &x->fiscal, e) : 0;
}

static int outdated(int n, struct err *e)
{
    return n == 1 ? 0 : n < 0 ? -1 : err_set(e, ERR_CONFLICT, "a patient was changed meanwhile");
}

static int write_person(struct tx *tx, struct changing *x, struct err *e)
{
    const struct looking *l = &x->look;
    const struct part_new *p = &x->next[PART_DETAIL];
    struct slice leave = x->to.value[PATIENT_exit_date];
    struct rows r;
    int n = tx_rows(tx, l->arena, &r, e, "SELECT id FROM person WHERE scope = $1 AND fiscal_index = $2",
                    V_ID(l->s->scope), V_ID(x->fiscal.code));
    if (n < 0)
        return -1;
    if (n > 0 && memcmp(r.cell[0].s.p, l->bond.person, 16) != 0)
        return err_set(e, ERR_TAX_CODE, "somebody else has this tax code");
    int twin = patient_has_twin(tx, l->s, l->bond.person, &x->fiscal, l->arena, e);
    if (twin < 0)
        return -1;
    x->twin = twin;
    return outdated(
        tx_exec(tx, e,
                "UPDATE person SET rev = $1, detail = $2, fiscal_index = $3, base_index = $4, joined_on = $5, left_on "
                "= $6 WHERE scope = $7 AND id = $8 AND rev = $9",
                V_INT(p->rev), V_BLOB(p->sealed), V_ID(x->fiscal.code),
                x->fiscal.has_base ? V_ID(x->fiscal.base) : V_NULL, V_INT(patient_day(x->to.value[PATIENT_join_date])),
                leave.n ? V_INT(patient_day(leave)) : V_NULL, V_ID(l->s->scope), V_ID(l->bond.person),
                V_INT(p->rev - 1)),
        e);
}

/* Versions stand beside each other; that no two are the same one a unique key sees to. */
static int write_rest(struct tx *tx, const struct changing *x, struct err *e)
{
    const struct looking *l = &x->look;
    const uint8_t *scope = l->s->scope;
    const struct part_new *p = x->next;
    if (x->part[PART_GENERAL] &&
        outdated(tx_exec(tx, e, "UPDATE home SET rev = $1, general = $2 WHERE scope = $3 AND id = $4 AND rev = $5",
                         V_INT(p[PART_GENERAL].rev), V_BLOB(p[PART_GENERAL].sealed), V_ID(scope), V_ID(l->bond.home),
                         V_INT(p[PART_GENERAL].rev - 1)),
                 e))
        return -1;
    if (x->part[PART_FINDING] && screening_insert(tx, l->s, &l->bond, &p[PART_FINDING], l->arena, e))
        return -1;
    return x->part[PART_NOTE]
               ? outdated(tx_exec(tx, e,
                                  "INSERT INTO note (scope, id, person, rev, text) VALUES ($1, $2, $3, $4, $5) ON "
                                  "CONFLICT DO NOTHING",
                                  V_ID(scope), V_ID(p[PART_NOTE].row), V_ID(l->bond.person), V_INT(p[PART_NOTE].rev),
                                  V_BLOB(p[PART_NOTE].sealed)),
                          e)
               : 0;
}

static int write_body(struct tx *tx, void *arg, struct err *e)
{
    struct changing *x = arg;
    struct looking *l = &x->look;
    return study_enter(tx, l->s, l->c, e) || (x->part[PART_DETAIL] && write_person(tx, x, e)) || write_rest(tx, x, e) ||
                   patient_leave(tx, l, 1, e) || patient_store_keys(tx, x->next, PART_PLAIN, e)
               ? -1
               : 0;
}

/* 1, 0, -1 */
static int change_once(struct changing *x, const struct patient_edit *edit, const struct patient_match *only,
                       struct patient_faults *ret_faults, struct err *e)
{
    struct looking *l = &x->look;
    if (tx_run(l->s->db, look_body, x, e))
        return -1;
    if (!x->found)
        return 0;
    if (patient_open(l, &x->was, e))
        return -1;
    if (!matches(&x->was, only))
        return err_set(e, ERR_PRECONDITION, "another version of a patient");
    ret_faults->n = patient_merge(&x->was, edit, l->arena, &x->to, ret_faults->fault);
    if (ret_faults->n)
        return err_set(e, ERR_BAD_REQUEST, "%d faults of a changed patient", ret_faults->n);
    compare(x);
    return seal_changed(x, e) || tx_run(l->s->db, write_body, x, e) ? -1 : 1;
}

static void show_changed(const struct changing *x, struct patient *ret)
{
    struct patient p = {.id = x->was.id,
                        .rev = x->was.rev,
                        .status = x->was.status,
                        .has_contacts = x->was.has_contacts,
                        .twin = x->twin,
                        .contacts = x->was.contacts};
    p.rev.person += x->part[PART_DETAIL];
    p.rev.home += x->part[PART_GENERAL];
    p.rev.finding += x->part[PART_FINDING];
    p.rev.note += x->part[PART_NOTE];
    patient_show(x->look.c, &x->to, &p);
    *ret = p;
}

int patient_change(const struct study *s, const struct caller *c, int64_t id, const struct patient_edit *edit,
                   const struct patient_match *only, const struct audit_entry *audit, struct arena *a,
                   struct patient *ret, struct patient_faults *ret_faults, struct err *e)
{
    int rc = -1;
    for (int i = 0; i < TRIES; i++) {
        struct changing x = {.look = patient_looking(s, c, id, audit, a)};
        rc = change_once(&x, edit, only, ret_faults, e);
        patient_wipe_parts(x.next, PART_PLAIN);
        if (rc > 0)
            show_changed(&x, ret);
        if (rc >= 0 || e->code != ERR_CONFLICT)
            return rc;
        if (only->n)
            return err_set(e, ERR_PRECONDITION, "another version of a patient");
    }
    return rc;
}
