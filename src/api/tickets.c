/* tickets.c -- /api/v1/tickets: what is to be done in homes, and what was said about it.
 *
 * Who writes is whose session it is. The prototype's clients send a `sender` beside each text: it is passed over. */
#include "api/home_int.h"
#include "base/clock.h"

enum { ANSWER_KIB = 64, PAGE_KIB = 2048 };

static int id_of(struct api_request *q, int64_t *ret, struct err *e)
{
    return api_record_id(q, q->param[0], "path/ticket_id", ret, e);
}

/* --- answers --- */

static void put_members(struct json_out *o, const struct ticket *t)
{
    char hue[HUE_TEXT];
    json_pair_int(o, "ticket_id", t->id);
    json_pair_int(o, "patient_id", t->patient_id);
    json_pair(o, "category", t->category);
    json_pair(o, "status", t->state);
    json_pair_str(o, "hue", hue_of(t->patient_id, hue));
    api_pair_time(o, "ts", t->opened_at);
    api_pair_since(o, "date_delta", t->opened_at);
    api_pair_time(o, "date_closed", t->closed_at);
    api_pair_time(o, "last_message", t->last_at);
    json_pair(o, "last_sender", t->last_role);
    json_pair_bool(o, "taken", t->taken);
    json_pair_bool(o, "mine", t->mine);
}

static void put_message(struct json_out *o, const struct ticket_entry *m)
{
    json_open(o, '{');
    json_pair_int(o, "number", m->number);
    api_pair_time(o, "ts", m->at);
    json_pair(o, "sender", m->role);
    json_pair_bool(o, "mine", m->mine);
    json_pair(o, m->body.p ? "body" : "what", m->body.p ? m->body : m->kind);
    json_close(o, '}');
}

static int send_ticket(struct api_request *q, int status, const struct ticket *t, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    put_members(&o, t);
    json_close(&o, '}');
    api_tag_rev(q, t->rev);
    return api_answer(q, status, &b, e);
}

/* --- reading --- */

int api_tickets_of(struct api_request *q, int64_t patient_id, struct err *e)
{
    struct slice state = api_query(q, "state"), category = api_query(q, "category"), mine = api_query(q, "mine");
    enum ticket_category of;
    struct ticket_filter f = {.patient_id = patient_id, .state = -1};
    struct ticket_page page;
    struct buf b = buf_in(q->arena, 1 << 20);
    struct json_out o = json_out(&b);
    enum ticket_state s;
    if (api_page_asked(q, TICKETS_PAGE, &f.limit, &f.after, e))
        return -1;
    if (state.p && !ticket_state_named(state, &s)) {
        api_issue_field(q, "enum", "query/state", "Input should be 'open' or 'closed'");
        return err_set(e, ERR_BAD_REQUEST, "a state there is not");
    }
    if (category.p && !ticket_category_named(category, &of)) {
        api_issue_field(q, "enum", "query/category",
                        "Input should be 'installation', 'maintenance' or 'uninstallation'");
        return err_set(e, ERR_BAD_REQUEST, "a category there is not");
    }
    if (mine.p && !slice_is(mine, "true")) {
        api_issue_field(q, "bool_parsing", "query/mine", "Input should be true, or be left out");
        return err_set(e, ERR_BAD_REQUEST, "mine is true");
    }
    if (state.p)
        f.state = (int)s;
    f.category = category.p ? &of : NULL;
    f.mine = mine.p;
    if (ticket_list(&q->api->study, &q->caller, &f, &q->audit, q->arena, &page, e))
        return -1;
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++) {
        json_open(&o, '{');
        put_members(&o, &page.ticket[i]);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, f.limit);
    return api_answer(q, 200, &b, e);
}

int api_ticket_list(struct api_request *q, struct err *e)
{
    return api_tickets_of(q, 0, e);
}

int api_ticket_get(struct api_request *q, struct err *e)
{
    struct ticket_entries past;
    struct ticket t;
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    int64_t id;
    if (id_of(q, &id, e))
        return -1;
    int found = ticket_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &t, &past, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    json_open(&o, '{');
    put_members(&o, &t);
    json_key(&o, "history");
    json_open(&o, '[');
    for (int i = 0; i < past.n; i++)
        put_message(&o, &past.entry[i]);
    json_close(&o, ']');
    json_close(&o, '}');
    api_tag_rev(q, t.rev);
    return api_answer(q, 200, &b, e);
}

