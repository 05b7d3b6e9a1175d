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
    if (tx_rows(tx, x->arena, &x->entries, e, ticket_messages_sql, V_ID(x->s->scope), ticket, V_INT(x->after),
                V_INT(x->limit + 1)) < 0 ||
        tx_rows(tx, x->arena, &x->count, e,
                "SELECT count(*) FROM ticket_entry WHERE scope = $1 AND ticket = $2 AND kind = 'message'",
                V_ID(x->s->scope), ticket) < 0)
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

#define FROM_TICKETS                                                                                                   \
    "SELECT " TICKET_COLUMNS                                                                                           \
    ", a.number FROM ticket t JOIN alias a ON a.scope = t.scope AND a.holder = $1 AND a.subject_index = "              \
    "t.alias_index WHERE t.scope = $2"
#define PAGE(after, id, limit)                                                                                         \
    " AND (t.opened_at, t.id) < (" after ", " id ") ORDER BY t.opened_at DESC, t.id DESC LIMIT " limit
/* By: is it of one house, is it in one state? */
const char *const ticket_list_sql[2][2] = {
    {FROM_TICKETS PAGE("$3", "$4", "$5"), FROM_TICKETS " AND t.state = $3" PAGE("$4", "$5", "$6")},
    {FROM_TICKETS " AND t.house_nick = $3" PAGE("$4", "$5", "$6"),
     FROM_TICKETS " AND t.house_nick = $3 AND t.state = $4" PAGE("$5", "$6", "$7")},
};
const char *const ticket_count_sql[2][2] = {
    {"SELECT count(*) FROM ticket WHERE scope = $1", "SELECT count(*) FROM ticket WHERE scope = $1 AND state = $2"},
    {"SELECT count(*) FROM ticket WHERE scope = $1 AND house_nick = $2",
     "SELECT count(*) FROM ticket WHERE scope = $1 AND house_nick = $2 AND state = $3"},
};

struct listing {
    const struct study *s;
    const struct caller *c;
    const struct ticket_filter *f;
    struct arena *arena;
    struct audit_entry audit;
    bool found;
    uint8_t house[16];
    struct rows rows, count;
    int64_t patient_id[TICKETS_PAGE + 1];
};

/* Where the page begins: behind the ticket that the filter names, or behind all that could be. */
static int begin(struct tx *tx, const struct listing *x, int64_t *ret_at, uint8_t ret_id[16], struct err *e)
{
    struct rows r;
    *ret_at = INT64_MAX;
    memset(ret_id, 0xff, 16);
    if (!x->f->after)
        return 0;
    int got = ticket_find(tx, x->s, x->c, x->f->after, x->arena, &r, e);
    if (got <= 0)
        return got < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "the page begins behind a ticket that is not there");
    *ret_at = r.cell[TICKET_OPENED].i;
    memcpy(ret_id, r.cell[TICKET_ID].s.p, 16);
    return 0;
}

static int list_page(struct tx *tx, struct listing *x, struct err *e)
{
    bool house = x->f->patient_id != 0, state = x->f->state >= 0;
    struct val v[8] = {V_NULL}, c[4] = {V_NULL};
    uint8_t id[16];
    int64_t at;
    int n = 1, k = 1;
    if (begin(tx, x, &at, id, e))
        return -1;
    v[n++] = V_STR(role_name(x->c->role));
    v[n++] = c[k++] = V_ID(x->s->scope);
    if (house)
        v[n++] = c[k++] = V_ID(x->house);
    if (state)
        v[n++] = c[k++] = V_STR(ticket_state_name((enum ticket_state)x->f->state));
    v[n++] = V_INT(at);
    v[n++] = V_ID(id);
    v[n++] = V_INT(x->f->limit + 1);
    return tx_rows_n(tx, x->arena, &x->rows, e, ticket_list_sql[house][state], v, n - 1) < 0 ||
                   tx_rows_n(tx, x->arena, &x->count, e, ticket_count_sql[house][state], c, k - 1) < 0
               ? -1
               : 0;
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
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

int ticket_list(const struct study *s, const struct caller *c, const struct ticket_filter *f,
                const struct audit_entry *audit, struct arena *a, struct ticket_page *ret, struct err *e)
{
    struct listing x = {.s = s, .c = c, .f = f, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_TICKET);
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    if (!x.found)
        return err_set(e, ERR_NOT_FOUND, "no such home of this role");
    struct ticket_page page = {.n = x.rows.n < f->limit ? x.rows.n : f->limit, .all = x.count.cell[0].i};
    page.ticket = arena_take(a, (size_t)(page.n + 1) * sizeof *page.ticket);
    if (!page.ticket)
        return err_set(e, ERR_NO_MEMORY, "a page of tickets");
    for (int i = 0; i < page.n; i++) {
        ticket_take(row_at(&x.rows, i, 0), c, &page.ticket[i]);
        page.ticket[i].id = row_at(&x.rows, i, TICKET_NUMBER)->i;
        page.ticket[i].patient_id = x.patient_id[i];
    }
    if (x.rows.n > f->limit)
        page.next = page.ticket[page.n - 1].id;
    *ret = page;
    return 0;
}
