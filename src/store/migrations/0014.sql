-- The audit log by time, newest first.
CREATE INDEX audit_by_time ON audit (at, idx);
-- The audit log by leaf, block by block (audit/leaf.c): `prefix` is the leaf's first eight bytes.
-- only sqlite
CREATE TABLE audit_leaf (
    block INTEGER NOT NULL, prefix BLOB NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (block, prefix, idx)
) STRICT, WITHOUT ROWID;
-- only postgres
CREATE TABLE audit_leaf (
    block INTEGER NOT NULL, prefix BLOB NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (block, prefix, idx)
) STRICT;
-- both
