/* fhir.h -- FHIR R4 (4.0.1) validation of a JSON document: structure, types, cardinality, choices, primitive formats,
 * required bindings. Pure: no store, no network, no state but the generated tables. Linear in the size of the text.
 *
 * Rules come from the published R4 definitions, turned into tables at build time by tools/gen_fhir.c. */
#ifndef FHIR_FHIR_H
#define FHIR_FHIR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum fhir_severity { FHIR_ERROR, FHIR_WARNING, FHIR_INFORMATION };

struct fhir_issue {
    enum fhir_severity severity;
    const char *code;        /* FHIR issue-type code: structure, required, value, code-invalid, invariant ... */
    const char *expression;  /* FHIRPath of the element: "Bundle.entry[3].resource.status" */
    uint32_t line, column;   /* of the element in the text, both from 1 */
    const char *text;        /* what was found and what was expected; never a value of the patient */
};

struct fhir_report {
    struct fhir_issue *issue; /* in the order of the text; at most the caller's maximum */
    size_t issues;
    size_t cut;               /* found but not kept */
    size_t errors;            /* of all found */
};

/* Checks the document already read as `j`. `type` NULL: any resource type; else the root must be it ("Bundle").
 * `root` is the node to check as a resource (0 for the whole document; a Bundle inside a request body is another).
 * 0 and *ret whether valid or not (valid: ret->errors == 0); -1: out of memory. At most `max_issues` are kept. */
int fhir_validate(const struct json *j, uint32_t root, const char *type, struct arena *a, size_t max_issues,
                  struct fhir_report *ret, struct err *e);

/* Is it the name of a resource type of R4 that can stand in a document ("Patient", not "DomainResource")? */
bool fhir_is_resource(struct slice name);
const char *fhir_severity_name(enum fhir_severity severity); /* "error", "warning", "information" */

/* Parse and validate one text; bad JSON becomes an issue of code "structure". *ret_json (may be NULL) gets the tape. */
int fhir_validate_text(struct slice text, const char *type, struct arena *a, size_t max_issues, struct json *ret_json,
                       struct fhir_report *ret, struct err *e);

#endif
