/* fhir_submission.c -- the body of $diagnose: R4's Parameters, read by the rows of fhir_operations.def. The Bundle in
 * it is validated by the intake, as one that came through /v1. */
#include "api/submission.h"
#include "fhir/fhir.h"

enum { LOC_TEXT = 64 };

static bool is_text(const struct submission *d, uint32_t node)
{
    return json_kind(&d->json, node) == JSON_STRING;
}

/* Whether one of the two is there is asked when both are known (check_target). */
static void submission_target(struct submission *d, uint32_t node, const char *loc)
{
    if (node && is_text(d, node))
        d->target = json_text(&d->json, node, d->q->arena);
    if (node && !d->target.n)
        api_issue_field(d->q, "value_error", loc, "the parameter 'target' is a valueCode");
}

/* KEY, or KEY@VERSION of the version in use: no other one runs for a client. */
static void submission_model(struct submission *d, uint32_t node, const char *loc)
{
    if (!node)
        return;
    struct slice version = is_text(d, node) ? json_text(&d->json, node, d->q->arena) : (struct slice){NULL, 0};
    struct slice key = slice_cut(&version, '@');
    d->only = registry_named(d->q->api->registry, key, SLICE("stable"));
    if (!d->only || (version.p && !slice_eq(version, d->only->manifest.version))) {
        d->only = NULL;
        api_issue_field(d->q, "value_error", loc, "no model in use has this key, or not this version");
    }
}

static bool names_somebody(const struct json *j, uint32_t node)
{
    if (json_kind(j, node) == JSON_STRING)
        return json_raw(j, node).n != 0;
    return json_kind(j, node) == JSON_OBJECT &&
           (json_get_kind(j, node, "reference", JSON_STRING) || json_get_kind(j, node, "identifier", JSON_OBJECT) ||
            json_get_kind(j, node, "value", JSON_STRING));
}

static void submission_subject(struct submission *d, uint32_t node, const char *loc)
{
    if (node && names_somebody(&d->json, node))
        d->subject = node;
    else if (node)
        api_issue_field(d->q, "value_error", loc,
                        "the parameter 'subject' names a patient: a Reference with a reference or an identifier, an "
                        "Identifier, or the text of a reference");
}

static void submission_data(struct submission *d, uint32_t node, const char *loc)
{
    if (node && fhir_is(&d->json, node, "Bundle"))
        d->bundle = node;
    else
        api_issue_field(d->q, node ? "value_error" : "missing", loc,
                        "the parameter 'data' is needed: its resource is a Bundle");
}

static const struct {
    const char *name, *type;
    void (*read)(struct submission *d, uint32_t node, const char *loc);
} known[] = {
#define IN_PARAMETER(operation, name, least, most, type, field, what) {name, type, submission_##field},
#include "api/fhir_operations.def"
};

/* The one value of a parameter: of value[x] or, of a type that is none, its resource. 0: there is none, or something
 * else beside it. */
static uint32_t value_of(const struct submission *d, uint32_t parameter, bool resource)
{
    const struct json *j = &d->json;
    uint32_t ret = 0;
    for (uint32_t k = json_first(j, parameter); k != json_end(j, parameter); k = json_next(j, k)) {
        bool value = slice_starts(json_raw(j, k), "value"), whole = json_is(j, k, "resource");
        if (json_is(j, k, "name") || json_is(j, k, "id"))
            continue;
        if (ret || !(resource ? whole : value))
            return 0;
        ret = json_value(k);
    }
    return ret;
}

static size_t number_of(const struct submission *d, uint32_t parameter)
{
    uint32_t name = json_get(&d->json, parameter, "name");
    for (size_t i = 0; name && i < COUNT(known); i++)
        if (is_text(d, name) && json_is(&d->json, name, known[i].name))
            return i;
    return COUNT(known);
}

/* What FHIRPath calls the place of the issues that came since there were `before`. */
static void place(struct submission *d, size_t before, const char *expression)
{
    for (size_t i = before; i < d->q->issues; i++)
        d->q->issue[i].expression = expression;
}

