#include "models/import.h"

#include "models/manifest_int.h"

struct importing {
    struct json old, program; /* tapes */
    struct reader r;          /* of the old text */
    struct slice key, version, name;
    uint32_t observations;
};

static int parse(struct arena *a, struct slice text, const char *what, struct json *ret, struct err *e)
{
    struct json_fault f;
    if (text.n > MANIFEST_BYTES)
        return err_set(e, ERR_BAD_REQUEST, "%s: has more than %d bytes", what, MANIFEST_BYTES);
    if (json_parse(a, text, ret, &f))
        return f.what ? err_set(e, ERR_BAD_JSON, "%s: line %u, column %u: %s", what, f.line, f.column, f.what)
                      : err_set(e, ERR_NO_MEMORY, "reading %s", what);
    return json_kind(ret, 0) == JSON_OBJECT ? 0 : err_set(e, ERR_BAD_REQUEST, "%s: must be an object", what);
}

/* "1" and "1.0" become 1.0.0. */
static struct slice full_version(struct arena *a, struct slice v)
{
    int dots = 0;
    for (size_t i = 0; i < v.n; i++)
        dots += v.p[i] == '.';
    const char *full = arena_printf(a, "%.*s%s", SLICE_FMT(v), dots == 0 ? ".0.0" : dots == 1 ? ".0" : "");
    return full ? slice_of(full) : (struct slice){NULL, 0};
}

/* The row's own words; a bare required_fhir_resources has none. */
static int read_row(struct importing *x, const char *key, const char *version)
{
    struct at resources = at_key(NULL, "required_fhir_resources");
    uint32_t inner = json_get(&x->old, 0, "required_fhir_resources"), at = inner ? inner : 0;
    const struct at *where = inner ? &resources : NULL;
    if (inner && (manifest_object(&x->r, NULL, 0,
                                  "id name key version docker_image_path model_weights_path accuracy "
                                  "required_fhir_resources created_at updated_at") ||
                  manifest_text(&x->r, NULL, 0, "key", key == NULL, 64, &x->key) ||
                  manifest_text(&x->r, NULL, 0, "version", version == NULL, 32, &x->version) ||
                  manifest_text(&x->r, NULL, 0, "name", false, 256, &x->name)))
        return -1;
    if (manifest_object(&x->r, where, at, "required_observations"))
        return -1;
    x->observations = manifest_elements(&x->r, where, at, "required_observations", true, MANIFEST_INPUTS);
    if (x->observations == UINT32_MAX)
        return -1;
    x->key = key ? slice_of(key) : x->key;
    x->version = full_version(x->r.a, version ? slice_of(version) : x->version);
    if (!x->key.n)
        return manifest_bad(&x->r, NULL, "says no key: --key KEY, which requests name as their target");
    if (!x->version.n)
        return manifest_bad(&x->r, NULL, "says no version: --version 1.0.0");
    return 0;
}

/* "loinc-8310-5" */
static int input_name(struct importing *x, const struct at *at, struct slice code, const char **ret)
{
    for (size_t i = 0; i < code.n; i++)
        if (!((code.p[i] >= '0' && code.p[i] <= '9') || code.p[i] == '-') || code.n > 16)
            return manifest_bad(&x->r, at, "'code' is no LOINC code: digits, a hyphen and a check digit");
    *ret = arena_printf(x->r.a, "loinc-%.*s", SLICE_FMT(code));
    return *ret ? 0 : err_set(x->r.e, ERR_NO_MEMORY, "import a model");
}

static int put_input(struct importing *x, const struct at *at, uint32_t i, struct json_out *o)
{
    struct slice code = {0}, display = {0};
    const char *name;
    bool mandatory = true;
    if (manifest_object(&x->r, at, i, "code display mandatory") ||
        manifest_text(&x->r, at, i, "code", true, 128, &code) ||
        manifest_text(&x->r, at, i, "display", false, 128, &display) ||
        manifest_bool(&x->r, at, i, "mandatory", &mandatory) || input_name(x, at, code, &name))
        return -1;
    json_key(o, name);
    json_open(o, '{');
    json_pair(o, "display", display.n ? display : code);
    json_key(o, "anyOf");
    json_open(o, '[');
    json_open(o, '{');
    json_pair_str(o, "system", "http://loinc.org");
    json_pair(o, "code", code);
    if (display.n)
        json_pair(o, "display", display);
    json_close(o, '}');
    json_close(o, ']');
    json_pair_bool(o, "presence", true);
    json_pair_bool(o, "required", mandatory);
    json_close(o, '}');
    return 0;
}

static int put_inputs(struct importing *x, struct json_out *o)
{
    struct at resources = at_key(NULL, "required_fhir_resources");
    struct at above =
        at_key(json_get(&x->old, 0, "required_fhir_resources") ? &resources : NULL, "required_observations");
    uint32_t n = 0;
    json_key(o, "inputs");
    json_open(o, '{');
    for (uint32_t k = json_first(&x->old, x->observations); k != json_end(&x->old, x->observations);
         k = json_next(&x->old, k)) {
        struct at here = at_index(&above, n++);
        if (put_input(x, &here, k, o))
            return -1;
    }
    json_close(o, '}');
    return 0;
}

static int put_program(struct importing *x, struct arena *a, struct json_out *o, struct err *e)
{
    struct reader r = {&x->program, a, e};
    struct at at = {.whole = "program.json"};
    if (manifest_object(&r, &at, 0,
                        "title license intendedUse contraindications modelCard population output runtime selftest"))
        return -1;
    if (!json_get(&x->program, 0, "runtime") || !json_get(&x->program, 0, "output"))
        return manifest_bad(&r, &at, "needs 'runtime' and 'output', as a manifest has them (docs/models.md)");
    for (uint32_t k = json_first(&x->program, 0); k != json_end(&x->program, 0); k = json_next(&x->program, k)) {
        char *name = arena_str(a, json_text(&x->program, k, a));
        if (!name)
            return err_set(e, ERR_NO_MEMORY, "import a model");
        json_pair_raw(o, name, json_span(&x->program, json_value(k)));
    }
    return 0;
}

int import_manifest(struct arena *a, struct slice old, struct slice program, const char *key, const char *version,
                    struct slice *ret, struct err *e)
{
    struct importing x = {.r = {.a = a, .e = e}};
    struct buf b = buf_in(a, MANIFEST_BYTES);
    struct json_out o = json_out(&b);
    x.r.j = &x.old;
    if (parse(a, old, "the file", &x.old, e) || parse(a, program, "program.json", &x.program, e) ||
        read_row(&x, key, version))
        return -1;
    json_open(&o, '{');
    json_pair_str(&o, "schema", "lazaret.model/1");
    json_pair(&o, "key", x.key);
    json_pair(&o, "version", x.version);
    if (!json_get(&x.program, 0, "title"))
        json_pair(&o, "title", x.name.n ? x.name : x.key);
    json_key(&o, "targets");
    json_open(&o, '[');
    json_put(&o, x.key);
    json_close(&o, ']');
    if (put_inputs(&x, &o) || put_program(&x, a, &o, e))
        return -1;
    json_close(&o, '}');
    buf_byte(&b, '\n');
    *ret = buf_text(&b);
    return buf_failed(&b) ? err_set(e, ERR_NO_MEMORY, "import a model") : 0;
}
