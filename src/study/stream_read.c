/* stream_read.c -- streams, listed, read and closed: by who treats the person, and by who watches over sensors. */
#include "base/clock.h"
#include "base/own.h"
#include "study/consent_int.h"
#include "study/house_int.h"
#include "study/patient_int.h"
#include "study/stream_int.h"

#define STREAM_COLUMNS "x.id, x.rev, x.card, x.since, x.until, x.ended, a.number"
#define STREAM_NUMBER  " FROM stream x JOIN alias a ON a.scope = x.scope AND a.subject_index = x.alias_index "
enum { ID, REV, CARD, SINCE, UNTIL, ENDED, NUMBER };
/* Of up to DB_MANY: those there are, and what the holder calls them. */
const char stream_list_sql[] =
    "SELECT " STREAM_COLUMNS STREAM_NUMBER "WHERE x.scope = $1 AND a.holder = $2 AND x.id IN (" DB_HUNDRED_3 ")";

struct found {
    const struct val *row;
    const struct stream_ends *ends;
    int64_t patient_id, data_id;
};
struct reading {
    struct looking look; /* its id is what was asked for */
    enum stream_of of;
    int64_t after;
    int limit;
    bool found;
    uint8_t house[16]; /* of a list that is of one */
    bool by_house;
    struct found *list;
    int n;
    int64_t all;
};

static struct reading reading_of(const struct study *s, const struct caller *c, int64_t id,
                                 const struct audit_entry *audit, struct arena *a)
{
    struct reading x = {.look = patient_looking(s, c, id, audit, a)};
    x.look.audit.object = entity_name(ENTITY_STREAM);
    return x;
}

static bool joins_persons(const struct caller *c)
{
    return policy_view(c->role, ENTITY_PATIENT_LOOKUP, ACTION_READ) != VIEW_NONE;
}

/* In a body behind the gate: is there consent for what the view is for? 1, 0, -1. */
static int consents(struct tx *tx, const struct reading *x, const uint8_t data[16], struct err *e)
{
    unsigned asked = consent_asked(policy_view(x->look.c->role, ENTITY_STREAM, ACTION_READ));
    return asked ? consent_given(tx, x->look.s, data, asked, x->look.arena, e) : 1;
}

/* In a body: consent is held before the gate, since nobody withdraws it then. 0: the people of a project are read by
 * cohort.c. */
static int enter(struct tx *tx, struct reading *x, struct err *e)
{
    const struct view_row *v = view_row(policy_view(x->look.c->role, ENTITY_STREAM, ACTION_READ));
    if (!v || v->reach == REACH_COHORT)
        return study_enter(tx, x->look.s, x->look.c, e) ? -1 : 0;
    return consent_hold(tx, x->look.arena, e) ? -1 : 1;
}

/* In a body: whose edges are meant. How many, 0 (the caller knows none by this number), -1. */
static int ask_edges(struct tx *tx, struct reading *x, struct stream_ends **ret, struct err *e)
{
    struct looking *l = &x->look;
    int got = enter(tx, x, e);
    if (got <= 0)
        return got;
    x->by_house = x->of == STREAMS_OF_HOUSE && !joins_persons(l->c);
    if (!x->by_house)
        got = patient_enter_data(tx, l, e);
    else
        got = study_enter(tx, l->s, l->c, e)
                  ? -1
                  : alias_subject(tx, l->s, study_holder(l->c), l->id, l->arena, x->house, e);
    if (got <= 0)
        return got;
    return x->by_house ? bond_streams(tx, l->s, BY_HOUSE, x->house, l->arena, ret, e)
                       : bond_streams(tx, l->s, BY_DATA, l->bond.data_nick, l->arena, ret, e);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct found *)a)->row[NUMBER].i, y = ((const struct found *)b)->row[NUMBER].i;
    return (x > y) - (x < y);
}

/* The records of these, as far as there are any: the edge of a bond has none. */
static int ask_rows(struct tx *tx, struct reading *x, const struct stream_ends *ends, int n, struct err *e)
{
    struct looking *l = &x->look;
    struct val v[3 + DB_MANY] = {V_NULL, V_ID(l->s->scope), V_STR(study_holder(l->c))};
    for (int at = 0; at < n; at += DB_MANY) {
        struct rows r;
        int some = n - at < DB_MANY ? n - at : DB_MANY;
        for (int i = 0; i < DB_MANY; i++)
            v[3 + i] = V_ID(ends[at + (i < some ? i : 0)].stream);
        if (tx_rows_n(tx, l->arena, &r, e, stream_list_sql, v, 2 + DB_MANY) < 0)
            return -1;
        for (int i = 0; i < r.n; i++)
            for (int k = at; k < at + some; k++)
                if (memcmp(row_at(&r, i, ID)->s.p, ends[k].stream, 16) == 0)
                    x->list[x->n++] = (struct found){.row = row_at(&r, i, 0), .ends = &ends[k]};
    }
    return 0;
}

