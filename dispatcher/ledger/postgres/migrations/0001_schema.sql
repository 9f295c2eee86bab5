-- +goose Up
-- Times are milliseconds since 1970 in UTC; lists are joined by line feeds. Texts that are sorted or
-- compared have the collation "C", so that the order doesn't depend on the database's. JSON is kept as
-- TEXT, byte for byte: what updates and texts say is hashed as it is kept.

CREATE TABLE recipients (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    locale      TEXT NOT NULL,
    zone        TEXT NOT NULL,
    addresses   TEXT NOT NULL, -- lines of channel, tab, address
    preferences TEXT NOT NULL,
    consents    TEXT NOT NULL,
    services    TEXT NOT NULL,
    regions     TEXT NOT NULL,
    segments    TEXT NOT NULL,
    dead        TEXT NOT NULL DEFAULT '', -- what a provider has refused as invalid, in the form of addresses, one a channel
    readdressed BIGINT NOT NULL, -- the number (low bits of the id) of the last batch when the addresses changed last: that and those before may hold others
    deleted     BOOLEAN NOT NULL DEFAULT FALSE -- the number outlives the person: reports refer to it
);

CREATE TABLE incidents (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team       TEXT COLLATE "C" NOT NULL,
    incident   TEXT COLLATE "C" NOT NULL,
    status     TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    parent     BIGINT NOT NULL DEFAULT 0, -- the incident that it was merged into; 0 is none
    paused     BOOLEAN NOT NULL DEFAULT FALSE,
    spent      BIGINT NOT NULL DEFAULT 0, -- billed units handed to lanes
    cap        BIGINT, -- of billed units, where there is one
    value      TEXT NOT NULL, -- incident.Incident as JSON
    UNIQUE (team, incident)
) WITH (fillfactor = 50); -- spending is counted all the time
CREATE INDEX incidents_parent ON incidents (parent) WHERE parent <> 0;
CREATE INDEX incidents_changed ON incidents (changed_at, id);

CREATE TABLE updates (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident        BIGINT NOT NULL REFERENCES incidents,
    team            TEXT COLLATE "C" NOT NULL, -- that of the incident: what one team publishes hides nothing of another's
    source          TEXT COLLATE "C" NOT NULL,
    event_id        TEXT COLLATE "C" NOT NULL,
    status          TEXT NOT NULL,
    impact          TEXT NOT NULL,
    state           TEXT NOT NULL,
    reason          TEXT NOT NULL,
    received_at     BIGINT NOT NULL,
    approved_at     BIGINT NOT NULL,
    approved_by     TEXT NOT NULL,
    cursor          BIGINT NOT NULL DEFAULT 0,
    until           BIGINT NOT NULL DEFAULT 0,
    audience        BIGINT NOT NULL DEFAULT 0,
    open            BIGINT NOT NULL DEFAULT 0, -- notifications without an outcome
    first_id        BIGINT NOT NULL DEFAULT 0, -- the range of the notifications' ids: it says in which weeks they are
    last_id         BIGINT NOT NULL DEFAULT 0,
    first_notice_at BIGINT NOT NULL DEFAULT 0,
    paused          BOOLEAN NOT NULL DEFAULT FALSE,
    retry_of        BIGINT NOT NULL DEFAULT 0, -- told again to those whom that update didn't reach
    corrects        BIGINT NOT NULL DEFAULT 0, -- the update that a correction corrects; 0 is none, or all of the incident
    value           TEXT NOT NULL, -- incident.Update as JSON
    UNIQUE (team, source, event_id)
) WITH (fillfactor = 50); -- counters change all the time
CREATE INDEX updates_incident ON updates (incident, id);
CREATE INDEX updates_unplanned ON updates (id) WHERE state IN ('approved', 'planning');

CREATE INDEX updates_let_go ON updates (approved_at);

CREATE TABLE texts (
    update_id BIGINT NOT NULL REFERENCES updates,
    kind      TEXT COLLATE "C" NOT NULL,
    locale    TEXT COLLATE "C" NOT NULL,
    content   TEXT NOT NULL, -- notification.Content as JSON
    hash      TEXT NOT NULL,
    units     BIGINT NOT NULL, -- billed units of the text: SMS segments
    PRIMARY KEY (update_id, kind, locale)
);

CREATE TABLE rejections (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team   TEXT NOT NULL,
    at     BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL UNIQUE, -- of team and body: a redelivered message is one rejection
    faults TEXT NOT NULL,
    body   BYTEA NOT NULL
);

CREATE TABLE deadlines (
    batch BIGINT NOT NULL,
    kind  SMALLINT NOT NULL,
    due   BIGINT NOT NULL,
    PRIMARY KEY (batch, kind)
);
CREATE INDEX deadlines_due ON deadlines (due, batch);

-- Pages whose recipients may have older notifications of the same incident still open.
CREATE TABLE superseding_pages (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    update_id BIGINT NOT NULL,
    first     BIGINT NOT NULL,
    last      BIGINT NOT NULL
);

-- What operators ordered, and what came of it.
CREATE TABLE orders (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    team     TEXT COLLATE "C" NOT NULL, -- those of the incident that it is about; empty if about all
    incident TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    done_at  BIGINT NOT NULL,
    refused  BOOLEAN NOT NULL,
    result   TEXT NOT NULL,
    value    TEXT NOT NULL -- ledger.Order as JSON
);
CREATE INDEX orders_incident ON orders (team, incident, at);

-- Ranges of notifications that an order is still to be carried out for.
CREATE TABLE errands (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verb      TEXT NOT NULL,
    update_id BIGINT NOT NULL,
    channel   TEXT NOT NULL,
    first     BIGINT NOT NULL,
    last      BIGINT NOT NULL
);

