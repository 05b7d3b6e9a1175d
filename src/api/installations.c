/* installations.c -- /api/v1/installations: homes with sensors, as the caller's role sees them. */
#include "api/home_int.h"
#include "base/clock.h"
#include "study/installation.h"

enum { ANSWER_KIB = 96 };

void api_pair_time(struct json_out *o, const char *key, int64_t us)
{
    char when[CLOCK_TEXT];
    if (us)
        json_pair_str(o, key, clock_text(us, when));
}

void api_pair_since(struct json_out *o, const char *key, int64_t us)
{
    int64_t now = clock_now_us();
    if (us)
        json_pair_int(o, key, now > us ? (now - us) / 1000000 : 0);
}

int api_home_failed(struct api_request *q, struct err *e)
{
    return e->code == ERR_RULE ? api_deny_told(q, e) : -1;
}

static int id_of(struct api_request *q, int64_t *ret, struct err *e)
{
    return api_record_id(q, q->param[0], "path/patient_id", ret, e);
}

static void put_installation(struct json_out *o, const struct installation *i)
{
    char hue[HUE_TEXT];
    json_open(o, '{');
    json_pair_int(o, "patient_id", i->patient_id);
    json_pair_str(o, "status", installation_status_name(i->status));
    json_pair_str(o, "hue", hue_of(i->patient_id, hue));
    api_pair_since(o, "date_delta", i->last_at);
    for (int f = 0; f < INSTALLATION_FIELDS; f++)
        if (i->value[f].p)
            json_pair(o, installation_field_name((enum installation_field)f), i->value[f]);
    json_close(o, '}');
}

static int send_installation(struct api_request *q, int status, const struct installation *i, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    put_installation(&o, i);
    api_tag_rev(q, i->rev);
    return api_answer(q, status, &b, e);
}

int api_installation_list(struct api_request *q, struct err *e)
{
    struct installation_page page;
    struct buf b = buf_in(q->arena, 1 << 20);
    struct json_out o = json_out(&b);
    struct slice status = api_query(q, "status");
    enum installation_status of = INSTALLATION_STATUSES;
    int64_t after;
    int limit;
    if (api_page_asked(q, INSTALLATIONS_PAGE, &limit, &after, e))
        return -1;
    if (status.p && !installation_status_named(status, &of)) {
        api_issue_field(q, "enum", "query/status",
                        "Input should be 'opening', 'open', 'pause', 'closing', 'closed' or 'unknown'");
        return err_set(e, ERR_BAD_REQUEST, "a status there is not");
    }
    if (installation_list(&q->api->study, &q->caller, status.p ? (int)of : -1, after, limit, &q->audit, q->arena, &page,
                          e))
        return -1;
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        put_installation(&o, &page.installation[i]);
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, limit);
    return api_answer(q, 200, &b, e);
}

int api_installation_get(struct api_request *q, struct err *e)
{
    struct installation i;
    int64_t id;
    if (id_of(q, &id, e))
        return -1;
    int found = installation_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &i, e);
    return found < 0 ? -1 : found ? send_installation(q, 200, &i, e) : api_record_absent(e);
}

static int change(struct api_request *q, bool first, struct err *e)
{
    struct installation_fault fault[INSTALLATION_FAULTS];
    struct installation_change form;
    struct installation i;
    const struct study_revs only = api_revs(q);
    int64_t id;
    if (id_of(q, &id, e))
        return -1;
    int n = installation_form(q->caller.role, q->http->body, q->arena, &form, fault);
    if (n < 0) {
        api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
        return err_set(e, ERR_BAD_JSON, "an installation that is no JSON object");
    }
    for (int k = 0; k < n; k++)
        api_form_refused(q, fault[k].field, fault[k].text, e);
    if (n)
        return -1;
    if (installation_change(&q->api->study, &q->caller, id, &form, &only, first, &q->audit, q->arena, &i, e))
        return api_home_failed(q, e);
    return send_installation(q, first ? 201 : 200, &i, e);
}

int api_installation_add(struct api_request *q, struct err *e)
{
    return change(q, true, e);
}

int api_installation_put(struct api_request *q, struct err *e)
{
    return change(q, false, e);
}

int api_installation_info(struct api_request *q, struct err *e)
{
    struct home_info info;
    struct buf b = buf_in(q->arena, 16 << 10);
    struct json_out o = json_out(&b);
    int64_t id;
    if (id_of(q, &id, e))
        return -1;
    int found = installation_info(&q->api->study, &q->caller, id, &q->audit, q->arena, &info, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    json_open(&o, '{');
    const struct {
        const char *name;
        struct slice value;
    } shown[] = {{"last_name", info.last_name}, {"home_address", info.address}, {"phone", info.phone}};
    for (size_t i = 0; i < COUNT(shown); i++)
        if (shown[i].value.p)
            json_pair(&o, shown[i].name, shown[i].value);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_installation_tickets(struct api_request *q, struct err *e)
{
    int64_t id;
    return id_of(q, &id, e) ? -1 : api_tickets_of(q, id, e);
}

int api_installation_ticket_add(struct api_request *q, struct err *e)
{
    int64_t id;
    return id_of(q, &id, e) ? -1 : api_ticket_from_body(q, id, e);
}
