/* patient_list.c -- people of the study, a page at a time: in the order of their days, or by their names.
 *
 * A page is a fixed number of statements, however many people are on it: their rows, their numbers, the edges to their
 * data, the newest screenings, how many there are; and outside of the body their keys, a hundred at a time. */
#include "base/own.h"
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
    struct roster_found found; /* by name */
    uint8_t after[16];
    bool after_is_there;
    struct rows rows, count;  /* rows: id, rev, detail, joined_on, left_on */
    uint8_t person[PAGE][16]; /* in order: of the rows, or of `found` */
    int row[PAGE], n;         /* each one's row; -1: gone meanwhile */
    int64_t number[PAGE];
    struct house_now now[PAGE];
    uint8_t data[PAGE][16];
    bool bound[PAGE];
    struct rows findings; /* data_nick, rev, id, finding */
};

static bool by_name(const struct patient_query *q)
{
    return q->sort == PATIENTS_BY_NAME || q->name.p;
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
    if (tx_rows(tx, x->arena, &x->rows, e, sql, V_ID(x->s->scope), V_INT(day),
                V_ID(q->after ? x->after
                     : up     ? first
                              : last),
                V_INT(q->who), V_INT(q->limit + 1)) < 0)
        return -1;
    for (x->n = 0; x->n < x->rows.n; x->n++) {
        memcpy(x->person[x->n], row_at(&x->rows, x->n, 0)->s.p, 16);
        x->row[x->n] = x->n;
    }
    return tx_rows(tx, x->arena, &x->count, e, "SELECT count(*) FROM person WHERE scope = $1 AND " WHO("$2"),
                   V_ID(x->s->scope), V_INT(q->who)) < 0
               ? -1
               : 0;
}

/* A hundred of the ids that are asked for, whichever they are. */
static void many(struct val *v, const uint8_t (*id)[16], int n)
{
    for (int i = 0; i < DB_MANY; i++)
        v[i] = V_ID(id[i < n ? i : 0]);
}

static int page_by_name(struct tx *tx, struct listing *x, struct err *e)
{
    struct val v[3 + DB_MANY] = {V_NULL, V_ID(x->s->scope), V_INT(0)};
    x->n = x->found.n;
    memcpy(x->person, x->found.id, (size_t)x->n * 16);
    many(v + 3, (const uint8_t(*)[16])x->person, x->n);
    if (x->n && tx_rows_n(tx, x->arena, &x->rows, e, COLUMNS "rev > $2 AND id IN (" DB_HUNDRED ")", v, 2 + DB_MANY) < 0)
        return -1;
    for (int i = 0; i < x->n; i++) {
        x->row[i] = -1;
        for (int k = 0; k < x->rows.n; k++)
            if (memcmp(row_at(&x->rows, k, 0)->s.p, x->person[i], 16) == 0)
                x->row[i] = k;
    }
    return 0;
}

static int numbers(struct tx *tx, struct listing *x, struct err *e)
{
    uint8_t index[PAGE][BLIND_BYTES];
    for (int i = 0; i < x->n; i++)
        if (alias_index(x->s, x->person[i], index[i], e))
            return -1;
    return x->n ? alias_numbers(tx, x->s, study_holder(x->c), (const uint8_t(*)[BLIND_BYTES])index, x->n, x->arena,
                                x->number, e)
                : 0;
}

/* The newest screening of each, for whom the edges say whose is which. */
static int findings(struct tx *tx, struct listing *x, struct err *e)
{
    struct val v[3 + DB_MANY] = {V_NULL, V_ID(x->s->scope), V_INT(0)};
    uint8_t of[PAGE][16];
    int n = 0, shown = x->n < PATIENTS_PAGE ? x->n : PATIENTS_PAGE;
    if (patient_part_view(x->c, PART_FINDING) == VIEW_NONE || x->n == 0)
        return 0;
    if (bond_data_of(tx, x->s, (const uint8_t(*)[16])x->person, shown, x->arena, x->data, x->bound, e))
        return -1;
    for (int i = 0; i < shown; i++)
        if (x->bound[i])
            memcpy(of[n++], x->data[i], 16);
    many(v + 3, (const uint8_t(*)[16])of, n);
    return n && tx_rows_n(
                    tx, x->arena, &x->findings, e,
                    "SELECT data_nick, rev, id, finding FROM screening WHERE scope = $1 AND rev > $2 AND data_nick "
                    "IN (" DB_HUNDRED ") AND rev = (SELECT max(n.rev) FROM screening n WHERE n.scope = "
                    "screening.scope AND n.data_nick = screening.data_nick)",
                    v, 2 + DB_MANY) < 0
               ? -1
               : 0;
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    if (study_enter(tx, x->s, x->c, e) || (by_name(x->query) ? page_by_name(tx, x, e) : page_by_day(tx, x, e)) ||
        numbers(tx, x, e) || findings(tx, x, e) ||
        (x->n && patient_shows_status(x->c) &&
         house_now_of_persons(tx, x->s, (const uint8_t(*)[16])x->person, x->n, x->arena, x->now, e)))
        return -1;
    x->audit.rows = x->n < x->query->limit ? x->n : x->query->limit;
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

static int before(struct listing *x, struct err *e)
{
    const struct patient_query *q = x->query;
    static const enum roster_who who[] = {ROSTER_ALL, ROSTER_PRESENT, ROSTER_LEFT};
    if (q->after && tx_run(x->s->db, after_body, x, e))
        return -1;
    if (!by_name(q))
        return 0;
    int found = !q->after || x->after_is_there
                    ? roster_find(x->s, q->name, who[q->who], q->after ? x->after : NULL, q->limit, &x->found, e)
                    : 0;
    return found < 0 ? -1 : found ? 0 : err_set(e, ERR_NOT_FOUND, "the page begins behind a patient who is not there");
}

/* --- after it --- */

static int fetch_keys(const struct listing *x, int n, struct err *e)
{
    struct subject_want want[2 * PATIENTS_PAGE];
    int wants = 0;
    for (int i = 0; i < n; i++) {
        want[wants++] = (struct subject_want){x->person[i], SUBJECT_IDENTITY};
        if (x->bound[i])
            want[wants++] = (struct subject_want){x->data[i], SUBJECT_CLINICAL};
    }
    return keyring_subject_fetch(x->s->keyring, x->s->scope, want, wants, e);
}

static int open_finding(const struct listing *x, int i, struct patient *ret, struct err *e)
{
    struct slice text;
    for (int k = 0; k < x->findings.n; k++) {
        const struct val *v = row_at(&x->findings, k, 0);
        if (memcmp(v[0].s.p, x->data[i], 16) == 0)
            return study_unseal(x->s, x->data[i], SUBJECT_CLINICAL, PLACE_SCREENING_FINDING, (const uint8_t *)v[2].s.p,
                                v[1].i, v[3].s, x->arena, &text, e) ||
                           patient_part_take(text, PART_FINDING, patient_part_view(x->c, PART_FINDING), x->arena, ret,
                                             e)
                       ? -1
                       : 0;
    }
    return 0;
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

/* 1; 0: of one who was erased meanwhile the number is left. */
static int open_row(const struct listing *x, int i, struct patient *ret, struct err *e)
{
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
    int n = x->n < q->limit ? x->n : q->limit;
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
