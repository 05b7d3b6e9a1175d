#include "study/cohort.h"

#include "base/own.h"
#include "study/consent_int.h"
#include "study/house_int.h"
#include "study/project_int.h"
#include "study/stream_int.h"

enum { TRIES = 3, ONE_MEMORY = 1 << 20 };

/* $2: the purpose's bit; $3: how many. The data's nick stands first. */
const char cohort_screenings_sql[] =
    "SELECT c.data_nick, s.finding, s.rev, s.id FROM consent c JOIN screening s ON s.scope = c.scope AND s.data_nick = "
    "c.data_nick WHERE c.scope = $1 AND c.until IS NULL AND c.state = 'active' AND (c.purposes & $2) <> 0 AND s.rev = "
    "(SELECT max(n.rev) FROM screening n WHERE n.scope = s.scope AND n.data_nick = s.data_nick) LIMIT $3";
const char cohort_people_sql[] =
    "SELECT c.data_nick FROM consent c WHERE c.scope = $1 AND c.until IS NULL AND c.state = 'active' AND (c.purposes & "
    "$2) <> 0 LIMIT $3";
const char cohort_numbers_sql[] = "SELECT subject_index, number FROM alias WHERE scope = $1 AND holder = $2";
const char cohort_streams_sql[] =
    "SELECT id, card, since, until FROM stream WHERE scope = $1 AND id IN (" DB_HUNDRED_2 ")";

struct member {
    const struct val *row; /* its first: the data's nick */
    int64_t number;
};
struct stream_row {
    const struct val *row;
    const uint8_t *data;
};
struct reading {
    const struct study *s;
    const struct caller *c;
    const uint8_t *project;
    enum project_data what;
    int64_t after;
    int limit;
    struct arena *arena;
    struct audit_entry audit;
    char project_text[UUID_TEXT];
    bool found;
    struct rows rows;
    struct member *member; /* the cohort, in the order of the project's numbers */
    int n, from, shown;    /* the page: `shown` of them, behind the first `from` */
    struct stream_row *stream;
    int streams;
};

static struct reading reading_of(const struct study *s, const struct caller *c, const uint8_t project[16],
                                 enum project_data what, int64_t after, int limit, const struct audit_entry *audit,
                                 struct arena *a)
{
    return (struct reading){
        .s = s, .c = c, .project = project, .what = what, .after = after, .limit = limit, .arena = a, .audit = *audit};
}

static enum entity entity_of(const struct reading *x)
{
    return x->what == PROJECT_SCREENINGS ? ENTITY_SCREENING : ENTITY_STREAM;
}

static const uint8_t *data_of(const struct member *m)
{
    return (const uint8_t *)m->row->s.p;
}

/* --- who there is --- */

static int by_index(const void *a, const void *b)
{
    return memcmp(((const struct val *)a)->s.p, ((const struct val *)b)->s.p, BLIND_BYTES);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct member *)a)->number, y = ((const struct member *)b)->number;
    return (x > y) - (x < y);
}

/* In a body, behind the gate after it: everybody who consents now. */
static int ask_cohort(struct tx *tx, struct reading *x, struct err *e)
{
    unsigned asked = consent_asked(policy_view(x->c->role, entity_of(x), ACTION_READ));
    const char *sql = x->what == PROJECT_SCREENINGS ? cohort_screenings_sql : cohort_people_sql;
    if (consent_hold(tx, x->arena, e) || study_enter(tx, x->s, x->c, e) ||
        tx_rows(tx, x->arena, &x->rows, e, sql, V_ID(x->s->scope), V_INT(asked), V_INT(COHORT_MAX + 1)) < 0)
        return -1;
    if (x->rows.n > COHORT_MAX)
        return err_set(e, ERR_RULE, "more than %d people agree to research, which is more than a project shows",
                       COHORT_MAX);
    return x->rows.n >= COHORT_K
               ? 0
               : err_set(e, ERR_RULE,
                         "fewer than %d people agree to research: nobody is shown, or it could be known who they are",
                         COHORT_K);
}

