-- +goose Up
-- Operators' orders, and what they change.

ALTER TABLE notifications RENAME COLUMN stale TO stop;
ALTER TABLE deadlines RENAME COLUMN bounce TO kind;

ALTER TABLE incidents ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN spent INTEGER NOT NULL DEFAULT 0; -- billed units handed to lanes
ALTER TABLE incidents ADD COLUMN cap INTEGER;                      -- of billed units, where an operator has set one

ALTER TABLE updates ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE updates ADD COLUMN retry_of INTEGER NOT NULL DEFAULT 0; -- told again to those whom that update didn't reach

ALTER TABLE batches ADD COLUMN units INTEGER NOT NULL DEFAULT 0; -- billed units of all its messages
ALTER TABLE batches ADD COLUMN spending INTEGER NOT NULL DEFAULT 0; -- 0 not yet asked, 1 counted as spent, 2 beyond the cap
ALTER TABLE batches ADD COLUMN last INTEGER NOT NULL DEFAULT 0; -- no step of the cascade follows

-- What operators ordered, and what came of it.
CREATE TABLE orders (
    id      TEXT PRIMARY KEY,
    at      INTEGER NOT NULL,
    done_at INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    result  TEXT NOT NULL,
    value   TEXT NOT NULL -- ledger.Order as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_at ON orders (at);

-- Ranges of notifications that an order is still to be carried out for.
CREATE TABLE errands (
    id        INTEGER PRIMARY KEY,
    verb      TEXT NOT NULL,
    update_id INTEGER NOT NULL,
    channel   TEXT NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL
) STRICT;
