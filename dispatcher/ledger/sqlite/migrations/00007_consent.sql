-- +goose Up
-- What customers have withdrawn themselves: stronger than what an import says in consents.
ALTER TABLE recipients ADD COLUMN withdrawn TEXT NOT NULL DEFAULT ''; -- lines of channel, tab, milliseconds, tab, source
ALTER TABLE recipients ADD COLUMN withdrawn_at INTEGER NOT NULL DEFAULT 0; -- the newest of them
CREATE INDEX recipients_withdrawn ON recipients (withdrawn_at) WHERE withdrawn_at > 0;

-- Who has an address: the lines of recipients.addresses. Triggers keep it, so that nothing that writes
-- addresses can forget it, and an import that changes none pays nothing.
CREATE TABLE addresses (
    line      TEXT NOT NULL,
    recipient INTEGER NOT NULL,
    PRIMARY KEY (line, recipient)
) STRICT, WITHOUT ROWID;

-- json_quote makes \n of a line's end; a backslash of an address stands aside meanwhile, since it must not
-- make another one.
-- +goose StatementBegin
CREATE TRIGGER recipients_addressed AFTER INSERT ON recipients WHEN new.addresses != '' BEGIN
    INSERT OR IGNORE INTO addresses (line, recipient) SELECT replace(value, char(31), '\'), new.number
        FROM json_each('[' || replace(json_quote(replace(new.addresses, '\', char(31))), '\n', '","') || ']');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER recipients_readdressed AFTER UPDATE OF addresses ON recipients WHEN new.addresses != old.addresses BEGIN
    DELETE FROM addresses WHERE recipient = old.number AND line IN (SELECT replace(value, char(31), '\')
        FROM json_each('[' || replace(json_quote(replace(old.addresses, '\', char(31))), '\n', '","') || ']'));
    INSERT OR IGNORE INTO addresses (line, recipient) SELECT replace(value, char(31), '\'), new.number
        FROM json_each('[' || replace(json_quote(replace(new.addresses, '\', char(31))), '\n', '","') || ']') WHERE new.addresses != '';
END;
-- +goose StatementEnd

INSERT OR IGNORE INTO addresses (line, recipient) SELECT replace(value, char(31), '\'), number FROM recipients r,
    json_each('[' || replace(json_quote(replace(r.addresses, '\', char(31))), '\n', '","') || ']') WHERE r.addresses != '';
