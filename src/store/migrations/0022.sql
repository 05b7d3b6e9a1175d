-- Homes with sensors and the tickets about them, by the house (0013). alias_index: what the table of aliases knows house or ticket by, so that a list
-- comes with the reader's own numbers. sensors, info and body are sealed under keys of the house. What a house is like now follows from
-- its tickets (study/ticket.def) and is written nowhere. No reference to staff: a gate would have to let everybody read that table for it.
CREATE TABLE installation (
    scope BLOB NOT NULL, house_nick BLOB NOT NULL, alias_index BLOB NOT NULL, rev INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,
    sensors BLOB, sensors_rev INTEGER NOT NULL, info BLOB, info_rev INTEGER NOT NULL,
    PRIMARY KEY (scope, house_nick), UNIQUE (scope, alias_index)
) STRICT;

-- installer: who has taken it. entries: how many there are. last_at, last_role: when its last message was written, and in which role.
CREATE TABLE ticket (
    scope BLOB NOT NULL, id BLOB NOT NULL, house_nick BLOB NOT NULL, alias_index BLOB NOT NULL, category TEXT NOT NULL,
    state TEXT NOT NULL, rev INTEGER NOT NULL, entries INTEGER NOT NULL, opened_at INTEGER NOT NULL, closed_at INTEGER, last_at INTEGER NOT NULL,
    last_role TEXT NOT NULL, installer BLOB,
    PRIMARY KEY (scope, id), UNIQUE (scope, alias_index), FOREIGN KEY (scope, house_nick) REFERENCES installation (scope, house_nick),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
) STRICT;
CREATE INDEX ticket_of_house ON ticket (scope, house_nick, opened_at, id);
CREATE INDEX ticket_opened ON ticket (scope, opened_at, id);
CREATE INDEX ticket_in_state ON ticket (scope, state, opened_at, id);
CREATE INDEX ticket_taken ON ticket (scope, installer, house_nick) WHERE installer IS NOT NULL;

-- A holder's numbers one after the other: the order of lists that nobody else has.
CREATE INDEX alias_in_order ON alias (holder, number, scope);

-- What was said and done in it, one after the other; only ever added to. body: of a message.
CREATE TABLE ticket_entry (
    scope BLOB NOT NULL, id BLOB NOT NULL, ticket BLOB NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, role TEXT NOT NULL, author BLOB NOT NULL,
    at INTEGER NOT NULL, body BLOB,
    PRIMARY KEY (scope, id), UNIQUE (scope, ticket, number), FOREIGN KEY (scope, ticket) REFERENCES ticket (scope, id),
    CHECK ((kind = 'message') = (body IS NOT NULL))
) STRICT;

-- only postgres
ALTER TABLE installation ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_entry ENABLE ROW LEVEL SECURITY;
-- Given to an installer is a house with a ticket that they have taken, open or closed. By a function, as in 0018.
CREATE OR REPLACE FUNCTION gate_has_taken(of_scope BYTEA, of_house BYTEA) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM ticket t WHERE t.scope = of_scope AND t.house_nick = of_house AND t.installer = (SELECT gate_actor())) $$;
CREATE POLICY installation_of_installer ON installation USING (scope = (SELECT gate_scope()) AND
    (current_user <> 'lazaret_installer' OR gate_has_taken(scope, house_nick)));
CREATE POLICY ticket_of_scope ON ticket USING (scope = (SELECT gate_scope()));
CREATE POLICY ticket_entry_of_scope ON ticket_entry USING (scope = (SELECT gate_scope()));
-- both
