-- +goose Up
-- By what the streams know the ledger again to which their messages belong.
CREATE TABLE identity (id TEXT NOT NULL) STRICT;
INSERT INTO identity VALUES (lower(hex(randomblob(16))));
