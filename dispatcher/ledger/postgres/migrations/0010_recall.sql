-- +goose Up
-- How far the taking back of an attempt's message is (notification.Recall).
ALTER TABLE notifications ADD COLUMN recall SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN recall SMALLINT NOT NULL DEFAULT 0;
