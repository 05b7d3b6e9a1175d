-- Broken glass: somebody opened one person's records in an emergency (study/glass.h). subject: whom, and what they are called by, sealed; text and review: what
-- was written, sealed. A glass that ended by time has no ended_at until somebody looks; `until` says it all the same. One at a time for each holder.
CREATE TABLE glass (
    scope BLOB NOT NULL, id BLOB NOT NULL, holder BLOB NOT NULL, role TEXT NOT NULL, reason TEXT NOT NULL, subject BLOB NOT NULL, text BLOB NOT NULL,
    since INTEGER NOT NULL, until INTEGER NOT NULL, uses INTEGER NOT NULL, ended_at INTEGER, reviewer BLOB, reviewed_at INTEGER, outcome TEXT, review BLOB,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, holder) REFERENCES staff (scope, id), FOREIGN KEY (scope, reviewer) REFERENCES staff (scope, id),
    CHECK (reviewer <> holder), CHECK (ended_at IS NOT NULL OR reviewed_at IS NULL), CHECK ((reviewed_at IS NULL) = (reviewer IS NULL)),
    CHECK ((reviewed_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE UNIQUE INDEX glass_open ON glass (scope, holder) WHERE ended_at IS NULL;
CREATE INDEX glass_unreviewed ON glass (scope, holder) WHERE reviewed_at IS NULL;

-- only postgres
-- Behind the gate "emergency" there is the one person that the transaction named, their home and their data.
CREATE OR REPLACE FUNCTION gate_person() RETURNS BYTEA LANGUAGE sql STABLE AS $$ SELECT decode(current_setting('lazaret.person', true), 'hex') $$;
CREATE OR REPLACE FUNCTION gate_home() RETURNS BYTEA LANGUAGE sql STABLE AS $$ SELECT decode(current_setting('lazaret.home', true), 'hex') $$;
CREATE OR REPLACE FUNCTION gate_data() RETURNS BYTEA LANGUAGE sql STABLE AS $$ SELECT decode(current_setting('lazaret.data', true), 'hex') $$;
-- The visits by a function, since who may not read that table could read no home otherwise: what a policy names is asked for before it is known to matter.
CREATE OR REPLACE FUNCTION gate_visits(of_scope BYTEA, of_home BYTEA) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM visit v WHERE v.scope = of_scope AND v.home = of_home AND v.staff = (SELECT gate_actor()) AND v.until IS NULL) $$;
DROP POLICY home_of_visit ON home;
CREATE POLICY home_of_visit ON home USING (scope = (SELECT gate_scope()) AND (current_user <> 'lazaret_installer' OR gate_visits(scope, id)));
CREATE POLICY person_of_one ON person AS RESTRICTIVE USING (current_user <> 'lazaret_emergency' OR id = (SELECT gate_person()));
CREATE POLICY note_of_one ON note AS RESTRICTIVE USING (current_user <> 'lazaret_emergency' OR person = (SELECT gate_person()));
CREATE POLICY home_of_one ON home AS RESTRICTIVE USING (current_user <> 'lazaret_emergency' OR id = (SELECT gate_home()));
CREATE POLICY screening_of_one ON screening AS RESTRICTIVE USING (current_user <> 'lazaret_emergency' OR data_nick = (SELECT gate_data()));
-- both
