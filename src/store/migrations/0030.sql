-- Projects of researchers (study/project.h). data: which data it asks for, as bits (study/project_states.def); sheet: title and question; reason: what an auditor
-- wrote. Both are sealed. What a project calls data is in alias, with the holder 'project:' and the id in hexadecimal; such rows go when it ends. One that ended by
-- time is 'approved' until somebody looks; `until` says it all the same. No reference to staff: the gate of who proposes one would have to let them read
-- that table for it.
CREATE TABLE project (
    scope BLOB NOT NULL, id BLOB NOT NULL, owner BLOB NOT NULL, state TEXT NOT NULL, data INTEGER NOT NULL, sheet BLOB NOT NULL, since INTEGER NOT NULL,
    until INTEGER NOT NULL, uses INTEGER NOT NULL, decided_by BLOB, decided_at INTEGER, reason BLOB, ended_by BLOB, ended_at INTEGER,
    PRIMARY KEY (scope, id), CHECK (decided_by <> owner), CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK ((decided_at IS NULL) = (reason IS NULL)), CHECK (state NOT IN ('approved', 'refused') OR decided_by IS NOT NULL),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX project_of_owner ON project (scope, owner, id);
CREATE INDEX project_open ON project (scope, until) WHERE state IN ('proposed', 'approved');

-- only postgres
-- A researcher's own; and of the study's data nothing while none of theirs is approved. By a function, as gate_visits is (0018).
ALTER TABLE project ENABLE ROW LEVEL SECURITY;
CREATE POLICY project_of_owner ON project USING (scope = (SELECT gate_scope()) AND (current_user <> 'lazaret_researcher' OR owner = (SELECT gate_actor())));
CREATE OR REPLACE FUNCTION gate_project() RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM project p WHERE p.scope = (SELECT gate_scope()) AND p.owner = (SELECT gate_actor()) AND p.state = 'approved') $$;
CREATE POLICY screening_of_project ON screening AS RESTRICTIVE USING (CASE current_user WHEN 'lazaret_researcher' THEN (SELECT gate_project()) ELSE TRUE END);
CREATE POLICY stream_of_project ON stream AS RESTRICTIVE USING (CASE current_user WHEN 'lazaret_researcher' THEN (SELECT gate_project()) ELSE TRUE END);
CREATE POLICY stream_edge_of_project ON stream_edge AS RESTRICTIVE USING (CASE current_user WHEN 'lazaret_researcher' THEN (SELECT gate_project()) ELSE TRUE END);
-- both
