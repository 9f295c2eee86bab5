-- +goose Up
-- The append-only account of what was decided and how it ended, chained by hash: see ledger/trail.go.
CREATE TABLE trail (
    seq       INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    update_id INTEGER NOT NULL, -- 0: of no update
    body      TEXT NOT NULL,    -- ledger.TrailEntry as JSON: what is hashed
    prev      TEXT NOT NULL,
    hash      TEXT NOT NULL
) STRICT;
CREATE INDEX trail_update ON trail (update_id, seq) WHERE update_id != 0;

-- The newest entry, in the one row that whoever appends has to lock. before is the last update that is
-- older than the trail.
CREATE TABLE trail_head (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    seq    INTEGER NOT NULL,
    hash   TEXT NOT NULL,
    before INTEGER NOT NULL
) STRICT;
INSERT INTO trail_head (one, seq, hash, before)
    SELECT 1, 0, '0000000000000000000000000000000000000000000000000000000000000000', coalesce(max(id), 0) FROM updates;

-- So that an audit finds an update's batches.
CREATE INDEX batches_update ON batches (update_id, id);
