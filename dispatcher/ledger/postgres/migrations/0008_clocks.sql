-- +goose Up
-- What was promised in an incident, and what happened to each promise: promise.State as a JSON array.
ALTER TABLE incidents ADD COLUMN clocks TEXT NOT NULL DEFAULT '[]';
-- Whether one of them has not stopped.
ALTER TABLE incidents ADD COLUMN ticking BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX incidents_watched ON incidents (id)
    WHERE ticking OR parent = 0 AND status NOT IN ('resolved', 'completed', 'cancelled', 'postmortem');

-- Messages that were decided on and are to be published.
CREATE TABLE outbox (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject TEXT NOT NULL,
    message TEXT NOT NULL, -- the id by which the stream knows it again
    body    BYTEA NOT NULL,
    until   BIGINT NOT NULL -- when it is no longer worth publishing; 0 is never
);
