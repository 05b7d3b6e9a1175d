/* diagnose.c -- the gateway's work from the command line: what a Bundle lacks, and the whole path to a result. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/intake.h"
#include "base/clock.h"
#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "jobs/worker.h"
#include "telemetry/trace.h"

enum { FILE_MAX = 32 << 20, WAIT_MS = 120000 };

const struct option negotiate_options[] = {
    {"target", "KEY", "a model's key, or a target several models share"},
    {"policy", "POLICY", "which of the ranked models run: best, best-ready or all-ready"},
    {"at", "INSTANT", "when the data are assessed; now when left out"},
    {0}};
const struct option diagnose_options[] = {{"model", "KEY", "a model's key, or a target several models share"}, {0}};

static const struct audit_entry operator_sends = {
    .actor = "operator", .role = "operator", .action = "create", .outcome = "permit", .route = "lazaret diagnose"};

static void put_issues(struct json_out *out, const struct fhir_report *r)
{
    json_key(out, "issues");
    json_open(out, '[');
    for (size_t i = 0; i < r->issues; i++) {
        json_open(out, '{');
        json_pair_str(out, "expression", r->issue[i].expression);
        json_pair_int(out, "line", r->issue[i].line);
        json_pair_int(out, "column", r->issue[i].column);
        json_pair_str(out, "text", r->issue[i].text);
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* args: {"target","bundle","policy"?,"at"?} */
static int read_args(struct app *app, const struct json *args, struct arena *a, struct intake *x, struct err *e)
{
    struct slice policy = json_get_text(args, 0, "policy", a), at = json_get_text(args, 0, "at", a);
    *x = (struct intake){.api = &app->api,
                         .arena = a,
                         .doc = args,
                         .bundle = json_get_kind(args, 0, "bundle", JSON_OBJECT),
                         .target = json_get_text(args, 0, "target", a)};
    if (!x->bundle || !x->target.n)
        return err_set(e, ERR_USAGE, "a Bundle (a JSON object) and a target are needed");
    if (policy.n && !policy_named(policy, &x->policy))
        return err_set(e, ERR_USAGE, "--policy can be best, best-ready or all-ready");
    if (!at.n)
        return 0;
    int64_t *at_us = TAKE_NEW(a, int64_t);
    if (!at_us)
        return err_set(e, ERR_NO_MEMORY, "the time of an assessment");
    if (!clock_parse(at, at_us, NULL))
        return err_set(e, ERR_USAGE, "--at is an instant, such as 2026-11-25T14:00:00Z");
    x->at_us = at_us;
    return 0;
}

/* Fills x, and writes what stands in the way; 1: the job can be accepted. */
static int decide(struct app *app, const struct json *args, struct arena *a, struct intake *x, struct json_out *out,
                  struct err *e)
{
    if (read_args(app, args, a, x, e))
        return -1;
    int rc = intake_decide(x, e);
    json_open(out, '{');
    json_pair_bool(out, "ready", rc == 0);
    if (rc == 0)
        return 1;
    if (e->code == ERR_BAD_FHIR) {
        json_pair_str(out, "status", "INVALID");
        put_issues(out, &x->report);
    } else if (e->code == ERR_DATA_MISSING) {
        intake_write_negotiation(&x->decision, out);
    } else {
        return -1;
    }
    return 0;
}

int admin_negotiate(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct intake x;
    struct slice say;
    if (read_args(app, args, a, &x, e))
        return -1;
    int rc = intake_decide(&x, e);
    if (rc && e->code != ERR_BAD_FHIR && e->code != ERR_DATA_MISSING)
        return -1;
    json_open(out, '{');
    if (rc && e->code == ERR_BAD_FHIR) {
        json_pair_bool(out, "ready", false);
        json_pair_str(out, "status", "INVALID");
        put_issues(out, &x.report);
    } else {
        if (decision_say(a, &x.decision, &say, e))
            return -1;
        json_pair_str(out, "status", rc ? "NEGOTIATION_REQUIRED" : "READY");
        intake_write_dry(&x.decision, out);
        json_pair(out, "text", say);
    }
    json_close(out, '}');
    return 0;
}

int admin_diagnose(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct intake x;
    struct caller caller;
    struct job_accepted accepted;
    int rc = decide(app, args, a, &x, out, e);
    if (rc < 0)
        return -1;
    if (rc) {
        struct trace trace;
        struct job_new n = {.caller = &caller, .audit = operator_sends};
        trace_take((struct slice){NULL, 0}, &trace);
        n.audit.trace = trace.id;
        if (client_operator(app->api.db, app->api.keyring, app->api.scope, a, &caller, e) ||
            intake_accept(&x, &n, "lazaret-diagnose", &accepted, e))
            return -1;
        json_pair_raw(out, "job", accepted.answer);
    }
    json_close(out, '}');
    return 0;
}

/* --- the commands --- */

static int bundle_args(struct call *c, const char *option, struct slice *ret, struct err *e)
{
    struct slice text;
    struct json j;
    struct json_fault f;
    const char *target = call_option(c, option), *policy, *at;
    bool dry = strcmp(option, "target") == 0;
    if (!target)
        return err_set(e, ERR_USAGE, "say for what: --%s KEY", option);
    if (call_read(c, c->operand[0], FILE_MAX, &text, e))
        return -1;
    if (json_parse(c->arena, text, &j, &f))
        return err_set(e, ERR_USAGE, "%s line %u column %u: %s", c->operand[0], f.line, f.column,
                       f.what ? f.what : "too large");
    struct buf b = buf_in(c->arena, FILE_MAX + 4096);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "target", target);
    if (dry && (policy = call_option(c, "policy")))
        json_pair_str(&o, "policy", policy);
    if (dry && (at = call_option(c, "at")))
        json_pair_str(&o, "at", at);
    json_pair_raw(&o, "bundle", json_span(&j, 0));
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "%s", c->operand[0]);
    *ret = buf_text(&b);
    return 0;
}

