/* submission.h -- the body of /v1/diagnose, /v1/negotiate, PUT /v1/jobs/{id} and FHIR's $diagnose: a Bundle for the
 * models of a target.
 */
#ifndef API_SUBMISSION_H
#define API_SUBMISSION_H

#include "api/api_int.h"
#include "negotiate/negotiate.h"

/* What is made of it: a job; a job for each model, if that is asked for; nothing. */
struct submission {
    struct api_request *q;
    enum submission_use { SUBMISSION_ONE, SUBMISSION_ALL, SUBMISSION_DRY } use;
    struct json json;
    struct slice client_id, target, webhook_url;
    int priority;
    int64_t expires_at;
    enum negotiate_policy policy;
    int64_t at_us; /* when the data are assessed: now, unless said */
    uint32_t bundle;
    const struct model *only; /* the one that is meant, whatever the target; NULL: the target's */
    uint32_t subject;         /* whom it says the data are about, as a negotiation's; 0: it does not say */
    const char *subject_at;   /* where it says so */
    bool may_go_on;           /* as an intake's: read from a body that can name a negotiation */
    bool goes_on;             /* it continues a negotiation (continue.h): */
    bool ended;               /* one that is not there any more */
    uint8_t continues[16];
};

/* Of each field: what it says into *d, or an issue of q at `loc`; node 0: it is not there. For both forms of a body. */
void submission_webhook(struct submission *d, uint32_t node, const char *loc);
void submission_priority(struct submission *d, uint32_t node, const char *loc);
void submission_expires(struct submission *d, uint32_t node, const char *loc);
void submission_policy(struct submission *d, uint32_t node, const char *loc);
void submission_assessed(struct submission *d, uint32_t node, const char *loc);
/* The body's JSON; -1 ERR_BAD_JSON or ERR_BAD_REQUEST with the issue. */
int submission_parse(struct submission *d, struct err *e);

/* 0; -1 with q's issues filled in, ERR_NOT_ALLOWED (told and in the audit log) when client_id is another client's. */
int submission_read(struct api_request *q, enum submission_use use, struct submission *ret, struct err *e);

/* The refusal of data that are about another than `subject` says. -1. */
int submission_elsewhere(struct submission *d, struct err *e);

/* The same of a FHIR Parameters (fhir_submission.c); whoever asks is the client. */
int submission_read_parameters(struct api_request *q, struct submission *ret, struct err *e);

#endif
