/* xhtml_int.h -- is a narrative one well-formed XHTML div of what R4 lets it hold (xhtml.def)? Tags balance, attributes
 * are quoted and stand once (the first 16 of a tag), & begins an entity of XML, no address is a script. What may stand
 * in what is not asked. One pass, no allocation. */
#ifndef FHIR_XHTML_INT_H
#define FHIR_XHTML_INT_H

#include "base/str.h"

enum { XHTML_DEPTH = 256 };

/* NULL when it is; else a static sentence that says what is wrong. */
const char *xhtml_fault(struct slice text);
/* Goes through a narrative without fault: the attributes of its elements, one after the other. */
struct xhtml_walk {
    struct slice rest;
    bool inside; /* of a tag */
};
/* False: there are no more. The value is as it stands between the quotes. */
bool xhtml_attribute(struct xhtml_walk *w, struct slice *ret_name, struct slice *ret_value);
/* Of a narrative without fault: has it neither text nor an image? */
bool xhtml_empty(struct slice text);

#endif
