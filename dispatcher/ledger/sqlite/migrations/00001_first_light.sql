-- +goose Up
-- Times are milliseconds since 1970 in UTC; lists are joined by line feeds. Rows are inserted in
-- ascending order of their keys, and the tables that grow with messages carry as few indexes as
-- their questions allow.

CREATE TABLE recipients (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    locale      TEXT NOT NULL,
    zone        TEXT NOT NULL,
    addresses   TEXT NOT NULL, -- lines of channel, tab, address
    preferences TEXT NOT NULL,
    consents    TEXT NOT NULL,
    services    TEXT NOT NULL,
    regions     TEXT NOT NULL,
    segments    TEXT NOT NULL,
    deleted     INTEGER NOT NULL DEFAULT 0 -- the number outlives the person: reports refer to it
) STRICT;

CREATE TABLE incidents (
    id         INTEGER PRIMARY KEY,
    team       TEXT NOT NULL,
    incident   TEXT NOT NULL,
    status     TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    value      TEXT NOT NULL, -- incident.Incident as JSON
    UNIQUE (team, incident)
) STRICT;

CREATE TABLE updates (
    id              INTEGER PRIMARY KEY,
    incident        INTEGER NOT NULL REFERENCES incidents,
    team            TEXT NOT NULL, -- that of the incident: what one team publishes hides nothing of another's
    source          TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    state           TEXT NOT NULL,
    reason          TEXT NOT NULL,
    received_at     INTEGER NOT NULL,
    approved_at     INTEGER NOT NULL,
    approved_by     TEXT NOT NULL,
    cursor          INTEGER NOT NULL DEFAULT 0,
    until           INTEGER NOT NULL DEFAULT 0,
    audience        INTEGER NOT NULL DEFAULT 0,
    open            INTEGER NOT NULL DEFAULT 0, -- notifications without an outcome
    first_notice_at INTEGER NOT NULL DEFAULT 0,
    value           TEXT NOT NULL, -- incident.Update as JSON
    UNIQUE (team, source, event_id)
) STRICT;
CREATE INDEX updates_incident ON updates (incident, id);
CREATE INDEX updates_unplanned ON updates (id) WHERE state IN ('approved', 'planning');

CREATE TABLE texts (
    update_id INTEGER NOT NULL REFERENCES updates,
    kind      TEXT NOT NULL,
    locale    TEXT NOT NULL,
    content   TEXT NOT NULL, -- notification.Content as JSON
    hash      TEXT NOT NULL,
    units     INTEGER NOT NULL, -- billed units of the text: SMS segments
    PRIMARY KEY (update_id, kind, locale)
) STRICT, WITHOUT ROWID;

CREATE TABLE rejections (
    id     INTEGER PRIMARY KEY,
    team   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    digest TEXT NOT NULL UNIQUE, -- of team and body: a redelivered message is one rejection
    faults TEXT NOT NULL,
    body   BLOB NOT NULL
) STRICT;

-- One row per update and recipient, with its current attempt.
CREATE TABLE notifications (
    id          INTEGER PRIMARY KEY,
    update_id   INTEGER NOT NULL,
    recipient   INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    locale      TEXT NOT NULL,
    steps       TEXT NOT NULL, -- channels, joined by commas
    step        INTEGER NOT NULL,
    try         INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    batch       INTEGER NOT NULL,
    queued_at   INTEGER NOT NULL,
    code        TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    took        INTEGER NOT NULL, -- the provider has taken it, whatever became of it later
    stale       INTEGER NOT NULL,
    outcome     INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    proof       INTEGER NOT NULL,
    reached_by  TEXT NOT NULL,
    settled_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX notifications_recipient ON notifications (update_id, recipient);

-- The attempts before the current one.
CREATE TABLE attempts (
    notification INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    try          INTEGER NOT NULL,
    channel      TEXT NOT NULL,
    state        INTEGER NOT NULL,
    batch        INTEGER NOT NULL,
    queued_at    INTEGER NOT NULL,
    code         TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    took         INTEGER NOT NULL,
    PRIMARY KEY (notification, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    id         INTEGER PRIMARY KEY,
    update_id  INTEGER NOT NULL,
    channel    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    locale     TEXT NOT NULL,
    priority   TEXT NOT NULL,
    step       INTEGER NOT NULL,
    try        INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    members    TEXT NOT NULL, -- notification ids as a JSON array, in sending order
    items      TEXT,          -- addresses and values as JSON; gone once the lane's queue has them
    sent_at    INTEGER        -- when the lane's queue took it
) STRICT;
CREATE INDEX batches_unsent ON batches (not_before, id) WHERE sent_at IS NULL;

CREATE TABLE deadlines (
    batch  INTEGER NOT NULL,
    bounce INTEGER NOT NULL,
    due    INTEGER NOT NULL,
    PRIMARY KEY (batch, bounce)
) STRICT, WITHOUT ROWID;
CREATE INDEX deadlines_due ON deadlines (due);

-- Pages whose recipients may have older notifications of the same incident still open.
CREATE TABLE superseding_pages (
    id        INTEGER PRIMARY KEY,
    update_id INTEGER NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL
) STRICT;

-- Which attempt a provider's id stands for, where receipts name nothing else.
CREATE TABLE provider_ids (
    channel      TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    notification INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    try          INTEGER NOT NULL,
    PRIMARY KEY (channel, provider_id)
) STRICT, WITHOUT ROWID;

-- Receipts that came before the attempt they speak of was known.
CREATE TABLE early_receipts (
    id          INTEGER PRIMARY KEY,
    channel     TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    state       TEXT NOT NULL,
    code        TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX early_receipts_id ON early_receipts (channel, provider_id);

CREATE TABLE tallies (
    update_id INTEGER NOT NULL,
    channel   TEXT NOT NULL,
    what      TEXT NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (update_id, channel, what)
) STRICT, WITHOUT ROWID;
