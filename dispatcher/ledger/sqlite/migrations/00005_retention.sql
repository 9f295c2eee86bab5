-- +goose Up
-- Rows that are too old to be kept are dropped, update by update.

-- Of the update's notifications and batches: 0 all are there, 1 they are being dropped, 2 they are gone.
ALTER TABLE updates ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;

-- What the rows of an update said before they were dropped: ledger.RowCounts as JSON.
CREATE TABLE kept_reports (
    update_id INTEGER PRIMARY KEY,
    value     TEXT NOT NULL
) STRICT;

-- The last ids among the rows that were dropped: none is given twice, since lanes' journals and
-- providers' references know rows by them.
CREATE TABLE dropped_ids (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    notification INTEGER NOT NULL,
    batch        INTEGER NOT NULL
) STRICT;
INSERT INTO dropped_ids (one, notification, batch) VALUES (1, 0, 0);
