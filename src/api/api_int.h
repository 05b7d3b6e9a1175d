/* api_int.h -- one request on its way through the pipeline. */
#ifndef API_API_INT_H
#define API_API_INT_H

#include "api/api.h"
#include "base/rnd.h"
#include "base/json.h"
#include "base/own.h"
#include "telemetry/trace.h"

/* A body can be wrong in more places than anybody wants to be told: an answer does not grow with it. */
enum {
    REQUEST_ID_MAX = 64,
    PARAMS_MAX = 2,
    ANSWER_MAX = (4 << 20) + (64 << 10), /* the largest output, and what stands round it */
    ISSUES_MAX = 100
};

/* The code system of negotiate/reasons.def. */
#define REASON_SYSTEM "urn:lazaret:fhir:CodeSystem:negotiation-reason"

/* What is wrong, item by item: 422's list, 400's issues, an OperationOutcome's. */
struct api_issue {
    const char *severity, *code, *text, *expression;
    uint32_t line, column;
    const char *type;   /* FastAPI's error type; NULL elsewhere */
    const char *loc;    /* FastAPI's loc behind "body", slash separated; NULL elsewhere */
    const char *ctx;    /* FastAPI's ctx, a JSON object; NULL: none */
    const char *reason; /* negotiation reason; NULL elsewhere */
    const char *diagnostics; /* of an OperationOutcome's issue that has no line; NULL: none */
};

struct api_request {
    struct api *api;
    struct http_request *http;
    struct http_reply *reply;
    struct arena *arena;
    const struct api_route *route;  /* NULL: none matched */
    struct slice param[PARAMS_MAX]; /* of the path's ":name"s, in their order */
    struct caller caller;
    bool signed_in; /* by a session's cookie; then: */
    struct session session;
    struct trace trace;
    char id[REQUEST_ID_MAX + 1];
    struct audit_entry audit; /* request, route, trace, actor, action, outcome and seat are filled in */
    struct audit_seat seat;
    bool told;               /* Lazaret-Audit was */
    struct api_issue *issue; /* in the arena */
    size_t issues;
    int retry_s;          /* what Retry-After says of an error that asks for it; 0: one second */
    struct slice detail;  /* JSON that stands as `detail` instead of the error's sentence */
    struct slice extra;   /* JSON members beside it: "\"issues\":[...]" */
    struct slice members; /* of problem+json, which has no `detail` of that kind */
    struct slice outcome; /* JSON members of an OperationOutcome: "\"contained\":[...]" */
    bool as_outcome;      /* it is told as one, whatever Accept says */
};

typedef int api_handler(struct api_request *q, struct err *e);
#define ROUTE(method, path, entity, action, handler, body, request, status, answer, summary) api_handler api_##handler;
#include "api/routes.def"
#undef ROUTE

/* The value of a query parameter, unescaped; {NULL,0}: not given. */
struct slice api_query(struct api_request *q, const char *name);
/* The parameters one by one: `*rest` is the query at first. False: there are no more. */
bool api_query_next(struct api_request *q, struct slice *rest, struct slice *key, struct slice *value);
/* Of a parameter of a form (a=b&c=d): how often it is there; *ret is the last. */
int api_form(struct slice form, const char *name, struct arena *a, struct slice *ret);
/* The media type of the route's body; "application/fhir+json" will do for "application/json". */
const char *api_takes(const struct api_route *r);
/* The members that OAuth says of an error of the token endpoint, into q->extra. */
void api_token_refused(struct api_request *q, const struct err *e);
/* The same, without how often: {NULL,0} when it is not there. */
struct slice api_form_value(struct slice form, const char *name, struct arena *a);
/* "model":{key, version, digest} */
void api_put_model(struct json_out *o, const struct model *m);
/* Lazaret-Audit: which entry of the log speaks of this answer. The pipeline says it of every answer behind its handler;
 * a handler that sends the answer itself says it before. */
void api_tell_entry(struct api_request *q);
/* Of a list of the study: 422 of a parameter that answers.def does not name, or that is there twice. */
int api_check_query(struct api_request *q, struct err *e);
/* 428 of a change that would write over what others wrote, and does not say what it was made from. */
int api_check_version(struct api_request *q, struct err *e);
bool api_overwrites(const struct api_route *r);
/* A JSON answer. */
int api_answer(struct api_request *q, int status, const struct buf *json, struct err *e);
/* A file that is embedded compressed, with its tag for If-None-Match, the page's Content-Security-Policy, and what
 * Cache-Control says. */
