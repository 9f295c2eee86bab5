-- +goose Up
-- What customers have withdrawn themselves: stronger than what an import says in consents.
ALTER TABLE recipients
    ADD COLUMN withdrawn TEXT NOT NULL DEFAULT '', -- lines of channel, tab, milliseconds, tab, source
    ADD COLUMN withdrawn_at BIGINT NOT NULL DEFAULT 0; -- the newest of them
CREATE INDEX recipients_withdrawn ON recipients (withdrawn_at) WHERE withdrawn_at > 0;

-- Who has an address: by the lines of addresses.
CREATE INDEX recipients_addresses ON recipients USING gin (string_to_array(addresses, E'\n'));
