/* patient_list.c -- people of the study, a page at a time: in the order of their days, or by their names.
 *
 * A page is a fixed number of statements, however many people are on it, and on PostgreSQL five round trips, each for
 * what the answer before it leads to: the rows and how many there are; their numbers, and the edges to their data; from
 * there the newest screenings, and the edges to the houses; their tickets; the log's entry and the commit. A page
 * behind another one first looks up where that ended. The keys, outside of the body, are one more for fifty people,
 * unless they are known. */
#include <stdlib.h>

#include "base/own.h"
#include "base/wipe.h"
#include "study/codice_fiscale.h"
#include "study/patient_int.h"
#include "study/roster.h"
#include "study/ticket_int.h"

enum { PAGE = PATIENTS_PAGE + 1 };

struct listing {
    const struct study *s;
    const struct caller *c;
    const struct patient_query *query;
    struct arena *arena;
    struct audit_entry audit;
    struct roster_found found; /* by name, or by what else is asked */
    struct finding {
        struct rows id[PATIENT_FINDS], code[PATIENT_FINDS];
        uint8_t index[PATIENT_FINDS][BLIND_BYTES]; /* of the codes */
        uint8_t only[2 * PATIENT_FINDS][16];
        int onlys;
    } finding;
    uint8_t after[16];
    bool after_is_there;
    struct rows rows, count;  /* rows: id, rev, detail, joined_on, left_on */
    uint8_t person[PAGE][16]; /* in order: of the rows, or of `found` */
    int row[PAGE], n, shown;  /* each one's row; -1: gone meanwhile. n: with the one behind those that are shown */
    int64_t number[PATIENTS_PAGE];
    struct house_now now[PATIENTS_PAGE];
    uint8_t data[PATIENTS_PAGE][16];
    bool bound[PATIENTS_PAGE];
    struct rows findings; /* screening_ask_newest */
};
_Static_assert(PATIENTS_PAGE <= (int)DB_MANY, "of a whole page is asked at once");

static bool by_name(const struct patient_query *q)
{
    return q->sort == PATIENTS_BY_NAME || q->name.p || q->find;
}

/* --- in the body --- */

#define COLUMNS "SELECT id, rev, detail, joined_on, left_on FROM person WHERE scope = $1 AND "

/* An enum patients_who; PostgreSQL would take it for a smaller number than it gets. */
#define WHO(n) "(CAST(" n " AS BIGINT) = 0 OR (left_on IS NULL) = (CAST(" n " AS BIGINT) = 1)) "

