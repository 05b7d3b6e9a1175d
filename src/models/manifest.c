#include "models/manifest.h"

#include "base/clock.h"
#include "models/manifest_int.h"

static bool is_key(struct slice s)
{
    if (s.n == 0 || s.n > 64 || !((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= '0' && s.p[0] <= '9')))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
            return false;
    return true;
}

/* MAJOR.MINOR.PATCH, and behind a hyphen letters, digits, dots and hyphens. */
static bool is_version(struct slice s)
{
    struct slice rest = s, tail;
    int64_t v;
    if (s.n > 32)
        return false;
    for (int i = 0; i < 2; i++) {
        struct slice part = slice_cut(&rest, '.');
        if (!rest.p || !slice_int(part, 0, 999999, &v) || (part.n > 1 && part.p[0] == '0'))
            return false;
    }
    struct slice patch = slice_cut(&rest, '-');
    tail = rest;
    if (!slice_int(patch, 0, 999999, &v) || (patch.n > 1 && patch.p[0] == '0') || (tail.p && tail.n == 0))
        return false;
    for (size_t i = 0; i < tail.n; i++) {
        char c = tail.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
            return false;
    }
    return true;
}

static bool is_sha256(struct slice s)
{
    uint8_t byte[32];
    return s.n == 64 && hex_decode(s, byte, sizeof byte) == 32;
}

static int read_names(struct reader *r, const struct at *top, struct manifest *m)
{
    struct slice schema = {0};
    struct at key = at_key(top, "key"), version = at_key(top, "version"), targets = at_key(top, "targets");
    if (manifest_text(r, top, 0, "schema", true, 64, &schema))
        return -1;
    if (!slice_is(schema, "lazaret.model/1"))
        return manifest_bad(r, top, "'schema' must be \"lazaret.model/1\"");
    if (manifest_text(r, top, 0, "key", true, 64, &m->key) ||
        manifest_text(r, top, 0, "version", true, 32, &m->version) ||
        manifest_text(r, top, 0, "title", true, 256, &m->title) ||
        manifest_list(r, top, 0, "targets", false, MANIFEST_TARGETS, 64, &m->targets, &m->targets_n) ||
        manifest_text(r, top, 0, "license", false, 128, &m->license) ||
        manifest_text(r, top, 0, "intendedUse", false, 2048, &m->intended_use) ||
        manifest_list(r, top, 0, "contraindications", false, 32, 128, &m->contraindications, &m->contraindications_n))
        return -1;
    if (!is_key(m->key))
        return manifest_bad(r, &key, "may hold a-z, 0-9 and hyphens, and begins with a letter or digit");
    if (!is_version(m->version))
        return manifest_bad(r, &version, "must look like 1.0.0 or 1.0.0-rc.1");
    for (size_t i = 0; i < m->targets_n; i++)
        if (!is_key(m->targets[i]))
            return manifest_bad(r, &targets, "may hold names of a-z, 0-9 and hyphens only");
    return 0;
}

static int null_or_text(struct reader *r, const struct at *at, uint32_t obj, const char *key, size_t max,
                        struct slice *ret)
{
    uint32_t v = json_get(r->j, obj, key);
    return v && json_kind(r->j, v) == JSON_NULL ? 0 : manifest_text(r, at, obj, key, false, max, ret);
}

static int read_about(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t reg = json_get(r->j, 0, "regulatory"), card = json_get(r->j, 0, "modelCard");
    struct at rat = at_key(top, "regulatory"), cat = at_key(top, "modelCard");
    struct slice udi = {0};
    if (reg && (manifest_object(r, &rat, reg, "status udi") ||
                manifest_text(r, &rat, reg, "status", true, 64, &m->regulatory_status) ||
                null_or_text(r, &rat, reg, "udi", 128, &udi)))
        return -1;
    if (card &&
        (manifest_object(r, &cat, card, "path sha256") || manifest_text(r, &cat, card, "path", true, 200, &m->card) ||
         manifest_text(r, &cat, card, "sha256", false, 64, &m->card_sha256)))
        return -1;
    if (m->card_sha256.n && !is_sha256(m->card_sha256))
        return manifest_bad(r, &cat, "'sha256' must be 64 hexadecimal digits");
    return 0;
}

