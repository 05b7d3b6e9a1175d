/* ticket_search.c -- tickets by what they are about, how they stand, and when they were opened and written in.
 *
 * Times are told to each role cut (grain.def), so they are also found so: a bound within a grain is moved to its end,
 * else asking again and again would tell what the cut hides. */
#include "base/own.h"
#include "study/ticket_int.h"

#define FROM_TICKETS                                                                                                   \
    "SELECT " TICKET_COLUMNS ", a.number FROM ticket t JOIN alias a ON a.scope = t.scope AND a.holder = $1 AND "       \
    "a.subject_index = t.alias_index WHERE t.scope = $2 AND "
#define WHICH                                                                                                          \
    "t.opened_at >= $3 AND t.opened_at < $4 AND (t.opened_at < $5 OR t.opened_at >= $6) AND t.last_at >= $7 AND "      \
    "t.last_at < $8 AND (t.last_at < $9 OR t.last_at >= $10) AND t.category IN ($11, $12, $13) AND ((t.state = "       \
    "'closed' AND CAST($14 AS BIGINT) = 1) OR (t.state = 'open' AND ((t.installer IS NULL AND CAST($15 AS BIGINT) = "  \
    "1) OR (t.installer IS NOT NULL AND CAST($16 AS BIGINT) = 1)))) "
#define DOWN(by, at, id, limit)                                                                                        \
    " AND (t." by ", t.id) < (" at ", " id ") ORDER BY t." by " DESC, t.id DESC LIMIT " limit
#define UP(by, at, id, limit) " AND (t." by ", t.id) > (" at ", " id ") ORDER BY t." by ", t.id LIMIT " limit
#define HOUSE                 "AND t.house_nick = $17"
/* By: is it of one house, is it the oldest first? */
#define IN_ORDER(by)                                                                                                   \
    {                                                                                                                  \
        {FROM_TICKETS WHICH DOWN(by, "$17", "$18", "$19"), FROM_TICKETS WHICH UP(by, "$17", "$18", "$19")},            \
            {FROM_TICKETS WHICH HOUSE DOWN(by, "$18", "$19", "$20"),                                                   \
             FROM_TICKETS WHICH HOUSE UP(by, "$18", "$19", "$20")},                                                    \
    }
const char *const ticket_search_sql[TICKET_ORDERS][2][2] = {
    [TICKET_BY_TIME] = IN_ORDER("opened_at"),
    [TICKET_BY_INSTALLER] = IN_ORDER("installer_turn"),
    [TICKET_BY_MONITOR] = IN_ORDER("monitor_turn"),
};
/* $1 is asked for nothing, so that both have the same numbers. */
#define COUNT_TICKETS "SELECT count(*) FROM ticket t WHERE CAST($1 AS TEXT) = $1 AND t.scope = $2 AND " WHICH
const char *const ticket_search_count_sql[2] = {COUNT_TICKETS, COUNT_TICKETS HOUSE};

enum { WHICH_LAST = 16, NUMBER = TICKET_ALIAS };

struct searching {
    const struct study *s;
    const struct caller *c;
    const struct ticket_search *f;
    struct arena *arena;
    struct audit_entry audit;
    bool found;
    uint8_t house[16];
    struct rows rows, count;
    int64_t patient_id[TICKETS_PAGE + 1];
};

/* The first moment that is told as `us` or later: cut(t) >= us holds for t >= this. */
static int64_t first_told(const struct caller *c, int64_t us)
{
    if (us <= 0 || us == INT64_MAX)
        return us;
    int64_t cut = grain_cut(c->role, GRAIN_TICKET, us), day = INT64_C(86400000000);
    if (cut == us)
        return us;
    for (int64_t unit = 1000000; unit <= day; unit *= 60) { /* a second, a minute, an hour */
        int64_t next = us - us % unit + unit;
        if (grain_cut(c->role, GRAIN_TICKET, next) == next)
            return next;
    }
    return us - us % day + day;
}

