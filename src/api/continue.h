/* continue.h -- a negotiation goes on: what was not enough is kept for a while, and what comes with its id is added.
 *
 * A body of /v1/diagnose with `negotiation_id` has in `add` (or `fhir_bundle`) only what was missing: a Bundle of the
 * resources to add, or a QuestionnaireResponse. Its client_id and target are those of the first time, said or not. It
 * is judged as if all of it had been sent at once. A resource that comes again, under the same fullUrl or else the same
 * type and id, takes the place of the one there was. */
#ifndef API_CONTINUE_H
#define API_CONTINUE_H

#include "api/intake.h"
#include "api/submission.h"

/* A submission whose JSON is read: with a negotiation_id, its JSON becomes that of all there is. -1 ERR_BAD_REQUEST
 * with the issue: there is none of this id any more, or it does not fit. */
int submission_continue(struct submission *d, struct err *e);
/* The same refusal, of one that was there when it was looked for. -1. */
int continue_ended(struct submission *d, struct err *e);

/* Of a refusal for missing data: will its Bundle be kept? The instant it is forgotten; 0: it is not kept. */
int64_t continue_until(const struct api_request *q, const struct intake *x);
/* Keeps it under `id` and writes the refusal into the log. *e becomes the failure. */
void continue_keep(struct api_request *q, const struct intake *x, const uint8_t id[16], int64_t until, struct err *e);

#endif
