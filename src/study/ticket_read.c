#include "study/ticket_int.h"

#include "base/clock.h"
#include "base/own.h"

/* --- one --- */

struct reading {
    const struct study *s;
    const struct caller *c;
    int64_t id, after;
    int limit;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    struct rows row, entries, count; /* entries: id, number, kind, role, author, at, body */
    int64_t patient_id;
};
enum { ENTRY_ID, ENTRY_NUMBER, ENTRY_KIND, ENTRY_ROLE, ENTRY_AUTHOR, ENTRY_AT, ENTRY_BODY };

static int leave_about(struct tx *tx, struct reading *x, int64_t rows, struct err *e)
{
    x->audit.rows = rows;
    return tx_ungate(tx, e) ||
                   names_audit(tx, x->s, (const uint8_t *)x->row.cell[TICKET_ID].s.p, x->arena, &x->audit, x->audit_id,
                               e) ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

/* 1, and 0 having left the gate with an entry. */
static int enter_for(struct tx *tx, struct reading *x, struct err *e)
{
    int got = study_enter(tx, x->s, x->c, e) ? -1 : ticket_find(tx, x->s, x->c, x->id, x->arena, &x->row, e);
    x->found = got > 0;
    return got ? got : study_leave_absent(tx, &x->audit, e);
}

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    uint8_t house[1][16];
    int got = enter_for(tx, x, e);
    if (got <= 0)
        return got;
    memcpy(house[0], x->row.cell[TICKET_HOUSE].s.p, 16);
    if (tx_rows(tx, x->arena, &x->entries, e,
                "SELECT id, number, kind, role, author, at, NULL FROM ticket_entry WHERE scope = $1 AND ticket = $2 "
                "AND kind <> 'message' ORDER BY number DESC LIMIT $3",
                V_ID(x->s->scope), V_BLOB(x->row.cell[TICKET_ID].s), V_INT(TICKET_HISTORY)) < 0 ||
        house_numbers(tx, x->s, x->c, (const uint8_t(*)[16])house, 1, x->arena, &x->patient_id, e))
        return -1;
    return leave_about(tx, x, 1, e);
}

static int take_entry(const struct reading *x, const struct val *v, struct ticket_entry *ret, struct err *e)
{
    *ret = (struct ticket_entry){.number = v[ENTRY_NUMBER].i,
                                 .kind = v[ENTRY_KIND].s,
                                 .role = v[ENTRY_ROLE].s,
                                 .at = grain_cut(x->c->role, GRAIN_TICKET, v[ENTRY_AT].i),
                                 .mine = memcmp(v[ENTRY_AUTHOR].s.p, x->c->id, 16) == 0};
    return v[ENTRY_BODY].kind == VAL_NULL
               ? 0
               : study_unseal(x->s, (const uint8_t *)x->row.cell[TICKET_HOUSE].s.p, SUBJECT_TICKET, PLACE_TICKET_BODY,
                              (const uint8_t *)v[ENTRY_ID].s.p, 1, v[ENTRY_BODY].s, x->arena, &ret->body, e);
}

/* `most` of the rows that were found. */
static int take_entries(const struct reading *x, int most, struct ticket_entries *ret, struct err *e)
{
    *ret = (struct ticket_entries){.n = x->entries.n < most ? x->entries.n : most};
    ret->entry = arena_take(x->arena, (size_t)(ret->n + 1) * sizeof *ret->entry);
    if (!ret->entry)
        return err_set(e, ERR_NO_MEMORY, "entries of a ticket");
    for (int i = 0; i < ret->n; i++)
        if (take_entry(x, row_at(&x->entries, i, 0), &ret->entry[i], e))
            return err_in(e, "a ticket");
    return 0;
}