struct api_file {
    struct slice gz;
    const char *tag, *type, *policy, *cache;
};
int api_send_file(struct api_request *q, const struct api_file *f, struct err *e);
/* Whose jobs the caller sees: their own, or NULL, everybody's; and what of them (a field of entities.def). */
const struct caller *api_job_whose(const struct api_request *q);
bool api_job_shows(const struct api_request *q, const char *field);
/* Refuses who sees how a job stands and asks for more; into the audit log. Always -1. */
int api_job_closed(struct api_request *q, struct err *e);
/* Whoever is about to make a job can own one: programs can, of staff it is seen to. */
int api_job_sender(struct api_request *q, struct err *e);
/* The id in the path of an address below /v1/jobs/:job_id; 422 when it is none. */
int api_job_id(struct api_request *q, uint8_t id[16], struct err *e);
/* The id that was given for it: by that its client knows the job. */
char *api_job_name(const struct api_request *q, char out[UUID_TEXT]);
/* 404: no such job, or another client's. Always -1. */
int api_job_absent(struct api_request *q, struct err *e);
/* Cancels the job of the path: 404 without one, 409 where it has ended. */
int api_cancel(struct api_request *q, enum job_cancel *ret, struct err *e);
/* The end of what an answer says of a failed job: "error":{code, message}. */
void api_put_job_error(struct json_out *o, const char *code);
/* "progress", of a job that runs and whose model has said how far it is (percent >= 0). */
void api_put_progress(struct json_out *o, enum job_state state, int percent);
/* Renders e. */
void api_refuse(struct api_request *q, const struct err *e);
/* Memory was out somewhere on the way, so what the reply says may be half of it: 503 (or the 500 or 503 it was), and
 * nothing else. A job that is accepted by then stays; the client finds it by its Idempotency-Key. */
void api_starve(struct api_request *q, struct err *e);
/* An OperationOutcome of the request's issues, of which there are some; `id` NULL: without. */
void api_put_outcome(struct json_out *o, const struct api_request *q, const char *id);
/* Adds an issue; NULL when there are ISSUES_MAX or memory is out: a lost issue still leaves the error. */
struct api_issue *api_issue_add(struct api_request *q, const char *severity, const char *code, const char *text);
/* "missing", loc "client_id", ... for FastAPI's 422. */
struct api_issue *api_issue_field(struct api_request *q, const char *type, const char *loc, const char *text);
/* The code of the rule that a sentence tells of (rules.def), in `a`; NULL: it has none, or memory is out. */
const char *api_rule(const char *text, struct arena *a);
/* The answer's detail is what e says, which is meant for whoever asked: of the modules that say so. Always -1. */
int api_tell(struct api_request *q, const struct err *e);
/* Into the audit log that this was denied with e. If that fails, *e becomes the failure and nothing else will be told.
 */
void api_deny(struct api_request *q, struct err *e);
/* Nothing of what was to be told is. */
void api_untold(struct api_request *q);
/* Denied, written into the log, and told so. Always -1. */
int api_deny_told(struct api_request *q, struct err *e);
/* The same of a stranger, whose first attempts are told apart in the log; a flood of them is counted there, so that it
 * fills no disk (limit.h). *e becomes ERR_RATE when there were too many. Always -1. */
int api_deny_stranger(struct api_request *q, struct err *e);

/* --- signing in (session.c, signin.c) --- */

/* The value of a cookie; {NULL,0}: not sent, or sent twice. */
struct slice api_cookie_named(const struct api_request *q, const char *name);
/* The session's cookie: 1 and *ret, or 0 when none was sent. -1: it may not be used like this, ERR_TWO_SIGNS or
 * ERR_CROSS_SITE. */
int api_cookie(struct api_request *q, struct slice *ret, struct err *e);
/* What changes something: does a page of this server ask? 0, or -1 ERR_CROSS_SITE. */
int api_own_page(const struct api_request *q, struct err *e);
/* Whose cookie it is: fills q->caller, and q->signed_in and q->session as far as that is known, also with -1; writes a
 * new cookie into the reply when there is one. `quiet`: a look that does not count as use. */
int api_identify_session(struct api_request *q, struct slice cookie, bool quiet, struct err *e);
/* Gives or (NULL) takes away the session's cookie. */
void api_set_cookie(struct api_request *q, const char *cookie);
/* What goes into the audit log of a change of sessions. */
struct audit_entry api_session_audit(const struct api_request *q);
/* Who asks is refused: into the audit log, counted against their address; *e may become another error. Always -1. */
int api_refuse_caller(struct api_request *q, struct err *e);

#endif
