-- What people did with the card of a job (jobs/feedback.h). at: when, as their client says. sheet: which suggestions, why not and their own words, sealed with
-- the job's own key, so that it goes with the job.
CREATE TABLE job_feedback (
    scope BLOB NOT NULL, id BLOB NOT NULL, job BLOB NOT NULL, outcome TEXT NOT NULL, at INTEGER NOT NULL, created_at INTEGER NOT NULL, sheet BLOB NOT NULL,
    PRIMARY KEY (scope, id), FOREIGN KEY (scope, job) REFERENCES job (scope, id)
) STRICT;
CREATE INDEX feedback_of_job ON job_feedback (scope, job, id);

-- Bundles that were not enough, for a while (jobs/negotiation.h). sheet: target and Bundle, sealed.
CREATE TABLE negotiation (
    scope BLOB NOT NULL, client BLOB NOT NULL, id BLOB NOT NULL, sheet BLOB NOT NULL, expires_at INTEGER NOT NULL,
    PRIMARY KEY (scope, client, id), UNIQUE (scope, id)
) STRICT;
CREATE INDEX negotiation_expiring ON negotiation (expires_at);
