-- Homes by what their tickets are like, which a status follows from (study/installation.def). The scope is not in front: SQLite would read all tickets of
-- the scope here, where all that is asked of them stands, rather than those of one house in the index of houses.
CREATE INDEX ticket_of_kind ON ticket (category, state, scope, house_nick);
-- only postgres
-- As an equality with a holder, of which there are few: of the name of a role that was put together PostgreSQL took it that it is hardly anybody's, and
-- sorted all of a role's numbers for a page.
CREATE OR REPLACE FUNCTION gate_holder() RETURNS TEXT LANGUAGE sql STABLE AS $$ SELECT CASE WHEN starts_with(current_user, 'lazaret_') THEN substr(current_user, 9) END $$;
DROP POLICY alias_of_holder ON alias;
CREATE POLICY alias_of_holder ON alias USING (scope = (SELECT gate_scope()) AND holder = (SELECT gate_holder()));
-- both
