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
    enum negotiate_policy policy;
    const int64_t *at_us;       /* of the assessment, any instant; NULL: now */
    const struct model *only;   /* NULL, or the version that is meant, whatever the target */
    uint32_t subject;           /* as a negotiation's */
    const struct slice *absent; /* inputs and conditions that the caller knows to be absent */
    size_t absents;
    bool may_go_on; /* where data are missing the Bundle is kept for a while, for the rest to follow (continue.h) */
    struct fhir_report report;
    struct decision decision;
    const struct model *model;              /* the chosen one */
    const struct model *run[JOBS_TOGETHER]; /* it, and with NEGOTIATE_ALL_READY what else is ready, by rank */
    size_t runs;                            /* all that are ready: may be more than there is room for */
};

/* ERR_UNKNOWN_TARGET, ERR_BAD_FHIR (x->report says what), ERR_DATA_MISSING (x->decision says what). 0: x->model can
 * run. */
int intake_decide(struct intake *x, struct err *e);

/* Makes the decided job durable, or with NEGOTIATE_ALL_READY one for each that is ready, all or none. `n` has caller,
 * idempotency key, digest and audit filled in; the rest is done here. n->answer is made from x->model; with
 * NEGOTIATE_ALL_READY it names all jobs. ERR_BAD_REQUEST when more than JOBS_TOGETHER are ready: none is left out
 * unsaid. ERR_SANDBOX when models cannot run on this machine. */
int intake_accept(struct intake *x, struct job_new *n, const char *request_id, struct job_accepted *ret, struct err *e);

/* Renders what intake_decide refused: which issues, what is missing. Always -1. */
int api_refuse_intake(struct api_request *q, const struct intake *x, struct err *e);
/* One request for one job, whichever face it came through: `d` is what it asks, `n` has caller, audit, key and the id
 * that was chosen, if any. 0: durable, now or by the same request before (ret->replayed). -1: told to q and, where it
 * is a decision over what is stored or a refusal, in the audit log; with ERR_DATA_MISSING x->decision says what. */
struct submission;
int api_accept(struct api_request *q, struct submission *d, struct job_new *n, struct intake *x,
               struct job_accepted *ret, struct err *e);
/* The request's Idempotency-Key, {NULL,0} without; 422 of one that is none. */
int api_idempotency_key(struct api_request *q, struct slice *ret, struct err *e);
/* ERR_QUEUE_FULL when with so many more jobs more of the client's would wait than may. Counted before a job is
 * accepted, so requests at the same moment may go past it by their number. */
int api_check_queue(struct api_request *q, size_t jobs, struct err *e);
/* 202 with its Location. */
void api_answer_accepted(struct api_request *q, const struct job_accepted *r);

/* The members of a dry run's answer: ready, policy, assessed_at, runs, and those that a negotiation has. */
void intake_write_dry(const struct decision *d, struct json_out *o);
/* The members of a negotiation's answer: status, message, missing_data, candidates, next_best, questionnaire. */
void intake_write_negotiation(const struct decision *d, struct json_out *o);
/* The last four of them. */
void intake_write_needs(const struct decision *d, struct json_out *o);

#endif
