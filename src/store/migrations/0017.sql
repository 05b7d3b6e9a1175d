-- Accounts of people whom no identity provider vouches for: their row in staff has the `who` of the issuer "local" and their login name. password: what
-- Argon2id made of it, sealed; none until an invitation was accepted with one.
CREATE TABLE account (
    scope BLOB NOT NULL, staff BLOB NOT NULL, password BLOB, password_at INTEGER, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, staff), FOREIGN KEY (scope, staff) REFERENCES staff (scope, id)
) STRICT;

-- Invitations: the SHA-256 of a code that is good once, until then. role: the one it was made for. ended_at: used, or another took its place.
CREATE TABLE invitation (
    scope BLOB NOT NULL, id BLOB NOT NULL, staff BLOB NOT NULL, code BLOB NOT NULL, role TEXT, made_by TEXT NOT NULL, made_at INTEGER NOT NULL,
    until INTEGER NOT NULL, ended_at INTEGER, ended_why TEXT,
    PRIMARY KEY (scope, id), UNIQUE (scope, code), FOREIGN KEY (scope, staff) REFERENCES account (scope, staff)
) STRICT;
CREATE INDEX invitation_open ON invitation (scope, staff) WHERE ended_at IS NULL;

-- Passkeys. credential: the SHA-256 of the id its device knows it by; passkey: id, public key and what its owner calls it, sealed, so that nobody who has
-- the store alone can put one in; uses: the device's counter.
CREATE TABLE passkey (
    scope BLOB NOT NULL, id BLOB NOT NULL, staff BLOB NOT NULL, credential BLOB NOT NULL, passkey BLOB NOT NULL, uses INTEGER NOT NULL,
    backed_up INTEGER NOT NULL, created_at INTEGER NOT NULL, used_at INTEGER,
    PRIMARY KEY (scope, id), UNIQUE (scope, credential), FOREIGN KEY (scope, staff) REFERENCES account (scope, staff)
) STRICT;
CREATE INDEX passkey_staff ON passkey (scope, staff);

-- Challenges that were answered, so that none is answered twice, until they would have expired.
CREATE TABLE challenge_used (scope BLOB NOT NULL, hash BLOB NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (scope, hash)) STRICT;
CREATE INDEX challenge_until ON challenge_used (scope, until);

-- Failed sign-ins by the keyed hash of the name that was given, whether anybody has it or not: until then no password of that name is looked at.
CREATE TABLE sign_in_failure (
    scope BLOB NOT NULL, who BLOB NOT NULL, failures INTEGER NOT NULL, last_at INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (scope, who)
) STRICT;
CREATE INDEX sign_in_failure_last ON sign_in_failure (scope, last_at);
