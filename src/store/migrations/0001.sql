-- The first schema. Every row belongs to a scope (16 bytes: a gateway tenant or a study). Times are microseconds since 1970.
CREATE TABLE scope (
    id BLOB PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL
) STRICT;

-- One row: a value derived from the root key, so that a wrong key file is refused before anything is read with it.
CREATE TABLE root_check (one INTEGER PRIMARY KEY CHECK (one = 1), tag BLOB NOT NULL) STRICT;

-- Domain keys, wrapped by the root key; `tag` commits to the key (AES-GCM alone does not).
CREATE TABLE domain_key (
    scope BLOB NOT NULL REFERENCES scope (id), domain TEXT NOT NULL, epoch INTEGER NOT NULL, id BLOB NOT NULL UNIQUE,
    wrapped BLOB NOT NULL, tag BLOB NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, domain, epoch)
) STRICT;

CREATE TABLE audit (
    idx INTEGER PRIMARY KEY, scope BLOB NOT NULL, at INTEGER NOT NULL, entry BLOB NOT NULL, leaf BLOB NOT NULL
) STRICT;
-- only sqlite
CREATE TRIGGER audit_keep_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keep_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- only postgres
CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_keep();
-- Entries wait here for their index, which is given by one process at a time: giving it in the transaction that makes the entry would let
-- no two of them commit together.
CREATE TABLE audit_pending (
    seq BIGSERIAL PRIMARY KEY, scope BLOB NOT NULL, at INTEGER NOT NULL, entry BLOB NOT NULL, leaf BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_pending_keep BEFORE UPDATE OR TRUNCATE ON audit_pending EXECUTE FUNCTION audit_keep();
-- both

CREATE TABLE client (
    scope BLOB NOT NULL REFERENCES scope (id), id BLOB NOT NULL, name TEXT NOT NULL, key_hash BLOB NOT NULL UNIQUE,
    webhook_secret BLOB NOT NULL, webhook_origin TEXT, created_at INTEGER NOT NULL, disabled_at INTEGER,
    PRIMARY KEY (scope, id), UNIQUE (scope, name)
) STRICT;

CREATE TABLE model_version (
    scope BLOB NOT NULL REFERENCES scope (id), digest BLOB NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL,
    manifest TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, digest), UNIQUE (scope, key, version)
) STRICT;
CREATE TABLE model_alias (
    scope BLOB NOT NULL, key TEXT NOT NULL, alias TEXT NOT NULL, digest BLOB NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key, alias), FOREIGN KEY (scope, digest) REFERENCES model_version (scope, digest)
) STRICT;

-- state: jobs/states.def. key: the job's own data key, wrapped; without it bundle, plan and result are gone (crypto-shred).
-- plan: what the model is asked, the decision and where to deliver (webhook = 1: somewhere). A lease is held while lease_until lies ahead; every write of
-- a worker names its fence.
CREATE TABLE job (
    scope BLOB NOT NULL REFERENCES scope (id), id BLOB NOT NULL, client BLOB NOT NULL, model BLOB NOT NULL,
    state TEXT NOT NULL, key BLOB NOT NULL, bundle BLOB NOT NULL, plan BLOB NOT NULL, result BLOB, vendor_log BLOB,
    error TEXT, attempts INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, lease_until INTEGER,
    not_before INTEGER NOT NULL, webhook INTEGER NOT NULL, trace TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, client) REFERENCES client (scope, id),
    FOREIGN KEY (scope, model) REFERENCES model_version (scope, digest)
) STRICT;
CREATE INDEX job_queued ON job (not_before) WHERE state = 'QUEUED';
CREATE INDEX job_leased ON job (lease_until) WHERE state = 'RUNNING';
CREATE INDEX job_of_client ON job (scope, client, created_at);

CREATE TABLE idempotency (
    scope BLOB NOT NULL, client BLOB NOT NULL, key_hash BLOB NOT NULL, digest BLOB NOT NULL, job BLOB NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, client, key_hash)
) STRICT; -- not WITHOUT ROWID: keys are random, and an index of keys alone dirties fewer pages than one with the answers

-- Events to deliver: written in the transaction that makes them true.
CREATE TABLE outbox (
    scope BLOB NOT NULL, id BLOB NOT NULL, job BLOB NOT NULL, client BLOB NOT NULL, kind TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER, last_status INTEGER, created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, job) REFERENCES job (scope, id)
) STRICT;
CREATE INDEX outbox_due ON outbox (next_at) WHERE next_at IS NOT NULL;
