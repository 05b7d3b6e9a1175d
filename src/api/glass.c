/* glass.c -- /api/v1/break-glass: emergency accesses, and their review. Using one: break_glass of pipeline.c. */
#include "api/api_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "study/glass.h"

enum { LIMIT = 50, ANSWER_KIB = 16 };

static void pair_time(struct json_out *o, const char *key, int64_t us)
{
    char when[CLOCK_TEXT];
    if (us)
        json_pair_str(o, key, clock_text(us, when));
}

static void put_review(struct json_out *o, const struct glass *g)
{
    char id[UUID_TEXT];
    json_pair_str(o, "reviewer", uuid_text(g->reviewer, id));
    pair_time(o, "reviewed_at", g->reviewed_at);
    json_pair(o, "outcome", g->outcome);
    json_pair(o, "review", g->review);
}

static void put_glass(struct json_out *o, const struct glass *g)
{
    char id[UUID_TEXT];
    json_open(o, '{');
    json_pair_str(o, "id", uuid_text(g->id, id));
    json_pair_str(o, "state", glass_state_name(g->state));
    json_pair_str(o, "holder", uuid_text(g->holder, id));
    json_pair(o, "role", g->role);
    json_pair_int(o, "subject", g->subject);
    json_pair(o, "reason", g->reason);
    json_pair(o, "text", g->text);
    pair_time(o, "since", g->since);
    pair_time(o, "until", g->ended_at ? g->ended_at : g->until);
    json_pair_int(o, "uses", g->uses);
    pair_time(o, "review_by", g->review_by);
    if (g->reviewed_at)
        put_review(o, g);
    json_close(o, '}');
}

static int answer(struct api_request *q, int status, const struct glass *g, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    put_glass(&o, g);
    return api_answer(q, status, &b, e);
}

/* What the study refused goes into the log, and its sentence to whoever asked. A sign-in that is too long ago is told
 * as RFC 9470 has it, so that a client knows what to ask the provider for. */
static int refuse(struct api_request *q, struct err *e)
{
    if (e->code == ERR_STEP_UP)
        http_reply_field(q->reply, "WWW-Authenticate",
                         slice_of(arena_printf(q->arena,
                                               "Bearer realm=\"lazaret\", error=\"insufficient_user_authentication\", "
                                               "error_description=\"%s\", max_age=%d",
                                               err_text(ERR_STEP_UP), GLASS_SIGN_IN_S)));
    if (e->code == ERR_STEP_UP || e->code == ERR_GLASS || e->code == ERR_CONFLICT)
        return api_deny_told(q, e);
    if (e->code == ERR_NOT_FOUND)
        api_deny(q, e);
    return -1;
}

/* --- forms --- */

static int read_form(struct api_request *q, struct json *ret, const char *const *fields, struct err *e)
{
    struct json_fault f = {0}; /* JSON, but no object, is no fault of it */
    if (json_parse(q->arena, q->http->body, ret, &f) || json_kind(ret, 0) != JSON_OBJECT) {
        api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
        return err_set(e, f.what ? ERR_BAD_JSON : ERR_BAD_REQUEST, "an emergency access that is no JSON object");
    }
    for (uint32_t k = json_first(ret, 0); k != json_end(ret, 0) && q->issues < ISSUES_MAX; k = json_next(ret, k)) {
        bool known = false;
        for (const char *const *field = fields; *field; field++)
            known |= json_is(ret, k, *field);
        if (!known)
            api_issue_field(q, "extra_forbidden", "body", "Extra inputs are not permitted");
    }
    for (; *fields; fields++)
        if (!json_get(ret, 0, *fields))
            api_issue_field(q, "missing", arena_printf(q->arena, "body/%s", *fields), "Field required");
    return 0;
}

static struct slice take_text(struct api_request *q, const struct json *j)
{
    struct slice text = slice_trim(json_get_text(j, 0, "text", q->arena));
    if (json_get(j, 0, "text") && !glass_text_fits(text))
        api_issue_field(q, "value_error", "body/text",
                        "Value error, 15 to 500 characters, none of them control characters");
    return text;
}

static int end_form(const struct api_request *q, struct err *e)
{
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a form");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", q->issues) : 0;
}