/* Only a stated confidence interval counts: a number without one says nothing of how far to trust it. */
static int read_performance(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t list = manifest_elements(r, top, 0, "performance", false, 16), n = 0;
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    struct at above = at_key(top, "performance");
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), n++) {
        struct at here = at_index(&above, n);
        struct slice t = {0};
        struct dec low, high;
        uint32_t v;
        if (manifest_object(r, &here, k, "metric value ci95 n population citation") ||
            manifest_text(r, &here, k, "metric", true, 64, &t) || null_or_text(r, &here, k, "population", 512, &t) ||
            null_or_text(r, &here, k, "citation", 512, &t))
            return -1;
        for (int i = 0; i < 2; i++)
            if ((v = json_get(r->j, k, i ? "n" : "value")) && json_kind(r->j, v) != JSON_NULL &&
                manifest_number(r, &here, v, &t, &low))
                return -1;
        if (!(v = json_get(r->j, k, "ci95")) || json_kind(r->j, v) == JSON_NULL)
            continue;
        if (json_kind(r->j, v) != JSON_ARRAY || r->j->node[v].len != 2)
            return manifest_bad(r, &here, "'ci95' must be [low, high] or null");
        if (manifest_number(r, &here, json_first(r->j, v), &t, &low) ||
            manifest_number(r, &here, json_next(r->j, json_first(r->j, v)), &t, &high))
            return -1;
        if (dec_cmp(&low, &high) > 0)
            return manifest_bad(r, &here, "'ci95' has its low end above its high end");
        if (!m->scored)
            m->score = low;
        m->scored = true;
    }
    return 0;
}

/* "18 a" or "18": whole years. */
static int read_years(struct reader *r, const struct at *at, uint32_t obj, const char *key, int *ret)
{
    struct slice s = {0};
    struct at here = at_key(at, key);
    int64_t v;
    if (manifest_text(r, at, obj, key, false, 16, &s))
        return -1;
    if (s.n == 0)
        return 0;
    struct slice number = slice_cut(&s, ' ');
    if (!slice_int(number, 0, 150, &v) || (s.p && !slice_is(s, "a")))
        return manifest_bad(r, &here, "must be whole years, such as \"18 a\"");
    *ret = (int)v;
    return 0;
}

static int read_population(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t v = json_get(r->j, 0, "population"), age;
    struct at at = at_key(top, "population"), aat = at_key(&at, "age");
    m->age_min = m->age_max = -1;
    if (!v)
        return 0;
    if (manifest_object(r, &at, v, "age sex") || manifest_list(r, &at, v, "sex", false, 4, 16, &m->sex, &m->sex_n))
        return -1;
    for (size_t i = 0; i < m->sex_n; i++)
        if (!slice_is(m->sex[i], "female") && !slice_is(m->sex[i], "male") && !slice_is(m->sex[i], "other") &&
            !slice_is(m->sex[i], "unknown"))
            return manifest_bad(r, &at, "'sex' lists codes of Patient.gender: female, male, other, unknown");
    if ((age = json_get(r->j, v, "age")) &&
        (manifest_object(r, &aat, age, "min max") || read_years(r, &aat, age, "min", &m->age_min) ||
         read_years(r, &aat, age, "max", &m->age_max)))
        return -1;
    return 0;
}

static int read_alternative(struct reader *r, const struct at *at, uint32_t i, struct manifest *m, uint64_t *ret)
{
    struct slice *name;
    size_t n;
    if (manifest_strings(r, at, i, MANIFEST_INPUTS, 48, &name, &n))
        return -1;
    *ret = 0;
    for (size_t k = 0; k < n; k++) {
        int in = manifest_find_input(m, name[k]);
        if (in < 0)
            return manifest_bad(r, at, "names '%.*s', which is no input", SLICE_FMT(name[k]));
        if (m->input[in].required)
            return manifest_bad(r, at, "names '%.*s', which is required anyway; say \"required\": false there",
                                SLICE_FMT(name[k]));
        *ret |= 1ull << in;
    }
    return *ret ? 0 : manifest_bad(r, at, "is an empty alternative");
}

