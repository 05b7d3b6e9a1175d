/* fhir_checked.h -- a resource of ours on its way out: only what our own validator finds valid is sent. */
#ifndef API_FHIR_CHECKED_H
#define API_FHIR_CHECKED_H

#include "api/api_int.h"

/* Answers with the resource in `b`, of this type ("GuidanceResponse"), as application/fhir+json. What is not valid R4
 * is not sent: -1 ERR_NOT_FHIR, the caller is told so and the log says at which element and why, never a value of it.
 * -1 ERR_NO_MEMORY too. */
int fhir_send_checked(struct api_request *q, int status, const char *type, const struct buf *b, struct err *e);

#endif
