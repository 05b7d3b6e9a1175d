-- Erasures in their order, for the ledger of them that is kept outside of the store (jobs/ledger.h).
CREATE INDEX job_erased ON job (erased_at, id) WHERE erased_at IS NOT NULL;
