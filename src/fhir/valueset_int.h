/* valueset_int.h -- the value sets of R4's required bindings. */
#ifndef FHIR_VALUESET_INT_H
#define FHIR_VALUESET_INT_H

#include "base/str.h"
#include "fhir/tables_int.h"

/* By its address, a version behind "|" or not; NULL: its codes are not known here. */
const struct fhir_valueset *valueset_named(struct slice url);
/* `system` NULL: any. */
bool valueset_has(const struct fhir_valueset *v, const struct slice *system, struct slice code);

#endif
