/* deliver.h -- webhooks: outbox rows become signed POSTs to the clients' registered origins.
 *
 * A row is written in the transaction that ended the job; one thread delivers, with libcurl. The body is canonical JSON
 * as Python's json.dumps(sort_keys=True) writes it, so both kinds of legacy receiver verify it:
 * {"job_id","result","status"}. It is signed twice over those very bytes: webhook-id, webhook-timestamp,
 * webhook-signature   Standard Webhooks: v1,base64(HMAC-SHA256(decoded secret, id.time.body)) X-CliniSandbox-Signature
 * hex(HMAC-SHA256(printed secret, body)) Where to: the job's webhook_url, which lay below the client's origin when the
 * job was accepted and is checked again here; the name is resolved once and the address that was checked is the one
 * connected to. Loopback, link-local, private and other special addresses are refused unless webhook.allow names them;
 * plain http likewise. No redirects, no proxies. Retries: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, each
 * give or take a fifth; 2xx ends them, 410 too. */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "jobs/job.h"

struct deliver;
struct deliver_config {
    struct db *db;
    struct keyring *keyring;
    struct jobs *jobs;
    const uint8_t *scope;
    const char *allow; /* addresses, separated by spaces or commas */
};

int deliver_start(const struct deliver_config *c, struct deliver **ret, struct err *e);
void deliver_stop(struct deliver *d);

/* Does `url` lie below `origin`: same scheme, host and port? */
bool deliver_below(struct slice url, const char *origin);

#endif