static bool is_true(const struct json *j, const char *key)
{
    uint32_t v = json_get(j, 0, key);
    return v && json_kind(j, v) == JSON_TRUE;
}

/* What a person wants to read of a refusal. */
static void print_refusal(struct call *c, const struct json *j)
{
    uint32_t issues = json_get(j, 0, "issues"), missing = json_get(j, 0, "missing_data");
    for (uint32_t k = issues ? json_first(j, issues) : 0; issues && k != json_end(j, issues); k = json_next(j, k)) {
        struct slice line = json_raw(j, json_get(j, k, "line")), at = json_get_text(j, k, "expression", c->arena);
        struct slice text = json_get_text(j, k, "text", c->arena);
        printf("line %.*s: %.*s [%.*s]\n", SLICE_FMT(line), SLICE_FMT(text), SLICE_FMT(at));
    }
    if (issues)
        puts("This is not a valid FHIR R4 Bundle.");
    if (json_get(j, 0, "text")) /* says it itself */
        return;
    for (uint32_t k = missing ? json_first(j, missing) : 0; missing && k != json_end(j, missing); k = json_next(j, k)) {
        struct slice display = json_get_text(j, k, "display", c->arena), code = json_get_text(j, k, "code", c->arena);
        struct slice reason = json_get_text(j, k, "reason", c->arena);
        uint32_t mandatory = json_get(j, k, "mandatory");
        printf("%s %.*s (%.*s): %.*s\n", mandatory && json_kind(j, mandatory) == JSON_TRUE ? "needs " : "would like",
               SLICE_FMT(display), SLICE_FMT(code), SLICE_FMT(reason));
    }
}

int cmd_negotiate(struct call *c, struct err *e)
{
    struct slice args, r;
    struct json j;
    struct json_fault f;
    if (bundle_args(c, "target", &args, e) || admin_call(c, "negotiate", args, &r, e))
        return -1;
    if (json_parse(c->arena, r, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "the answer");
    bool ready = is_true(&j, "ready");
    if (c->json) {
        printf("%.*s\n", SLICE_FMT(r));
    } else {
        struct slice text = json_get_text(&j, 0, "text", c->arena);
        print_refusal(c, &j);
        printf("%.*s", SLICE_FMT(text));
        if (ready)
            puts("Complete: the model can run.");
    }
    return ready ? 0 : 1;
}

/* Asks for the job until it ended; a process that opened the store itself runs it meanwhile. */
static int wait_for(struct admin_session *s, struct slice id, struct slice *ret, struct err *e)
{
    struct call *c = s->call;
    int64_t until = clock_mono_us() + WAIT_MS * 1000LL;
    struct slice args = slice_of(arena_printf(c->arena, "{\"id\":\"%.*s\"}", SLICE_FMT(id)));
    while (clock_mono_us() < until) {
        struct json j;
        struct json_fault f;
        if (s->app && worker_step(s->app->api.jobs, s->app->api.registry, s->app->sandbox, e) < 0)
            return -1;
        if (admin_session_call(s, "job.show", args, ret, e) || json_parse(c->arena, *ret, &j, &f))
            return -1;
        struct slice status = json_get_text(&j, 0, "status", c->arena);
        if (slice_is(status, "COMPLETED") || slice_is(status, "FAILED"))
            return slice_is(status, "COMPLETED") ? 0 : 1;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return err_set(e, ERR_BUSY, "the job %.*s has not ended after %d s; it stays in the queue", SLICE_FMT(id),
                   WAIT_MS / 1000);
}

static int print_result(struct call *c, struct slice text, int status)
{
    struct json j;
    struct json_fault f;
    if (c->json || json_parse(c->arena, text, &j, &f)) {
        printf("%.*s\n", SLICE_FMT(text));
    } else if (status == 0) {
        printf("%.*s\n", SLICE_FMT(json_span(&j, json_get(&j, 0, "result"))));
    } else {
        char *code = arena_str(c->arena, json_get_text(&j, 0, "error", c->arena));
        printf("FAILED: %s: %s\n", code, job_error_text(code));
    }
    return status;
}

static int diagnose_in(struct admin_session *s, struct slice args, struct err *e)
{
    struct call *c = s->call;
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_session_call(s, "diagnose", args, &r, e))
        return -1;
    if (json_parse(c->arena, r, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "the answer");
    uint32_t job = json_get(&j, 0, "job");
    if (!job) {
        if (c->json)
            printf("%.*s\n", SLICE_FMT(r));
        else
            print_refusal(c, &j);
        return 1;
    }
    int rc = wait_for(s, json_get_text(&j, job, "job_id", c->arena), &r, e);
    return rc < 0 ? -1 : print_result(c, r, rc);
}

int cmd_diagnose(struct call *c, struct err *e)
{
    struct admin_session s;
    struct slice args;
    if (bundle_args(c, "model", &args, e) || admin_session_begin(c, true, &s, e))
        return -1;
    int rc = diagnose_in(&s, args, e);
    admin_session_end(&s);
    return rc;
}
