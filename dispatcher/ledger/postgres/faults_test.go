package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
)

// TestManyOpenAnEmptyDatabase: processes that start together migrate once.
func TestManyOpenAnEmptyDatabase(t *testing.T) {
	url := server.Empty(t)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			l, err := postgres.Open(t.Context(), url)
			if err != nil {
				return err
			}
			_, err = l.CountRecipients(t.Context())
			return errors.Join(err, l.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	conn := raw(t, url)
	if n := query[int64](t, conn, `SELECT count(*) FROM goose_db_version WHERE version_id = 1`); n[0] != 1 {
		t.Errorf("the first migration ran %d times", n[0])
	}
	if from, to, err := postgres.Migrate(t.Context(), url); err != nil || from != to || to == 0 {
		t.Errorf("migrating what is up to date: %d to %d, %v", from, to, err)
	}
}

func TestMigrateSaysWhatItDid(t *testing.T) {
	if from, to, err := postgres.Migrate(t.Context(), server.Empty(t)); err != nil || from != 0 || to == 0 {
		t.Errorf("migrated from %d to %d, %v; want from 0", from, to, err)
	}
}

// failing makes the first so many inserts of recipients fail with an SQLSTATE.
func failing(t *testing.T, url, state string, times int) {
	t.Helper()
	conn := raw(t, url)
	// Sequences are not rolled back with the rest.
	exec(t, conn, `CREATE SEQUENCE failures; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF nextval('failures') <= TG_ARGV[0]::bigint THEN RAISE 'made to fail' USING ERRCODE = TG_ARGV[1]; END IF;
			RETURN NEW;
		END $$`)
	exec(t, conn, fmt.Sprintf(`CREATE TRIGGER fail BEFORE INSERT ON recipients FOR EACH ROW EXECUTE FUNCTION fail(%d, '%s')`, times, state))
}

// TestGivenUpIsTriedAgain: a transaction that PostgreSQL gives up for another's sake is tried again,
// and not for ever.
func TestGivenUpIsTriedAgain(t *testing.T) {
	for _, state := range []string{"40001", "40P01"} {
		url := server.Database(t)
		l := open(t, url)
		failing(t, url, state, 3)
		if err := l.PutRecipients(t.Context(), people(1)); err != nil {
			t.Errorf("%s three times: %v", state, err)
		}
		if n, err := l.CountRecipients(t.Context()); err != nil || n != 1 {
			t.Errorf("%s three times: %d recipients, %v", state, n, err)
		}
	}
	url := server.Database(t)
	l := open(t, url)
	failing(t, url, "40001", 1000)
	if err := l.PutRecipients(t.Context(), people(1)); err == nil || !strings.Contains(err.Error(), "writing recipients") {
		t.Errorf("always: %v", err)
	}
}

func TestFullDiskSaysSo(t *testing.T) {
	url := server.Database(t)
	l := open(t, url)
	failing(t, url, "53100", 1)
	err := l.PutRecipients(t.Context(), people(1))
	if !errors.Is(err, ledger.ErrFull) || !strings.Contains(err.Error(), "free disk space on the PostgreSQL server") {
		t.Errorf("%v, want ErrFull with the remedy", err)
	}
	if err := l.Ping(t.Context()); !errors.Is(err, ledger.ErrFull) {
		t.Errorf("ping: %v, want ErrFull", err)
	}
	if err := errors.Join(l.PutRecipients(t.Context(), people(1)), l.Ping(t.Context())); err != nil {
		t.Errorf("with room made: %v", err)
	}
}

// TestLostConnectionsAreMadeAnew: the server ends all sessions; whoever asks next is answered.
func TestLostConnectionsAreMadeAnew(t *testing.T) {
	url := server.Database(t)
	l, conn := open(t, url), raw(t, url)
	if err := l.PutRecipients(t.Context(), people(1)); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	var err error
	for range 20 { // each attempt finds out about one dead connection at most
		if err = l.Ping(t.Context()); err == nil {
			break
		}
	}
	if n, cerr := l.CountRecipients(t.Context()); err != nil || cerr != nil || n != 1 {
		t.Errorf("%d recipients, %v, %v", n, err, cerr)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	good := server.Database(t)
	conn := raw(t, good)
	exec(t, conn, `ALTER TABLE updates RENAME TO altered`)
	for _, tt := range []struct{ name, url, want string }{
		{"no server", "postgres://a:hunter2@127.0.0.1:1/tocsin", "does not answer: start it, or check ledger.url"},
		{"no database", strings.Replace(good, "/test_", "/no_such_", 1), "does not exist: make it with createdb"},
		{"no such user", strings.Replace(good, "tocsin@", "nobody:hunter2@", 1), "refuses the user of ledger.url"},
		{"no URL", "hunter2", "is not a URL of the form"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := postgres.Open(ctx, tt.url)
		cancel()
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want an error that says %q, without the password", tt.name, err, tt.want)
		}
	}
	if _, err := open(t, good).NextToPlan(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "run `tocsin migrate`") {
		t.Errorf("another schema: %v", err)
	}
}

func TestOnlyUTF8(t *testing.T) {
	url := server.Empty(t)
	exec(t, raw(t, url), `CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'`)
	latin := url[:strings.LastIndex(url, "/test_")] + "/latin" + url[strings.Index(url, "?"):]
	if _, err := postgres.Open(t.Context(), latin); err == nil || !strings.Contains(err.Error(), "createdb --encoding UTF8") {
		t.Errorf("%v, want an error with the remedy", err)
	}
}

func TestClosedLedgerSaysSo(t *testing.T) {
	l := open(t, server.Database(t))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Ping(t.Context()); err == nil {
		t.Error("a closed ledger answers")
	}
}

// TestSessionsWaitForTheDisk: also where the database's configuration would not, and what the URL says
// is left alone.
func TestSessionsWaitForTheDisk(t *testing.T) {
	url := server.Database(t)
	conn := raw(t, url)
	name := query[string](t, conn, `SELECT current_database()::text`)[0]
	exec(t, conn, `ALTER DATABASE `+name+` SET synchronous_commit = off`)
	exec(t, conn, `CREATE TABLE seen (name text, value text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO seen SELECT name, current_setting(name) FROM unnest(ARRAY['synchronous_commit', 'jit', 'plan_cache_mode']) AS name;
			RETURN NEW;
		END $$; CREATE TRIGGER see BEFORE INSERT ON recipients FOR EACH ROW EXECUTE FUNCTION see()`)
	if err := open(t, url+"&plan_cache_mode=auto").PutRecipients(t.Context(), people(1)); err != nil {
		t.Fatal(err)
	}
	seen := query[string](t, conn, `SELECT name || ' ' || value FROM seen ORDER BY 1`)
	if want := []string{"jit off", "plan_cache_mode auto", "synchronous_commit on"}; !slices.Equal(seen, want) {
		t.Errorf("a session has %v, want %v", seen, want)
	}
}
