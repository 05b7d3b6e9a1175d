#include "fhir/write.h"
#include "negotiate/ask.h"

#define EXTENSION FHIR_EXTENDED
#define SDC       "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"

/* What stands in the way of a model that is not ready; of one that is, what would make its answer better. */
static bool is_asked(const struct candidate *c, const struct missing *m)
{
    return m->mandatory != c->ready && reason_curable(m->reason) && (m->input || m->condition);
}

size_t ask_count(const struct candidate *c)
{
    size_t n = 0;
    for (size_t i = 0; c->curable && i < c->missings; i++)
        n += is_asked(c, &c->missing[i]);
    return n;
}

static void put_unit_option(struct json_out *o, struct slice unit)
{
    fhir_open_extension(o, EXTENSION "questionnaire-unitOption");
    fhir_put_coding(o, "valueCoding", SLICE(FHIR_UCUM), unit, unit);
    json_close(o, '}');
}

static void put_bound(struct json_out *o, const char *url, struct slice value, struct slice unit)
{
    fhir_open_extension(o, url);
    fhir_put_quantity(o, "valueQuantity", value, unit);
    json_close(o, '}');
}

/* In the units the code may come with by which the answer will count: the first. */
static void put_quantity(struct json_out *o, const struct input *in)
{
    const struct input_code *c = in->code;
    for (size_t i = 0; in->coded && i + 1 < in->codes && !c->above; i++)
        c = &in->code[i + 1];
    json_pair_str(o, "type", "quantity");
    json_key(o, "extension");
    json_open(o, '[');
    for (size_t i = 0; i < c->units_n; i++)
        put_unit_option(o, c->units[i]);
    for (size_t i = 0; c->units_n == 0 && i < in->accepts; i++)
        put_unit_option(o, in->accept[i].code);
    if (in->hard.set && in->unit.n) {
        put_bound(o, SDC "minQuantity", in->hard.low_text, in->unit);
        put_bound(o, SDC "maxQuantity", in->hard.high_text, in->unit);
    }
    json_close(o, ']');
}

static size_t choices_of(const struct input *in)
{
    size_t n = in->choices;
    for (size_t i = 0; i < in->codes; i++)
        n += in->code[i].choices;
    return n;
}

static void put_options(struct json_out *o, const struct choice *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_open(o, '{');
        fhir_put_coding(o, "valueCoding", c[i].system, c[i].code, c[i].display.n ? c[i].display : c[i].value);
        json_close(o, '}');
    }
}

static void open_choice(struct json_out *o)
{
    json_pair_str(o, "type", "choice");
    json_key(o, "answerOption");
    json_open(o, '[');
}

static void put_observation(struct json_out *o, const struct input *in)
{
    if (in->presence) {
        json_pair_str(o, "type", "decimal");
    } else if (!in->coded || choices_of(in) == 0) {
        put_quantity(o, in);
    } else {
        open_choice(o);
        put_options(o, in->choice, in->choices);
        for (size_t i = 0; i < in->codes; i++)
            put_options(o, in->code[i].choice, in->code[i].choices);
        json_close(o, ']');
    }
}

static void put_gender(struct json_out *o, const struct input *in)
{
    open_choice(o);
    for (size_t i = 0; i < in->values_n; i++) {
        json_open(o, '{');
        fhir_put_coding(o, "valueCoding", SLICE("http://hl7.org/fhir/administrative-gender"), in->values[i],
                        (struct slice){NULL, 0});
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_kind(struct json_out *o, const struct input *in)
{
    switch (in ? in->source : INPUT_CONDITION) {
    case INPUT_AGE: json_pair_str(o, "type", "date"); break;
    case INPUT_GENDER: put_gender(o, in); break;
    case INPUT_OBSERVATION: put_observation(o, in); break;
    case INPUT_CONDITION:
    case INPUT_MEDICATION:
    case INPUT_SOURCES: json_pair_str(o, "type", "boolean"); break;
    }
}

static void put_question(struct json_out *o, const struct missing *m)
{
    struct slice ask = m->input ? m->input->ask : m->condition->ask;
    size_t codes = m->input ? m->input->codes : m->condition->codes;
    json_open(o, '{');
    json_pair(o, "linkId", m->name);
    if (codes) {
        const struct code *c = m->input ? &m->input->code->code : m->condition->code;
        json_key(o, "code");
        json_open(o, '[');
        fhir_put_coding(o, NULL, c->system, c->code, c->display);
        json_close(o, ']');
    }
    json_pair(o, "text", ask.n ? ask : m->display);
    put_kind(o, m->input);
    json_pair_bool(o, "required", m->mandatory && m->group.n == 0);
    json_close(o, '}');
}

void ask_write(const struct candidate *c, const char *id, struct json_out *o)
{
    if (ask_count(c) == 0) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair_str(o, "resourceType", "Questionnaire");
    if (id)
        json_pair_str(o, "id", id);
    json_key(o, "url");
    buf_printf(o->buf, "\"" ASK_CANONICAL "%.*s\"", SLICE_FMT(c->model->key));
    o->comma = true;
    json_pair(o, "version", c->model->version);
    json_pair_str(o, "status", "active");
    json_key(o, "subjectType");
    json_open(o, '[');
    json_put_str(o, "Patient");
    json_close(o, ']');
    json_key(o, "item");
    json_open(o, '[');
    for (size_t i = 0; i < c->missings; i++)
        if (is_asked(c, &c->missing[i]))
            put_question(o, &c->missing[i]);
    json_close(o, ']');
    json_close(o, '}');
}
