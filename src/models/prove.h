/* prove.h -- a version shows on its own test vectors, in the sandbox, that it does what it promises.
 *
 * Each self-test of the manifest is one run under the manifest's limits, judged as a job's answer is (form, schema) and
 * then held against what the vector expects. The outcome is stored with the version, and only a version whose vectors
 * all passed here becomes `stable`. */
#ifndef MODELS_PROVE_H
#define MODELS_PROVE_H

#include "audit/audit.h"
#include "models/registry.h"
#include "sandbox/sandbox.h"

/* What a run of this model is: its program, limits and names; `line` is what it reads. */
struct sandbox_spec model_spec(const struct model *m, struct slice line);

struct proof {
    int passed, total;
    const char *failure; /* the first that failed: which and why; NULL: none */
    int64_t at;
};

/* Runs them all and keeps nothing; blocks for as long as that takes. -1: ERR_SANDBOX where models cannot run (`s`
 * NULL). Of the model only manifest and digest_text count. */
int model_try(struct sandbox *s, const struct model *m, struct arena *a, struct proof *ret, struct err *e);
/* {"key","version","digest","passed","total","failure"} */
void model_proof_write(struct json_out *out, const struct model *m, const struct proof *p);

/* Runs them all; blocks for as long as that takes. Stored and audited. -1: ERR_SANDBOX where models cannot run. */
int model_prove(struct registry *r, struct sandbox *s, const struct model *m, const struct audit_entry *audit,
                struct arena *a, struct proof *ret, struct err *e);
/* The stored outcome. 1, 0 they were never run here, -1. */
int model_proof(struct registry *r, const struct model *m, struct arena *a, struct proof *ret, struct err *e);

#endif
