-- Scheduling, expiry, cancellation, replay, erasure.
-- priority: jobs/priorities.def (0 stat .. 3 routine); turn: the order inside a class, fair between clients (jobs/order.c). cancelled: asked for
-- while it ran. erased_at: key, bundle, plan, result and vendor_log are gone.
ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;
ALTER TABLE job ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN expires_at INTEGER;
ALTER TABLE job ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN replay_of BLOB;
ALTER TABLE job ADD COLUMN erased_at INTEGER;
DROP INDEX job_queued;
CREATE INDEX job_queued ON job (priority, turn) WHERE state = 'QUEUED';
CREATE INDEX job_expiring ON job (expires_at) WHERE state = 'QUEUED' AND expires_at IS NOT NULL;
CREATE INDEX job_ended ON job (updated_at) WHERE erased_at IS NULL AND lease_until IS NULL AND state <> 'QUEUED';
CREATE INDEX idempotency_age ON idempotency (created_at);
