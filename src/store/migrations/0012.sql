-- One key for each subject and domain, wrapped by the domain key; `tag` commits to it. Destroyed: both are NULL, the row stays.
CREATE TABLE subject_key (
    scope BLOB NOT NULL REFERENCES scope (id), subject BLOB NOT NULL, domain TEXT NOT NULL, id BLOB NOT NULL,
    wrapped BLOB, tag BLOB, created_at INTEGER NOT NULL, destroyed_at INTEGER,
    PRIMARY KEY (scope, subject, domain), CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((tag IS NULL) = (wrapped IS NULL))
) STRICT;
-- By the key a wrap is under, which is named in it.
CREATE INDEX subject_key_under ON subject_key (substr(wrapped, 3, 8), subject) WHERE wrapped IS NOT NULL;

-- Keys of blind indices, wrapped by the root key.
CREATE TABLE blind_key (
    scope BLOB NOT NULL REFERENCES scope (id), name TEXT NOT NULL, id BLOB NOT NULL UNIQUE, wrapped BLOB NOT NULL,
    tag BLOB NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (scope, name)
) STRICT;

-- The root keys these data had, by fingerprint; the present one has no `until`. The first one names the store for ever.
CREATE TABLE root_key (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER
) STRICT;
