-- +goose Up
-- What was promised in an incident, and what happened to each promise: promise.State as a JSON array.
ALTER TABLE incidents ADD COLUMN clocks TEXT NOT NULL DEFAULT '[]';
-- Whether one of them has not stopped.
ALTER TABLE incidents ADD COLUMN ticking INTEGER NOT NULL DEFAULT 0;
CREATE INDEX incidents_watched ON incidents (id)
    WHERE ticking = 1 OR parent = 0 AND status NOT IN ('resolved', 'completed', 'cancelled', 'postmortem');

-- Messages that were decided on and are to be published.
CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    message TEXT NOT NULL, -- the id by which the stream knows it again
    body    BLOB NOT NULL,
    until   INTEGER NOT NULL -- when it is no longer worth publishing; 0 is never
) STRICT;
