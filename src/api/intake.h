/* intake.h -- the way of a Bundle from bytes to a durable job: valid, complete, accepted. Shared by HTTP and the
 * command line. */
#ifndef API_INTAKE_H
#define API_INTAKE_H

#include "api/api.h"
#include "fhir/fhir.h"
#include "negotiate/negotiate.h"

enum { INTAKE_ISSUES = 50 };

struct api_request;
struct intake {
    struct api *api;
    struct arena *arena;
    const struct json *doc;           /* outlives the intake */
    uint32_t bundle;                  /* the Bundle's node in it */
    struct slice target, webhook_url; /* webhook_url: {NULL,0} for none */
    const struct model *only;         /* NULL, or the version that is meant, whatever the target */
    struct fhir_report report;
    struct decision decision;
    const struct model *model; /* the chosen one */
};

/* ERR_UNKNOWN_TARGET, ERR_BAD_FHIR (x->report says what), ERR_DATA_MISSING (x->decision says what). 0: x->model can
 * run. */
int intake_decide(struct intake *x, struct err *e);

/* Makes the decided job durable. `n` has caller, idempotency key, digest and audit filled in; the rest is done here.
 * n->answer is made from x->model. ERR_SANDBOX when models cannot run on this machine. */
int intake_accept(struct intake *x, struct job_new *n, const char *request_id, struct job_accepted *ret, struct err *e);

/* Renders what intake_decide refused: which issues, what is missing. Always -1. */
int api_refuse_intake(struct api_request *q, const struct intake *x, struct err *e);
/* 202 with its Location. */
void api_answer_accepted(struct api_request *q, const struct job_accepted *r);

/* The members of a negotiation's answer: status, message, missing_data, candidates, next_best. */
void intake_write_negotiation(const struct decision *d, struct json_out *o);
/* The last three of them. */
void intake_write_needs(const struct decision *d, struct json_out *o);

#endif
