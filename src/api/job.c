/* job.c -- what a client asks of its jobs once they are accepted. */
#include "api/api_int.h"
#include "api/intake.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "jobs/feedback.h"

enum { PAGE_MAX = 100, PAGE = 20, DIFF_MAX = 200 };

void api_put_model(struct json_out *o, const struct model *m)
{
    json_key(o, "model");
    json_open(o, '{');
    json_pair(o, "key", m->manifest.key);
    json_pair(o, "version", m->manifest.version);
    json_pair_str(o, "digest", m->digest_text);
    json_close(o, '}');
}

void api_put_job_error(struct json_out *o, const char *code)
{
    json_key(o, "error");
    json_open(o, '{');
    json_pair_str(o, "code", code);
    json_pair_str(o, "message", job_error_text(code));
    json_close(o, '}');
}

const struct caller *api_job_whose(const struct api_request *q)
{
    const struct view_row *v = view_row(policy_view(q->caller.role, ENTITY_JOB, ACTION_READ));
    return v && v->reach == REACH_EVERY ? NULL : &q->caller;
}

bool api_job_shows(const struct api_request *q, const char *field)
{
    return view_shows(policy_view(q->caller.role, ENTITY_JOB, ACTION_READ), slice_of(field));
}

int api_job_closed(struct api_request *q, struct err *e)
{
    err_set(e, ERR_NOT_ALLOWED, "%s sees how jobs stand, not what is in them", role_name(q->caller.role));
    api_deny(q, e);
    return -1;
}

int api_job_id(struct api_request *q, uint8_t ret[UUID_BYTES], struct err *e)
{
    uint8_t given[UUID_BYTES];
    if (uuid_parse(q->param[0], given))
        return job_named(q->api->jobs, api_job_whose(q), given, ret, e);
    api_issue_field(q, "uuid_parsing", "path/job_id", "Input should be a valid UUID");
    return err_set(e, ERR_BAD_REQUEST, "a job id that is no UUID");
}

char *api_job_name(const struct api_request *q, char out[UUID_TEXT])
{
    uint8_t given[UUID_BYTES] = {0};
    uuid_parse(q->param[0], given);
    return uuid_text(given, out);
}

int api_job_absent(struct api_request *q, struct err *e)
{
    q->detail = SLICE("\"Job not found\"");
    return err_set(e, ERR_NOT_FOUND, "no such job of this client");
}

/* --- one job --- */

struct diff {
    struct json_out *o;
    const struct json *was, *now;
    struct arena *arena;
    int n;
};

static void put_change(struct diff *d, const char *path, uint32_t was, uint32_t now)
{
    if (d->n++ >= DIFF_MAX)
        return;
    json_open(d->o, '{');
    json_pair_str(d->o, "path", path);
    json_pair_raw(d->o, "was", was ? json_span(d->was, was) : SLICE("null"));
    json_pair_raw(d->o, "now", now ? json_span(d->now, now) : SLICE("null"));
    json_close(d->o, '}');
}

static uint32_t member(const struct json *j, uint32_t node, struct slice key, struct arena *a)
{
    const char *name = arena_str(a, key);
    return name ? json_get(j, node, name) : 0;
}

/* Members of two objects; what is no object is compared by its text. An output's top level is where its scores are. */
static void compare(struct diff *d)
{
    const struct json *w = d->was, *n = d->now;
    for (uint32_t k = json_first(w, 0); k != json_end(w, 0); k = json_next(w, k)) {
        struct slice key = json_text(w, k, d->arena);
        uint32_t a = json_value(k), b = member(n, 0, key, d->arena);
        if (!b || !slice_eq(json_span(w, a), json_span(n, b)))
            put_change(d, arena_printf(d->arena, "/%.*s", SLICE_FMT(key)), a, b);
    }
    for (uint32_t k = json_first(n, 0); k != json_end(n, 0); k = json_next(n, k)) {
        struct slice key = json_text(n, k, d->arena);
        if (!member(w, 0, key, d->arena))
            put_change(d, arena_printf(d->arena, "/%.*s", SLICE_FMT(key)), 0, json_value(k));
    }
}