/* Finds each parameter's node; what is none of ours, is there twice or has no value of its kind becomes an issue. */
static void find(struct submission *d, uint32_t list, uint32_t *node, const char **where)
{
    const struct json *j = &d->json;
    struct api_request *q = d->q;
    unsigned nth = 0;
    for (uint32_t k = json_first(j, list); k != json_end(j, list) && q->issues < ISSUES_MAX;
         k = json_next(j, k), nth++) {
        size_t i = json_kind(j, k) == JSON_OBJECT ? number_of(d, k) : COUNT(known), before = q->issues;
        const char *at = arena_printf(q->arena, "Parameters.parameter[%u]", nth);
        if (i == COUNT(known))
            api_issue_field(q, "extra_forbidden", "body/parameter", "this operation has no parameter of that name");
        else if (where[i])
            api_issue_field(q, "value_error", "body/parameter", "this parameter is there already");
        else if (!(node[i] = value_of(d, k, strcmp(known[i].type, "Bundle") == 0)))
            api_issue_field(q, "value_error", "body/parameter",
                            "this parameter has one value, of its own type, and nothing beside it");
        if (i < COUNT(known))
            where[i] = at;
        place(d, before, at);
    }
}

/* A parameter's row in fhir_operations.def. */
static size_t row_of(const char *name)
{
    size_t i = 0;
    while (strcmp(known[i].name, name) != 0)
        i++;
    return i;
}

static void check_target(struct submission *d, const char *const *where)
{
    const char *target = where[row_of("target")], *model = where[row_of("model")];
    size_t before = d->q->issues;
    if (!target && !model) {
        api_issue_field(d->q, "missing", "body/parameter/target",
                        "one of the parameters 'target' and 'model' is needed: a valueCode");
        place(d, before, "Parameters.parameter");
    } else if (d->only && d->target.n && !manifest_serves(&d->only->manifest, d->target)) {
        api_issue_field(d->q, "value_error", "body/parameter/model", "this model does not serve that target");
        place(d, before, model);
    }
    if (d->only && !d->target.n)
        d->target = d->only->manifest.key;
    d->subject_at = where[row_of("subject")];
}

int submission_elsewhere(struct submission *d, struct err *e)
{
    size_t before = d->q->issues;
    api_issue_field(d->q, "value_error", "body/parameter/subject",
                    "the data are about another patient than 'subject' says");
    place(d, before, d->subject_at);
    return err_set(e, ERR_BAD_REQUEST, "data of another patient than the one named");
}

static int read_parameters(struct submission *d, struct err *e)
{
    const struct json *j = &d->json;
    uint32_t node[COUNT(known)] = {0}, list = json_get_kind(j, 0, "parameter", JSON_ARRAY);
    const char *where[COUNT(known)] = {NULL};
    if (!fhir_is(j, 0, "Parameters")) {
        api_issue_field(d->q, "value_error", "body", "the body is a resource of type Parameters");
        return err_set(e, ERR_BAD_REQUEST, "a body that is no Parameters");
    }
    if (list)
        find(d, list, node, where);
    for (size_t i = 0; i < COUNT(known); i++) {
        size_t before = d->q->issues;
        if (where[i] && !node[i]) /* it is told already */
            continue;
        known[i].read(d, node[i], arena_printf(d->q->arena, "body/parameter/%s", known[i].name));
        place(d, before, where[i] ? where[i] : "Parameters.parameter");
    }
    check_target(d, where);
    if (arena_failed(d->q->arena))
        return err_set(e, ERR_NO_MEMORY, "a body of %zu bytes", j->size);
    return d->q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", d->q->issues) : 0;
}

int submission_read_parameters(struct api_request *q, struct submission *ret, struct err *e)
{
    *ret = (struct submission){.q = q, .client_id = slice_of(q->caller.name)};
    return submission_parse(ret, e) || read_parameters(ret, e) ? -1 : 0;
}
