/* fhir_element.h -- a resource written from a table of its elements: rows of the fhir_*.def, in FHIR's order.
 *
 *   ELEMENT(path, kind, source, "what it is")   source: a slice, {NULL,0} where there is nothing or the view shows
 * nothing FIXED(path, "text", "part")                 stands there whenever something of `part` does; "": always
 *
 * A path is names and places in lists: "name[].given[]", "component[age].code.coding[].code". Of two rows that stand in
 * the same place of a list the brackets hold the same. kind: TEXT, or RAW for numbers and booleans. */
#ifndef API_FHIR_ELEMENT_H
#define API_FHIR_ELEMENT_H

#include "base/json.h"

enum element_kind { ELEMENT_TEXT, ELEMENT_RAW };
struct element {
    const char *path;
    enum element_kind kind;
    struct slice value;
    const char *with; /* NULL: of a row with a source */
};

/* Opens and closes everything but the resource's own braces. */
void element_put(struct json_out *o, const struct element *x, size_t n);

#endif
