-- The key that signs the audit log's checkpoints: the seed, wrapped (keys/keyring.h). `origin` is the log's name in them.
CREATE TABLE audit_key (
    one INTEGER PRIMARY KEY CHECK (one = 1), scope BLOB NOT NULL REFERENCES scope (id), origin TEXT NOT NULL, wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
-- The root of each full tile: `level` 0 has the roots of 256 entries, level 1 those of 256 tiles of level 0, and so on.
CREATE TABLE audit_tile (
    level INTEGER NOT NULL, n INTEGER NOT NULL, root BLOB NOT NULL, PRIMARY KEY (level, n)
) STRICT;
-- Checkpoints: `note` is the signed text, `size` the number of entries it is of.
CREATE TABLE audit_checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
-- only sqlite
CREATE TRIGGER audit_tile_keep_update BEFORE UPDATE ON audit_tile BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_tile_keep_delete BEFORE DELETE ON audit_tile BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoint_keep_update BEFORE UPDATE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoint_keep_delete BEFORE DELETE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- only postgres
CREATE TRIGGER audit_tile_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_tile EXECUTE FUNCTION audit_keep();
CREATE TRIGGER audit_checkpoint_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint EXECUTE FUNCTION audit_keep();
-- both