static int read_groups(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t list = manifest_elements(r, top, 0, "groups", false, MANIFEST_GROUPS);
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    struct at above = at_key(top, "groups");
    m->group = manifest_array(r, r->j->node[list].len, sizeof *m->group);
    if (!m->group)
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), m->groups++) {
        struct at here = at_index(&above, (uint32_t)m->groups), one = at_key(&here, "oneOf");
        struct group *g = &m->group[m->groups];
        uint32_t of;
        if (manifest_object(r, &here, k, "id oneOf") || manifest_text(r, &here, k, "id", true, 48, &g->id))
            return -1;
        if ((of = manifest_elements(r, &here, k, "oneOf", true, 8)) == UINT32_MAX)
            return -1;
        if (!(g->alternative = manifest_array(r, r->j->node[of].len, sizeof *g->alternative)))
            return -1;
        for (uint32_t i = json_first(r->j, of); i != json_end(r->j, of); i = json_next(r->j, i), g->alternatives++) {
            struct at in = at_index(&one, (uint32_t)g->alternatives);
            if (read_alternative(r, &in, i, m, &g->alternative[g->alternatives]))
                return -1;
        }
    }
    return 0;
}

static int read_conditions(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t list = manifest_elements(r, top, 0, "conditions", false, MANIFEST_CONDITIONS);
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    struct at above = at_key(top, "conditions");
    m->condition = manifest_array(r, r->j->node[list].len, sizeof *m->condition);
    if (!m->condition)
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), m->conditions++) {
        struct at here = at_index(&above, (uint32_t)m->conditions);
        struct condition *c = &m->condition[m->conditions];
        struct slice role = {0};
        if (manifest_object(r, &here, k, "id display ask anyOf role absence course") ||
            manifest_text(r, &here, k, "id", true, 48, &c->id) || manifest_text(r, &here, k, "role", true, 32, &role) ||
            manifest_text(r, &here, k, "ask", false, 200, &c->ask) ||
            manifest_absence(r, &here, k, &c->must_assert, &c->ever) ||
            manifest_anyof(r, &here, k, &c->code, &c->codes))
            return -1;
        c->display = c->id;
        if (manifest_text(r, &here, k, "display", false, 128, &c->display))
            return -1;
        c->requires = slice_is(role, "requires");
        if (!c->requires && !slice_is(role, "excludes"))
            return manifest_bad(r, &here,
                                "'role' can be \"excludes\" or \"requires\"; a condition the model reads is an "
                                "input with \"from\": \"Condition\"");
        if (manifest_find_input(m, c->id) >= 0)
            return manifest_bad(r, &here, "has the name of an input; a question could not tell them apart");
    }
    return 0;
}

static int read_output(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t out = json_get(r->j, 0, "output"), schema;
    struct at at = at_key(top, "output");
    if (!out)
        return manifest_bad(r, top, "is missing the field 'output'");
    if (manifest_object(r, &at, out, "schema fhir"))
        return -1;
    if (!(schema = json_get(r->j, out, "schema")))
        return manifest_bad(r, &at, "is missing the field 'schema'");
    return schema_parse(r->a, r->j, schema, "/output/schema", &m->schema, r->e)
               ? -1
               : manifest_read_results(r, &at, out, m);
}

/* "./model" is the model's own file: it is seen at /model. */
static int read_exec(struct reader *r, const struct at *at, uint32_t v, struct runtime *run)
{
    struct at here = at_key(at, "exec");
    if (manifest_list(r, at, v, "exec", true, MANIFEST_EXEC, 256, &run->exec, &run->exec_n))
        return -1;
    if (run->exec[0].n > 2 && run->exec[0].p[0] == '.' && run->exec[0].p[1] == '/') {
        char *p = arena_printf(r->a, "/model/%.*s", (int)run->exec[0].n - 2, run->exec[0].p + 2);
        if (!p)
            return err_set(r->e, ERR_NO_MEMORY, "reading a manifest");
        run->exec[0] = slice_of(p);
    }
    return run->exec[0].p[0] == '/'
               ? 0
               : manifest_bad(r, &here, "must begin with an absolute path, such as \"/model/model\"");
}

static int read_time(struct reader *r, const struct at *at, uint32_t obj, const char *key, int64_t *ret)
{
    struct slice s = {0};
    struct at here = at_key(at, key);
    if (manifest_text(r, at, obj, key, false, 16, &s))
        return -1;
    if (s.n && (!clock_duration(s, ret) || *ret < 1000000 || *ret > 300 * 1000000LL))
        return manifest_bad(r, &here, "must be a duration of PT1S to PT5M");
    return 0;
}

