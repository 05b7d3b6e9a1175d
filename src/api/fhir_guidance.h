/* fhir_guidance.h -- GuidanceResponses: what a request to a model came to, as FHIR R4. What is missing, before there is
 * a job; and a job as it stands, with its result once it has one.
 *
 *   data-required   the Bundle lacks something; dataRequirement says what, reasonCode why, the contained Questionnaire
 * asks in-progress     a job waits or runs success         outputParameters (contained) has the result: a Bundle
 * (fhir_result.h) failure         no model is for this patient, or the job ended without a result; evaluationMessage
 * says why */
#ifndef API_FHIR_GUIDANCE_H
#define API_FHIR_GUIDANCE_H

#include "api/intake.h"

/* Of an intake that was refused with ERR_DATA_MISSING and told by api_refuse_intake: its issues are told again here. */
void fhir_guidance_missing(struct api_request *q, const struct intake *x, struct json_out *o);
/* Of a job that was read, by the id its client knows. 0; -1 ERR_NOT_FOUND: the model's version is not here any more,
 * ERR_INTERNAL, ERR_NO_MEMORY. */
int fhir_guidance_job(struct api_request *q, const uint8_t name[16], const struct job_view *v, struct json_out *o,
                      struct err *e);

#endif