int api_glass_break(struct api_request *q, struct err *e)
{
    static const char *const fields[] = {"subject", "reason", "text", NULL};
    struct glass_new n = {.subject = 0};
    struct glass g;
    struct json j;
    if (read_form(q, &j, fields, e))
        return -1;
    uint32_t subject = json_get(&j, 0, "subject");
    if (subject && !(json_kind(&j, subject) == JSON_NUMBER &&
                     slice_int(json_raw(&j, subject), 1, (INT64_C(1) << 52) - 1, &n.subject)))
        api_issue_field(q, "int_parsing", "body/subject", "Input should be an id: a number that this service gave you");
    if (json_get(&j, 0, "reason") && !glass_reason_named(json_get_text(&j, 0, "reason", q->arena), &n.reason))
        api_issue_field(q, "enum", "body/reason", "Input should be 'emergency', 'danger', 'no-contact' or 'other'");
    n.text = take_text(q, &j);
    if (end_form(q, e))
        return -1;
    if (glass_break(&q->api->study, &q->caller, &n, &q->audit, q->arena, &g, e))
        return refuse(q, e);
    return answer(q, 201, &g, e);
}

static int id_of(struct api_request *q, uint8_t ret[UUID_BYTES], struct err *e)
{
    if (uuid_parse(q->param[0], ret))
        return 0;
    api_issue_field(q, "uuid_parsing", "path/glass_id", "Input should be a valid UUID");
    return err_set(e, ERR_BAD_REQUEST, "an id that is no UUID");
}

int api_glass_end(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct glass g;
    if (id_of(q, id, e))
        return -1;
    if (glass_end(&q->api->study, &q->caller, id, &q->audit, q->arena, &g, e))
        return refuse(q, e);
    return answer(q, 200, &g, e);
}

int api_glass_review(struct api_request *q, struct err *e)
{
    static const char *const fields[] = {"outcome", "text", NULL};
    uint8_t id[UUID_BYTES];
    enum glass_outcome outcome = GLASS_OUTCOME_INCONCLUSIVE;
    struct glass g;
    struct json j;
    if (id_of(q, id, e) || read_form(q, &j, fields, e))
        return -1;
    if (json_get(&j, 0, "outcome") && !glass_outcome_named(json_get_text(&j, 0, "outcome", q->arena), &outcome))
        api_issue_field(q, "enum", "body/outcome", "Input should be 'justified', 'unjustified' or 'inconclusive'");
    struct slice text = take_text(q, &j);
    if (end_form(q, e))
        return -1;
    if (glass_review(&q->api->study, &q->caller, id, outcome, text, &q->audit, q->arena, &g, e))
        return refuse(q, e);
    return answer(q, 200, &g, e);
}

/* --- the list --- */

/* "1_ID" behind one that was overdue, "0_ID" behind another. */
static bool take_cursor(struct slice text, struct glass_filter *f)
{
    struct slice late = slice_cut(&text, '_');
    f->after = true;
    f->after_overdue = slice_is(late, "1");
    return (f->after_overdue || slice_is(late, "0")) && uuid_parse(text, f->after_id);
}

static int take_query(struct api_request *q, struct glass_filter *f, struct err *e)
{
    struct slice state = api_query(q, "state"), limit = api_query(q, "limit"), cursor = api_query(q, "cursor");
    enum glass_state wanted = GLASS_ACTIVE;
    int64_t n = LIMIT;
    if (state.p && !glass_state_named(state, &wanted))
        api_issue_field(q, "enum", "query/state", "Input should be 'active', 'ended', 'overdue' or 'reviewed'");
    if (limit.p && !slice_int(limit, 1, GLASS_PAGE, &n))
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
    if (cursor.p && !take_cursor(cursor, f))
        api_issue_field(q, "value_error", "query/cursor", "Value error, take the cursor from the answer before");
    f->state = state.p ? (int)wanted : -1;
    f->limit = (int)n;
    return end_form(q, e);
}

int api_glass_list(struct api_request *q, struct err *e)
{
    struct glass_filter f = {.state = -1};
    struct glass_page page;
    char id[UUID_TEXT];
    struct buf b = buf_in(q->arena, 2 << 20);
    struct json_out o = json_out(&b);
    if (take_query(q, &f, e) || glass_list(&q->api->study, &q->caller, &f, &q->audit, q->arena, &page, e))
        return -1;
    json_open(&o, '{');
    json_key(&o, "accesses");
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        put_glass(&o, &page.glass[i]);
    json_close(&o, ']');
    const struct glass *last = page.more ? &page.glass[page.n - 1] : NULL;
    json_pair_str(&o, "next",
                  last ? arena_printf(q->arena, "%d_%s", last->state == GLASS_OVERDUE, uuid_text(last->id, id)) : NULL);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}
