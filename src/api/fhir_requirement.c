#include "api/fhir_requirement.h"

#include <stdio.h>

#include "api/fhir_query.h"

static const struct {
    const char *type, *path; /* where its codes are; NULL: the Patient itself says it */
    const char *must;        /* what of it is read */
} source[INPUT_SOURCES] = {
    [INPUT_OBSERVATION] = {"Observation", "code", "value"},
    [INPUT_AGE] = {"Patient", NULL, "birthDate"},
    [INPUT_GENDER] = {"Patient", NULL, "gender"},
    [INPUT_CONDITION] = {"Condition", "code", "code"},
    [INPUT_MEDICATION] = {"MedicationStatement", "medication", "medication"},
};

static enum input_source source_of(const struct requirement *r)
{
    return r->input ? r->input->source : INPUT_CONDITION;
}

const char *fhir_requirement_type(const struct requirement *r)
{
    return source[source_of(r)].type;
}

struct slice fhir_requirement_name(const struct requirement *r)
{
    return r->input ? r->input->name : r->condition->id;
}

static size_t codes_of(const struct requirement *r)
{
    return r->input ? r->input->codes : r->condition->codes;
}

static const struct code *code_of(const struct requirement *r, size_t i)
{
    return r->input ? &r->input->code[i].code : &r->condition->code[i];
}

/* Is the newest all that is read of it? */
static bool is_latest(const struct input *in)
{
    return in && in->source == INPUT_OBSERVATION && in->count <= 1 && in->take == TAKE_LATEST;
}

/* --- the search --- */

void fhir_requirement_query(const struct requirement *r, struct buf *b)
{
    if (!source[source_of(r)].path) {
        fhir_query_read(b, fhir_requirement_type(r), r->patient);
        return;
    }
    struct fhir_query q = fhir_query_of(b, fhir_requirement_type(r), r->patient);
    fhir_query_codes(&q, r->input, r->condition);
    if (source_of(r) == INPUT_OBSERVATION)
        fhir_query_newest(&q, is_latest(r->input));
}

/* --- extensions --- */

static bool is_in(const struct group *g, size_t input)
{
    for (size_t k = 0; k < g->alternatives; k++)
        if (g->alternative[k] >> input & 1)
            return true;
    return false;
}

/* How many groups it is in. */
static size_t put_groups(struct json_out *o, const struct requirement *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->model->groups; i++)
        if (is_in(&r->model->group[i], (size_t)(r->input - r->model->input)))
            n++, fhir_put_code_extension(o, REQUIREMENT_EXTENSION "requirement-group", r->model->group[i].id);
    return n;
}

static void put_units(struct json_out *o, const struct input *in)
{
    for (size_t i = 0; i < in->accepts; i++)
        fhir_put_code_extension(o, REQUIREMENT_EXTENSION "accepted-unit", in->accept[i].code);
    for (size_t i = 0; in->coded && i < in->codes; i++)
        for (size_t k = 0; k < in->code[i].units_n; k++)
            fhir_put_code_extension(o, REQUIREMENT_EXTENSION "accepted-unit", in->code[i].units[k]);
}

static void put_choices(struct json_out *o, const struct choice *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fhir_open_extension(o, REQUIREMENT_EXTENSION "accepted-value");
        fhir_put_coding(o, "valueCoding", c[i].system, c[i].code, c[i].display);
        json_close(o, '}');
    }
}

static void put_values(struct json_out *o, const struct input *in)
{
    for (size_t i = 0; in->source == INPUT_GENDER && i < in->values_n; i++) {
        fhir_open_extension(o, REQUIREMENT_EXTENSION "accepted-value");
        fhir_put_coding(o, "valueCoding", SLICE("http://hl7.org/fhir/administrative-gender"), in->values[i],
                        (struct slice){NULL, 0});
        json_close(o, '}');
    }
    put_choices(o, in->choice, in->choices);
    for (size_t i = 0; i < in->codes; i++)
        put_choices(o, in->code[i].choice, in->code[i].choices);
}

static void put_range(struct json_out *o, const struct input *in)
{
    if (!in->hard.set)
        return;
    fhir_open_extension(o, REQUIREMENT_EXTENSION "plausible-range");
    json_key(o, "valueRange");
    json_open(o, '{');
    fhir_put_quantity(o, "low", in->hard.low_text, in->unit);
    fhir_put_quantity(o, "high", in->hard.high_text, in->unit);
    json_close(o, '}');
    json_close(o, '}');
}

static void put_input(struct json_out *o, const struct requirement *r)
{
    const struct input *in = r->input;
    if (put_groups(o, r) == 0 && !in->required) {
        fhir_open_extension(o, REQUIREMENT_EXTENSION "requirement-optional");
        json_pair_bool(o, "valueBoolean", true);
        json_close(o, '}');
    }
    if (in->count > 1) {
        fhir_open_extension(o, REQUIREMENT_EXTENSION "requirement-count");
        json_pair_int(o, "valuePositiveInt", in->count);
        json_close(o, '}');
    }
    put_units(o, in);
    put_values(o, in);
    put_range(o, in);
}

