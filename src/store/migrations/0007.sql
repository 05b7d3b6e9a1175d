-- Who may sign models, and the signatures that held when their version was added. key_id: models/trust.h.
CREATE TABLE model_signer (
    scope BLOB NOT NULL REFERENCES scope (id), key_id TEXT NOT NULL, name TEXT NOT NULL, public_key BLOB NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key_id), UNIQUE (scope, name)
) STRICT;
CREATE TABLE model_signature (
    scope BLOB NOT NULL, digest BLOB NOT NULL, key_id TEXT NOT NULL, signature BLOB NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, digest, key_id), FOREIGN KEY (scope, digest) REFERENCES model_version (scope, digest)
) STRICT;
