-- Files of a house (study/document.h). alias_index: what the table of aliases knows it by. file_key, card and author are sealed or say who it was; blank (NULL)
-- in one that was removed. lease_until: of one that is coming or was removed, seen by nobody; NULL: it is there. head: the beginning of what its pieces are.
-- No reference to staff: a gate would have to let everybody read that table for it.
CREATE TABLE document (
    scope BLOB NOT NULL, id BLOB NOT NULL, house_nick BLOB NOT NULL, alias_index BLOB NOT NULL, file_key BLOB, head BLOB NOT NULL, card BLOB, author BLOB,
    author_role TEXT, created_at INTEGER NOT NULL, lease_until INTEGER,
    PRIMARY KEY (scope, id), UNIQUE (scope, alias_index), CHECK (lease_until IS NOT NULL OR (file_key IS NOT NULL AND card IS NOT NULL AND author IS NOT NULL))
) STRICT;
CREATE INDEX document_of_house ON document (scope, house_nick, created_at, id);
CREATE INDEX document_leased ON document (scope, lease_until, id) WHERE lease_until IS NOT NULL;

-- 256 KiB of one each, sealed: the program's own, which no role's statement can name. No reference to the document, which a gate would have to let look here
-- when it is deleted: a piece is stored by who has its row locked and leased, and a row goes when its pieces have.
CREATE TABLE document_piece (
    scope BLOB NOT NULL, document BLOB NOT NULL, number INTEGER NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (scope, document, number)
) STRICT;

-- only postgres
ALTER TABLE document ENABLE ROW LEVEL SECURITY;
CREATE POLICY document_of_installer ON document USING (scope = (SELECT gate_scope()) AND
    (current_user <> 'lazaret_installer' OR gate_has_taken(scope, house_nick)));
-- What is sealed does not get smaller.
ALTER TABLE document_piece ALTER COLUMN sealed SET STORAGE EXTERNAL;
-- both