static void put_extensions(struct json_out *o, const struct requirement *r)
{
    struct buf query = buf_in(o->buf->arena, 64 * 1024);
    json_key(o, "extension");
    json_open(o, '[');
    fhir_put_code_extension(o, REQUIREMENT_EXTENSION "requirement-id", fhir_requirement_name(r));
    if (r->input)
        put_input(o, r);
    if (r->input ? r->input->must_assert : r->condition->must_assert)
        fhir_put_code_extension(o, REQUIREMENT_EXTENSION "requirement-absence", SLICE("must-assert"));
    fhir_requirement_query(r, &query);
    o->buf->failed |= buf_failed(&query);
    fhir_open_extension(o, FHIR_EXTENDED "cqf-fhirQueryPattern");
    json_pair(o, "valueString", buf_text(&query));
    json_close(o, '}');
    if (r->ask) {
        fhir_open_extension(o, REQUIREMENT_EXTENSION "ask");
        fhir_put_reference(o, "valueReference", slice_of(r->ask));
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* --- filters --- */

static void put_statuses(struct json_out *o, unsigned status)
{
    static const struct {
        unsigned bit;
        const char *code;
    } known[] = {{STATUS_FINAL, "final"},
                 {STATUS_AMENDED, "amended"},
                 {STATUS_CORRECTED, "corrected"},
                 {STATUS_PRELIMINARY, "preliminary"}};
    json_open(o, '{');
    json_pair_str(o, "path", "status");
    json_key(o, "code");
    json_open(o, '[');
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (status & known[i].bit)
            fhir_put_coding(o, NULL, SLICE("http://hl7.org/fhir/observation-status"), slice_of(known[i].code),
                            (struct slice){NULL, 0});
    json_close(o, ']');
    json_close(o, '}');
}

static void put_code_filter(struct json_out *o, const struct requirement *r)
{
    if (codes_of(r) == 0)
        return;
    json_key(o, "codeFilter");
    json_open(o, '[');
    json_open(o, '{');
    json_pair_str(o, "path", source[source_of(r)].path);
    json_key(o, "code");
    json_open(o, '[');
    for (size_t i = 0; i < codes_of(r); i++)
        fhir_put_coding(o, NULL, code_of(r, i)->system, code_of(r, i)->code, code_of(r, i)->display);
    json_close(o, ']');
    json_close(o, '}');
    if (source_of(r) == INPUT_OBSERVATION)
        put_statuses(o, r->input->status);
    json_close(o, ']');
}

/* In the largest unit of time that it is a whole number of. */
static void put_duration(struct json_out *o, int64_t us)
{
    static const struct {
        int64_t us;
        const char *code;
    } unit[] = {{86400000000LL, "d"}, {3600000000LL, "h"}, {60000000, "min"}, {1000000, "s"}};
    char text[24];
    size_t i = 0;
    while (i < 3 && us % unit[i].us != 0)
        i++;
    snprintf(text, sizeof text, "%lld", (long long)(us / unit[i].us));
    fhir_put_quantity(o, "valueDuration", slice_of(text), slice_of(unit[i].code));
}

static void put_date_filter(struct json_out *o, const struct input *in)
{
    json_key(o, "dateFilter");
    json_open(o, '[');
    json_open(o, '{');
    json_pair_str(o, "path", "effective");
    put_duration(o, in->within_us);
    json_close(o, '}');
    json_close(o, ']');
}

static void put_newest(struct json_out *o)
{
    json_pair_int(o, "limit", 1);
    json_key(o, "sort");
    json_open(o, '[');
    json_open(o, '{');
    json_pair_str(o, "path", "effective");
    json_pair_str(o, "direction", "descending");
    json_close(o, '}');
    json_close(o, ']');
}

void fhir_requirement_put(struct json_out *o, const struct requirement *r)
{
    json_open(o, '{');
    put_extensions(o, r);
    json_pair_str(o, "type", fhir_requirement_type(r));
    fhir_put_concept(o, "subjectCodeableConcept", SLICE("http://hl7.org/fhir/resource-types"), SLICE("Patient"),
                     (struct slice){NULL, 0}, (struct slice){NULL, 0});
    json_key(o, "mustSupport");
    json_open(o, '[');
    json_put_str(o, source[source_of(r)].must);
    json_close(o, ']');
    put_code_filter(o, r);
    if (r->input && r->input->within.n)
        put_date_filter(o, r->input);
    if (is_latest(r->input))
        put_newest(o);
    json_close(o, '}');
}

void fhir_requirement_put_all(struct json_out *o, const struct manifest *m, struct slice patient)
{
    for (size_t i = 0; i < m->inputs; i++)
        fhir_requirement_put(o, &(struct requirement){.model = m, .input = &m->input[i], .patient = patient});
    for (size_t i = 0; i < m->conditions; i++)
        fhir_requirement_put(o, &(struct requirement){.model = m, .condition = &m->condition[i], .patient = patient});
}
