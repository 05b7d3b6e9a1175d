/* manifest_result.c -- what a model's output becomes as FHIR: output.fhir of a manifest. */
#include "models/manifest_int.h"

enum { RESULTS_MAX = 32, COMPONENTS_MAX = 32 };

static int read_kind(struct reader *r, const struct at *at, uint32_t obj, enum result_kind *ret)
{
    static const char *const name[RESULTS] = {
#define RESULT(name, resource, what) [RESULT_##name] = resource,
#include "models/results.def"
#undef RESULT
    };
    struct slice word = {NULL, 0};
    if (manifest_text(r, at, obj, "resource", true, 64, &word))
        return -1;
    for (int i = 0; i < RESULTS; i++)
        if (slice_is(word, name[i])) {
            *ret = (enum result_kind)i;
            return 0;
        }
    return manifest_bad(r, at, "'resource' can be \"Observation\", \"DiagnosticReport\" or \"RiskAssessment\"");
}

/* A JSON pointer; n == 0 where it may be absent, and is. */
static int read_pointer(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need,
                        struct slice *ret)
{
    if (manifest_text(r, at, obj, key, need, 128, ret))
        return -1;
    if (!ret->n || ret->p[0] == '/')
        return 0;
    return manifest_bad(r, at, "'%s' is a JSON pointer into the output, such as \"/score\"", key);
}

static int read_code(struct reader *r, const struct at *at, uint32_t obj, struct code *ret)
{
    uint32_t code = json_get(r->j, obj, "code");
    struct at here = at_key(at, "code");
    if (!code)
        return manifest_bad(r, at, "is missing the field 'code'");
    return manifest_object(r, &here, code, "system code display") || manifest_system_code(r, &here, code, ret);
}

static int read_unit(struct reader *r, const struct at *at, uint32_t obj, struct slice *ret)
{
    struct ucum_fault f = {0};
    if (manifest_text(r, at, obj, "unit", false, 60, ret))
        return -1;
    if (!ret->n || ucum_parse(r->a, *ret, &f))
        return 0;
    return manifest_bad(r, at, "'unit' is no UCUM code");
}

static int read_components(struct reader *r, const struct at *at, uint32_t obj, struct output_fhir *f)
{
    uint32_t list = manifest_elements(r, at, obj, "component", false, COMPONENTS_MAX);
    struct at above = at_key(at, "component");
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    if (f->kind != RESULT_OBSERVATION)
        return manifest_bad(r, at, "has 'component', which an Observation alone can have");
    if (!(f->component = manifest_array(r, r->j->node[list].len, sizeof *f->component)))
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), f->components++) {
        struct at here = at_index(&above, (uint32_t)f->components);
        struct output_part *c = &f->component[f->components];
        if (manifest_object(r, &here, k, "code value unit") || read_code(r, &here, k, &c->code) ||
            read_pointer(r, &here, k, "value", true, &c->value) || read_unit(r, &here, k, &c->unit))
            return -1;
    }
    return 0;
}

static int check_unit(struct reader *r, const struct at *at, const struct output_fhir *f)
{
    if (f->kind != RESULT_RISK_ASSESSMENT || slice_is(f->unit, "1") || slice_is(f->unit, "%"))
        return 0;
    return manifest_bad(r, at, "'unit' of a probability is \"1\" (0 to 1) or \"%%\" (0 to 100)");
}

static int read_result(struct reader *r, const struct at *at, uint32_t k, struct output_fhir *f)
{
    if (manifest_object(r, at, k, "resource code value unit interpretation category component") ||
        read_kind(r, at, k, &f->kind) || read_code(r, at, k, &f->code) ||
        read_pointer(r, at, k, "value", true, &f->value) ||
        read_pointer(r, at, k, "interpretation", false, &f->interpretation) || read_unit(r, at, k, &f->unit) ||
        manifest_text(r, at, k, "category", false, 40, &f->category))
        return -1;
    return check_unit(r, at, f) || read_components(r, at, k, f);
}

int manifest_read_results(struct reader *r, const struct at *at, uint32_t out, struct manifest *m)
{
    uint32_t list = manifest_elements(r, at, out, "fhir", false, RESULTS_MAX);
    struct at above = at_key(at, "fhir");
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    if (!(m->fhir = manifest_array(r, r->j->node[list].len, sizeof *m->fhir)))
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), m->fhir_n++) {
        struct at here = at_index(&above, (uint32_t)m->fhir_n);
        if (read_result(r, &here, k, &m->fhir[m->fhir_n]))
            return -1;
    }
    return 0;
}
