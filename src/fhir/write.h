/* write.h -- the data types that our own resources are made of, as JSON. Pure; what does not fit fails the buf. Nothing
 * is checked here: fhir_validate says whether the whole is valid.
 *
 * `key` is the element's name, NULL for an element of a list. A slice of n == 0 is left away. */
#ifndef FHIR_WRITE_H
#define FHIR_WRITE_H

#include "base/json.h"

#define FHIR_UCUM     "http://unitsofmeasure.org"
#define FHIR_HL7      "http://terminology.hl7.org/CodeSystem/"
#define FHIR_EXTENDED "http://hl7.org/fhir/StructureDefinition/"
/* What is ours: code systems, extensions, canonical names. */
#define FHIR_OURS "urn:lazaret:fhir:"

void fhir_put_coding(struct json_out *o, const char *key, struct slice system, struct slice code, struct slice display);
/* A CodeableConcept of one coding (none without a code) and a text. */
void fhir_put_concept(struct json_out *o, const char *key, struct slice system, struct slice code, struct slice display,
                      struct slice text);
/* `value`: number text. A unit is a UCUM code; without one the value stands alone. */
void fhir_put_quantity(struct json_out *o, const char *key, struct slice value, struct slice unit);
void fhir_put_reference(struct json_out *o, const char *key, struct slice reference);
void fhir_put_identifier(struct json_out *o, const char *key, const char *system, struct slice value);
/* Opens an extension, an element of a list; the caller writes its value[x] and closes it. */
void fhir_open_extension(struct json_out *o, const char *url);
/* One whole, whose value is a code. */
void fhir_put_code_extension(struct json_out *o, const char *url, struct slice code);

#endif