/* Those without consent are not there. */
static int cut_to_consent(struct tx *tx, struct reading *x, struct err *e)
{
    const uint8_t *asked = NULL;
    int kept = 0, may = 0;
    for (int i = 0; i < x->n; i++) {
        const uint8_t *data = x->list[i].ends->data;
        if (!asked || memcmp(asked, data, 16) != 0)
            may = consents(tx, x, data, e);
        if (may < 0)
            return -1;
        asked = data;
        if (may)
            x->list[kept++] = x->list[i];
    }
    x->n = kept;
    return 0;
}

/* What the caller calls their houses, and whose data they are where people are not seen. */
static int ask_numbers(struct tx *tx, struct reading *x, struct err *e)
{
    const struct looking *l = &x->look;
    uint8_t house[STREAMS_PAGE + 1][16], data[STREAMS_PAGE + 1][BLIND_BYTES];
    int64_t house_no[STREAMS_PAGE + 1], data_no[STREAMS_PAGE + 1] = {0};
    for (int i = 0; i < x->n; i++) {
        memcpy(house[i], x->list[i].ends->house, 16);
        if (alias_index(l->s, x->list[i].ends->data, data[i], e))
            return -1;
    }
    int n = x->n < STREAMS_PAGE ? x->n : STREAMS_PAGE; /* without the one that says that there are more */
    house_no[n] = 0;
    if (house_numbers(tx, l->s, l->c, (const uint8_t(*)[16])house, n, l->arena, house_no, e) ||
        (!joins_persons(l->c) &&
         alias_numbers(tx, l->s, study_holder(l->c), (const uint8_t(*)[BLIND_BYTES])data, n, l->arena, data_no, e)))
        return -1;
    for (int i = 0; i < x->n; i++) {
        x->list[i].patient_id = house_no[i];
        x->list[i].data_id = data_no[i];
    }
    return 0;
}

/* Of all that are seen the page that was asked for, and one more if there are. */
static void cut_to_page(struct reading *x)
{
    int from = 0;
    x->all = x->n;
    qsort(x->list, (size_t)x->n, sizeof *x->list, by_number);
    while (from < x->n && x->list[from].row[NUMBER].i <= x->after)
        from++;
    x->list += from;
    x->n -= from;
    if (x->n > x->limit + 1)
        x->n = x->limit + 1;
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    struct looking *l = &x->look;
    struct stream_ends *ends = NULL;
    x->n = 0;
    int n = ask_edges(tx, x, &ends, e);
    if (n <= 0)
        return n ? -1 : patient_absent(tx, l, e);
    x->found = true;
    x->list = arena_take(l->arena, (size_t)n * sizeof *x->list);
    if (!x->list)
        return err_set(e, ERR_NO_MEMORY, "streams");
    if (ask_rows(tx, x, ends, n, e) || cut_to_consent(tx, x, e))
        return -1;
    cut_to_page(x);
    if (ask_numbers(tx, x, e))
        return -1;
    int64_t rows = x->n < x->limit ? x->n : x->limit;
    if (!x->by_house)
        return patient_leave(tx, l, rows, e);
    l->audit.rows = rows;
    return tx_ungate(tx, e) || names_audit(tx, l->s, x->house, l->arena, &l->audit, l->audit_id, e) ||
                   audit_append(tx, &l->audit, e)
               ? -1
               : 0;
}

static int open_stream(const struct reading *x, const struct found *f, struct stream *ret, struct err *e)
{
    const struct looking *l = &x->look;
    const struct val *v = f->row;
    struct slice text;
    struct stream to = {.id = v[NUMBER].i,
                        .patient_id = f->patient_id,
                        .data_id = f->data_id,
                        .rev = v[REV].i,
                        .epoch = f->ends->epoch,
                        .since = grain_cut(l->c->role, GRAIN_HOME, v[SINCE].i)};
    if (v[UNTIL].kind != VAL_NULL) {
        to.until = grain_cut(l->c->role, GRAIN_HOME, v[UNTIL].i);
        to.ended = v[ENDED].s;
    }
    if (study_unseal(l->s, f->ends->stream, SUBJECT_STREAM, PLACE_STREAM_CARD, f->ends->stream, 1, v[CARD].s, l->arena,
                     &text, e) ||
        stream_card_take(text, policy_view(l->c->role, ENTITY_STREAM, ACTION_READ), l->arena, &to.card, e))
        return err_in(e, "a stream");
    *ret = to;
    return 0;
}

static int fetch_keys(const struct reading *x, int n, struct err *e)
{
    struct subject_want want[STREAMS_PAGE];
    for (int i = 0; i < n; i++)
        want[i] = (struct subject_want){x->list[i].ends->stream, SUBJECT_STREAM};
    return keyring_subject_fetch(x->look.s->keyring, x->look.s->scope, want, n, e);
}

