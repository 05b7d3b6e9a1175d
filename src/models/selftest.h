/* selftest.h -- the test vectors a manifest carries: the request each makes and whether an output is what it expects.
 *
 *   {"name"?, "inputs": {INPUT: scalar | {"v": .., "u": ..}}, "expect": {MEMBER: scalar | {"near": n, "tol": t}}}
 *
 * A value is written in the model's own unit, as a number or as a string that is one. Every required input must be
 * there. Knows no sandbox: whoever runs the model hands the output in. Pure. */
#ifndef MODELS_SELFTEST_H
#define MODELS_SELFTEST_H

#include "models/manifest.h"
#include "models/wire.h"

/* The wire inputs of self-test n. 0, or -1 (out of memory). */
int selftest_inputs(struct arena *a, const struct manifest *m, size_t n, struct wire_input **ret, size_t *ret_n,
                    struct err *e);

/* 1: `output` (an object's text) is what self-test n expects; 0: it is not, and *why says which member; -1: out of
 * memory. */
int selftest_check(struct arena *a, const struct manifest *m, size_t n, struct slice output, const char **why);

#endif