-- The append-only account of what was decided and how it ended, chained by hash: see ledger/trail.go.
CREATE TABLE trail (
    seq       BIGINT PRIMARY KEY,
    at        BIGINT NOT NULL,
    kind      TEXT NOT NULL,
    update_id BIGINT NOT NULL, -- 0: of no update
    body      TEXT NOT NULL,   -- ledger.TrailEntry as JSON: what is hashed, so every byte counts
    prev      TEXT NOT NULL,
    hash      TEXT NOT NULL
);
CREATE INDEX trail_update ON trail (update_id, seq) WHERE update_id <> 0;

-- The newest entry, in the one row that whoever appends has to lock.
CREATE TABLE trail_head (
    one  BOOLEAN PRIMARY KEY CHECK (one),
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO trail_head (one, seq, hash) VALUES (TRUE, 0, repeat('0', 64));

CREATE TABLE tallies (
    update_id BIGINT NOT NULL,
    channel   TEXT COLLATE "C" NOT NULL,
    what      TEXT COLLATE "C" NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (update_id, channel, what)
) WITH (fillfactor = 50);

-- What the rows of an update said before they were dropped, as JSON.
CREATE TABLE kept_reports (
    update_id BIGINT PRIMARY KEY,
    value     TEXT NOT NULL
);

-- The tables from here on grow with the messages. Each has a partition a week, made by the program;
-- the high bits of the key are the week.

-- One row per update and recipient, with its current attempt. Each partition has a unique index on
-- (update_id, recipient), which PostgreSQL can't have over all of them.
CREATE TABLE notifications (
    id          BIGINT NOT NULL PRIMARY KEY,
    update_id   BIGINT NOT NULL,
    recipient   BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    queued_at   BIGINT NOT NULL,
    settled_at  BIGINT NOT NULL,
    batch       BIGINT NOT NULL,
    step        SMALLINT NOT NULL,
    try         SMALLINT NOT NULL,
    state       SMALLINT NOT NULL,
    outcome     SMALLINT NOT NULL,
    proof       SMALLINT NOT NULL,
    stop        SMALLINT NOT NULL,
    took        BOOLEAN NOT NULL, -- the provider has taken it, whatever became of it later
    locale      TEXT COLLATE "C" NOT NULL,
    steps       TEXT NOT NULL, -- notification.FormatSteps
    code        TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    reached_by  TEXT COLLATE "C" NOT NULL
) PARTITION BY RANGE (id);

-- The attempts before the current one.
CREATE TABLE attempts (
    notification BIGINT NOT NULL,
    step         SMALLINT NOT NULL,
    try          SMALLINT NOT NULL,
    state        SMALLINT NOT NULL,
    took         BOOLEAN NOT NULL,
    batch        BIGINT NOT NULL,
    queued_at    BIGINT NOT NULL,
    channel      TEXT NOT NULL,
    code         TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    PRIMARY KEY (notification, step)
) PARTITION BY RANGE (notification);

CREATE TABLE batches (
    id         BIGINT NOT NULL PRIMARY KEY,
    update_id  BIGINT NOT NULL,
    channel    TEXT NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    locale     TEXT COLLATE "C" NOT NULL,
    priority   TEXT NOT NULL,
    step       SMALLINT NOT NULL,
    try        SMALLINT NOT NULL,
    not_before BIGINT NOT NULL,
    units      BIGINT NOT NULL, -- billed units of all its messages
    spending   SMALLINT NOT NULL DEFAULT 0, -- ledger.Charged: 0 not yet asked, 1 counted as spent, 2 beyond the cap
    sent_at    BIGINT,          -- when the lane's queue took it
    members    BIGINT[] NOT NULL, -- notification ids in sending order
    items      TEXT             -- addresses and values as JSON; gone once the lane's queue has them
) PARTITION BY RANGE (id);
CREATE INDEX batches_unsent ON batches (not_before, id) WHERE sent_at IS NULL AND spending < 2;
CREATE INDEX batches_update ON batches (update_id, id);
CREATE INDEX batches_beyond ON batches (update_id) WHERE sent_at IS NULL AND spending = 2;

-- Which attempt a provider's id stands for, where receipts name nothing else. The first to name an
-- id has it, also over the partitions.
CREATE TABLE provider_ids (
    channel      TEXT COLLATE "C" NOT NULL,
    provider_id  TEXT COLLATE "C" NOT NULL,
    notification BIGINT NOT NULL,
    step         SMALLINT NOT NULL,
    try          SMALLINT NOT NULL,
    PRIMARY KEY (channel, provider_id, notification)
) PARTITION BY RANGE (notification);

-- Receipts that came before the attempt they speak of was known.
CREATE TABLE early_receipts (
    id          BIGINT NOT NULL PRIMARY KEY,
    channel     TEXT COLLATE "C" NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    state       TEXT NOT NULL,
    code        TEXT NOT NULL,
    at          BIGINT NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX early_receipts_id ON early_receipts (channel, provider_id);

-- The low 40 bits of ids.
CREATE SEQUENCE notification_ids MAXVALUE 1099511627775;
CREATE SEQUENCE batch_ids MAXVALUE 1099511627775;
CREATE SEQUENCE early_receipt_ids MAXVALUE 1099511627775;

-- take_ids takes so many consecutive numbers and returns the first. nextval alone can't give several
-- in a row while others take theirs. Its lock lasts as long as the caller's transaction, so it is
-- called in one of its own.
-- +goose StatementBegin
CREATE FUNCTION take_ids(ids regclass, count BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    first BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(1953457010, ids::oid::integer);
    first := nextval(ids);
    PERFORM setval(ids, first + count - 1);
    RETURN first;
END $$;
-- +goose StatementEnd