int stream_list(const struct study *s, const struct caller *c, enum stream_of of, int64_t id, int64_t after, int limit,
                const struct audit_entry *audit, struct arena *a, struct stream_page *ret, struct err *e)
{
    struct reading x = reading_of(s, c, id, audit, a);
    x.of = of;
    x.after = after;
    x.limit = limit;
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    struct stream_page page = {.n = x.n < limit ? x.n : limit, .all = x.all};
    page.stream = arena_take(a, (size_t)(page.n + 1) * sizeof *page.stream);
    if (!page.stream)
        return err_set(e, ERR_NO_MEMORY, "a page of streams");
    if (fetch_keys(&x, page.n, e))
        return -1;
    for (int i = 0; i < page.n; i++)
        if (open_stream(&x, &x.list[i], &page.stream[i], e))
            return -1;
    if (x.n > limit)
        page.next = page.stream[page.n - 1].id;
    *ret = page;
    return 1;
}

/* --- one --- */

/* In a body, behind the gate after it: the one stream that the caller calls so and sees. 1, 0, -1. */
static int find(struct tx *tx, struct reading *x, struct err *e)
{
    struct looking *l = &x->look;
    struct stream_ends *ends;
    uint8_t stream[16];
    int got = enter(tx, x, e);
    if (got <= 0)
        return got;
    if (study_enter(tx, l->s, l->c, e))
        return -1;
    got = alias_subject(tx, l->s, study_holder(l->c), l->id, l->arena, stream, e);
    if (got > 0)
        got = bond_streams(tx, l->s, BY_STREAM, stream, l->arena, &ends, e);
    if (got <= 0)
        return got;
    x->n = 0;
    x->list = arena_take(l->arena, sizeof *x->list);
    if (!x->list)
        return err_set(e, ERR_NO_MEMORY, "a stream");
    return ask_rows(tx, x, ends, 1, e) || cut_to_consent(tx, x, e) || ask_numbers(tx, x, e) ? -1 : x->n;
}

static int leave(struct tx *tx, struct reading *x, struct err *e)
{
    struct looking *l = &x->look;
    l->audit.rows = 1;
    return names_audit(tx, l->s, x->list->ends->stream, l->arena, &l->audit, l->audit_id, e) ||
                   audit_append(tx, &l->audit, e)
               ? -1
               : 0;
}

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    int got = find(tx, x, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : patient_absent(tx, &x->look, e);
    return tx_ungate(tx, e) || leave(tx, x, e) ? -1 : 0;
}

int stream_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                struct arena *a, struct stream *ret, struct err *e)
{
    struct reading x = reading_of(s, c, id, audit, a);
    if (tx_run(s->db, read_body, &x, e))
        return -1;
    return x.found ? (open_stream(&x, x.list, ret, e) ? -1 : 1) : 0;
}

struct closing {
    struct reading read;
    const struct study_revs *only;
};

static int close_body(struct tx *tx, void *arg, struct err *e)
{
    const struct closing *w = arg;
    struct reading *x = &((struct closing *)arg)->read;
    struct looking *l = &x->look;
    int got = find(tx, x, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : patient_absent(tx, l, e);
    const struct val *v = x->list->row;
    if (!study_is_of(w->only, v[REV].i))
        return err_set(e, ERR_PRECONDITION, "a stream of another revision");
    int64_t now = clock_now_us();
    int n = v[UNTIL].kind != VAL_NULL
                ? 0
                : tx_exec(tx, e,
                          "UPDATE stream SET until = $1, ended = $2, rev = rev + 1 WHERE scope = $3 AND id = $4 AND "
                          "rev = $5 AND until IS NULL",
                          V_INT(now), V_STR(stream_why_name(STREAM_CLOSED)), V_ID(l->s->scope),
                          V_ID(x->list->ends->stream), V_INT(v[REV].i));
    if (n <= 0)
        return n ? -1 : err_set(e, ERR_RULE, "the stream has ended already");
    x->n = 0;
    if (ask_rows(tx, x, x->list->ends, 1, e) || ask_numbers(tx, x, e) || tx_ungate(tx, e) ||
        stream_end(tx, l->s, x->list->ends->stream, STREAM_CLOSED, now, e) < 0)
        return -1;
    return leave(tx, x, e);
}

int stream_close(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                 const struct audit_entry *audit, struct arena *a, struct stream *ret, struct err *e)
{
    struct closing w = {reading_of(s, c, id, audit, a), only};
    w.read.look.audit.why = "closed";
    if (tx_run(s->db, close_body, &w, e))
        return -1;
    if (!w.read.found)
        return err_set(e, ERR_NOT_FOUND, "no such stream of this role");
    return open_stream(&w.read, w.read.list, ret, e);
}