static int page_by_day(struct tx *tx, struct listing *x, struct err *e)
{
    static const uint8_t last[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
                         first[16] = {0};
    const struct patient_query *q = x->query;
    bool up = q->sort == PATIENTS_OLDEST_FIRST;
    int64_t day = up ? INT64_MIN : INT64_MAX;
    struct rows r;
    if (q->after && x->after_is_there &&
        tx_rows(tx, x->arena, &r, e, "SELECT joined_on FROM person WHERE scope = $1 AND id = $2", V_ID(x->s->scope),
                V_ID(x->after)) < 0)
        return -1;
    if (q->after && (!x->after_is_there || r.n == 0))
        return err_set(e, ERR_NOT_FOUND, "the page begins behind a patient who is not there");
    if (q->after)
        day = r.cell[0].i;
    const char *sql = up ? COLUMNS "(joined_on, id) > ($2, $3) AND " WHO("$4") "ORDER BY joined_on, id LIMIT $5"
                         : COLUMNS
                          "(joined_on, id) < ($2, $3) AND " WHO("$4") "ORDER BY joined_on DESC, id DESC LIMIT $5";
    if (tx_ask(tx, x->arena, &x->rows, e, sql, V_ID(x->s->scope), V_INT(day),
               V_ID(q->after ? x->after
                    : up     ? first
                             : last),
               V_INT(q->who), V_INT(q->limit + 1)) ||
        tx_ask(tx, x->arena, &x->count, e, "SELECT count(*) FROM person WHERE scope = $1 AND " WHO("$2"),
               V_ID(x->s->scope), V_INT(q->who)) ||
        tx_wait(tx, e))
        return -1;
    for (x->n = 0; x->n < x->rows.n; x->n++) {
        memcpy(x->person[x->n], row_at(&x->rows, x->n, 0)->s.p, 16);
        x->row[x->n] = x->n;
    }
    return 0;
}

static int page_by_name(struct tx *tx, struct listing *x, struct err *e)
{
    struct val v[2 + DB_MANY] = {V_NULL, V_ID(x->s->scope)};
    x->n = x->found.n;
    memcpy(x->person, x->found.id, (size_t)x->n * 16);
    db_many(v + 2, x->person, 16, x->n);
    if (x->n && tx_rows_n(tx, x->arena, &x->rows, e, COLUMNS "id IN (" DB_HUNDRED_2 ")", v, 1 + DB_MANY) < 0)
        return -1;
    for (int i = 0; i < x->n; i++) {
        x->row[i] = -1;
        for (int k = 0; k < x->rows.n; k++)
            if (memcmp(row_at(&x->rows, k, 0)->s.p, x->person[i], 16) == 0)
                x->row[i] = k;
    }
    return 0;
}

/* What the caller calls them, and whose data are which. */
static int numbers_and_data(struct tx *tx, struct listing *x, struct err *e)
{
    const uint8_t(*person)[16] = (const uint8_t(*)[16])x->person;
    uint8_t index[PATIENTS_PAGE][BLIND_BYTES];
    bool data = patient_part_view(x->c, PART_FINDING) != VIEW_NONE || patient_shows_status(x->c);
    struct rows numbers, edges = {.n = 0};
    for (int i = 0; i < x->shown; i++)
        if (alias_index(x->s, x->person[i], index[i], e))
            return -1;
    if (alias_ask_numbers(tx, x->s, study_holder(x->c), (const uint8_t(*)[BLIND_BYTES])index, x->shown, x->arena,
                          &numbers, e) ||
        (data && bond_ask_hop(tx, x->s, HOP_PERSON_DATA, person, x->shown, x->arena, &edges, e)) || tx_wait(tx, e) ||
        bond_take_hop(x->s, HOP_PERSON_DATA, &edges, person, x->shown, x->arena, x->data, x->bound, e))
        return -1;
    alias_take_numbers(&numbers, (const uint8_t(*)[BLIND_BYTES])index, x->shown, x->number);
    return 0;
}

/* The newest screening of each, and what their homes are like. */
static int findings_and_status(struct tx *tx, struct listing *x, struct err *e)
{
    const uint8_t(*data)[16] = (const uint8_t(*)[16])x->data;
    uint8_t house[PATIENTS_PAGE][16];
    bool found[PATIENTS_PAGE];
    struct rows edges;
    if (patient_part_view(x->c, PART_FINDING) != VIEW_NONE && /* of who has no data: nothing is of zeroes */
        screening_ask_newest(tx, x->s, data, x->shown, x->arena, &x->findings, e))
        return -1;
    if (!patient_shows_status(x->c))
        return tx_wait(tx, e);
    return bond_ask_hop(tx, x->s, HOP_DATA_HOUSE, data, x->shown, x->arena, &edges, e) || tx_wait(tx, e) ||
                   bond_take_hop(x->s, HOP_DATA_HOUSE, &edges, data, x->shown, x->arena, house, found, e) ||
                   house_now(tx, x->s, (const uint8_t(*)[16])house, x->shown, x->arena, x->now, e)
               ? -1
               : 0;
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    if (study_enter(tx, x->s, x->c, e) || (by_name(x->query) ? page_by_name(tx, x, e) : page_by_day(tx, x, e)))
        return -1;
    x->shown = x->n < x->query->limit ? x->n : x->query->limit;
    x->audit.rows = x->shown;
    if (x->query->find && x->query->find->by_id && x->n == 0)
        return study_leave_absent(tx, &x->audit, e);
    if (x->shown && (numbers_and_data(tx, x, e) || findings_and_status(tx, x, e)))
        return -1;
    return study_leave(tx, &x->audit, e);
}

/* --- before it --- */

static int after_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    int found = alias_subject(tx, x->s, study_holder(x->c), x->query->after, x->arena, x->after, e);
    x->after_is_there = found > 0;
    return found < 0 ? -1 : tx_ungate(tx, e);
}

