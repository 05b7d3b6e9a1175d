/* cds_prefetch.c -- the FHIR searches that a model's inputs are found by, for the client to make.
 *
 * They keep to what CDS Hooks recommends clients to understand: read, a token's equality, _sort and _count. The one
 * exception is `code:below` for conditions whose manifest counts the codes below, too (I50.9 is I50): an equality would
 * find nothing where there is something, and finding nothing is taken as the patient not having it. A client that does
 * not know the modifier has to refuse the search (FHIR R4, 3.1.1.5.2) and so leaves the key out. */
#include "api/cds.h"
#include "api/fhir_query.h"

#define PATIENT_ID SLICE("{{context.patientId}}")
/* So many more than are needed: what does not count (a wrong status, a unit that does not convert) stands in the way of
 * none before it, and is told. */
enum { SPARE = 4, TEMPLATE_MAX = 16 * 1024 };

static const char loinc[] = "http://loinc.org";

static const struct {
    const char *part, *whole;
} panels[] = {
#define PANEL(part, whole) {part, whole},
#include "api/cds_panels.def"
#undef PANEL
};

static bool is_loinc(const struct input *in, size_t at, const char *code)
{
    const struct code *c = &in->code[at].code;
    return slice_is(c->system, loinc) && slice_is(c->code, code);
}

/* Does a code of the input name the panel itself, or one before `at` ask for it? */
static bool is_asked(const struct input *in, size_t at, const char *panel)
{
    for (size_t i = 0; i < in->codes; i++) {
        if (is_loinc(in, i, panel))
            return true;
        for (size_t k = 0; i < at && k < COUNT(panels); k++)
            if (is_loinc(in, i, panels[k].part) && strcmp(panels[k].whole, panel) == 0)
                return true;
    }
    return false;
}

static void put_panels(struct fhir_query *q, const struct input *in, size_t at)
{
    for (size_t k = 0; k < COUNT(panels); k++)
        if (is_loinc(in, at, panels[k].part) && !is_asked(in, at, panels[k].whole))
            fhir_query_token(q, slice_of(loinc), slice_of(panels[k].whole));
}

static void put_observation(struct buf *b, const struct input *in)
{
    struct fhir_query q = fhir_query_of(b, "Observation", PATIENT_ID);
    fhir_query_codes(&q, in, NULL);
    for (size_t i = 0; i < in->codes; i++)
        put_panels(&q, in, i);
    /* Else all of the window may be needed. */
    fhir_query_newest(&q, in->take == TAKE_LATEST && !in->min_gap.n && !in->span.n ? in->count + SPARE : 0);
}

static void put_condition(struct buf *b, const struct input *in, const struct condition *k)
{
    struct fhir_query q = fhir_query_of(b, "Condition", PATIENT_ID);
    fhir_query_codes(&q, in, k);
}

/* By no code: a prescription may name its drug in a resource of its own, where the search by code does not look. */
static void put_medication(struct buf *b)
{
    struct fhir_query q = fhir_query_of(b, "MedicationRequest", PATIENT_ID);
    fhir_query_param(&q, "_include", "MedicationRequest:medication");
}

static struct slice text_of(struct buf *b)
{
    return buf_failed(b) ? (struct slice){NULL, 0} : buf_text(b);
}

struct slice cds_input_template(const struct input *in, struct arena *a)
{
    struct buf b = buf_in(a, TEMPLATE_MAX);
    switch (in->source) {
    case INPUT_OBSERVATION: put_observation(&b, in); break;
    case INPUT_CONDITION: put_condition(&b, in, NULL); break;
    case INPUT_MEDICATION: put_medication(&b); break;
    case INPUT_AGE:
    case INPUT_GENDER:
    case INPUT_SOURCES: return (struct slice){NULL, 0};
    }
    return text_of(&b);
}

struct slice cds_condition_template(const struct condition *k, struct arena *a)
{
    struct buf b = buf_in(a, TEMPLATE_MAX);
    put_condition(&b, NULL, k);
    return text_of(&b);
}

static void put_template(struct json_out *o, struct slice name, struct slice template, struct arena *a)
{
    const char *key = arena_str(a, name);
    if (key && template.n && !slice_is(name, CDS_PATIENT))
        json_pair(o, key, template);
}

void cds_write_templates(const struct manifest *m, struct json_out *o, struct arena *a)
{
    json_open(o, '{');
    json_pair_str(o, CDS_PATIENT, "Patient/{{context.patientId}}");
    for (size_t i = 0; i < m->inputs; i++)
        put_template(o, m->input[i].name, cds_input_template(&m->input[i], a), a);
    for (size_t i = 0; i < m->conditions; i++)
        if (manifest_find_input(m, m->condition[i].id) < 0)
            put_template(o, m->condition[i].id, cds_condition_template(&m->condition[i], a), a);
    json_close(o, '}');
}