int api_message_list(struct api_request *q, struct err *e)
{
    struct ticket_entries page;
    struct buf b = buf_in(q->arena, PAGE_KIB << 10);
    struct json_out o = json_out(&b);
    int64_t id, after;
    int limit;
    if (id_of(q, &id, e) || api_page_asked(q, TICKETS_PAGE, &limit, &after, e))
        return -1;
    int found = ticket_messages(&q->api->study, &q->caller, id, after, limit, &q->audit, q->arena, &page, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        put_message(&o, &page.entry[i]);
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, limit);
    return api_answer(q, 200, &b, e);
}

/* --- writing --- */

/* The text in object `at`, whose members are `body` and the `sender` that is passed over. 0 or -1 (422). */
static int take_text(struct api_request *q, const struct json *j, uint32_t at, const char *field, struct slice *ret,
                     struct err *e)
{
    uint32_t body = 0;
    for (uint32_t k = json_first(j, at); k != json_end(j, at); k = json_next(j, k)) {
        if (json_is(j, k, "body"))
            body = json_value(k);
        else if (!json_is(j, k, "sender"))
            return api_form_refused(q, NULL, "Extra inputs are not permitted", e);
    }
    if (!body)
        return api_form_refused(q, field, "Field required", e);
    *ret = json_kind(j, body) == JSON_STRING ? slice_trim(json_text(j, body, q->arena)) : (struct slice){NULL, 0};
    return ticket_text_fits(*ret) ? 0
                                  : api_form_refused(q, field,
                                                     "Value error, a text of 1 to 8000 bytes, without control "
                                                     "characters but line feeds and tabs",
                                                     e);
}

int api_ticket_from_body(struct api_request *q, int64_t patient_id, struct err *e)
{
    enum ticket_category category = TICKET_CATEGORY_MAINTENANCE;
    uint32_t message = 0;
    struct slice text;
    struct ticket t;
    struct json j;
    if (api_object(q, &j, e))
        return -1;
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
        uint32_t v = json_value(k);
        if (json_is(&j, k, "message"))
            message = v;
        else if (!json_is(&j, k, "category"))
            return api_form_refused(q, NULL, "Extra inputs are not permitted", e);
        else if (json_kind(&j, v) != JSON_NULL &&
                 (json_kind(&j, v) != JSON_STRING || !ticket_category_named(json_text(&j, v, q->arena), &category)))
            return api_form_refused(q, "category", "Input should be 'installation', 'maintenance' or 'uninstallation'",
                                    e);
    }
    if (!message || json_kind(&j, message) != JSON_OBJECT)
        return api_form_refused(q, "message", message ? "Input should be a JSON object" : "Field required", e);
    if (take_text(q, &j, message, "message/body", &text, e))
        return -1;
    if (ticket_open(&q->api->study, &q->caller, patient_id, category, text, &q->audit, q->arena, &t, e))
        return api_home_failed(q, e);
    return send_ticket(q, 201, &t, e);
}

int api_ticket_add(struct api_request *q, struct err *e)
{
    int64_t id;
    return api_record_id(q, api_query(q, "patient_id"), "query/patient_id", &id, e) ? -1
                                                                                    : api_ticket_from_body(q, id, e);
}

int api_message_add(struct api_request *q, struct err *e)
{
    static const struct study_revs any;
    struct ticket_entry m;
    struct ticket t;
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    struct slice text;
    struct json j;
    int64_t id;
    if (id_of(q, &id, e) || api_object(q, &j, e) || take_text(q, &j, 0, "body", &text, e))
        return -1;
    if (ticket_do(&q->api->study, &q->caller, id, DEED_SAY, text, &any, &q->audit, q->arena, &t, &m, e))
        return api_home_failed(q, e);
    put_message(&o, &m);
    return api_answer(q, 201, &b, e);
}

static int do_it(struct api_request *q, enum ticket_deed deed, struct err *e)
{
    const struct study_revs only = api_revs(q);
    struct ticket t;
    int64_t id;
    if (id_of(q, &id, e))
        return -1;
    if (ticket_do(&q->api->study, &q->caller, id, deed, (struct slice){NULL, 0}, &only, &q->audit, q->arena, &t, NULL,
                  e))
        return api_home_failed(q, e);
    return send_ticket(q, 200, &t, e);
}

int api_ticket_close(struct api_request *q, struct err *e)
{
    return do_it(q, DEED_CLOSE, e);
}
int api_ticket_reopen(struct api_request *q, struct err *e)
{
    return do_it(q, DEED_REOPEN, e);
}
int api_ticket_take(struct api_request *q, struct err *e)
{
    return do_it(q, DEED_TAKE, e);
}
int api_ticket_release(struct api_request *q, struct err *e)
{
    return do_it(q, DEED_RELEASE, e);
}