/* Numbers and tax codes of those who are asked for, all of them in one go. */
static int only_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    const struct patient_find *f = x->query->find;
    struct finding *n = &x->finding;
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    for (int i = 0; i < f->ids; i++)
        if (alias_ask_subject(tx, x->s, study_holder(x->c), f->id[i], x->arena, &n->id[i], e))
            return -1;
    for (int i = 0; i < f->codes; i++)
        if (tx_ask(tx, x->arena, &n->code[i], e, "SELECT id FROM person WHERE scope = $1 AND fiscal_index = $2",
                   V_ID(x->s->scope), V_ID(n->index[i])))
            return -1;
    return tx_wait(tx, e) || tx_ungate(tx, e) ? -1 : 0;
}

/* Who it is that has one of the numbers, and one of the codes. */
static int take_only(struct listing *x, struct err *e)
{
    const struct patient_find *f = x->query->find;
    struct finding *n = &x->finding;
    uint8_t coded[PATIENT_FINDS][16];
    int codes = 0;
    for (int i = 0; i < f->codes; i++)
        if (n->code[i].n)
            memcpy(coded[codes++], n->code[i].cell[0].s.p, 16);
    for (int i = 0; i < f->ids; i++) {
        int found = alias_take_subject(x->s, study_holder(x->c), f->id[i], &n->id[i], x->arena, n->only[n->onlys], e);
        if (found < 0)
            return -1;
        bool both = !f->by_code;
        for (int k = 0; k < codes; k++)
            both |= memcmp(coded[k], n->only[n->onlys], 16) == 0;
        n->onlys += found && both;
    }
    for (int k = 0; !f->by_id && k < codes; k++)
        memcpy(n->only[n->onlys++], coded[k], 16);
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int find(struct listing *x, const uint8_t *after, struct err *e)
{
    const struct patient_find *f = x->query->find;
    struct roster_query q = f->roster;
    for (int i = 0; i < f->codes; i++) {
        struct fiscal_index index;
        struct fiscal code;
        if (fiscal_read(f->code[i], &code, NULL) != FISCAL_OK)
            continue; /* nobody has it, and zeros are nobody's index */
        int rc = patient_fiscal_index(x->s, slice_of(code.text), &index, e);
        wipe(&code, sizeof code);
        if (rc)
            return -1;
        memcpy(x->finding.index[i], index.code, BLIND_BYTES);
    }
    if ((f->ids || f->codes) && (tx_run(x->s->db, only_body, x, e) || take_only(x, e)))
        return -1;
    if (f->status) {
        struct person_set set;
        if (patient_of_status(x->s, x->c, *f->status, x->arena, &set, e))
            return -1;
        q.only = set.n ? set.id : (const uint8_t(*)[16])x->finding.only;
        q.onlys = set.n;
        q.but = set.but;
    }
    if (f->by_id || f->by_code) {
        qsort(x->finding.only, (size_t)x->finding.onlys, 16, by_bytes);
        q.only = (const uint8_t(*)[16])x->finding.only;
        q.onlys = x->finding.onlys;
    }
    return roster_search(x->s, &q, after, x->query->limit, &x->found, e);
}

static int before(struct listing *x, struct err *e)
{
    const struct patient_query *q = x->query;
    static const enum roster_who who[] = {ROSTER_ALL, ROSTER_PRESENT, ROSTER_LEFT};
    if (q->after && tx_run(x->s->db, after_body, x, e))
        return -1;
    if (!by_name(q))
        return 0;
    const uint8_t *after = q->after ? x->after : NULL;
    int found = q->after && !x->after_is_there ? 0
                : q->find                      ? find(x, after, e)
                                               : roster_find(x->s, q->name, who[q->who], after, q->limit, &x->found, e);
    return found < 0 ? -1 : found ? 0 : err_set(e, ERR_NOT_FOUND, "the page begins behind a patient who is not there");
}

/* --- after it --- */

static int fetch_keys(const struct listing *x, int n, struct err *e)
{
    struct subject_want want[2 * PATIENTS_PAGE];
    int wants = 0;
    for (int i = 0; i < n; i++) {
        want[wants++] = (struct subject_want){x->person[i], SUBJECT_IDENTITY};
        if (x->bound[i] && x->findings.n)
            want[wants++] = (struct subject_want){x->data[i], SUBJECT_CLINICAL};
    }
    return keyring_subject_fetch(x->s->keyring, x->s->scope, want, wants, e);
}

static int open_finding(const struct listing *x, int i, struct patient *ret, struct err *e)
{
    struct slice text;
    const struct val *v = screening_newest_of(&x->findings, x->data[i]);
    return v && (study_unseal(x->s, x->data[i], SUBJECT_CLINICAL, PLACE_SCREENING_FINDING, (const uint8_t *)v[2].s.p,
                              v[1].i, v[0].s, x->arena, &text, e) ||
                 patient_part_take(text, PART_FINDING, patient_part_view(x->c, PART_FINDING), x->arena, ret, e))
               ? -1
               : 0;
}

/* A list says no more of somebody than it takes to find them. */
static void cut(struct patient *p)
{
    static const enum patient_field listed[] = {PATIENT_first_name, PATIENT_last_name, PATIENT_neuro_diag,
                                                PATIENT_join_date, PATIENT_exit_date};
    struct patient all = *p;
    memset(p->value, 0, sizeof p->value);
    for (size_t i = 0; i < COUNT(listed); i++)
        p->value[listed[i]] = all.value[listed[i]];
}

/* 1; 0: of one who was erased meanwhile the number is left, or whose home is not like that any more. */
static int open_row(const struct listing *x, int i, struct patient *ret, struct err *e)
{
    const struct patient_find *f = x->query->find;
    if (f && f->status && x->now[i].status != *f->status)
        return 0;
    const struct val *v = row_at(&x->rows, x->row[i], 0);
    struct slice text;
    struct err gone;
    struct patient p = {.id = x->number[i], .rev.person = v[1].i, .listed = true};
    if (patient_shows_status(x->c))
        p.status = installation_status_name(x->now[i].status);
    patient_take_days(&v[3], &v[4], x->arena, &p);
    int rc = study_unseal(x->s, x->person[i], SUBJECT_IDENTITY, PLACE_PERSON_DETAIL, x->person[i], v[1].i, v[2].s,
                          x->arena, &text, &gone) ||
             patient_part_take(text, PART_DETAIL, patient_part_view(x->c, PART_DETAIL), x->arena, &p, &gone) ||
             (x->bound[i] && open_finding(x, i, &p, &gone));
    if (rc) {
        if (gone.code == ERR_GONE)
            return 0;
        *e = gone;
        return -1;
    }
    p.born = p.value[PATIENT_date_of_birth];
    if (!x->query->whole)
        cut(&p);
    *ret = p;
    return 1;
}

static int open_page(const struct listing *x, int n, struct patient_page *ret, struct err *e)
{
    for (int i = 0; i < n; i++) {
        int there = x->row[i] >= 0 && x->number[i] ? open_row(x, i, &ret->patient[ret->n], e) : 0;
        if (there < 0)
            return err_in(e, "a page of patients");
        ret->n += there;
    }
    return 0;
}

int patient_list(const struct study *s, const struct caller *c, const struct patient_query *q,
                 const struct audit_entry *audit, struct arena *a, struct patient_page *ret, struct err *e)
{
    struct listing *x = TAKE_NEW(a, struct listing);
    struct patient_page page = {0};
    if (!x)
        return err_set(e, ERR_NO_MEMORY, "a page of patients");
    *x = (struct listing){.s = s, .c = c, .query = q, .arena = a, .audit = *audit};
    x->audit.object = "Patient";
    if (before(x, e) || tx_run(s->db, list_body, x, e))
        return -1;
    int n = x->shown;
    page.patient = arena_take(a, (size_t)(n + 1) * sizeof *page.patient);
    if (!page.patient)
        return err_set(e, ERR_NO_MEMORY, "a page of patients");
    if (fetch_keys(x, n, e) || open_page(x, n, &page, e))
        return -1;
    page.all = by_name(q) ? x->found.all : x->count.cell[0].i;
    page.next = n && (by_name(q) ? x->found.more : x->n > q->limit) ? x->number[n - 1] : 0;
    *ret = page;
    return 0;
}
