-- The rest of a patient's record. contacts_rev counts changes of a person's contacts, so that a list of them is replaced as a whole; base_index finds tax codes
-- that differ by omocodia alone, which is told and never refused. Of screenings and notes each version is a row, and no two are the same one.
ALTER TABLE person ADD COLUMN contacts_rev INTEGER NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN base_index BLOB;
-- Random, with everybody: of which people there are and which revisions, the sums of these tell whether anything changed.
ALTER TABLE person ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
CREATE INDEX person_base ON person (scope, base_index);
CREATE UNIQUE INDEX note_version ON note (scope, person, rev);
CREATE UNIQUE INDEX screening_version ON screening (scope, data_nick, rev);
-- Everybody's revision, and the order of a list with what it is cut by, from the index alone.
CREATE INDEX person_revision ON person (scope, id, rev, mark);
DROP INDEX person_joined;
CREATE INDEX person_joined ON person (scope, joined_on, id, left_on);
DROP INDEX note_of_person;
DROP INDEX screening_of_data;

CREATE TABLE contact (
    scope BLOB NOT NULL, id BLOB NOT NULL, person BLOB NOT NULL, rev INTEGER NOT NULL, nth INTEGER NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, person) REFERENCES person (scope, id)
) STRICT;
CREATE INDEX contact_of_person ON contact (scope, person, nth, id);

-- What was agreed to, found by the data it is about (study/consent.h). The row without `until` counts. purposes: the bits of study/consent.def.
CREATE TABLE consent (
    scope BLOB NOT NULL, id BLOB NOT NULL, data_nick BLOB NOT NULL, rev INTEGER NOT NULL, state TEXT NOT NULL, purposes INTEGER NOT NULL,
    sheet BLOB NOT NULL, since INTEGER NOT NULL, until INTEGER,
    PRIMARY KEY (scope, id), UNIQUE (scope, data_nick, rev)
) STRICT;
CREATE UNIQUE INDEX consent_now ON consent (scope, data_nick) WHERE until IS NULL;

-- only postgres
ALTER TABLE contact ENABLE ROW LEVEL SECURITY;
ALTER TABLE consent ENABLE ROW LEVEL SECURITY;
CREATE POLICY contact_of_scope ON contact USING (scope = (SELECT gate_scope()));
CREATE POLICY contact_of_one ON contact AS RESTRICTIVE USING (current_user <> 'lazaret_emergency' OR person = (SELECT gate_person()));
CREATE POLICY consent_of_scope ON consent USING (scope = (SELECT gate_scope()));
-- Who sees data under a pseudonym sees those of people who consent to it. By a function, as gate_visits is.
CREATE OR REPLACE FUNCTION gate_consents(of_scope BYTEA, of_data BYTEA, for_purpose BIGINT) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM consent c WHERE c.scope = of_scope AND c.data_nick = of_data AND c.until IS NULL AND c.state = 'active'
        AND (c.purposes & for_purpose) <> 0) $$;
CREATE POLICY screening_of_consent ON screening AS RESTRICTIVE USING (CASE current_user WHEN 'lazaret_monitor' THEN gate_consents(scope, data_nick, 2)
    WHEN 'lazaret_researcher' THEN gate_consents(scope, data_nick, 4) ELSE TRUE END);
-- both
