-- What a holder calls a subject, by what differs between rows: with scope and holder in front, PostgreSQL without statistics took this index for that of the
-- number, too, and looked at every alias of the holder.
-- only postgres
ALTER TABLE alias DROP CONSTRAINT alias_scope_holder_subject_index_key;
ALTER TABLE alias ADD UNIQUE (subject_index, holder, scope);
-- both
