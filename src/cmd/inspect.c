/* inspect.c -- the verbs that look: jobs, the audit log, routes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

const struct option job_list_options[] = {
    {"last", "N", "how many (20)"},
    {"state", "STATE", "only these: QUEUED RUNNING COMPLETED FAILED CANCELLED EXPIRED DEAD"},
    {0}};

/* --- jobs --- */

static const struct audit_entry operator_reads = {
    .actor = "operator", .role = "operator", .action = "read", .outcome = "permit", .route = "lazaret job show"};

/* The store's id, for that or for one that a client chose. */
static int id_of(struct app *app, const struct json *args, struct arena *a, uint8_t ret[UUID_BYTES], struct err *e)
{
    uint8_t given[UUID_BYTES];
    if (!uuid_parse(json_get_text(args, 0, "id", a), given))
        return err_set(e, ERR_USAGE, "a job's id is a UUID");
    return job_named(app->api.jobs, NULL, given, ret, e);
}

int admin_job_show(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT], when[CLOCK_TEXT];
    struct job_view v;
    if (id_of(app, args, a, id, e))
        return -1;
    int found = job_read(app->api.jobs, NULL, id, &operator_reads, a, &v, e);
    if (found < 0)
        return -1;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "there is no job %s", uuid_text(id, text));
    const struct model *m = registry_by_digest(app->api.registry, v.model);
    json_open(out, '{');
    json_pair_str(out, "job_id", uuid_text(id, text));
    json_pair_str(out, "status", job_state_public(v.state));
    if (m) {
        json_pair(out, "model", m->manifest.key);
        json_pair(out, "version", m->manifest.version);
        json_pair_str(out, "digest", m->digest_text);
    }
    json_pair_str(out, "created_at", clock_text(v.created_at, when));
    json_pair_str(out, "updated_at", clock_text(v.updated_at, when));
    json_pair_int(out, "attempts", v.attempts);
    json_pair_str(out, "trace", v.trace);
    json_pair_str(out, "error", v.error);
    json_key(out, "result");
    json_put_raw(out, v.result.p ? v.result : SLICE("null"));
    struct json plan;
    struct json_fault f;
    uint32_t decision = v.plan.p && !json_parse(a, v.plan, &plan, &f) ? json_get(&plan, 0, "decision") : 0;
    if (decision)
        json_pair_raw(out, "decision", json_span(&plan, decision));
    json_close(out, '}');
    return 0;
}

int admin_job_list(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r;
    int64_t most = 20;
    char text[UUID_TEXT], when[CLOCK_TEXT];
    uint32_t last = json_get_kind(args, 0, "last", JSON_NUMBER);
    if (last && !slice_int(json_raw(args, last), 1, 10000, &most))
        return err_set(e, ERR_USAGE, "--last is a number from 1 to 10000");
    struct slice state = json_get_text(args, 0, "state", a);
    struct job_filter f = {.state = state.p ? arena_str(a, state) : NULL, .most = (int)most};
    if (job_list(app->api.jobs, &f, a, &r, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        json_open(out, '{');
        json_pair_str(out, "job_id", uuid_text((const uint8_t *)v[0].s.p, text));
        if (memcmp(v[0].s.p, v[8].s.p, UUID_BYTES) != 0)
            json_pair_str(out, "chosen_id", uuid_text((const uint8_t *)v[8].s.p, text));
        json_pair(out, "state", v[1].s);
        json_pair(out, "model", v[2].s);
        json_pair(out, "version", v[3].s);
        json_pair_str(out, "created_at", clock_text(v[4].i, when));
        json_pair_str(out, "error", v[6].kind == VAL_NULL ? NULL : v[6].s.p);
        json_close(out, '}');
    }
    json_close(out, ']');
    return 0;
}

static int on_job(struct call *c, const char *work, struct err *e)
{
    struct slice r;
    if (admin_call(c, work, call_args(c, "id", c->operand[0], NULL), &r, e))
        return -1;
    printf("%.*s\n", SLICE_FMT(r));
    return 0;
}

int cmd_job_show(struct call *c, struct err *e)
{
    return on_job(c, "job.show", e);
}

static int last_args(struct call *c, struct slice *ret, struct err *e)
{
    const char *last = call_option(c, "last");
    int64_t n = 20;
    if (last && !slice_int(slice_of(last), 1, 100000, &n))
        return err_set(e, ERR_USAGE, "--last is a number from 1 to 100000");
    const char *state = call_option(c, "state");
    if (state && strcmp(job_state_name(job_state_named(slice_of(state))), state) != 0)
        return err_set(e, ERR_USAGE, "--state is one of QUEUED RUNNING COMPLETED FAILED CANCELLED EXPIRED DEAD");
    *ret = slice_of(state ? arena_printf(c->arena, "{\"last\":%lld,\"state\":\"%s\"}", (long long)n, state)
                          : arena_printf(c->arena, "{\"last\":%lld}", (long long)n));
    return 0;
}

void call_print_lines(const struct json *j, struct arena *a)
{
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        for (uint32_t m = json_first(j, k); m != json_end(j, k); m = json_next(j, m)) {
            uint32_t v = json_value(m);
            struct slice s = json_kind(j, v) == JSON_STRING ? json_text(j, v, a) : json_span(j, v);
            if (json_kind(j, v) != JSON_NULL)
                printf("%.*s  ", SLICE_FMT(s));
        }
        puts("");
    }
}

