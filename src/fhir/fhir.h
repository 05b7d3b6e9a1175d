/* fhir.h -- FHIR R4 (4.0.1) validation of a JSON document: structure, types, cardinality, choice types, primitive
 * formats, required bindings, codes of FHIR's own systems, what references may lead to, the rules of Bundles, and the
 * invariants of the definitions. Knows nothing of stores, networks, profiles or models; no state but read-only tables
 * (the invariants are compiled at the first validation), so any number of threads may validate at once. Never blocks.
 *
 * Linear in the size of the text, but for invariants: they take at most FHIR_STEPS and FHIR_STEPS_NODE more for each
 * value of the document (fhirpath.h says what a step is); a document that needs more is refused as too costly.
 *
 * Rules come from the published R4 definitions, turned into tables at build time by tools/gen_fhir.c. Not asked: what
 * is outside the document (a reference that leads there, definitions of extensions), extensible and weaker bindings,
 * codes of external terminologies, and profiles. */
#ifndef FHIR_FHIR_H
#define FHIR_FHIR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { FHIR_STEPS = 2000000, FHIR_STEPS_NODE = 200 };

enum fhir_severity { FHIR_ERROR, FHIR_WARNING, FHIR_INFORMATION };

struct fhir_issue {
    enum fhir_severity severity;
    const char *code;       /* static: structure, required, value, code-invalid, invalid, invariant, not-found,
                               business-rule, too-costly (FHIR's issue types) */
    const char *expression; /* FHIRPath of the element: "Bundle.entry[3].resource.status"; of a choice the JSON name:
                               "Observation.valueQuantity"; "" when the text is no JSON */
    uint32_t line, column;  /* from 1, in bytes: where its value starts; an unknown property's key; of what is missing,
                               the  object that lacks it */
    const char *text;       /* what was found and what was expected, in ASCII; never a value of the document */
};

struct fhir_report {
    struct fhir_issue *issue; /* in the order of the text; at most the caller's maximum */
    size_t issues;
    size_t cut;    /* found but not kept */
    size_t errors; /* of all found */
};

/* What is asked of a document. */
struct fhir_ask {
    const char *type;   /* the root must be it ("Bundle"); NULL: any resource type */
    size_t max_issues;  /* so many are kept, the rest is counted */
    bool best_practice; /* what R4 marks so is asked, too (dom-6, con-3); its issues are warnings */
    bool one_subject;   /* all of a Bundle must be about one patient, as far as its resources say whom they are about */
};

/* Checks the document already read as `j`; its issues live in `a`. `root` is the node to check as a resource (0 for the
 * whole document; a Bundle inside a request body is another). 0 and *ret whether valid or not (valid: ret->errors ==
 * 0); -1: out of memory. */
int fhir_validate(const struct json *j, uint32_t root, const struct fhir_ask *ask, struct arena *a,
                  struct fhir_report *ret, struct err *e);

/* Is it the name of a resource type of R4 that can stand in a document ("Patient", not "DomainResource")? */
bool fhir_is_resource(struct slice name);
/* Is the node an object whose resourceType is `type`? Nothing else of it is looked at. */
bool fhir_is(const struct json *j, uint32_t node, const char *type);
const char *fhir_severity_name(enum fhir_severity severity); /* "error", "warning", "information" */

/* Parse and validate one text, after its byte order mark if it has one; bad JSON becomes an issue of code "structure".
 * *ret_json (may be NULL) gets the tape, and is untouched when the text is no JSON. */
int fhir_validate_text(struct slice text, const struct fhir_ask *ask, struct arena *a, struct json *ret_json,
                       struct fhir_report *ret, struct err *e);

#endif
