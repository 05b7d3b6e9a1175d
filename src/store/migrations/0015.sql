-- Programs that sign in by a signed assertion or by a certificate.
-- A client's public keys: the key set (RFC 7517) itself, or where it is fetched.
CREATE TABLE client_keys (
    scope BLOB NOT NULL, client BLOB NOT NULL, jwks TEXT, url TEXT, created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, client), FOREIGN KEY (scope, client) REFERENCES client (scope, id)
) STRICT;
-- kind: certificate (hash: the SHA-256 of it) or subject (that of the subject's DER: any certificate of it that the authority signs).
CREATE TABLE client_cert (
    scope BLOB NOT NULL, kind TEXT NOT NULL, hash BLOB NOT NULL, client BLOB NOT NULL, subject TEXT NOT NULL, until INTEGER NOT NULL,
    created_at INTEGER NOT NULL, PRIMARY KEY (scope, kind, hash), FOREIGN KEY (scope, client) REFERENCES client (scope, id)
) STRICT;
-- Access tokens: their SHA-256, and what they cover (identity/scopes.def).
CREATE TABLE client_token (
    hash BLOB PRIMARY KEY, scope BLOB NOT NULL, client BLOB NOT NULL, scopes TEXT NOT NULL, until INTEGER NOT NULL,
    FOREIGN KEY (scope, client) REFERENCES client (scope, id)
) STRICT;
CREATE INDEX client_token_until ON client_token (until);
CREATE INDEX client_token_client ON client_token (scope, client);
-- Assertions that were used: the SHA-256 of their jti. What is here is refused; what has expired is forgotten.
CREATE TABLE client_assertion (
    scope BLOB NOT NULL, client BLOB NOT NULL, jti BLOB NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (scope, client, jti), FOREIGN KEY (scope, client) REFERENCES client (scope, id)
) STRICT;
CREATE INDEX client_assertion_until ON client_assertion (until);
