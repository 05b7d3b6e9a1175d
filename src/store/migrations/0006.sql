-- input: a keyed hash of a job's model and Bundle, so that a Bundle that took down every worker that ran it is known when it comes again. Gone when erased.
ALTER TABLE job ADD COLUMN input BLOB;
CREATE INDEX job_poison ON job (input) WHERE state = 'DEAD';