static void which(const struct searching *x, struct val *v)
{
    const struct ticket_search *f = x->f;
    const struct ticket_when *when[] = {&f->opened, &f->written};
    int n = 3;
    v[1] = V_STR(role_name(x->c->role));
    v[2] = V_ID(x->s->scope);
    for (size_t i = 0; i < COUNT(when); i++) {
        v[n++] = V_INT(first_told(x->c, when[i]->since));
        v[n++] = V_INT(first_told(x->c, when[i]->until));
        v[n++] = V_INT(first_told(x->c, when[i]->not_from));
        v[n++] = V_INT(first_told(x->c, when[i]->not_until));
    }
    for (int i = 0; i < TICKET_CATEGORIES; i++)
        v[n++] = V_STR(f->category[i] ? ticket_category_name((enum ticket_category)i) : "");
    v[n++] = V_INT(f->closed);
    v[n++] = V_INT(f->open);
    v[n++] = V_INT(f->taken);
}

static int list_page(struct tx *tx, struct searching *x, struct err *e)
{
    struct val v[WHICH_LAST + 5] = {V_NULL}, c[WHICH_LAST + 2];
    bool house = x->f->patient_id != 0;
    uint8_t id[16];
    int64_t at;
    if (ticket_begin(tx, x->s, x->c, x->f->after, x->f->oldest_first, x->arena, &at, id, e))
        return -1;
    which(x, v);
    if (house)
        v[WHICH_LAST + 1] = V_ID(x->house);
    memcpy(c, v, sizeof c);
    v[WHICH_LAST + house + 1] = V_INT(at);
    v[WHICH_LAST + house + 2] = V_ID(id);
    v[WHICH_LAST + house + 3] = V_INT(x->f->limit + 1);
    return tx_rows_n(tx, x->arena, &x->rows, e, ticket_search_sql[ticket_order_of(x->c)][house][x->f->oldest_first], v,
                     WHICH_LAST + 3 + house) < 0 ||
                   tx_rows_n(tx, x->arena, &x->count, e, ticket_search_count_sql[house], c, WHICH_LAST + house) < 0
               ? -1
               : 0;
}

static int search_body(struct tx *tx, void *arg, struct err *e)
{
    struct searching *x = arg;
    uint8_t house[TICKETS_PAGE + 1][16];
    int got = study_enter(tx, x->s, x->c, e) ? -1 : 1;
    if (got > 0 && x->f->patient_id)
        got = house_find(tx, x->s, x->c, x->f->patient_id, x->arena, x->house, e);
    x->found = got > 0;
    if (got <= 0)
        return got < 0 ? -1 : study_leave_absent(tx, &x->audit, e);
    if (list_page(tx, x, e))
        return -1;
    for (int i = 0; i < x->rows.n; i++)
        memcpy(house[i], row_at(&x->rows, i, TICKET_HOUSE)->s.p, 16);
    if (house_numbers(tx, x->s, x->c, (const uint8_t(*)[16])house, x->rows.n, x->arena, x->patient_id, e))
        return -1;
    x->audit.rows = x->rows.n < x->f->limit ? x->rows.n : x->f->limit;
    return study_leave(tx, &x->audit, e);
}

int ticket_search(const struct study *s, const struct caller *c, const struct ticket_search *f,
                  const struct audit_entry *audit, struct arena *a, struct ticket_page *ret, struct err *e)
{
    struct searching x = {.s = s, .c = c, .f = f, .arena = a, .audit = *audit};
    struct ticket_page page = {.n = 0};
    x.audit.object = entity_name(ENTITY_TICKET);
    if (tx_run(s->db, search_body, &x, e))
        return -1;
    if (!x.found)
        return *ret = page, 0;
    page.n = x.rows.n < f->limit ? x.rows.n : f->limit;
    page.all = x.count.cell[0].i;
    page.ticket = arena_take(a, (size_t)(page.n + 1) * sizeof *page.ticket);
    if (!page.ticket)
        return err_set(e, ERR_NO_MEMORY, "a page of tickets");
    for (int i = 0; i < page.n; i++) {
        ticket_take(row_at(&x.rows, i, 0), c, &page.ticket[i]);
        page.ticket[i].id = row_at(&x.rows, i, NUMBER)->i;
        page.ticket[i].patient_id = x.patient_id[i];
    }
    if (x.rows.n > f->limit)
        page.next = page.ticket[page.n - 1].id;
    *ret = page;
    return 1;
}
