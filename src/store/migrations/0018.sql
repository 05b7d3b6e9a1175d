-- A number leads to a subject, and a subject to its number, by the whole of one key each, also while PostgreSQL has no statistics of the table
-- yet: with (scope, holder) in front of both, it took the wrong one of the two and looked at every alias of the holder.
-- only postgres
ALTER TABLE alias DROP CONSTRAINT alias_pkey;
ALTER TABLE alias ADD PRIMARY KEY (number, holder, scope);
-- both