static int read_limits(struct reader *r, const struct at *at, uint32_t v, struct runtime *run)
{
    uint32_t lim = json_get(r->j, v, "limits");
    struct at here = at_key(at, "limits");
    if (!lim)
        return 0;
    return manifest_object(r, &here, lim, "cpu memoryMiB pids tmpMiB outputKiB") ||
                   manifest_whole(r, &here, lim, "cpu", 1, 16, &run->cpu) ||
                   manifest_whole(r, &here, lim, "memoryMiB", 8, 4096, &run->memory_mib) ||
                   manifest_whole(r, &here, lim, "pids", 1, 256, &run->pids) ||
                   manifest_whole(r, &here, lim, "tmpMiB", 0, 1024, &run->tmp_mib) ||
                   manifest_whole(r, &here, lim, "outputKiB", 1, 4096, &run->output_kib)
               ? -1
               : 0;
}

static bool is_one_of(struct slice s, const char *x, const char *y)
{
    return slice_is(s, x) || slice_is(s, y);
}

static int read_runtime(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t v = json_get(r->j, 0, "runtime");
    struct at at = at_key(top, "runtime"), iat = at_key(&at, "image");
    struct runtime *run = &m->runtime;
    struct slice kind = {0}, network = SLICE("none"), isolation = SLICE("process");
    int64_t gpu = 0;
    *run = (struct runtime){.timeout_us = 2000000,
                            .start_timeout_us = 10000000,
                            .cpu = 1,
                            .memory_mib = 64,
                            .pids = 8,
                            .tmp_mib = 16,
                            .output_kib = 64};
    if (!v)
        return manifest_bad(r, top, "is missing the field 'runtime'");
    if (manifest_object(r, &at, v,
                        "kind exec image warm reuse timeout startTimeout limits network isolation gpu deterministic") ||
        manifest_text(r, &at, v, "kind", true, 32, &kind) || read_exec(r, &at, v, run) ||
        manifest_text(r, &at, v, "image", true, 64, &run->image) || manifest_bool(r, &at, v, "warm", &run->warm) ||
        manifest_bool(r, &at, v, "reuse", &run->reuse) ||
        manifest_bool(r, &at, v, "deterministic", &run->deterministic) ||
        read_time(r, &at, v, "timeout", &run->timeout_us) ||
        read_time(r, &at, v, "startTimeout", &run->start_timeout_us) || read_limits(r, &at, v, run) ||
        manifest_text(r, &at, v, "network", false, 16, &network) ||
        manifest_text(r, &at, v, "isolation", false, 16, &isolation) || manifest_whole(r, &at, v, "gpu", 0, 0, &gpu))
        return -1;
    if (!is_one_of(kind, "stdio-json", "files"))
        return manifest_bad(r, &at, "'kind' can be \"stdio-json\" or \"files\"");
    run->files = slice_is(kind, "files");
    if (run->files && run->warm)
        return manifest_bad(r, &at, "'warm' needs \"stdio-json\": by \"files\" a program starts with its input");
    if (run->reuse && !run->warm)
        return manifest_bad(r, &at, "'reuse' needs 'warm': a program that serves again waits for its next line");
    if (run->files && run->tmp_mib == 0)
        return manifest_bad(r, &at, "\"files\" needs a 'tmpMiB' of at least 1, for its input and output");
    if (!is_key(run->image))
        return manifest_bad(r, &iat, "must be the name of a runtime image: \"none\", \"python3\", ..");
    if (!slice_is(network, "none"))
        return manifest_bad(r, &at, "'network' can be \"none\": a model has no network");
    if (!is_one_of(isolation, "process", "microvm"))
        return manifest_bad(r, &at, "'isolation' can be \"process\" or \"microvm\"");
    run->microvm = slice_is(isolation, "microvm");
    return 0;
}

