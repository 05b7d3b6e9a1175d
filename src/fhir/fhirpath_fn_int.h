/* fhirpath_fn_int.h -- the functions of fhirpath_functions.def. Each evaluates its own input (n->a) and arguments, and
 * adds what it answers to `out`: 0, or -1 with the fault told. */
#ifndef FHIR_FHIRPATH_FN_INT_H
#define FHIR_FHIRPATH_FN_INT_H

#include "fhir/fhirpath_int.h"

typedef int fp_function(struct fp_run *r, const struct fp_node *n, uint32_t want, struct fp_list *out);
#define FN(id, name, least, most, function) fp_function function;
#include "fhir/fhirpath_functions.def"
#undef FN

/* The node of argument i, from 0; 0: it was not given. */
static inline uint32_t fp_arg(const struct fp_run *r, const struct fp_node *n, unsigned i)
{
    uint32_t at = n->b;
    while (at && i--)
        at = r->x->node[at].next;
    return at;
}
/* The whole input. */
static inline int fp_input(struct fp_run *r, const struct fp_node *n, struct fp_list *in)
{
    fp_list_init(in);
    return fp_eval(r, n->a, FP_ALL, in);
}

#endif
