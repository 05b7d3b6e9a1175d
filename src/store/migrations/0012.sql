-- Sessions of staff who signed in with a browser. said: the roles that the provider's token named, until said_until; provider_sid: a keyed hash of the
-- provider's own session; tokens: what it gave, sealed, due at renew_at. What has ended keeps its row for a while, without tokens.
CREATE TABLE session (
    scope BLOB NOT NULL, id BLOB NOT NULL, staff BLOB NOT NULL, how TEXT NOT NULL, role TEXT, said TEXT, said_until INTEGER NOT NULL,
    created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, idle_us INTEGER NOT NULL, until INTEGER NOT NULL, auth_at INTEGER NOT NULL,
    provider_sid BLOB, tokens BLOB, renew_at INTEGER, ended_at INTEGER, ended_why TEXT,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, staff) REFERENCES staff (scope, id)
) STRICT;
CREATE INDEX session_staff ON session (scope, staff) WHERE ended_at IS NULL;
CREATE INDEX session_provider ON session (scope, provider_sid) WHERE ended_at IS NULL;
CREATE INDEX session_until ON session (scope, until) WHERE ended_at IS NULL;
CREATE INDEX session_ended ON session (scope, ended_at);

-- The cookies a session has had: the SHA-256 of each. The one that is not replaced is the current one.
CREATE TABLE session_cookie (
    scope BLOB NOT NULL, hash BLOB NOT NULL, session BLOB NOT NULL, made_at INTEGER NOT NULL, used_at INTEGER, replaced_at INTEGER, next BLOB,
    PRIMARY KEY (scope, hash), FOREIGN KEY (scope, session) REFERENCES session (scope, id)
) STRICT;
CREATE INDEX session_cookies ON session_cookie (scope, session);

-- Logout tokens that were taken, so that none is taken twice: a keyed hash of issuer and jti, until it would have expired.
CREATE TABLE logout_token (scope BLOB NOT NULL, hash BLOB NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (scope, hash)) STRICT;
