-- +goose Up
-- How far the taking back of an attempt's message is (notification.Recall).
ALTER TABLE notifications ADD COLUMN recall INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN recall INTEGER NOT NULL DEFAULT 0;
