/* fhir_task.c -- /fhir/R4/Task: tickets about homes. What is written in them is not told here (/api/v1/tickets). */
#include "api/fhir_int.h"
#include "study/ticket.h"

static const struct status {
    enum ticket_state state;
    bool taken;
    const char *code;
} statuses[] = {
#define STATUS(state, taken, code) {TICKET_##state, taken, code},
#include "api/fhir_task.def"
#undef STATUS
};

static struct slice status_of(const struct ticket *x)
{
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (slice_is(x->state, ticket_state_name(statuses[i].state)) && x->taken == statuses[i].taken)
            return slice_of(statuses[i].code);
    return (struct slice){NULL, 0};
}

static void put(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct ticket *x = record;
#define STATUS_OF status_of(x)
#define OF_HOUSE  (face_patient(q, x->patient_id).p ? (struct slice){NULL, 0} : face_number(q, x->patient_id))
    const struct element row[] = {
        FACE_META(q, m),
#define ELEMENT(path, kind, source, what) {path, ELEMENT_##kind, source, NULL},
#define FIXED(path, text, with)           {path, ELEMENT_TEXT, SLICE(text), with},
#include "api/fhir_task.def"
#undef ELEMENT
#undef FIXED
    };
    element_put(o, row, COUNT(row));
}

static struct face_meta meta(struct api_request *q, const void *record)
{
    static const enum entity of[] = {ENTITY_TICKET, ENTITY_COUNT};
    const struct ticket *x = record;
    struct face_meta m = {.id = arena_printf(q->arena, "%lld", (long long)x->id),
                          .version = arena_printf(q->arena, "%lld", (long long)x->rev),
                          .modified = x->last_at};
    face_marks(q, of, &m);
    return m;
}

static const struct face_kind kind = {FACE_Task, meta, put};

/* 1, 0, -1 */
static int read_one(struct api_request *q, int64_t id, struct ticket *ret, struct err *e)
{
    struct ticket_entries history;
    return ticket_read(&q->api->study, &q->caller, id, &q->audit, q->arena, ret, &history, e);
}

int api_fhir_task_read(struct api_request *q, struct err *e)
{
    struct ticket t;
    int64_t id;
    if (face_path_id(q, &id, e))
        return -1;
    int found = read_one(q, id, &t, e);
    return found < 0 ? -1 : found ? face_send(q, &kind, &t, e) : face_absent(e);
}

/* --- searched --- */

#define CATEGORIES FACE_OURS "CodeSystem:ticket-category"

static bool status_wanted(const struct search *s, const char *code)
{
    bool wanted = true;
    for (int i = 0; i < s->terms; i++)
        if (s->term[i].param == PARAM_Task_status)
            wanted &= search_token_fits(&s->term[i], "http://hl7.org/fhir/task-status", slice_of(code));
    return wanted;
}

static bool category_wanted(const struct search *s, enum ticket_category c)
{
    bool wanted = true;
    for (int i = 0; i < s->terms; i++)
        if (s->term[i].param == PARAM_Task_code)
            wanted &= search_token_fits(&s->term[i], CATEGORIES, slice_of(ticket_category_name(c)));
    return wanted;
}

static int take_when(struct api_request *q, const struct search *s, enum search_param p, struct ticket_when *ret,
                     struct err *e)
{
    struct search_span x;
    const char *wrong = search_span(s, p, &x);
    if (wrong)
        return face_refuse(q, "not-supported", search_param_row(p)->name, wrong, e);
    *ret = (struct ticket_when){x.since, x.until, x.not_from, x.not_until};
    return 0;
}

/* What two parameters leave that mean one time. False: both leave something out. */
static bool both(struct ticket_when *x, const struct ticket_when *y)
{
    x->since = y->since > x->since ? y->since : x->since;
    x->until = y->until < x->until ? y->until : x->until;
    if (x->not_until > x->not_from && y->not_until > y->not_from)
        return false;
    if (y->not_until > y->not_from)
        x->not_from = y->not_from, x->not_until = y->not_until;
    return true;
}

static int take_terms(struct api_request *q, const struct search *s, struct ticket_search *f, struct err *e)
{
    struct ticket_when updated = {.since = 0};
    if (take_when(q, s, PARAM_Task_authored_on, &f->opened, e) ||
        take_when(q, s, PARAM_Task_modified, &f->written, e) || take_when(q, s, PARAM_Task_last_updated, &updated, e))
        return -1;
    if (!both(&f->written, &updated))
        return face_refuse(q, "not-supported", "_lastUpdated", "modified says the same: ne is understood once", e);
    for (int c = 0; c < TICKET_CATEGORIES; c++)
        f->category[c] = category_wanted(s, (enum ticket_category)c);
    f->open = status_wanted(s, "requested");
    f->taken = status_wanted(s, "accepted");
    f->closed = status_wanted(s, "completed");
    f->oldest_first = s->sorted && !s->descending;
    f->limit = s->only_count ? 1 : s->count;
    return face_cursor(q, s, &f->after, e);
}

static bool in(const struct ticket_when *w, int64_t at)
{
    return w->since <= at && at < w->until && !(w->not_from <= at && at < w->not_until);
}

/* The one of an id, if the rest fits it, too. */
static int search_id(struct api_request *q, const struct search *s, const struct ticket_search *f, int64_t id,
                     struct err *e)
{
    struct ticket t;
    int found = read_one(q, id, &t, e);
    bool fits = found > 0 && in(&f->opened, t.opened_at) && in(&f->written, t.last_at) &&
                (!f->patient_id || f->patient_id == t.patient_id) && status_wanted(s, status_of(&t).p);
    for (int c = 0; fits && c < TICKET_CATEGORIES; c++)
        fits = f->category[c] || !slice_is(t.category, ticket_category_name((enum ticket_category)c));
    struct face_page p = {&t, sizeof t, fits, fits, NULL};
    return found < 0 ? -1 : face_send_page(q, s, &kind, &p, e);
}

int api_fhir_task_search(struct api_request *q, struct err *e)
{
    static const enum search_param ids[] = {PARAM_Task_id, SEARCH_PARAMS},
                                   patients[] = {PARAM_Task_patient, PARAM_Task_subject, SEARCH_PARAMS};
    struct ticket_search f = {.limit = 1};
    struct ticket_page page;
    struct search s;
    int64_t id;
    if (face_search(q, FACE_Task, &s, e) || take_terms(q, &s, &f, e))
        return -1;
    int by_id = face_one_number(&s, ids, &id);
    if (by_id < 0 || face_one_number(&s, patients, &f.patient_id) < 0)
        return face_send_nothing(q, &s, "Ticket", e);
    if (by_id)
        return search_id(q, &s, &f, id, e);
    if (ticket_search(&q->api->study, &q->caller, &f, &q->audit, q->arena, &page, e) < 0)
        return e->code == ERR_NOT_FOUND ? face_refuse(q, "invalid", "_cursor", "that page is not there any more", e)
                                        : -1;
    struct face_page p = {page.ticket, sizeof *page.ticket, page.n, page.all,
                          page.next ? arena_printf(q->arena, "%lld", (long long)page.next) : NULL};
    return face_send_page(q, &s, &kind, &p, e);
}