/* Of a replay that is done: how its result differs from that of the job it repeats, where that is still there. */
static int put_diff(struct json_out *o, struct api_request *q, const struct job_view *v, struct err *e)
{
    struct job_view first;
    struct json was, now;
    struct json_fault f;
    int found = job_read(q->api->jobs, &q->caller, v->replay_of, &q->audit, q->arena, &first, e);
    if (found < 0)
        return -1;
    if (!found || !first.result.p || json_parse(q->arena, first.result, &was, &f) ||
        json_parse(q->arena, v->result, &now, &f) || json_kind(&was, 0) != JSON_OBJECT ||
        json_kind(&now, 0) != JSON_OBJECT)
        return 0;
    struct diff d = {.o = o, .was = &was, .now = &now, .arena = q->arena};
    json_key(o, "diff");
    json_open(o, '[');
    compare(&d);
    json_close(o, ']');
    return 0;
}

void api_put_progress(struct json_out *o, enum job_state state, int percent)
{
    if (state != JOB_RUNNING || percent < 0)
        return;
    char text[16];
    int n = snprintf(text, sizeof text, percent < 100 ? "0.%02d" : "1", percent);
    json_pair_raw(o, "progress", (struct slice){text, (size_t)n});
}

static int put_job(struct json_out *o, struct api_request *q, const struct job_view *v, struct err *e)
{
    char text[UUID_TEXT], when[CLOCK_TEXT];
    const struct model *m = registry_by_digest(q->api->registry, v->model);
    json_open(o, '{');
    json_pair_str(o, "job_id", api_job_name(q, text));
    json_pair_str(o, "status", job_state_public(v->state));
    json_pair_raw(o, "result", v->result.p ? v->result : SLICE("null"));
    json_pair_str(o, "created_at", clock_text(v->created_at, when));
    json_pair_str(o, "updated_at", clock_text(v->updated_at, when));
    json_pair_int(o, "attempts", v->attempts);
    api_put_progress(o, v->state, v->progress);
    if (v->priority != PRIORITY_ROUTINE)
        json_pair_str(o, "priority", job_priority_name(v->priority));
    if (v->expires_at)
        json_pair_str(o, "expires_at", clock_text(v->expires_at, when));
    if (m)
        api_put_model(o, m);
    if (v->error && (v->state == JOB_FAILED || v->state == JOB_DEAD))
        api_put_job_error(o, v->error);
    if (v->is_replay)
        json_pair_str(o, "replay_of", uuid_text(v->replay_name, text));
    if (v->feedback.p)
        json_pair_raw(o, "feedback", v->feedback);
    int rc = v->is_replay && v->result.p ? put_diff(o, q, v, e) : 0;
    json_close(o, '}');
    return rc;
}

/* Of everybody's jobs: that somebody looked at those of others is an entry. */
static int note_others(struct api_request *q, const char *id, int64_t rows, struct err *e)
{
    struct audit_entry entry = q->audit;
    entry.object_id = id;
    entry.rows = rows;
    return api_job_whose(q) ? 0 : audit_note(q->api->db, &entry, e);
}

int api_job_get(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT];
    struct job_view view;
    struct buf b = buf_in(q->arena, ANSWER_MAX + FEEDBACK_TEXT_MAX);
    struct json_out o = json_out(&b);
    if (api_job_id(q, id, e))
        return -1;
    int found = (api_job_shows(q, "result") ? job_read : job_glance)(q->api->jobs, api_job_whose(q), id, &q->audit,
                                                                     q->arena, &view, e);
    if (found < 0)
        return -1;
    if (!found)
        return api_job_absent(q, e);
    if (view.erased_at)
        return err_set(e, ERR_GONE, "an erased job");
    if (note_others(q, uuid_text(id, text), 1, e))
        return -1;
    return put_job(&o, q, &view, e) ? -1 : api_answer(q, 200, &b, e);
}

/* --- the list --- */