int ticket_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                struct arena *a, struct ticket *ret, struct ticket_entries *ret_history, struct err *e)
{
    struct reading x = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_TICKET);
    if (tx_run(s->db, read_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    if (take_entries(&x, TICKET_HISTORY, ret_history, e))
        return -1;
    ret_history->all = ret_history->n;
    ticket_take(x.row.cell, c, ret);
    ret->id = id;
    ret->patient_id = x.patient_id;
    return 1;
}

/* --- its messages --- */

const char ticket_messages_sql[] =
    "SELECT id, number, kind, role, author, at, body FROM ticket_entry WHERE scope = $1 AND ticket = $2 AND number > "
    "$3 AND kind = 'message' ORDER BY number LIMIT $4";

static int messages_body(struct tx *tx, void *arg, struct err *e)
{
    struct reading *x = arg;
    int got = enter_for(tx, x, e);
    if (got <= 0)
        return got;
    struct val ticket = V_BLOB(x->row.cell[TICKET_ID].s);
    if (tx_ask(tx, x->arena, &x->entries, e, ticket_messages_sql, V_ID(x->s->scope), ticket, V_INT(x->after),
               V_INT(x->limit + 1)) ||
        tx_ask(tx, x->arena, &x->count, e,
               "SELECT count(*) FROM ticket_entry WHERE scope = $1 AND ticket = $2 AND kind = 'message'",
               V_ID(x->s->scope), ticket) ||
        tx_wait(tx, e))
        return -1;
    return leave_about(tx, x, x->entries.n < x->limit ? x->entries.n : x->limit, e);
}

int ticket_messages(const struct study *s, const struct caller *c, int64_t id, int64_t after, int limit,
                    const struct audit_entry *audit, struct arena *a, struct ticket_entries *ret, struct err *e)
{
    struct reading x = {.s = s, .c = c, .id = id, .after = after, .limit = limit, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_TICKET_ENTRY);
    if (tx_run(s->db, messages_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    if (take_entries(&x, limit, ret, e))
        return -1;
    ret->all = x.count.cell[0].i;
    ret->next = x.entries.n > limit ? ret->entry[ret->n - 1].number : 0;
    return 1;
}

/* --- many --- */

/* Numbers are asked for after it: joined here, PostgreSQL began with all the numbers that the role has. */
#define FROM_TICKETS "SELECT " TICKET_COLUMNS ", t.alias_index FROM ticket t WHERE t.scope = $1"
#define PAGE_BY(at, after, id, limit)                                                                                  \
    " AND (t." at ", t.id) < (" after ", " id ") ORDER BY t." at " DESC, t.id DESC LIMIT " limit
#define BY_TIME(after, id, limit)      PAGE_BY("opened_at", after, id, limit)
#define BY_INSTALLER(after, id, limit) PAGE_BY("installer_turn", after, id, limit)
#define BY_MONITOR(after, id, limit)   PAGE_BY("monitor_turn", after, id, limit)
#define NO_PAGE(after, id, limit)      ""
#define OF(house, state, mine)    " AND t.house_nick = " house " AND t.state = " state " AND t.installer = " mine
/* Each condition and the page behind it, with the parameters that are left for them. */
#define BY(from, page, a, b, c, d, e, f)                                                                               \
    {                                                                                                                  \
        {{from page(a, b, c), from " AND t.installer = " a page(b, c, d)},                                             \
         {from " AND t.state = " a page(b, c, d), from " AND t.state = " a " AND t.installer = " b page(c, d, e)}},    \
        {                                                                                                              \
            {from " AND t.house_nick = " a page(b, c, d),                                                              \
             from " AND t.house_nick = " a " AND t.installer = " b page(c, d, e)},                                     \
                {from " AND t.house_nick = " a " AND t.state = " b page(c, d, e), from OF(a, b, c) page(d, e, f)},     \
        }                                                                                                              \
    }
#define COUNT_TICKETS "SELECT count(*) FROM ticket t WHERE t.scope = $1"
#define OF_ANY_OR_ONE_CATEGORY(from, page)                                                                             \
    {                                                                                                                  \
        BY(from, page, "$2", "$3", "$4", "$5", "$6", "$7"),                                                            \
            BY(from " AND t.category = $2", page, "$3", "$4", "$5", "$6", "$7", "$8"),                                 \
    }
const char *const ticket_list_sql[TICKET_ORDERS][2][2][2][2] = {
    [TICKET_BY_TIME] = OF_ANY_OR_ONE_CATEGORY(FROM_TICKETS, BY_TIME),
    [TICKET_BY_INSTALLER] = OF_ANY_OR_ONE_CATEGORY(FROM_TICKETS, BY_INSTALLER),
    [TICKET_BY_MONITOR] = OF_ANY_OR_ONE_CATEGORY(FROM_TICKETS, BY_MONITOR),
};
const char *const ticket_count_sql[2][2][2][2] = OF_ANY_OR_ONE_CATEGORY(COUNT_TICKETS, NO_PAGE);

enum ticket_order ticket_order_of(const struct caller *c)
{
    return c->role == ROLE_INSTALLER ? TICKET_BY_INSTALLER
           : c->role == ROLE_MONITOR ? TICKET_BY_MONITOR
                                     : TICKET_BY_TIME;
}

struct listing {
    const struct study *s;
    const struct caller *c;
    const struct ticket_filter *f;
    struct arena *arena;
    struct audit_entry audit;
    bool found;
    uint8_t house[16];
    struct rows rows, count;
    int n; /* shown: without the one that says that there are more */
    int64_t number[TICKETS_PAGE], patient_id[TICKETS_PAGE];
};
_Static_assert(TICKETS_PAGE <= (int)DB_MANY, "of a whole page is asked at once");

int ticket_begin(struct tx *tx, const struct study *s, const struct caller *c, int64_t after, bool oldest_first,
                 struct arena *a, int64_t *ret_at, uint8_t ret_id[16], struct err *e)
{
    static const int by[TICKET_ORDERS] = {[TICKET_BY_TIME] = TICKET_OPENED,
                                          [TICKET_BY_INSTALLER] = TICKET_INSTALLER_TURN,
                                          [TICKET_BY_MONITOR] = TICKET_MONITOR_TURN};
    struct rows r;
    *ret_at = oldest_first ? INT64_MIN : INT64_MAX;
    memset(ret_id, oldest_first ? 0 : 0xff, 16);
    if (!after)
        return 0;
    int got = ticket_find(tx, s, c, after, a, &r, e);
    if (got <= 0)
        return got < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "the page begins behind a ticket that is not there");
    *ret_at = r.cell[by[ticket_order_of(c)]].i;
    memcpy(ret_id, r.cell[TICKET_ID].s.p, 16);
    return 0;
}

static int list_page(struct tx *tx, struct listing *x, struct err *e)
{
    bool category = x->f->category, house = x->f->patient_id != 0, state = x->f->state >= 0, mine = x->f->mine;
    struct val v[9] = {V_NULL}, c[6] = {V_NULL};
    uint8_t id[16];
    int64_t at;
    int n = 1, k = 1;
    if (ticket_begin(tx, x->s, x->c, x->f->after, false, x->arena, &at, id, e))
        return -1;
    v[n++] = c[k++] = V_ID(x->s->scope);
    if (category)
        v[n++] = c[k++] = V_STR(ticket_category_name(*x->f->category));
    if (house)
        v[n++] = c[k++] = V_ID(x->house);
    if (state)
        v[n++] = c[k++] = V_STR(ticket_state_name((enum ticket_state)x->f->state));
    if (mine)
        v[n++] = c[k++] = V_ID(x->c->id);
    v[n++] = V_INT(at);
    v[n++] = V_ID(id);
    v[n++] = V_INT(x->f->limit + 1);
    const char *sql = ticket_list_sql[ticket_order_of(x->c)][category][house][state][mine];
    return tx_ask_n(tx, x->arena, &x->rows, e, sql, v, n - 1) ||
                   tx_ask_n(tx, x->arena, &x->count, e, ticket_count_sql[category][house][state][mine], c, k - 1) ||
                   tx_wait(tx, e)
               ? -1
               : 0;
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    uint8_t house[TICKETS_PAGE][16], index[TICKETS_PAGE][BLIND_BYTES];
    struct rows numbers;
    int got = study_enter(tx, x->s, x->c, e) ? -1 : 1;
    if (got > 0 && x->f->patient_id)
        got = house_find(tx, x->s, x->c, x->f->patient_id, x->arena, x->house, e);
    x->found = got > 0;
    if (got <= 0)
        return got < 0 ? -1 : study_leave_absent(tx, &x->audit, e);
    if (list_page(tx, x, e))
        return -1;
    x->n = x->rows.n < x->f->limit ? x->rows.n : x->f->limit;
    for (int i = 0; i < x->n; i++) {
        memcpy(house[i], row_at(&x->rows, i, TICKET_HOUSE)->s.p, 16);
        memcpy(index[i], row_at(&x->rows, i, TICKET_ALIAS)->s.p, BLIND_BYTES);
    }
    if (alias_ask_numbers(tx, x->s, study_holder(x->c), (const uint8_t(*)[BLIND_BYTES])index, x->n, x->arena, &numbers,
                          e) ||
        house_numbers(tx, x->s, x->c, (const uint8_t(*)[16])house, x->n, x->arena, x->patient_id, e))
        return -1;
    alias_take_numbers(&numbers, (const uint8_t(*)[BLIND_BYTES])index, x->n, x->number);
    x->audit.rows = x->n;
    return study_leave(tx, &x->audit, e);
}

int ticket_list(const struct study *s, const struct caller *c, const struct ticket_filter *f,
                const struct audit_entry *audit, struct arena *a, struct ticket_page *ret, struct err *e)
{
    struct listing x = {.s = s, .c = c, .f = f, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_TICKET);
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    if (!x.found)
        return err_set(e, ERR_NOT_FOUND, "no such home of this role");
    struct ticket_page page = {.n = x.n, .all = x.count.cell[0].i};
    page.ticket = arena_take(a, (size_t)(page.n + 1) * sizeof *page.ticket);
    if (!page.ticket)
        return err_set(e, ERR_NO_MEMORY, "a page of tickets");
    for (int i = 0; i < page.n; i++) {
        ticket_take(row_at(&x.rows, i, 0), c, &page.ticket[i]);
        page.ticket[i].id = x.number[i];
        page.ticket[i].patient_id = x.patient_id[i];
    }
    if (x.rows.n > f->limit)
        page.next = page.ticket[page.n - 1].id;
    *ret = page;
    return 0;
}
