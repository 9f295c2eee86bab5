package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
)

func openReadOnly(t *testing.T, url string) *postgres.Ledger {
	t.Helper()
	l, err := postgres.OpenReadOnly(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestReadOnlyBesideAWriter: what is written is read at once, and what a view has read stays as it was.
func TestReadOnlyBesideAWriter(t *testing.T) {
	url := server.Database(t)
	writer, reader := open(t, url), openReadOnly(t, url)
	if err := writer.PutRecipients(t.Context(), people(2)); err != nil {
		t.Fatal(err)
	}
	kept := func(v ledger.View) (id, locale string) {
		rs, err := v.RecipientsKept(t.Context(), []int64{1})
		if err != nil || len(rs) != 1 {
			t.Fatalf("%+v, %v", rs, err)
		}
		return rs[0].ID, rs[0].Locale
	}
	id := people(1)[0].ID
	err := reader.View(t.Context(), func(v ledger.View) error {
		was, locale := kept(v)
		if err := writer.DeleteRecipient(t.Context(), id); err != nil {
			return err
		}
		if is, still := kept(v); was != id || is != was || still != locale || still == "" {
			t.Errorf("%s has the locale %q, and in the same view %s %q", was, locale, is, still)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.View(t.Context(), func(v ledger.View) error {
		if is, locale := kept(v); is != id || locale != "" {
			t.Errorf("deleted: %s has the locale %q", is, locale)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyWritesNothing: neither by mistake nor by a statement that nobody thought of.
func TestReadOnlyWritesNothing(t *testing.T) {
	url := server.Database(t)
	l := openReadOnly(t, url)
	page := ledger.Page{Now: time.Now(), Notifications: make([]ledger.NewNotification, 1)}
	for what, err := range map[string]error{
		"recipients": l.PutRecipients(t.Context(), people(1)),
		"a page":     l.CommitPage(t.Context(), page),
		"a fold":     l.Apply(t.Context(), ledger.Fold{Now: time.Now(), Early: make([]ledger.EarlyReceipt, 1)}),
	} {
		if !errors.Is(err, ledger.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	before := query[int64](t, raw(t, url), `SELECT last_value FROM notification_ids`)
	if before[0] != 1 {
		t.Errorf("ids were taken up to %d", before[0])
	}
}

// TestReaderNeedsNoMoreThanToRead: an auditor's user who may read the tables, and nothing else.
func TestReaderNeedsNoMoreThanToRead(t *testing.T) {
	url := server.Database(t)
	play(t, open(t, url), "cards", time.Now(), 1, 0)
	admin := raw(t, strings.Replace(url, "//tocsin@", "//postgres@", 1))
	reader := "reader_" + query[string](t, admin, `SELECT current_database()::text`)[0]
	exec(t, admin, `CREATE ROLE `+reader+` LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO `+reader)
	l := openReadOnly(t, strings.Replace(url, "//tocsin@", "//"+reader+"@", 1))
	var told int
	err := l.View(t.Context(), func(v ledger.View) error {
		links, err := v.Trail(t.Context(), 0, 10)
		if err != nil || len(links) == 0 {
			t.Errorf("%d entries of the trail, %v", len(links), err)
		}
		ns, _, err := v.NotificationsOf(t.Context(), []int64{1}, 0, 10)
		told = len(ns)
		return err
	})
	if err != nil || told == 0 {
		t.Errorf("%d notifications, %v", told, err)
	}
	exec(t, admin, `DROP OWNED BY `+reader)
}

func TestOpenReadOnlySaysWhatIsWrong(t *testing.T) {
	change := func(statement string) string {
		url := server.Database(t)
		exec(t, raw(t, url), statement)
		return url
	}
	empty := server.Empty(t)
	for url, want := range map[string]string{
		empty: "it is no ledger: run `tocsin migrate`",
		change(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`): "its schema has version 999",
		"postgres://a:hunter2@127.0.0.1:1/tocsin":                                          "does not answer: start it, or check ledger.url",
		"hunter2": "ledger.url is not a URL of the form",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		l, err := postgres.OpenReadOnly(ctx, url)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %q, without the password", err, want)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	if n := query[int64](t, raw(t, empty), `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`); n[0] != 0 {
		t.Errorf("%d things were made in an empty database", n[0])
	}
}
