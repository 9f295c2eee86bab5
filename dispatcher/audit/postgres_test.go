package audit_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/postgrestest"
)

// worldAt is a world whose ledger is in a database.
func worldAt(t testing.TB, url string) *world {
	t.Helper()
	l, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, store: l, policy: policy()}
}

// alter changes a database by statements.
func alter(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// runAt audits the ledger in a database.
func runAt(t *testing.T, url string) (audit.Summary, []audit.Violation) {
	t.Helper()
	l, err := postgres.OpenReadOnly(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return runOn(t, l, audit.Options{Tolerance: second})
}

// TestPostgreSQL audits the same story in a database: as it was told, and corrupted in one way at a time,
// so that each invariant is known to be read there too.
func TestPostgreSQL(t *testing.T) {
	server := postgrestest.New(t)
	story := server.Database(t)
	w := worldAt(t, story)
	w.story()
	w.must(w.Close())
	t.Run("as it was told", func(t *testing.T) {
		s, found := runAt(t, story)
		storyIsClean(t, s, found)
	})
	broken := map[audit.Invariant]bool{}
	for _, tt := range corruptions() {
		t.Run(tt.name, func(t *testing.T) {
			url := server.Copy(t, story)
			alter(t, url, tt.sql)
			s, found := runAt(t, url)
			if got := slices.Collect(maps.Keys(s.Violations)); !slices.Equal(got, []audit.Invariant{tt.want}) || len(found) != 1 || !strings.Contains(found[0].Is, tt.is) {
				t.Errorf("found %+v; want %s alone, once: %s", found, tt.want, tt.is)
			}
		})
		broken[tt.want] = true
	}
	t.Run("let go without those whom it needs", func(t *testing.T) {
		url := server.Copy(t, story)
		alter(t, url, `UPDATE updates SET terms = '{"approval":{"people":2}}' WHERE id = 1`)
		if s, found := runAt(t, url); len(found) != 2 || s.Violations[audit.Approvals] != 1 || s.Violations[audit.Trail] != 1 {
			t.Errorf("found %+v; want it, and terms that the trail does not know", found)
		}
		broken[audit.Approvals] = true
	})
	for _, i := range audit.Invariants() {
		if !broken[i] {
			t.Errorf("no database here breaks %s", i)
		}
	}
	t.Run("as evidence", func(t *testing.T) { evidenceIsTheSame(t, story) })
}

// corruption is a statement that breaks one invariant in one row of the story.
type corruption struct {
	name string
	want audit.Invariant
	is   string // part of what is complained of
	sql  string
}

func corruptions() []corruption {
	return []corruption{
		// No index could refuse it: the two are in different weeks.
		{"two for one recipient", audit.OnePerRecipient, "a second notification for recipient 1", `UPDATE notifications
			SET id = id + (1::bigint << 40), recipient = 1 WHERE update_id = 1 AND recipient = 7`},
		{"audience too large", audit.Sums, "an audience of 8", `UPDATE updates SET audience = 8 WHERE id = 1`},
		{"a count that lags", audit.Tallies, `delivered on "email": 1`, `UPDATE tallies SET count = 1
			WHERE update_id = 1 AND channel = 'email' AND what = 'delivered'`},
		{"open, but settled", audit.Legal, "open with settled: true", `UPDATE notifications SET settled_at = queued_at WHERE update_id = 1 AND recipient = 6`},
		{"steps in no order", audit.Order, "step 1 was queued at", `UPDATE attempts SET queued_at = queued_at + 60000
			WHERE notification = (SELECT id FROM notifications WHERE update_id = 2 AND recipient = 4)`},
		{"a batch gone", audit.Batched, "which does not exist", `DELETE FROM batches
			WHERE members = ARRAY(SELECT id FROM notifications WHERE update_id = 1 AND recipient = 2)`},
		{"waits without addresses", audit.Batches, "waits for its lane with 0 addresses", `UPDATE batches SET items = NULL WHERE try = 1`},
		{"a deadline of nothing", audit.Awaited, "a deadline of batch 77", `INSERT INTO deadlines VALUES (77, 0, 1)`},
		{"stale and queued", audit.NoStaleNews, "step 1 was queued at 2026-05-04T18:01:30.000Z, after update 2", `UPDATE notifications
			SET queued_at = queued_at + 78000, settled_at = settled_at + 78000 WHERE update_id = 1 AND recipient = 2`},
		{"consent withdrawn", audit.Consent, "queued on email for recipient 6", `UPDATE recipients SET consents = 'sms' WHERE number = 6`},
		{"a text altered", audit.Texts, "the text for sms in ro has hash", `UPDATE texts SET content = replace(content, 'nu merg', 'merg')
			WHERE update_id = 2 AND kind = 'sms'`},
		{"an update altered", audit.Trail, "update ", `UPDATE updates SET value = replace(value, 'major', 'minor') WHERE id = 1`},
		{"an update in other bytes", audit.Trail, "update ", `UPDATE updates SET value = value::jsonb::text WHERE id = 1`},
		{"an entry altered with its hash", audit.Trail, "entry 4 follows hash", `UPDATE trail SET prev = hash WHERE seq = 4`},
		{"the last entry gone", audit.Trail, "the last entry is 15:", `DELETE FROM trail WHERE seq = 16`},
		{"an update gone", audit.Trail, "the trail knows an update that is not in the ledger", `WITH said AS (DELETE FROM texts WHERE update_id = 3)
			DELETE FROM updates WHERE id = 3`},
	}
}

// evidenceIsTheSame: what is exported of the story is the same from a file and from a database, to the
// trail's last hash, but for the ids of notifications.
func evidenceIsTheSame(t *testing.T, url string) {
	l, err := postgres.OpenReadOnly(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var b strings.Builder
	seal, err := audit.Export(t.Context(), l, cards, at(100), &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, read, err := audit.CheckEvidence(strings.NewReader(b.String())); err != nil || read != seal {
		t.Errorf("read back: %+v, %v; sealed %+v", read, err, seal)
	}
	file, other, err := export(t, told(t), cards)
	if err != nil || seal.TrailHead != other.TrailHead {
		t.Errorf("the trail ends with %s in a database, with %s in a file, %v", seal.TrailHead, other.TrailHead, err)
	}
	if d := cmp.Diff(sealedLines(file), sealedLines(b.String())); d != "" {
		t.Errorf("from a file, and from a database:\n%s", d)
	}
}

// sealedLines are the lines before the seal, without the ids of notifications.
func sealedLines(evidence string) []string {
	ids := regexp.MustCompile(`"notification":[0-9]+`)
	lines := strings.Split(strings.TrimSuffix(evidence, "\n"), "\n")
	for i := range lines {
		lines[i] = ids.ReplaceAllString(lines[i], `"notification":0`)
	}
	return lines[:len(lines)-1]
}
