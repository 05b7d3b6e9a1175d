-- What witnesses said of checkpoints (c2sp.org/tlog-cosignature): `line` is their signature line, `at` when they signed, in seconds since 1970.
CREATE TABLE audit_cosignature (
    size INTEGER NOT NULL REFERENCES audit_checkpoint (size), witness TEXT NOT NULL, line BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (size, witness)
) STRICT;
CREATE INDEX audit_cosignature_newest ON audit_cosignature (witness, size);
-- Which witness does not answer as it should, and since when.
CREATE TABLE audit_witness (witness TEXT PRIMARY KEY, since INTEGER NOT NULL, problem TEXT NOT NULL) STRICT;
-- only sqlite
CREATE TRIGGER audit_cosignature_keep_update BEFORE UPDATE ON audit_cosignature BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_cosignature_keep_delete BEFORE DELETE ON audit_cosignature BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- only postgres
CREATE TRIGGER audit_cosignature_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_cosignature EXECUTE FUNCTION audit_keep();
-- both
-- A destroyed subject key is looked for by when that was.
CREATE INDEX subject_key_destroyed ON subject_key (destroyed_at, subject, scope) WHERE destroyed_at IS NOT NULL;
