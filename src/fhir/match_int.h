/* match_int.h -- is this text a value of that primitive type? What R4's regular expressions and ranges say, and that a
 * date exists; one pass, no allocation. Empty text is no value of any type. */
#ifndef FHIR_MATCH_INT_H
#define FHIR_MATCH_INT_H

#include "base/str.h"
#include "fhir/tables_int.h"

/* `s`: a number's text, or a string's unescaped text. Not for BOOLEAN (its kind says all) and XHTML (xhtml_int.h). */
bool match_primitive(enum fhir_type type, struct slice s);
/* Grammars of value sets without a list. */
bool match_mime(struct slice s);     /* type/subtype with parameters, or a bare token such as "json" */
bool match_currency(struct slice s); /* a code of ISO 4217, also one that is no longer in use */
bool match_language(struct slice s); /* a tag of BCP-47 by its form */
bool match_absolute(struct slice s); /* a URI that begins with a scheme */
/* Of what begins with "urn:": are OIDs and UUIDs well-formed? A fragment may come after them. */
bool match_urn(struct slice s);
/* How many bytes are encoded in base64 that match_primitive let through. */
size_t match_base64_size(struct slice s);

#endif
