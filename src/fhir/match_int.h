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
bool match_currency(struct slice s); /* three capital letters */

#endif
