/* fhir_result.h -- what came of a job, as FHIR R4: a Bundle with what was found (Observation, DiagnosticReport,
 * RiskAssessment, as the model's manifest says; without a word of it an Observation with every scalar of the output),
 * the Device that found it, and the Provenance that says from what. Each finding carries the security label AIAST,
 * "artificial intelligence asserted".
 *
 * Made anew whenever it is asked for, of what is stored: the same job gives the same bytes. Whom it is about and which
 * resources it came from are named as in the Bundle that was sent; a job that was accepted before that was kept says
 * neither. Pure. */
#ifndef API_FHIR_RESULT_H
#define API_FHIR_RESULT_H

#include "base/json.h"
#include "models/registry.h"

/* The label, and what the job is called in an identifier. */
#define RESULT_LABEL "AIAST"
#define RESULT_JOB   "identifier:job"

struct fhir_result {
    const struct model *model;
    struct slice output, plan; /* JSON, as the job keeps them */
    const uint8_t *id; /* 16 bytes: the job, as its client knows it; the names of the resources are made of it */
    int64_t accepted_at, ended_at;
};

/* The Bundle as a JSON object. 0; -1 ERR_INTERNAL: what is stored is no JSON, ERR_NO_MEMORY. */
int fhir_result_put(struct json_out *o, const struct fhir_result *r, struct arena *a, struct err *e);

#endif
