-- +goose Up
-- By what the streams know the ledger again to which their messages belong.
CREATE TABLE identity (id TEXT NOT NULL);
INSERT INTO identity VALUES (replace(gen_random_uuid()::text, '-', ''));
