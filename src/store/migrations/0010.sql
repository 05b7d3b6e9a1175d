-- Staff, as an identity provider names them. who: a keyed hash of issuer and subject, so that the row is found without saying who it is; person: what the
-- provider calls them, sealed. state: pending, active or suspended.
CREATE TABLE staff (
    scope BLOB NOT NULL, id BLOB NOT NULL, who BLOB NOT NULL, person BLOB NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (scope, id), UNIQUE (scope, who)
) STRICT;

-- Roles: proposed first, held from `since` to `until`. proposed_by 'provider': a token said it. A proposal that was withdrawn has `until` without `since`.
CREATE TABLE role_grant (
    scope BLOB NOT NULL, id BLOB NOT NULL, staff BLOB NOT NULL, role TEXT NOT NULL, proposed_by TEXT NOT NULL, proposed_at INTEGER NOT NULL,
    approved_by TEXT, since INTEGER, ended_by TEXT, until INTEGER,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, staff) REFERENCES staff (scope, id)
) STRICT;
CREATE UNIQUE INDEX grant_open ON role_grant (scope, staff, role) WHERE until IS NULL;
