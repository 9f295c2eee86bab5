-- +goose Up
-- What publishers and reports ask of batches that wait is in the index: the rows themselves hold thousands
-- of addresses before what is asked for.
DROP INDEX batches_unsent;
CREATE INDEX batches_unsent ON batches (not_before, id, update_id, spending) WHERE sent_at IS NULL;

-- What is beyond its incident's budget.
CREATE INDEX batches_beyond ON batches (update_id, units) WHERE sent_at IS NULL AND spending = 2;