/* In a body, outside of the gate: what the project calls each of them; who is new gets a number. */
static int name_cohort(struct tx *tx, struct reading *x, struct err *e)
{
    char holder[PROJECT_HOLDER_TEXT];
    struct alias made;
    struct rows r;
    struct val key = {.kind = VAL_BLOB};
    uint8_t index[BLIND_BYTES];
    if (tx_rows(tx, x->arena, &r, e, cohort_numbers_sql, V_ID(x->s->scope), V_STR(project_holder(x->project, holder))) <
        0)
        return -1;
    x->n = x->rows.n;
    x->member = arena_take(x->arena, (size_t)x->n * sizeof *x->member);
    struct val *known = arena_take(x->arena, (size_t)(r.n + 1) * 2 * sizeof *known);
    if (!x->member || !known)
        return err_set(e, ERR_NO_MEMORY, "a cohort");
    if (r.n)
        memcpy(known, r.cell, (size_t)r.n * 2 * sizeof *known);
    qsort(known, (size_t)r.n, 2 * sizeof *known, by_index);
    for (int i = 0; i < x->n; i++) {
        struct member *m = &x->member[i];
        m->row = row_at(&x->rows, i, 0);
        if (alias_index(x->s, data_of(m), index, e))
            return -1;
        key.s = (struct slice){(const char *)index, BLIND_BYTES};
        const struct val *has = bsearch(&key, known, (size_t)r.n, 2 * sizeof *known, by_index);
        if (!has && (alias_make(x->s, holder, data_of(m), x->arena, &made, e) || alias_store(tx, x->s, &made, e)))
            return -1;
        m->number = has ? has[1].i : made.number;
    }
    qsort(x->member, (size_t)x->n, sizeof *x->member, by_number);
    while (x->from < x->n && x->member[x->from].number <= x->after)
        x->from++;
    x->shown = x->n - x->from < x->limit ? x->n - x->from : x->limit;
    return 0;
}

/* In a body: the project is found and lets them be read. 1, 0, -1. */
static int meet(struct tx *tx, struct reading *x, struct err *e)
{
    x->from = x->streams = 0;
    x->audit.object = entity_name(entity_of(x));
    x->audit.object_id = uuid_text(x->project, x->project_text);
    int got = project_use(tx, x->s, x->c, x->project, x->what, x->arena, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : study_leave_absent(tx, &x->audit, e);
    if (ask_cohort(tx, x, e) || tx_ungate(tx, e) || name_cohort(tx, x, e))
        return -1;
    x->audit.rows = x->shown;
    return 1;
}

static int64_t next_of(const struct reading *x)
{
    return x->from + x->shown < x->n ? x->member[x->from + x->shown - 1].number : 0;
}

/* The keys of many, read together. */
static int fetch(const struct reading *x, const struct subject_want *want, int n, struct err *e)
{
    return want ? keyring_subject_fetch(x->s->keyring, x->s->scope, want, n, e) : err_set(e, ERR_NO_MEMORY, "a cohort");
}

/* Somebody was erased between the read and their key: they are not there next time. */
static bool again(int rc, int tries, const struct err *e)
{
    return rc < 0 && (e->code == ERR_GONE || e->code == ERR_NOT_FOUND) && tries + 1 < TRIES;
}

/* --- screenings --- */

static int screenings_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    int got = meet(tx, x, e);
    return got <= 0 ? got : study_leave(tx, &x->audit, e);
}

