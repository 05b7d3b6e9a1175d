-- The id by which its client knows a job, where the client chose one: it is unique for this client, and says nothing of others'.
ALTER TABLE job ADD COLUMN chosen BLOB;
CREATE UNIQUE INDEX job_chosen ON job (scope, client, chosen) WHERE chosen IS NOT NULL;