static int print_list(struct call *c, const char *work, struct err *e)
{
    struct slice args, r;
    struct json j;
    struct json_fault f;
    if (last_args(c, &args, e) || admin_call(c, work, args, &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        printf("%.*s\n", SLICE_FMT(r));
    else
        call_print_lines(&j, c->arena);
    return 0;
}

int cmd_job_list(struct call *c, struct err *e)
{
    return print_list(c, "job.list", e);
}

static int no_job(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "there is no such job");
}

static void put_state(struct json_out *out, const uint8_t *id, const char *state)
{
    char text[UUID_TEXT];
    json_open(out, '{');
    json_pair_str(out, "job_id", uuid_text(id, text));
    json_pair_str(out, "state", state);
    json_close(out, '}');
}

int admin_job_cancel(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    uint8_t id[UUID_BYTES];
    enum job_cancel how;
    struct audit_entry audit = app_operator("delete", "lazaret job cancel");
    if (id_of(app, args, a, id, e) || job_cancel(app->api.jobs, NULL, id, &audit, &how, e))
        return -1;
    if (how == JOB_CANCEL_ABSENT)
        return no_job(e);
    put_state(out, id, how == JOB_CANCEL_DONE ? "CANCELLED" : "RUNNING");
    return 0;
}

int admin_job_retry(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct audit_entry audit = app_operator("update", "lazaret job retry");
    if (id_of(app, args, a, id, e))
        return -1;
    int found = job_revive(app->api.jobs, id, &audit, e);
    if (found <= 0)
        return found < 0 ? -1 : no_job(e);
    put_state(out, id, "QUEUED");
    return 0;
}

int admin_job_erase(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT], when[CLOCK_TEXT], leaf[SHA256_TEXT];
    struct job_receipt r;
    struct audit_entry audit = app_operator("delete", "lazaret job erase");
    if (id_of(app, args, a, id, e))
        return -1;
    int found = job_erase(app->api.jobs, NULL, id, &audit, &r, e);
    if (found <= 0)
        return found < 0 ? -1 : no_job(e);
    hex_encode(r.leaf, sizeof r.leaf, leaf);
    json_open(out, '{');
    json_pair_str(out, "job_id", uuid_text(id, text));
    json_pair_str(out, "erased_at", clock_text(r.erased_at, when));
    json_pair_int(out, "audit_index", r.audit_index);
    json_pair_str(out, "audit_leaf", leaf);
    json_close(out, '}');
    return 0;
}

int cmd_job_cancel(struct call *c, struct err *e)
{
    return on_job(c, "job.cancel", e);
}
int cmd_job_retry(struct call *c, struct err *e)
{
    return on_job(c, "job.retry", e);
}
int cmd_job_erase(struct call *c, struct err *e)
{
    return on_job(c, "job.erase", e);
}

/* --- routes --- */

const struct option routes_options[] = {{"openapi", NULL, "print the API's description, as /openapi.json does"}, {0}};

int cmd_routes(struct call *c, struct err *e)
{
    struct buf b = buf_in(c->arena, 64 * 1024);
    struct json_out o = json_out(&b);
    struct slice description;
    if (call_option(c, "openapi")) {
        if (api_description(c->arena, clock_now_us(), &description, e))
            return -1;
        printf("%.*s\n", SLICE_FMT(description));
        return 0;
    }
    json_open(&o, '[');
    for (const struct api_route *r = api_routes(); r->path; r++) {
        json_open(&o, '{');
        json_pair_str(&o, "method", r->method_text);
        json_pair_str(&o, "path", r->path);
        json_pair_str(&o, "entity", entity_name(r->entity));
        json_pair_str(&o, "action", action_name(r->action));
        for (int role = 0; role < ROLE_COUNT; role++)
            json_pair_str(&o, role_name((enum role)role),
                          view_name(policy_view((enum role)role, r->entity, r->action)));
        json_pair_str(&o, "summary", r->summary);
        json_close(&o, '}');
        if (!c->json)
            printf("%-6s %-24s %-8s anonymous:%-5s client:%-5s  %s\n", r->method_text, r->path, entity_name(r->entity),
                   view_name(policy_view(ROLE_ANONYMOUS, r->entity, r->action)),
                   view_name(policy_view(ROLE_CLIENT, r->entity, r->action)), r->summary);
    }
    json_close(&o, ']');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "routes");
    if (c->json)
        printf("%.*s\n", SLICE_FMT(buf_text(&b)));
    return 0;
}
