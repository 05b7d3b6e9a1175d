/* api.h -- the faces of the gateway over HTTP: router, pipeline, handlers. Knows nothing of sockets.
 *
 * Every request takes the same way: request id and trace, route, identity, policy, body, handler, rendering, log line.
 * A handler returns 0 having filled the reply, or -1 with an error that is rendered for it as FastAPI-shaped `detail`,
 * RFC 9457 problem+json or a FHIR OperationOutcome, as Accept asks. Denials are audited before they are answered. */
#ifndef API_API_H
#define API_API_H

#include <stdatomic.h>

#include "api/events.h"
#include "api/limit.h"
#include "audit/checkpoint.h"
#include "audit/seat.h"
#include "deliver/deliver.h"
#include "http/server.h"
#include "identity/account.h"
#include "identity/known.h"
#include "identity/program.h"
#include "identity/oidc.h"
#include "identity/staff.h"
#include "jobs/job.h"
#include "models/registry.h"
#include "study/study.h"

struct api_config {
    const char *open_client;  /* NULL: none. legacy.open_client */
    const char *cors_origins; /* space separated; "" none */
    const char *url;          /* "https://HOST[:PORT]", as browsers reach this server; "": not known */
    int client_streams;       /* open streams of events a client may have */
    int client_queued;        /* jobs of a client that may wait; 0: any number */
    int64_t negotiation_us;   /* how long a Bundle that was not enough is kept; 0: it is not */
    int wait_ms;              /* how long an answer waits for the end of a job that was just accepted */
    int await_most;           /* how many of them wait at once */
    int cds_wait_ms;          /* the same of a CDS service */
    uint64_t document_max;    /* bytes of a document */
    bool if_match;            /* who sends an access token has to send If-Match, too (study.if_match) */
};

struct api {
    struct db *db;
    struct keyring *keyring;
    struct known *known;             /* to be told when a client changes */
    struct staff *staff;             /* NULL: no identity provider is set */
    struct oidc *oidc;               /* NULL: nobody signs in with a browser there */
    const struct accounts *accounts; /* NULL: no built-in accounts */
    struct programs *programs;       /* NULL: no token endpoint here */
    struct sessions sessions;
    struct audit_signer *signer;
    struct audit_seats *seats;
    struct jobs *jobs;
    struct registry *registry;
    struct deliver *deliver;
    struct study study;
    struct ledger *ledger;   /* of erasures; NULL: none */
    struct events *events;   /* NULL: no streams of events here */
    struct limit *limit;     /* NULL: no limits here */
    struct sandbox *sandbox; /* NULL: models cannot run in this process; */
    bool workers_elsewhere;  /* unless other processes run them, jobs are then refused with 503 */
    uint8_t scope[16];
    struct api_config config;
    int workers;
    atomic_int awaiting; /* handlers that wait for a job (await.h) */
};

/* The function http/ calls. `ctx` is a struct api. */
http_handler api_serve;
/* Its companion: which bodies the handlers read as they come. */
http_body_rule api_body_rule;

/* /openapi.json's text, from routes.def; its examples are of this instant's hour, so that two readers can
 * compare what they have. */
int api_description(struct arena *a, int64_t now_us, struct slice *ret, struct err *e);

enum { BODY_STREAMED = -1, FORM_MAX = 64 * 1024 };
struct api_route {
    enum http_method method;
    const char *method_text, *path, *summary, *handler;
    enum entity entity;
    enum action action;
    int body_kib, status; /* BODY_STREAMED: up to api_config.document_max and FORM_MAX, read by the handler */
    const char *request_schema, *answer_schema;
};
/* The rows of routes.def, ended by path == NULL. */
const struct api_route *api_routes(void);

#endif
