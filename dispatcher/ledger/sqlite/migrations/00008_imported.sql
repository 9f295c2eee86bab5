-- +goose Up
-- When a directory file was last imported to its end; 0 is never, or before this was noted.
CREATE TABLE directory (imported_at INTEGER NOT NULL) STRICT;
INSERT INTO directory VALUES (0);
