-- +goose Up
-- Some of the update's rows were dropped with their week; what they said is in kept_reports.
ALTER TABLE updates ADD COLUMN dropped BOOLEAN NOT NULL DEFAULT FALSE;
