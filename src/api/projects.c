/* projects.c -- /api/v1/projects: proposed, decided, ended, and what one shows its researcher. */
#include "api/home_int.h"
#include "study/cohort.h"

enum { LIMIT = 50, ANSWER_KIB = 64, PAGE_KIB = 4096 };

/* Into the audit log, and its sentence to whoever asked. */
static int failed(struct api_request *q, struct err *e)
{
    if (e->code == ERR_RULE)
        return api_deny_told(q, e);
    if (e->code == ERR_NOT_FOUND)
        api_deny(q, e);
    return -1;
}

static int id_of(struct api_request *q, uint8_t ret[UUID_BYTES], struct err *e)
{
    if (uuid_parse(q->param[0], ret))
        return 0;
    api_issue_field(q, "uuid_parsing", "path/project_id", "Input should be a valid UUID");
    return err_set(e, ERR_BAD_REQUEST, "an id that is no UUID");
}

static int send_project(struct api_request *q, int status, const struct project *p, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    project_put(&o, p);
    return api_answer(q, status, &b, e);
}

int api_project_add(struct api_request *q, struct err *e)
{
    struct project_new form;
    struct project made;
    struct json j;
    const char *field = NULL;
    if (api_object(q, &j, e))
        return -1;
    const char *fault = project_form(&j, q->arena, &form, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    if (project_propose(&q->api->study, &q->caller, &form, &q->audit, q->arena, &made, e))
        return failed(q, e);
    return send_project(q, 201, &made, e);
}

int api_project_get(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct project p;
    if (id_of(q, id, e))
        return -1;
    int found = project_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &p, e);
    return found < 0 ? -1 : found ? send_project(q, 200, &p, e) : api_record_absent(e);
}

int api_project_decide(struct api_request *q, struct err *e)
{
    struct project_decision form;
    uint8_t id[UUID_BYTES];
    struct project p;
    struct json j;
    const char *field = NULL;
    if (id_of(q, id, e) || api_object(q, &j, e))
        return -1;
    const char *fault = project_decision_form(&j, q->arena, &form, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    if (project_decide(&q->api->study, &q->caller, id, &form, &q->audit, q->arena, &p, e))
        return failed(q, e);
    return send_project(q, 200, &p, e);
}

int api_project_end(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct project p;
    if (id_of(q, id, e))
        return -1;
    if (project_end(&q->api->study, &q->caller, id, &q->audit, q->arena, &p, e))
        return failed(q, e);
    return send_project(q, 200, &p, e);
}

/* --- the list --- */

static int take_query(struct api_request *q, struct project_filter *f, uint8_t after[UUID_BYTES], struct err *e)
{
    struct slice state = api_query(q, "state"), limit = api_query(q, "limit"), cursor = api_query(q, "cursor");
    enum project_state wanted = PROJECT_PROPOSED;
    int64_t n = LIMIT;
    if (state.p && !project_state_named(state, &wanted))
        api_issue_field(q, "enum", "query/state", "Input should be 'proposed', 'approved', 'refused' or 'ended'");
    if (limit.p && !slice_int(limit, 1, PROJECT_PAGE, &n))
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
    if (cursor.p && !uuid_parse(cursor, after))
        api_issue_field(q, "value_error", "query/cursor", "Value error, take the cursor from the answer before");
    *f = (struct project_filter){state.p ? (int)wanted : -1, cursor.p ? after : NULL, (int)n};
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of a query", q->issues) : 0;
}

int api_project_list(struct api_request *q, struct err *e)
{
    struct project_filter f;
    struct project_page page;
    uint8_t after[UUID_BYTES];
    char id[UUID_TEXT];
    struct buf b = buf_in(q->arena, PAGE_KIB << 10);
    struct json_out o = json_out(&b);
    if (take_query(q, &f, after, e) || project_list(&q->api->study, &q->caller, &f, &q->audit, q->arena, &page, e))
        return -1;
    json_open(&o, '{');
    json_key(&o, "projects");
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        project_put(&o, &page.project[i]);
    json_close(&o, ']');
    json_pair_str(&o, "next", page.more ? uuid_text(page.project[page.n - 1].id, id) : NULL);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* --- what one shows --- */

/* Others who read such records read them elsewhere: here is what is seen of a cohort. */
static int open_cohort(struct api_request *q, int most, uint8_t id[UUID_BYTES], int *limit, int64_t *after,
                       struct err *e)
{
    const struct view_row *v = view_row(policy_view(q->caller.role, q->route->entity, ACTION_READ));
    if (!v || v->reach != REACH_COHORT) {
        err_set(e, ERR_NOT_ALLOWED, "%s reads no cohort", role_name(q->caller.role));
        api_deny(q, e);
        return -1;
    }
    return id_of(q, id, e) || api_page_asked(q, most, limit, after, e) ? -1 : 0;
}

static void put_or_null(struct json_out *o, const char *key, struct slice text)
{
    if (text.p)
        json_pair(o, key, text);
    else
        json_pair_str(o, key, NULL);
}

int api_project_screenings(struct api_request *q, struct err *e)
{
    struct cohort_findings page;
    uint8_t id[UUID_BYTES];
    int64_t after;
    int limit;
    struct buf b = buf_in(q->arena, PAGE_KIB << 10);
    struct json_out o = json_out(&b);
    if (open_cohort(q, COHORT_PAGE, id, &limit, &after, e))
        return -1;
    int found = cohort_screenings(&q->api->study, &q->caller, id, after, limit, &q->audit, q->arena, &page, e);
    if (found <= 0)
        return found ? failed(q, e) : api_record_absent(e);
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++) {
        const struct cohort_finding *f = &page.finding[i];
        json_open(&o, '{');
        json_pair_int(&o, "data_id", f->data);
        put_or_null(&o, "neuro_diag", f->neuro_diag);
        put_or_null(&o, "age_class", f->age_class);
        json_pair_bool(&o, "withheld", f->withheld);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, limit);
    return api_answer(q, 200, &b, e);
}

static void put_person(struct json_out *o, const struct cohort_person *p)
{
    json_open(o, '{');
    json_pair_int(o, "data_id", p->data);
    json_key(o, "streams");
    json_open(o, '[');
    for (int i = 0; i < p->n; i++) {
        json_open(o, '{');
        json_pair_str(o, "kind", stream_kind_name(p->stream[i].card.kind));
        json_pair(o, "unit", p->stream[i].card.unit);
        api_pair_time(o, "date_start", p->stream[i].since);
        api_pair_time(o, "date_end", p->stream[i].until);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
}

int api_project_streams(struct api_request *q, struct err *e)
{
    struct cohort_people page;
    uint8_t id[UUID_BYTES];
    int64_t after;
    int limit;
    struct buf b = buf_in(q->arena, PAGE_KIB << 10);
    struct json_out o = json_out(&b);
    if (open_cohort(q, COHORT_STREAMS_PAGE, id, &limit, &after, e))
        return -1;
    int found = cohort_streams(&q->api->study, &q->caller, id, after, limit, &q->audit, q->arena, &page, e);
    if (found <= 0)
        return found ? failed(q, e) : api_record_absent(e);
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        put_person(&o, &page.person[i]);
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, limit);
    return api_answer(q, 200, &b, e);
}
