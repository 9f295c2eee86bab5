-- +goose Up
-- What was said of an update while it was held (ledger.ApprovalSaid): by whom, with which account, having seen
-- what; instead is the older update in whose place it was let go.
CREATE TABLE approvals (
    update_id BIGINT  NOT NULL REFERENCES updates,
    nth       INTEGER NOT NULL,
    word      TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    by_whom   TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    seen      TEXT    NOT NULL,
    why       TEXT    NOT NULL,
    instead   BIGINT  NOT NULL,
    PRIMARY KEY (update_id, nth)
);
CREATE INDEX updates_held ON updates (id) WHERE state = 'held';
