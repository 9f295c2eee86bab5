-- +goose Up
-- The incident that an incident was merged into; 0 is none. What is below one is found by following it.
ALTER TABLE incidents ADD COLUMN parent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX incidents_parent ON incidents (parent);

-- The update that a correction corrects; 0 is none, or all of the incident.
ALTER TABLE updates ADD COLUMN corrects INTEGER NOT NULL DEFAULT 0;
CREATE INDEX updates_let_go ON updates (approved_at);

-- What a provider has refused as invalid, in the form of addresses, one a channel.
ALTER TABLE recipients ADD COLUMN dead TEXT NOT NULL DEFAULT '';
-- The last batch when the addresses were changed last: what it and those before it hold may be others.
ALTER TABLE recipients ADD COLUMN readdressed INTEGER NOT NULL DEFAULT 0;