static int read_files(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t v = json_get(r->j, 0, "files");
    struct at at = at_key(top, "files");
    if (!v)
        return 0;
    if (json_kind(r->j, v) != JSON_OBJECT || r->j->node[v].len > MANIFEST_FILES)
        return manifest_bad(r, &at, "must be an object of at most 256 files");
    if (!(m->file = manifest_array(r, r->j->node[v].len, sizeof *m->file)))
        return -1;
    for (uint32_t k = json_first(r->j, v); k != json_end(r->j, v); k = json_next(r->j, k), m->files++) {
        struct file_claim *f = &m->file[m->files];
        uint32_t o = json_value(k);
        *f = (struct file_claim){.path = json_text(r->j, k, r->a), .size = -1};
        struct at here = {&at, f->path, 0, NULL};
        if (manifest_object(r, &here, o, "sha256 mode size") ||
            manifest_text(r, &here, o, "sha256", false, 64, &f->sha256) ||
            manifest_text(r, &here, o, "mode", false, 4, &f->mode) ||
            manifest_whole(r, &here, o, "size", 0, INT64_MAX / 2, &f->size))
            return -1;
        if (f->sha256.n && !is_sha256(f->sha256))
            return manifest_bad(r, &here, "'sha256' must be 64 hexadecimal digits");
        if (f->mode.n && !is_one_of(f->mode, "0444", "0555"))
            return manifest_bad(r, &here, "'mode' can be \"0444\" or \"0555\"");
    }
    return 0;
}

static int read_signature(struct reader *r, const struct at *top, struct manifest *m)
{
    uint32_t v = json_get(r->j, 0, "signature");
    struct at at = at_key(top, "signature");
    struct slice alg = {0};
    if (!v)
        return 0;
    if (manifest_object(r, &at, v, "alg keyId sig") || manifest_text(r, &at, v, "alg", true, 16, &alg) ||
        manifest_text(r, &at, v, "keyId", true, 128, &m->signature_key) ||
        manifest_text(r, &at, v, "sig", true, 128, &m->signature))
        return -1;
    m->has_signature = true;
    return slice_is(alg, "ed25519") ? 0 : manifest_bad(r, &at, "'alg' can be \"ed25519\"");
}

static int read_all(struct reader *r, struct manifest *m)
{
    const struct at *top = NULL;
    uint32_t inputs;
    if (manifest_object(
            r, top, 0,
            "schema key version title targets license intendedUse contraindications regulatory modelCard performance "
            "population inputs groups conditions output runtime files selftest signature") ||
        read_names(r, top, m) || read_about(r, top, m) || read_performance(r, top, m) || read_population(r, top, m))
        return -1;
    if (!(inputs = json_get(r->j, 0, "inputs")))
        return manifest_bad(r, top, "is missing the field 'inputs'");
    return manifest_read_inputs(r, top, inputs, m) || read_groups(r, top, m) || read_conditions(r, top, m) ||
                   read_output(r, top, m) || read_runtime(r, top, m) || read_files(r, top, m) ||
                   read_signature(r, top, m) || manifest_read_selftests(r, top, json_get(r->j, 0, "selftest"), m)
               ? -1
               : 0;
}

int manifest_parse(struct arena *a, struct slice text, struct manifest *ret, struct err *e)
{
    unsigned before = arena_failed(a); /* a registry's arena lives on after a failure */
    struct manifest *m = TAKE_NEW(a, struct manifest);
    struct json_fault f;
    if (!m)
        return err_set(e, ERR_NO_MEMORY, "reading a manifest");
    if (text.n > MANIFEST_BYTES)
        return err_set(e, ERR_BAD_REQUEST, "/: a manifest has at most %d bytes", MANIFEST_BYTES);
    if (json_parse(a, text, &m->json, &f)) {
        if (!f.what)
            return err_set(e, ERR_NO_MEMORY, "reading a manifest");
        return err_set(e, ERR_BAD_JSON, "line %u, column %u: %s", f.line, f.column, f.what);
    }
    /* The struct keeps pointers to its tape (enum values), so the tape has its own place, not the caller's. */
    struct json *tape = TAKE_NEW(a, struct json);
    if (!tape)
        return err_set(e, ERR_NO_MEMORY, "reading a manifest");
    *tape = m->json;
    struct reader r = {tape, a, e};
    int bad = read_all(&r, m);
    if (arena_failed(a) != before) /* a text that could not be unescaped looks empty, a key unknown */
        return err_set(e, ERR_NO_MEMORY, "reading a manifest");
    if (bad)
        return -1;
    *ret = *m;
    return 0;
}

bool manifest_serves(const struct manifest *m, struct slice target)
{
    if (slice_eq(m->key, target))
        return true;
    for (size_t i = 0; i < m->targets_n; i++)
        if (slice_eq(m->targets[i], target))
            return true;
    return false;
}

int manifest_find_input(const struct manifest *m, struct slice name)
{
    for (size_t i = 0; i < m->inputs; i++)
        if (slice_eq(m->input[i].name, name))
            return (int)i;
    return -1;
}
