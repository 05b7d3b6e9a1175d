/* deliver.h -- webhooks: event rows become signed POSTs to endpoints (identity/endpoint.h).
 *
 * A row is written in the transaction that ended the job, one for each endpoint. One thread delivers, with libcurl's
 * multi interface: many at a time, few at a time to one endpoint, so that a receiver that hangs delays nobody else. A
 * row is claimed before it is sent and its outcome recorded after: who dies between them leaves an event that is sent
 * again, under the same id, when the claim has run out (at once, where this process is alone).
 *
 * For an endpoint that has just taken one, events are claimed ahead (AHEAD of them) and held in memory; what was not
 * begun after five seconds, or when the process stops, is given back, so a claim never runs out before the attempt it
 * is for has ended. An endpoint with a failure outstanding gets one event at a time. While events are held, outcomes
 * wait up to 10 ms for each other and are recorded together; a lone one is recorded at once. A change of an endpoint
 * reaches what is held for it within half a second.
 *
 * A full body is canonical JSON as Python's json.dumps(sort_keys=True) writes it, so both kinds of legacy receiver
 * verify it: {"job_id","result","status"}. That results are disclosed is committed to the audit log, for all that begin
 * at the same time together, before the first of them is sent. A thin one is
 * {"data":{"job_id","status"},"timestamp","type":"job.completed"}. Both are signed over those very bytes:
 *
 *     webhook-id, webhook-timestamp, webhook-signature      Standard Webhooks 1.0.0: v1,base64(HMAC-SHA256(decoded
 *                                                           secret, id.time.body)); while an old secret is valid, two
 *     X-CliniSandbox-Signature                              hex(HMAC-SHA256(printed secret, body)); while an old secret
 *                                                           is valid, it and the new one take turns, attempt by attempt
 *
 * Where to: an endpoint's url, or the job's webhook_url, which lay below the client's origin when the job was accepted
 * and is checked again here. The name is resolved for each connection and the address that was checked is the one
 * connected to. Loopback, link-local, reserved addresses are refused unless webhook.allow names them (an address or a
 * CIDR), private ones unless webhook.private is on, plain http unless webhook.allow names the address. No redirects, no
 * proxies, 15 s in all, 64 KiB of an answer: no more is read, and what its status said holds.
 *
 * Tries: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, each give or take a fifth; 2xx ends
 * them. Retry-After with 429, 502, 503 or 504 makes the endpoint wait (an hour at most). 410 disables an endpoint of
 * kind url; so do five days without a success. What waits for a disabled endpoint stays, and is sent when it is enabled
 * again. */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "identity/endpoint.h"
#include "jobs/job.h"

struct deliver;
struct deliver_config {
    struct db *db;
    struct keyring *keyring;
    struct jobs *jobs;
    const uint8_t *scope;
    const char *allow;        /* addresses and CIDRs, separated by spaces or commas */
    bool allow_private;       /* RFC 1918, shared and unique local addresses, over TLS */
    const char *ca;           /* PEM file of further authorities; NULL or "": the system's alone */
    int at_once, to_endpoint; /* 0: 64 in all, 4 to one endpoint */
    int hold_ms;              /* 0: 5000; how long what is claimed ahead may wait */
};

int deliver_start(const struct deliver_config *c, struct deliver **ret, struct err *e);
/* Attempts in work are given up, and made again after the next start. */
void deliver_stop(struct deliver *d);

/* Is every word of `allow` an address or a CIDR? -1 ERR_CONFIG names the first that is none. */
int deliver_check_allow(const char *allow, struct err *e);

/* Does `url` lie below `origin`: same scheme, host and port? */
bool deliver_below(struct slice url, const char *origin);

/* The attempts made for an endpoint of the caller's, newest first. rows: event, attempt, at, took_us, status, reason,
 * job (as the caller knows it), delivered_at, next_at. `before`: attempts made before this moment (0: all). 1; 0: the
 * caller has no such endpoint; -1. */
int deliver_log(struct db *db, const struct caller *c, const uint8_t endpoint[16], int64_t before, int most,
                struct arena *a, struct rows *ret, struct err *e);
/* Sends an event again, to every endpoint of the caller's (the operator's: everybody's) it went to. The number of them,
 * or -1; those that are on their way now do not count. Audited. */
int deliver_again(struct db *db, const struct caller *c, const uint8_t event[16], const struct audit_entry *audit,
                  struct err *e);

#endif
