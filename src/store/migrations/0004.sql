-- Where several models serve a target, the one of the lowest rank goes first.
ALTER TABLE model_alias ADD COLUMN rank INTEGER NOT NULL DEFAULT 100;

-- How a version did on its own test vectors, in the sandbox of this installation: the last time they were run.
CREATE TABLE model_selftest (
    scope BLOB NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL, passed INTEGER NOT NULL, total INTEGER NOT NULL, failure TEXT,
    PRIMARY KEY (scope, digest), FOREIGN KEY (scope, digest) REFERENCES model_version (scope, digest)
) STRICT;
