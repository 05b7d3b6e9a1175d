/* inspect.c -- the verbs that look: keys, jobs, the audit log, routes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

const struct option list_options[] = {{"last", "N", "how many (20)"}, {0}};

/* --- keys --- */

int admin_keys_status(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct keyring_status s;
    (void)args, (void)a, (void)e;
    keyring_status(app->api.keyring, &s);
    json_open(out, '{');
    json_pair_str(out, "root_key", app->key_path);
    json_pair_str(out, "root_id", s.root_id);
    json_pair_int(out, "domains", s.domains);
    json_pair_int(out, "keys", s.epochs);
    json_close(out, '}');
    return 0;
}

int cmd_keys_status(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "keys.status", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice path = json_get_text(&j, 0, "root_key", c->arena), id = json_get_text(&j, 0, "root_id", c->arena);
    printf("The root key is the file %.*s (fingerprint %.*s). Keep a copy of it apart from the data: without it "
           "nothing opens.\n"
           "Under it are %.*s domain keys; every job has a data key of its own, wrapped by one of them.\n"
           "Values are sealed with AES-256-GCM under a key derived for each value.\n",
           SLICE_FMT(path), SLICE_FMT(id), SLICE_FMT(json_raw(&j, json_get(&j, 0, "keys"))));
    return 0;
}

/* --- jobs --- */

static const struct audit_entry operator_reads = {
    .actor = "operator", .role = "operator", .action = "read", .outcome = "permit", .route = "lazaret job show"};

int admin_job_show(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT], when[CLOCK_TEXT];
    struct job_view v;
    if (!uuid_parse(json_get_text(args, 0, "id", a), id))
        return err_set(e, ERR_USAGE, "a job's id is a UUID");
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
    if (job_list(app->api.jobs, (int)most, a, &r, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        json_open(out, '{');
        json_pair_str(out, "job_id", uuid_text((const uint8_t *)v[0].s.p, text));
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

int cmd_job_show(struct call *c, struct err *e)
{
    struct slice r;
    if (admin_call(c, "job.show", call_args(c, "id", c->operand[0], NULL), &r, e))
        return -1;
    printf("%.*s\n", SLICE_FMT(r));
    return 0;
}

static int last_args(struct call *c, struct slice *ret, struct err *e)
{
    const char *last = call_option(c, "last");
    int64_t n = 20;
    if (last && !slice_int(slice_of(last), 1, 100000, &n))
        return err_set(e, ERR_USAGE, "--last is a number from 1 to 100000");
    *ret = slice_of(arena_printf(c->arena, "{\"last\":%lld}", (long long)n));
    return 0;
}

/* One line an object: its members' values, in order. */
static void print_lines(const struct json *j, struct arena *a)
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
        print_lines(&j, c->arena);
    return 0;
}

int cmd_job_list(struct call *c, struct err *e)
{
    return print_list(c, "job.list", e);
}

/* --- audit --- */

int admin_audit_show(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    int64_t most = 20, there;
    uint32_t last = json_get_kind(args, 0, "last", JSON_NUMBER);
    if (last && !slice_int(json_raw(args, last), 1, 100000, &most))
        return err_set(e, ERR_USAGE, "--last is a number from 1 to 100000");
    if (audit_count(app->api.db, &there, e))
        return -1;
    int64_t from = there - most;
    return audit_list(app->api.db, from < 0 ? 0 : from, (int)most, a, out, e);
}

int admin_audit_verify(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    int64_t n;
    (void)args, (void)a;
    if (audit_verify(app->api.db, &n, e))
        return -1;
    json_open(out, '{');
    json_pair_int(out, "entries", n);
    json_close(out, '}');
    return 0;
}

int cmd_audit_show(struct call *c, struct err *e)
{
    return print_list(c, "audit.show", e);
}

int cmd_audit_verify(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "audit.verify", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        printf("%.*s\n", SLICE_FMT(r));
    else
        printf("%.*s audit entries, each agrees with its hash\n", SLICE_FMT(json_raw(&j, json_get(&j, 0, "entries"))));
    return 0;
}

/* --- routes --- */

int cmd_routes(struct call *c, struct err *e)
{
    struct buf b = buf_in(c->arena, 64 * 1024);
    struct json_out o = json_out(&b);
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
            printf("%-5s %-20s %-8s anonymous:%-5s client:%-5s  %s\n", r->method_text, r->path, entity_name(r->entity),
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
