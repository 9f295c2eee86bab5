-- +goose Up
-- What texts may say of a recipient: lines of name, tab, value, by name.
ALTER TABLE recipients ADD COLUMN own_values TEXT NOT NULL DEFAULT '';
