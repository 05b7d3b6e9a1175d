#include "models/prove.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"
#include "models/registry_int.h"
#include "models/selftest.h"
#include "models/wire.h"

enum { RUN_MEMORY = 64 << 20 };

struct sandbox_spec model_spec(const struct model *m, struct slice line)
{
    const struct runtime *r = &m->manifest.runtime;
    uint32_t ms = (uint32_t)(r->timeout_us / 1000);
    return (struct sandbox_spec){.image = r->image,
                                 .model = slice_of(m->digest_text + 7),
                                 .argv = r->exec,
                                 .argc = r->exec_n,
                                 .model_key = m->manifest.key,
                                 .model_version = m->manifest.version,
                                 .input = line,
                                 .files = r->files,
                                 .ahead_ms = r->warm ? (uint32_t)(r->start_timeout_us / 1000) : 0,
                                 .max = {.wall_ms = ms,
                                         .cpu_ms = ms,
                                         .memory_mib = (uint32_t)r->memory_mib,
                                         .pids = (uint32_t)r->pids,
                                         .tmp_mib = r->tmp_mib ? (uint32_t)r->tmp_mib : 1, /* no run is without */
                                         .output_kib = (uint32_t)r->output_kib}};
}

static const char *how_it_ended(const struct sandbox_out *out)
{
    static const char *const how[] = {[SANDBOX_CRASHED] = "it crashed",
                                      [SANDBOX_TIMEOUT] = "it took longer than its timeout",
                                      [SANDBOX_OOM] = "it used more memory than its limit",
                                      [SANDBOX_OUTPUT] = "it wrote more than its limit",
                                      [SANDBOX_REFUSED] = "its program could not be started",
                                      [SANDBOX_CANCELLED] = "it was cancelled"};
    return out->how == SANDBOX_EXITED ? NULL : how[out->how];
}

/* The line of vector n, under the id "selftest". */
static int line_of(const struct model *m, size_t n, struct arena *a, struct slice *ret, struct err *e)
{
    struct wire_input *input;
    size_t inputs;
    struct wire_request q = {
        .id = SLICE("selftest"), .age = -1, .deadline_ms = (uint32_t)(m->manifest.runtime.timeout_us / 1000)};
    if (selftest_inputs(a, &m->manifest, n, &input, &inputs, e))
        return -1;
    q.input = input;
    q.inputs = inputs;
    return wire_request(a, &q, ret, e);
}

/* 1 passed, 0 not and *why says so, -1. */
static int run_one(struct sandbox *s, const struct model *m, size_t n, struct arena *a, const char **why, struct err *e)
{
    struct slice line;
    struct sandbox_out out;
    struct wire_answer answer;
    if (line_of(m, n, a, &line, e))
        return -1;
    struct sandbox_spec spec = model_spec(m, line);
    if (sandbox_run(s, &spec, -1, a, &out, e))
        return -1;
    *why = how_it_ended(&out);
    if (*why)
        return 0;
    if (wire_judge(a, out.output, m->manifest.runtime.files, SLICE("selftest"), m->manifest.schema,
                   (size_t)spec.max.output_kib * 1024, &answer, e))
        return -1;
    if (answer.end != WIRE_OUTPUT) {
        *why = answer.why ? answer.why : wire_end_name(answer.end);
        return 0;
    }
    return selftest_check(a, &m->manifest, n, answer.output, why);
}

struct storing {
    struct registry *r;
    const struct model *m;
    const struct proof *proof;
    struct audit_entry audit;
};

static int store(struct tx *tx, void *arg, struct err *e)
{
    struct storing *x = arg;
    return tx_put(
               tx, e,
               "INSERT INTO model_selftest (scope, digest, at, passed, total, failure) VALUES ($1, $2, $3, $4, $5, $6) "
               "ON CONFLICT (scope, digest) DO UPDATE SET at = excluded.at, passed = excluded.passed, total = "
               "excluded.total, failure = excluded.failure",
               V_ID(x->r->scope), V_BYTES(x->m->digest, MODEL_DIGEST), V_INT(x->proof->at), V_INT(x->proof->passed),
               V_INT(x->proof->total), x->proof->failure ? V_STR(x->proof->failure) : V_NULL) ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

static const char *failure_text(const struct model *m, size_t n, const char *why, struct arena *a)
{
    struct slice name = m->manifest.selftest[n].name;
    return name.n ? arena_printf(a, "self-test %zu (%.*s): %s", n + 1, SLICE_FMT(name), why ? why : "another output")
                  : arena_printf(a, "self-test %zu: %s", n + 1, why ? why : "another output");
}

int model_try(struct sandbox *s, const struct model *m, struct arena *a, struct proof *ret, struct err *e)
{
    *ret = (struct proof){.total = (int)m->manifest.selftests, .at = clock_now_us()};
    if (!s)
        return err_set(e, ERR_SANDBOX,
                       "models cannot run here, so a version cannot show that it works: see 'lazaret doctor'");
    for (size_t i = 0; i < m->manifest.selftests; i++) {
        OWN_ARENA struct arena *run = arena_new(RUN_MEMORY);
        const char *why = NULL;
        int passed = run ? run_one(s, m, i, run, &why, e) : err_set(e, ERR_NO_MEMORY, "a self-test");
        if (passed < 0)
            return err_in(e, "self-test %zu", i + 1);
        ret->passed += passed;
        if (!passed && !ret->failure)
            ret->failure = failure_text(m, i, why, a);
    }
    return 0;
}

int model_prove(struct registry *r, struct sandbox *s, const struct model *m, const struct audit_entry *audit,
                struct arena *a, struct proof *ret, struct err *e)
{
    struct storing x = {.r = r, .m = m, .proof = ret, .audit = *audit};
    if (model_try(s, m, a, ret, e))
        return -1;
    x.audit.scope = r->scope;
    x.audit.object = "Model";
    x.audit.object_id = m->digest_text;
    x.audit.outcome = ret->failure ? "error" : "permit";
    x.audit.why = ret->failure ? "selftest-failed" : "selftest-passed";
    x.audit.rows = ret->total;
    return tx_run(r->db, store, &x, e);
}

void model_proof_write(struct json_out *out, const struct model *m, const struct proof *p)
{
    json_open(out, '{');
    json_pair(out, "key", m->manifest.key);
    json_pair(out, "version", m->manifest.version);
    json_pair_str(out, "digest", m->digest_text);
    json_pair_int(out, "passed", p->passed);
    json_pair_int(out, "total", p->total);
    json_pair_str(out, "failure", p->failure);
    json_close(out, '}');
}

int model_proof(struct registry *r, const struct model *m, struct arena *a, struct proof *ret, struct err *e)
{
    struct rows rows;
    if (db_rows(r->db, a, &rows, e,
                "SELECT at, passed, total, failure FROM model_selftest WHERE scope = $1 AND digest = $2",
                V_ID(r->scope), V_BYTES(m->digest, MODEL_DIGEST)) < 0)
        return -1;
    if (rows.n == 0)
        return 0;
    const struct val *v = row_at(&rows, 0, 0);
    *ret = (struct proof){
        .at = v[0].i, .passed = (int)v[1].i, .total = (int)v[2].i, .failure = v[3].kind == VAL_NULL ? NULL : v[3].s.p};
    return 1;
}
