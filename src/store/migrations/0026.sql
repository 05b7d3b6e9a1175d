-- Sensors in a house, and the streams that come from them (study/sensor.h, study/stream.h). Two records of one thing, so that who mounts it and knows the address
-- does not know the stream, and who watches the stream does not know the house: only stream, which is sealed and behind no gate, leads from the first to the
-- second, and stream_index back. alias_index: what the table of aliases knows each by. card: what it is, sealed.
CREATE TABLE sensor (
    scope BLOB NOT NULL, id BLOB NOT NULL, house_nick BLOB NOT NULL, alias_index BLOB NOT NULL, rev INTEGER NOT NULL, card BLOB NOT NULL,
    mounted_at INTEGER NOT NULL, removed_at INTEGER, stream_index BLOB, stream BLOB,
    PRIMARY KEY (scope, id), UNIQUE (scope, alias_index), UNIQUE (scope, stream_index),
    FOREIGN KEY (scope, house_nick) REFERENCES installation (scope, house_nick)
) STRICT;
CREATE INDEX sensor_of_house ON sensor (scope, house_nick);

-- id: the stream's end of its edge (0013). ended: why nothing more comes (study/stream.def).
CREATE TABLE stream (
    scope BLOB NOT NULL, id BLOB NOT NULL, alias_index BLOB NOT NULL, rev INTEGER NOT NULL, card BLOB NOT NULL, since INTEGER NOT NULL, until INTEGER,
    ended TEXT,
    PRIMARY KEY (scope, id), UNIQUE (scope, alias_index), CHECK ((until IS NULL) = (ended IS NULL))
) STRICT;

-- only postgres
ALTER TABLE sensor ENABLE ROW LEVEL SECURITY;
ALTER TABLE stream ENABLE ROW LEVEL SECURITY;
CREATE POLICY sensor_of_installer ON sensor USING (scope = (SELECT gate_scope()) AND
    (current_user <> 'lazaret_installer' OR gate_has_taken(scope, house_nick)));
CREATE POLICY stream_of_scope ON stream USING (scope = (SELECT gate_scope()));
-- both