/* A client's word for a state, as stored: FAILED is two of them. */
static bool state_of(struct slice word, struct job_filter *f)
{
    static const char *const row[][3] = {
        {"QUEUED", "QUEUED"},       {"PROCESSING", "RUNNING"}, {"COMPLETED", "COMPLETED"}, {"FAILED", "FAILED", "DEAD"},
        {"CANCELLED", "CANCELLED"}, {"EXPIRED", "EXPIRED"},    {"DEAD", "DEAD"},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        if (slice_is(word, row[i][0])) {
            f->state = row[i][1];
            f->also = row[i][2];
            return true;
        }
    return false;
}

/* "1764058123456789_0190...": where the last page ended. */
static bool cursor_of(struct slice text, struct job_filter *f)
{
    struct slice at = slice_cut(&text, '_');
    return text.p && slice_int(at, 1, INT64_MAX, &f->before_at) && uuid_parse(text, f->before_id);
}

static int filter_of(struct api_request *q, struct job_filter *f, struct err *e)
{
    struct slice state = api_query(q, "state"), cursor = api_query(q, "cursor"), limit = api_query(q, "limit");
    int64_t most = PAGE;
    *f = (struct job_filter){.caller = api_job_whose(q), .model = api_query(q, "model")};
    if (state.p && !state_of(state, f))
        api_issue_field(
            q, "enum", "query/state",
            "Input should be 'QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED' or 'DEAD'");
    if (cursor.p && !cursor_of(cursor, f))
        api_issue_field(q, "value_error", "query/cursor", "Value error, take the cursor from the answer before");
    if (limit.p && !slice_int(limit, 1, PAGE_MAX, &most))
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
    f->most = (int)most + 1; /* one more tells whether there is a next page */
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a query");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues in the query", q->issues) : 0;
}

/* `whose`: of everybody's jobs; each then goes by the store's id, since what clients chose may be the same. */
static void put_row(struct json_out *o, const struct val *v, bool whose)
{
    char text[UUID_TEXT], when[CLOCK_TEXT];
    json_open(o, '{');
    json_pair_str(o, "job_id", uuid_text((const uint8_t *)v[whose ? 0 : 8].s.p, text));
    if (whose)
        json_pair(o, "client", v[9].s);
    json_pair_str(o, "status", job_state_public(job_state_named(v[1].s)));
    json_pair_str(o, "created_at", clock_text(v[4].i, when));
    json_pair_str(o, "updated_at", clock_text(v[5].i, when));
    json_pair_str(o, "priority", job_priority_name((int)v[7].i));
    json_pair(o, "model", v[2].s);
    json_pair(o, "version", v[3].s);
    if (v[6].kind != VAL_NULL)
        json_pair(o, "error", v[6].s);
    json_close(o, '}');
}

