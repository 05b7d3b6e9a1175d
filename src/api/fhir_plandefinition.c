/* fhir_plandefinition.c -- /fhir/R4/PlanDefinition: the models in use, and what each needs of a patient; and its
 * operation $data-requirements, the same as a Library of type module-definition. A model's id is its key. */
#include "api/fhir_checked.h"
#include "api/fhir_int.h"
#include "api/fhir_requirement.h"

#define PLAN_TYPES FHIR_HL7 "plan-definition-type"
/* What a client's search puts the patient's id in place of. */
#define OF_PATIENT "{{context.patientId}}"

static void put_url(struct json_out *o, const char *key, const struct manifest *m, struct arena *a)
{
    json_pair_str(o, key, arena_printf(a, PLAN_CANONICAL "%.*s", SLICE_FMT(m->key)));
}

static void put_topics(struct json_out *o, const struct manifest *m)
{
    json_key(o, "topic");
    json_open(o, '[');
    for (size_t i = 0; i < m->targets_n; i++)
        fhir_put_concept(o, NULL, SLICE(FHIR_OURS "CodeSystem:target"), m->targets[i], (struct slice){NULL, 0},
                         m->targets[i]);
    json_close(o, ']');
}

/* It runs when somebody looks at a patient (CDS Hooks), or asks. */
static void put_action(struct json_out *o, const struct manifest *m)
{
    json_key(o, "action");
    json_open(o, '[');
    json_open(o, '{');
    json_pair(o, "title", m->title);
    json_key(o, "trigger");
    json_open(o, '[');
    json_open(o, '{');
    json_pair_str(o, "type", "named-event");
    json_pair_str(o, "name", "patient-view");
    json_close(o, '}');
    json_close(o, ']');
    json_key(o, "input");
    json_open(o, '[');
    fhir_requirement_put_all(o, m, SLICE(OF_PATIENT));
    json_close(o, ']');
    json_close(o, '}');
    json_close(o, ']');
}

static void put(struct json_out *o, struct api_request *q, const struct face_meta *meta, const void *record)
{
    const struct model *const *x = record;
    const struct manifest *m = &(*x)->manifest;
    json_pair_str(o, "id", meta->id);
    put_url(o, "url", m, q->arena);
    json_key(o, "identifier");
    json_open(o, '[');
    fhir_put_identifier(o, NULL, FHIR_OURS "model-digest", slice_of((*x)->digest_text));
    json_close(o, ']');
    json_pair(o, "version", m->version);
    json_pair(o, "title", m->title);
    fhir_put_concept(o, "type", SLICE(PLAN_TYPES), SLICE("eca-rule"), SLICE("ECA Rule"), (struct slice){NULL, 0});
    json_pair_str(o, "status", "active");
    if (m->intended_use.n)
        json_pair(o, "description", m->intended_use);
    if (m->license.n)
        json_pair(o, "copyright", m->license);
    put_topics(o, m);
    put_action(o, m);
}

static struct face_meta meta(struct api_request *q, const void *record)
{
    const struct model *const *x = record;
    return (struct face_meta){.id = arena_str(q->arena, (*x)->manifest.key)};
}

static const struct face_kind kind = {FACE_PlanDefinition, meta, put};

/* The one in the path; *ret is untouched with -1. */
static int model_of(struct api_request *q, const struct model **ret, struct err *e)
{
    const struct model *m = registry_named(q->api->registry, q->param[0], SLICE("stable"));
    if (!m)
        return face_absent(e);
    *ret = m;
    return 0;
}

int api_fhir_plandefinition_read(struct api_request *q, struct err *e)
{
    const struct model *m;
    return model_of(q, &m, e) ? -1 : face_send(q, &kind, &m, e);
}

static bool fits(const struct search *s, const void *record)
{
    const struct model *const *x = record;
    bool fit = (*x)->stable;
    for (int i = 0; fit && i < s->terms; i++) {
        const struct search_term *t = &s->term[i];
        if (t->param == PARAM_PlanDefinition_id)
            fit = search_token_fits(t, NULL, (*x)->manifest.key);
        if (t->param == PARAM_PlanDefinition_version)
            fit = search_token_fits(t, NULL, (*x)->manifest.version);
        if (t->param == PARAM_PlanDefinition_status)
            fit = search_token_fits(t, "http://hl7.org/fhir/publication-status", SLICE("active"));
    }
    return fit;
}

int api_fhir_plandefinition_search(struct api_request *q, struct err *e)
{
    static const struct face_sift how = {fits, NULL};
    const struct model *list[REGISTRY_MODELS];
    struct search s;
    if (face_search(q, FACE_PlanDefinition, &s, e))
        return -1;
    int n = registry_all(q->api->registry, list, REGISTRY_MODELS);
    return face_send_sifted(q, &s, &kind, &how, list, sizeof *list, n, e);
}

/* --- $data-requirements --- */

int api_fhir_data_requirements(struct api_request *q, struct err *e)
{
    const struct model *m = NULL;
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    if (model_of(q, &m, e))
        return -1;
    json_open(&o, '{');
    json_pair_str(&o, "resourceType", "Library");
    json_pair(&o, "version", m->manifest.version);
    json_pair(&o, "title", m->manifest.title);
    json_pair_str(&o, "status", "active");
    fhir_put_concept(&o, "type", SLICE(FHIR_HL7 "library-type"), SLICE("module-definition"), SLICE("Module Definition"),
                     (struct slice){NULL, 0});
    json_key(&o, "relatedArtifact");
    json_open(&o, '[');
    json_open(&o, '{');
    json_pair_str(&o, "type", "derived-from");
    json_pair_str(
        &o, "resource",
        arena_printf(q->arena, PLAN_CANONICAL "%.*s|%.*s", SLICE_FMT(m->manifest.key), SLICE_FMT(m->manifest.version)));
    json_close(&o, '}');
    json_close(&o, ']');
    json_key(&o, "dataRequirement");
    json_open(&o, '[');
    fhir_requirement_put_all(&o, &m->manifest, SLICE(OF_PATIENT));
    json_close(&o, ']');
    json_close(&o, '}');
    return fhir_send_checked(q, 200, "Library", &b, e);
}
