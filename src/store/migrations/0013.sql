-- What the roles' gates grant was installed with this digest (PostgreSQL; store/gate.h).
CREATE TABLE gate_installed (one INTEGER PRIMARY KEY CHECK (one = 1), digest BLOB NOT NULL) STRICT;

-- The study. Three spaces of keys, each of one profession, and none derived from another: a person (who it is), a home (where), and somebody's data (health,
-- streams), which nicks link: house_nick of a home with sensors, data_nick of somebody's data. Which belong together only the three edge tables say, and they
-- say it sealed: to find an edge by one end takes the key of that end's index (keys/subject.h). Ids are random, not by time: rows made together must not be
-- known by their ids. No reference to the scope: a gate would have to let everybody read that table for it. Who has the file but no key can still guess by the order in which rows lie: docs/threat-model.md.
CREATE TABLE person (
    scope BLOB NOT NULL, id BLOB NOT NULL, rev INTEGER NOT NULL, detail BLOB NOT NULL, fiscal_index BLOB, joined_on INTEGER NOT NULL,
    left_on INTEGER,
    PRIMARY KEY (scope, id), UNIQUE (scope, fiscal_index)
) STRICT;
CREATE INDEX person_joined ON person (scope, joined_on, id);

CREATE TABLE home (
    scope BLOB NOT NULL, id BLOB NOT NULL, rev INTEGER NOT NULL, general BLOB NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT;

CREATE TABLE note (
    scope BLOB NOT NULL, id BLOB NOT NULL, person BLOB NOT NULL, rev INTEGER NOT NULL, text BLOB NOT NULL,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, person) REFERENCES person (scope, id)
) STRICT;
CREATE INDEX note_of_person ON note (scope, person, rev);

CREATE TABLE screening (
    scope BLOB NOT NULL, id BLOB NOT NULL, data_nick BLOB NOT NULL, rev INTEGER NOT NULL, finding BLOB NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT;
CREATE INDEX screening_of_data ON screening (scope, data_nick, rev);

CREATE TABLE patient_edge (
    scope BLOB NOT NULL, id BLOB NOT NULL, person_index BLOB NOT NULL, data_index BLOB NOT NULL, ends BLOB NOT NULL,
    PRIMARY KEY (scope, id), UNIQUE (scope, person_index), UNIQUE (scope, data_index)
) STRICT;
CREATE TABLE home_edge (
    scope BLOB NOT NULL, id BLOB NOT NULL, home_index BLOB NOT NULL, house_index BLOB NOT NULL, ends BLOB NOT NULL,
    PRIMARY KEY (scope, id), UNIQUE (scope, home_index), UNIQUE (scope, house_index)
) STRICT;
CREATE TABLE stream_edge (
    scope BLOB NOT NULL, id BLOB NOT NULL, stream_index BLOB NOT NULL, house_index BLOB NOT NULL, data_index BLOB NOT NULL,
    ends BLOB NOT NULL,
    PRIMARY KEY (scope, id), UNIQUE (scope, stream_index)
) STRICT;
CREATE INDEX stream_of_house ON stream_edge (scope, house_index);
CREATE INDEX stream_of_data ON stream_edge (scope, data_index);

-- What a holder (a role, a project, an export) calls a person or a house: random numbers below 2^52, so that they are JSON integers. Deleted, nobody can say
-- any more whom the number meant. The number stands first in its key: with what is the same in many rows in front, PostgreSQL
-- without statistics took the wrong index and looked at all of them.
CREATE TABLE alias (
    scope BLOB NOT NULL, holder TEXT NOT NULL, number INTEGER NOT NULL, subject_index BLOB NOT NULL, subject BLOB NOT NULL,
    PRIMARY KEY (number, holder, scope), UNIQUE (scope, holder, subject_index)
) STRICT;

-- A home that an installer is to visit: from when a ticket of theirs is open there until it is closed.
CREATE TABLE visit (
    scope BLOB NOT NULL, home BLOB NOT NULL, staff BLOB NOT NULL, since INTEGER NOT NULL, until INTEGER,
    PRIMARY KEY (scope, home, staff, since), FOREIGN KEY (scope, home) REFERENCES home (scope, id), FOREIGN KEY (scope, staff) REFERENCES staff (scope, id)
) STRICT;
CREATE INDEX visit_open ON visit (scope, staff, home) WHERE until IS NULL;

-- only postgres
-- Rows behind a gate: of the scope and, where a role is to see only some, of the actor that the transaction named. Not for the tables' owner, which is this
-- program outside of any gate.
CREATE OR REPLACE FUNCTION gate_scope() RETURNS BYTEA LANGUAGE sql STABLE AS $$ SELECT decode(current_setting('lazaret.scope', true), 'hex') $$;
CREATE OR REPLACE FUNCTION gate_actor() RETURNS BYTEA LANGUAGE sql STABLE AS $$ SELECT decode(current_setting('lazaret.actor', true), 'hex') $$;
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE home ENABLE ROW LEVEL SECURITY;
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
ALTER TABLE screening ENABLE ROW LEVEL SECURITY;
ALTER TABLE patient_edge ENABLE ROW LEVEL SECURITY;
ALTER TABLE home_edge ENABLE ROW LEVEL SECURITY;
ALTER TABLE stream_edge ENABLE ROW LEVEL SECURITY;
ALTER TABLE alias ENABLE ROW LEVEL SECURITY;
ALTER TABLE visit ENABLE ROW LEVEL SECURITY;
CREATE POLICY person_of_scope ON person USING (scope = (SELECT gate_scope()));
CREATE POLICY home_of_visit ON home USING (scope = (SELECT gate_scope()) AND (current_user <> 'lazaret_installer' OR EXISTS (
    SELECT FROM visit v WHERE v.scope = home.scope AND v.home = home.id AND v.staff = (SELECT gate_actor()) AND v.until IS NULL)));
CREATE POLICY note_of_scope ON note USING (scope = (SELECT gate_scope()));
CREATE POLICY screening_of_scope ON screening USING (scope = (SELECT gate_scope()));
CREATE POLICY patient_edge_of_scope ON patient_edge USING (scope = (SELECT gate_scope()));
CREATE POLICY home_edge_of_scope ON home_edge USING (scope = (SELECT gate_scope()));
CREATE POLICY stream_edge_of_scope ON stream_edge USING (scope = (SELECT gate_scope()));
CREATE POLICY alias_of_holder ON alias USING (scope = (SELECT gate_scope()) AND 'lazaret_' || holder = current_user);
CREATE POLICY visit_of_actor ON visit USING (scope = (SELECT gate_scope()) AND (current_user <> 'lazaret_installer' OR staff = (SELECT gate_actor())));
-- both
