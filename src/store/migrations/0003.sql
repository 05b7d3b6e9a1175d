-- Webhook endpoints of their own. kind 'origin': below a client's registered origin, each job says where (its id is the client's, so that the sealed
-- secret moves as it is); 'url': one address for all of a client's jobs. payload 'full' has the result in it. not_before: asked to wait.
CREATE TABLE webhook_endpoint (
    scope BLOB NOT NULL, id BLOB NOT NULL, client BLOB NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL,
    secret BLOB NOT NULL, old_secret BLOB, old_until INTEGER, created_at INTEGER NOT NULL, disabled_at INTEGER, disabled_why TEXT,
    failing_since INTEGER, not_before INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, client) REFERENCES client (scope, id)
) STRICT;
CREATE INDEX endpoint_of_client ON webhook_endpoint (scope, client);
INSERT INTO webhook_endpoint (scope, id, client, kind, url, payload, secret, created_at)
    SELECT scope, id, id, 'origin', coalesce(webhook_origin, ''), 'full', webhook_secret, created_at FROM client;
ALTER TABLE client DROP COLUMN webhook_secret;

-- An event goes to each endpoint that wants it under the same id. claimed: somebody is delivering it until next_at.
CREATE TABLE webhook_event (
    scope BLOB NOT NULL, id BLOB NOT NULL, endpoint BLOB NOT NULL, job BLOB NOT NULL, kind TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, claimed INTEGER NOT NULL DEFAULT 0, next_at INTEGER, last_status INTEGER, created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    PRIMARY KEY (scope, id, endpoint), FOREIGN KEY (scope, job) REFERENCES job (scope, id)
) STRICT;
INSERT INTO webhook_event (scope, id, endpoint, job, kind, attempts, next_at, last_status, created_at, delivered_at)
    SELECT scope, id, client, job, kind, attempts, next_at, last_status, created_at, delivered_at FROM outbox;
DROP TABLE outbox;
CREATE INDEX event_due ON webhook_event (endpoint, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX event_of_job ON webhook_event (scope, job);

-- Every attempt. reason: a word of deliver/reasons.def.
CREATE TABLE webhook_attempt (
    scope BLOB NOT NULL, event BLOB NOT NULL, endpoint BLOB NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL, took_us INTEGER NOT NULL,
    status INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (scope, event, endpoint, at)
) STRICT;
CREATE INDEX attempt_of_endpoint ON webhook_attempt (scope, endpoint, at);
