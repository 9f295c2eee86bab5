-- +goose Up
-- What an update's playbook said of it when it was taken in (playbook.Terms as JSON), and its forecast as JSON.
ALTER TABLE updates ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
ALTER TABLE updates ADD COLUMN forecast TEXT NOT NULL DEFAULT '';
