-- How far a running job's model says it is, in whole percent: a number alone, which can hardly carry anything of the patient. NULL when it does not run.
ALTER TABLE job ADD COLUMN progress INTEGER;
