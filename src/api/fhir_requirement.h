/* fhir_requirement.h -- what a model needs of a patient, as R4's DataRequirement: of an input, or of a condition that
 * has to be known, everything read off the manifest. Pure; knows nothing of requests.
 *
 * R4 has no place for what a value must be, for "at least three", nor for "this or that": these stand in extensions of
 * ours (FHIR_OURS "StructureDefinition:..."):
 *
 *   requirement-id         valueCode      the input's name: the linkId of the Questionnaire's item and a CDS prefetch
 * key requirement-group      valueCode      one of the inputs of this group is enough (the manifest's `groups`)
 *   requirement-optional   valueBoolean   true: the model runs without it
 *   requirement-count      valuePositiveInt   so many samples
 *   requirement-absence    valueCode      must-assert: that there is none has to be said; silence is no answer
 *   accepted-unit          valueCode      a UCUM code that converts, each
 *   accepted-value         valueCoding    an answer that counts, each
 *   plausible-range        valueRange     what lies outside does not count
 *   ask                    valueReference to the Questionnaire that asks for it
 *
 * and HL7's cqf-fhirQueryPattern: the search that finds it. */
#ifndef API_FHIR_REQUIREMENT_H
#define API_FHIR_REQUIREMENT_H

#include "fhir/write.h"
#include "models/manifest.h"

#define REQUIREMENT_EXTENSION FHIR_OURS "StructureDefinition:"
/* What a version of a model is called by, as a canonical: this, its key, "|", its version. */
#define PLAN_CANONICAL FHIR_OURS "PlanDefinition:"

struct requirement {
    const struct manifest *model;
    const struct input *input;         /* one of the model's; NULL: */
    const struct condition *condition; /* one of the model's */
    struct slice patient;              /* the id in searches, or a template for it; n == 0: searches name no patient */
    const char *ask;                   /* "#ask": where its question is; NULL: nowhere */
};

/* One, as an element of a list. */
void fhir_requirement_put(struct json_out *o, const struct requirement *r);
/* All of a model, as the elements of a list: inputs in the manifest's order, then conditions. `patient` as above. */
void fhir_requirement_put_all(struct json_out *o, const struct manifest *m, struct slice patient);
/* "Observation?patient=p1&code=http://loinc.org|8310-5&_sort=-date&_count=1"; of what the Patient itself says
 * "Patient/p1", or "Patient" without an id. Escaped for an address, but for the braces of a template. */
void fhir_requirement_query(const struct requirement *r, struct buf *b);
/* "Observation", "Condition", "MedicationStatement", "Patient" */
const char *fhir_requirement_type(const struct requirement *r);
/* The name of it: its requirement-id. */
struct slice fhir_requirement_name(const struct requirement *r);

#endif