/* v: data_nick, finding, rev, id. What is left of it in `scratch` is the caller's to give back. */
static int open_finding(const struct reading *x, const struct member *m, struct arena *scratch,
                        struct cohort_finding *ret, struct err *e)
{
    const struct val *v = m->row;
    struct slice text;
    struct json j;
    struct json_fault where;
    if (study_unseal(x->s, data_of(m), SUBJECT_CLINICAL, PLACE_SCREENING_FINDING, (const uint8_t *)v[3].s.p, v[2].i,
                     v[1].s, scratch, &text, e))
        return -1;
    if (json_parse(scratch, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a screening");
    struct slice diag = json_get_text(&j, 0, "neuro_diag", scratch), age = json_get_text(&j, 0, "age_class", scratch);
    *ret = (struct cohort_finding){.data = m->number};
    if (diag.p)
        ret->neuro_diag = arena_copy(x->arena, diag);
    if (age.p)
        ret->age_class = arena_copy(x->arena, age);
    return arena_failed(x->arena) || arena_failed(scratch) ? err_set(e, ERR_NO_MEMORY, "a screening") : 0;
}

/* What is not known comes before every text. */
static int compare(struct slice a, struct slice b)
{
    int d = a.n && b.n ? memcmp(a.p, b.p, a.n < b.n ? a.n : b.n) : 0;
    return !a.p || !b.p ? (a.p != NULL) - (b.p != NULL) : d ? d : (a.n > b.n) - (a.n < b.n);
}

static int by_combination(const void *a, const void *b)
{
    const struct cohort_finding *x = *(struct cohort_finding *const *)a, *y = *(struct cohort_finding *const *)b;
    int d = compare(x->neuro_diag, y->neuro_diag);
    return d ? d : compare(x->age_class, y->age_class);
}

/* Leaves out what fewer than COHORT_K of all have together. */
static int withhold(struct cohort_finding *all, int n, struct arena *a, struct err *e)
{
    struct cohort_finding **sorted = arena_take(a, (size_t)n * sizeof *sorted);
    if (!sorted)
        return err_set(e, ERR_NO_MEMORY, "a cohort");
    for (int i = 0; i < n; i++)
        sorted[i] = &all[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_combination);
    for (int from = 0, to = 0; from < n; from = to) {
        while (to < n && by_combination(&sorted[from], &sorted[to]) == 0)
            to++;
        for (int i = from; to - from < COHORT_K && i < to; i++)
            sorted[i]->withheld = true;
    }
    for (int i = 0; i < n; i++)
        if (all[i].withheld)
            all[i].neuro_diag = all[i].age_class = (struct slice){NULL, 0};
    return 0;
}

static int screenings_once(struct reading *x, struct cohort_findings *ret, struct err *e)
{
    OWN_ARENA struct arena *scratch = arena_new(ONE_MEMORY);
    if (!scratch)
        return err_set(e, ERR_NO_MEMORY, "a cohort");
    if (tx_run(x->s->db, screenings_body, x, e))
        return -1;
    if (!x->found)
        return 0;
    struct subject_want *want = arena_take(x->arena, (size_t)x->n * sizeof *want);
    struct cohort_finding *all = arena_take(x->arena, (size_t)x->n * sizeof *all);
    if (!want || !all)
        return err_set(e, ERR_NO_MEMORY, "a cohort");
    for (int i = 0; i < x->n; i++)
        want[i] = (struct subject_want){data_of(&x->member[i]), SUBJECT_CLINICAL};
    if (fetch(x, want, x->n, e))
        return -1;
    const struct arena_mark mark = arena_mark(scratch);
    for (int i = 0; i < x->n; i++) {
        if (open_finding(x, &x->member[i], scratch, &all[i], e))
            return err_in(e, "a cohort");
        arena_rewind(scratch, mark);
    }
    if (withhold(all, x->n, x->arena, e))
        return -1;
    *ret = (struct cohort_findings){all + x->from, x->shown, x->n, next_of(x)};
    return 1;
}

int cohort_screenings(const struct study *s, const struct caller *c, const uint8_t project[16], int64_t after,
                      int limit, const struct audit_entry *audit, struct arena *a, struct cohort_findings *ret,
                      struct err *e)
{
    int rc = -1;
    for (int i = 0; i < TRIES; i++) {
        struct reading x = reading_of(s, c, project, PROJECT_SCREENINGS, after, limit, audit, a);
        rc = screenings_once(&x, ret, e);
        if (!again(rc, i, e))
            return rc;
    }
    return rc;
}

/* --- streams --- */

/* In a body, behind the gate: the streams of the page's people. Edges that have no record are passed over. */
static int ask_streams(struct tx *tx, struct reading *x, struct err *e)
{
    uint8_t data[COHORT_STREAMS_PAGE][16];
    struct stream_ends *ends = NULL;
    for (int i = 0; i < x->shown; i++)
        memcpy(data[i], data_of(&x->member[x->from + i]), 16);
    int n = x->shown ? bond_streams_of(tx, x->s, (const uint8_t(*)[16])data, x->shown, x->arena, &ends, e) : 0;
    if (n <= 0)
        return n;
    x->stream = arena_take(x->arena, (size_t)n * sizeof *x->stream);
    if (!x->stream)
        return err_set(e, ERR_NO_MEMORY, "streams of a cohort");
    for (int at = 0; at < n; at += DB_MANY) {
        struct val v[2 + DB_MANY] = {V_NULL, V_ID(x->s->scope)};
        int some = n - at < DB_MANY ? n - at : DB_MANY;
        struct rows r;
        for (int i = 0; i < DB_MANY; i++)
            v[2 + i] = V_ID(ends[at + (i < some ? i : 0)].stream);
        if (tx_rows_n(tx, x->arena, &r, e, cohort_streams_sql, v, 1 + DB_MANY) < 0)
            return -1;
        for (int i = 0; i < r.n; i++)
            for (int k = at; k < at + some; k++)
                if (memcmp(row_at(&r, i, 0)->s.p, ends[k].stream, 16) == 0)
                    x->stream[x->streams++] = (struct stream_row){row_at(&r, i, 0), ends[k].data};
    }
    return 0;
}

static int streams_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    int got = meet(tx, x, e);
    if (got <= 0)
        return got;
    return study_enter(tx, x->s, x->c, e) || ask_streams(tx, x, e) || study_leave(tx, &x->audit, e) ? -1 : 0;
}

/* v: id, card, since, until */
static int open_stream(const struct reading *x, const struct val *v, struct cohort_stream *ret, struct err *e)
{
    const uint8_t *id = (const uint8_t *)v[0].s.p;
    struct slice text;
    *ret = (struct cohort_stream){.since = grain_cut(x->c->role, GRAIN_HOME, v[2].i),
                                  .until = v[3].kind == VAL_NULL ? 0 : grain_cut(x->c->role, GRAIN_HOME, v[3].i)};
    return study_unseal(x->s, id, SUBJECT_STREAM, PLACE_STREAM_CARD, id, 1, v[1].s, x->arena, &text, e) ||
                   stream_card_take(text, policy_view(x->c->role, ENTITY_STREAM, ACTION_READ), x->arena, &ret->card, e)
               ? -1
               : 0;
}

static int by_card(const void *a, const void *b)
{
    const struct cohort_stream *x = a, *y = b;
    int d = (int)x->card.kind - (int)y->card.kind;
    d = d ? d : compare(x->card.unit, y->card.unit);
    d = d ? d : (x->since > y->since) - (x->since < y->since);
    return d ? d : (x->until > y->until) - (x->until < y->until);
}

static int open_person(const struct reading *x, const struct member *m, struct cohort_person *ret, struct err *e)
{
    int n = 0;
    for (int i = 0; i < x->streams; i++)
        n += memcmp(x->stream[i].data, data_of(m), 16) == 0;
    ret->data = m->number;
    ret->stream = arena_take(x->arena, (size_t)(n + 1) * sizeof *ret->stream);
    if (!ret->stream)
        return err_set(e, ERR_NO_MEMORY, "streams of a cohort");
    for (int i = 0; i < x->streams; i++)
        if (memcmp(x->stream[i].data, data_of(m), 16) == 0 &&
            open_stream(x, x->stream[i].row, &ret->stream[ret->n++], e))
            return err_in(e, "streams of a cohort");
    qsort(ret->stream, (size_t)ret->n, sizeof *ret->stream, by_card);
    return 0;
}

static int streams_once(struct reading *x, struct cohort_people *ret, struct err *e)
{
    if (tx_run(x->s->db, streams_body, x, e))
        return -1;
    if (!x->found)
        return 0;
    struct subject_want *want = arena_take(x->arena, (size_t)(x->streams + 1) * sizeof *want);
    struct cohort_people page = {.n = x->shown, .all = x->n, .next = next_of(x)};
    page.person = arena_take(x->arena, (size_t)(page.n + 1) * sizeof *page.person);
    if (!want || !page.person)
        return err_set(e, ERR_NO_MEMORY, "streams of a cohort");
    for (int i = 0; i < x->streams; i++)
        want[i] = (struct subject_want){(const uint8_t *)x->stream[i].row->s.p, SUBJECT_STREAM};
    if (fetch(x, want, x->streams, e))
        return -1;
    for (int i = 0; i < page.n; i++)
        if (open_person(x, &x->member[x->from + i], &page.person[i], e))
            return -1;
    *ret = page;
    return 1;
}

int cohort_streams(const struct study *s, const struct caller *c, const uint8_t project[16], int64_t after, int limit,
                   const struct audit_entry *audit, struct arena *a, struct cohort_people *ret, struct err *e)
{
    int rc = -1;
    for (int i = 0; i < TRIES; i++) {
        struct reading x = reading_of(s, c, project, PROJECT_STREAMS, after, limit, audit, a);
        rc = streams_once(&x, ret, e);
        if (!again(rc, i, e))
            return rc;
    }
    return rc;
}
