/* fhir_query.h -- the text of a FHIR search: "Observation?patient=p1&code=http://loinc.org|8310-5&_sort=-date". The one
 * writer for CDS Hooks' prefetch templates and for the searches of data requirements; what is searched for is theirs.
 *
 * Codes and ids are escaped for an address; the braces of a template ("{{context.patientId}}") stay. A buffer that is
 * full fails, as buf.h says. */
#ifndef API_FHIR_QUERY_H
#define API_FHIR_QUERY_H

#include "models/manifest.h"

struct fhir_query {
    struct buf *buf;
    char before; /* the next parameter: '?' or '&' */
    bool listed; /* its value has a token already */
};

/* Of all resources of the type, or with `patient` (an id or a template; n == 0: none) of the patient's. */
struct fhir_query fhir_query_of(struct buf *b, const char *type, struct slice patient);
/* No search: "Patient/p1", or without an id "Patient". */
void fhir_query_read(struct buf *b, const char *type, struct slice id);
/* &NAME=, and then its value: text as it is, or tokens, any of which may be met. */
void fhir_query_param(struct fhir_query *q, const char *name, const char *value);
void fhir_query_token(struct fhir_query *q, struct slice system, struct slice code);
/* &code= any code of an input, or of a condition; the other is NULL. &code:below= where a manifest counts what is below
 * one, too. */
void fhir_query_codes(struct fhir_query *q, const struct input *in, const struct condition *k);
/* The newest first, `count` of them; 0: all. */
void fhir_query_newest(struct fhir_query *q, unsigned count);

#endif