int api_job_list(struct api_request *q, struct err *e)
{
    struct job_filter f;
    struct rows r;
    char id[UUID_TEXT];
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (filter_of(q, &f, e) || job_list(q->api->jobs, &f, q->arena, &r, e))
        return -1;
    int n = r.n < f.most ? r.n : f.most - 1;
    if (note_others(q, NULL, n, e))
        return -1;
    json_open(&o, '{');
    json_key(&o, "jobs");
    json_open(&o, '[');
    for (int i = 0; i < n; i++)
        put_row(&o, row_at(&r, i, 0), !f.caller);
    json_close(&o, ']');
    json_key(&o, "next");
    if (n < r.n)
        json_put_str(&o, arena_printf(q->arena, "%lld_%s", (long long)row_at(&r, n - 1, 4)->i,
                                      uuid_text((const uint8_t *)row_at(&r, n - 1, 0)->s.p, id)));
    else
        json_put_null(&o);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* --- no longer wanted --- */

int api_cancel(struct api_request *q, enum job_cancel *ret, struct err *e)
{
    uint8_t id[UUID_BYTES];
    if (api_job_id(q, id, e))
        return -1;
    if (job_cancel(q->api->jobs, api_job_whose(q), id, &q->audit, ret, e)) {
        if (e->code == ERR_CONFLICT)
            q->detail = SLICE("\"The job has ended already\"");
        return -1;
    }
    return *ret == JOB_CANCEL_ABSENT ? api_job_absent(q, e) : 0;
}

int api_job_cancel(struct api_request *q, struct err *e)
{
    char text[UUID_TEXT];
    enum job_cancel how;
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    if (api_cancel(q, &how, e))
        return -1;
    json_open(&o, '{');
    json_pair_str(&o, "job_id", api_job_name(q, text));
    json_pair_str(&o, "status", job_state_public(how == JOB_CANCEL_DONE ? JOB_CANCELLED : JOB_RUNNING));
    json_close(&o, '}');
    return api_answer(q, 202, &b, e);
}

int api_job_erase(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT], when[CLOCK_TEXT], hex[SHA256_TEXT];
    struct job_receipt r;
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    if (!api_job_shows(q, "result"))
        return api_job_closed(q, e);
    if (api_job_id(q, id, e))
        return -1;
    int found = job_erase(q->api->jobs, &q->caller, id, &q->audit, &r, e);
    if (found < 0) {
        if (e->code == ERR_CONFLICT)
            q->detail = SLICE("\"The job has not ended yet: cancel it first\"");
        return -1;
    }
    if (!found)
        return api_job_absent(q, e);
    json_open(&o, '{');
    json_pair_str(&o, "job_id", api_job_name(q, text));
    json_pair_str(&o, "erased_at", clock_text(r.erased_at, when));
    json_key(&o, "audit");
    json_open(&o, '{');
    json_pair_int(&o, "index", r.audit_index);
    hex_encode(r.leaf, sizeof r.leaf, hex);
    json_pair_str(&o, "leaf", hex);
    json_close(&o, '}');
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* --- once more, perhaps by another version --- */

/* "KEY@VERSION" of the query; without it the stable version of what the job ran on. */
static int version_of(struct api_request *q, const uint8_t id[16], const struct model **ret, struct err *e)
{
    struct slice name = api_query(q, "model"), version = name;
    struct job_view v;
    if (name.p) {
        struct slice key = slice_cut(&version, '@');
        *ret = version.p ? registry_named(q->api->registry, key, version) : NULL;
        if (*ret)
            return 0;
        api_issue_field(q, "value_error", "query/model", "Value error, KEY@VERSION of a model in the registry");
        return err_set(e, ERR_BAD_REQUEST, "a replay on a model that is not there");
    }
    int found = job_read(q->api->jobs, &q->caller, id, &q->audit, q->arena, &v, e);
    if (found <= 0)
        return found < 0 ? -1 : api_job_absent(q, e);
    const struct model *m = registry_by_digest(q->api->registry, v.model);
    *ret = m ? registry_named(q->api->registry, m->manifest.key, SLICE("stable")) : NULL;
    return *ret ? 0 : err_set(e, ERR_CONFLICT, "no stable version of the job's model");
}

/* What the caller of the first job knew to be absent, in the words of that model. */
static int take_absent(struct api_request *q, struct slice plan_text, struct intake *x, struct err *e)
{
    struct json plan;
    struct json_fault f;
    if (json_parse(q->arena, plan_text, &plan, &f))
        return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "a stored plan that is no JSON");
    uint32_t list = json_get_kind(&plan, 0, "absent", JSON_ARRAY);
    struct slice chosen = json_get_text(&plan, json_get(&plan, 0, "decision"), "chosen", q->arena);
    if (!list || !slice_eq(slice_cut(&chosen, '@'), x->only->manifest.key))
        return 0;
    struct slice *name = arena_take(q->arena, plan.node[list].len * sizeof *name + 1);
    if (!name)
        return err_set(e, ERR_NO_MEMORY, "names of what is absent");
    x->absent = name;
    for (uint32_t k = json_first(&plan, list); k != json_end(&plan, list); k = json_next(&plan, k))
        name[x->absents++] = json_text(&plan, k, q->arena);
    return 0;
}

int api_job_replay(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct slice bundle = {NULL, 0}, plan = {NULL, 0};
    struct json doc;
    struct json_fault f;
    struct job_accepted accepted = {0};
    struct job_new n = {.caller = &q->caller, .audit = q->audit, .priority = PRIORITY_ROUTINE, .replay_of = id};
    struct intake x = {.api = q->api, .arena = q->arena, .doc = &doc};
    if (api_job_id(q, id, e) || version_of(q, id, &x.only, e))
        return -1;
    int found = job_reopen(q->api->jobs, &q->caller, id, &q->audit, q->arena, &bundle, &plan, e);
    if (found <= 0)
        return found < 0 ? -1 : api_job_absent(q, e);
    if (json_parse(q->arena, bundle, &doc, &f))
        return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "a stored Bundle that is no JSON");
    if (take_absent(q, plan, &x, e))
        return -1;
    if (intake_decide(&x, e))
        return api_refuse_intake(q, &x, e);
    if (api_job_sender(q, e) || intake_accept(&x, &n, q->id, &accepted, e))
        return -1;
    api_answer_accepted(q, &accepted);
    return 0;
}
