package audit_test

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
)

// second is the tolerance of the tests, whose clock is theirs.
const second = time.Second

func TestCleanLedger(t *testing.T) {
	s, found := run(t, told(t), audit.Options{Tolerance: second})
	storyIsClean(t, s, found)
}

// storyIsClean: nothing was found in the story's ledger, and all of it was gone through.
func storyIsClean(t *testing.T, s audit.Summary, found []audit.Violation) {
	t.Helper()
	for _, v := range found {
		t.Errorf("%+v", v)
	}
	if s.TrailHead.Seq != s.TrailEntries {
		t.Errorf("%d entries, yet the head is %v", s.TrailEntries, s.TrailHead)
	}
	s.TrailHead, s.Violations = ledger.TrailHead{}, nil
	// 7+5+2 notifications; 12 first attempts, a second step for three, a second try that replaced a first.
	want := audit.Summary{Incidents: 2, Updates: 5, Notifications: 14, Attempts: 14, Batches: 7, Deadlines: 2, Texts: 10, TrailEntries: 16}
	if d := []any{s, want}; !equal(s, want) {
		t.Errorf("went through, and want: %+v", d)
	}
}

func equal(a, b audit.Summary) bool {
	return maps.Equal(a.Violations, b.Violations) && a.Incidents == b.Incidents && a.Updates == b.Updates && a.Notifications == b.Notifications &&
		a.Attempts == b.Attempts && a.Batches == b.Batches && a.Deadlines == b.Deadlines && a.Texts == b.Texts && a.TrailEntries == b.TrailEntries
}

func TestEmptyLedger(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.must(w.Close())
	if s, found := run(t, w.path, audit.Options{}); !s.Clean() || len(found) != 0 {
		t.Errorf("an empty ledger: %+v, %+v", s, found)
	}
}

// TestCorruptedLedgers corrupts a ledger on purpose, in one way at a time: exactly that is found.
func TestCorruptedLedgers(t *testing.T) {
	path := told(t)
	broken := map[audit.Invariant]bool{}
	for _, tt := range []struct {
		name string
		sql  []string
		want audit.Invariant
		is   string          // part of what is complained of
		also audit.Invariant // what can't be kept either
		rows int             // how many complaints; 0 is one
	}{
		{name: "two for one recipient", want: audit.OnePerRecipient, is: "a second notification for recipient 1", sql: []string{
			`DROP INDEX notifications_recipient`, `UPDATE notifications SET recipient = 1 WHERE update_id = 4 AND recipient = 2`,
		}},
		{name: "audience too large", want: audit.Sums, is: "an audience of 8", sql: []string{`UPDATE updates SET audience = 8 WHERE id = 1`}},
		{name: "too few open", want: audit.Sums, is: "1 open", sql: []string{`UPDATE updates SET open = 1 WHERE id = 2`}},
		{name: "closed with some open", want: audit.Sums, is: "closed with 5 notifications, 3 of them open", sql: []string{
			`UPDATE updates SET state = 'closed' WHERE id = 2`,
		}, also: audit.Trail, rows: 2},
		{name: "a count that lags", want: audit.Tallies, is: `delivered on "email": 1`, sql: []string{
			`UPDATE tallies SET count = 1 WHERE update_id = 1 AND channel = 'email' AND what = 'delivered'`,
		}},
		{name: "a count of nothing", want: audit.Tallies, is: `reached on "viber": 3`, sql: []string{`INSERT INTO tallies VALUES (1, 'viber', 'reached', 3)`}},
		{name: "a count lost", want: audit.Tallies, is: `unreachable on "": 0`, sql: []string{`DELETE FROM tallies WHERE update_id = 1 AND what = 'unreachable'`}},
		{name: "expired more often than can be", want: audit.Tallies, is: `expired on "email": 9`, sql: []string{
			`UPDATE tallies SET count = 9 WHERE update_id = 1 AND what = 'expired'`,
		}},
		{name: "open, but settled", want: audit.Legal, is: "open with settled: true", sql: []string{`UPDATE notifications SET settled_at = queued_at WHERE id = 6`}},
		{name: "superseded, but not stale", want: audit.Legal, is: "superseded with mark 0", sql: []string{`UPDATE notifications SET stop = 0 WHERE id = 4`}},
		{name: "an attempt gone", want: audit.Legal, is: "on step 1 with 0 attempts before", sql: []string{
			`DELETE FROM attempts WHERE notification = 11`,
		}, also: audit.Tallies, rows: 5},
		{name: "steps in no order", want: audit.Order, is: "step 1 was queued at", sql: []string{`UPDATE attempts SET queued_at = queued_at + 60000 WHERE notification = 11`}},
		{name: "settled before it began", want: audit.Order, is: "settled at", sql: []string{`UPDATE notifications SET settled_at = queued_at - 60000 WHERE id = 1`}},
		{name: "a batch gone", want: audit.Batched, is: "which does not exist", sql: []string{`DELETE FROM batches WHERE id = 2`}},
		{name: "not a member", want: audit.Batched, is: "does not carry it", sql: []string{`UPDATE batches SET members = '[77]' WHERE id = 2`}},
		{name: "a batch for another step", want: audit.Batched, is: "batch 2 is for update 1, step 0 on sms", sql: []string{`UPDATE batches SET step = 0 WHERE id = 2`}},
		{name: "a batch of another try", want: audit.Batched, is: "carries try 0", sql: []string{`UPDATE batches SET try = 0 WHERE id = 4`}},
		{name: "waits without addresses", want: audit.Batches, is: "waits for its lane with 0 addresses", sql: []string{`UPDATE batches SET items = NULL WHERE id = 4`}},
		{name: "keeps addresses", want: audit.Batches, is: "keeps 1 addresses", sql: []string{`UPDATE batches SET sent_at = 1 WHERE id = 4`}},
		{name: "nothing brings it on", want: audit.Awaited, is: "nothing will bring it on", sql: []string{`DELETE FROM deadlines WHERE batch = 5`}, rows: 2},
		{name: "a deadline of nothing", want: audit.Awaited, is: "a deadline of batch 77", sql: []string{`INSERT INTO deadlines VALUES (77, 0, 1)`}},
		{name: "stale and not marked", want: audit.NoStaleNews, is: "open, though update 2 is planned for recipient 3", sql: []string{
			`DROP INDEX notifications_recipient`, `UPDATE notifications SET recipient = 66 WHERE update_id = 1 AND recipient = 3`,
			`UPDATE notifications SET recipient = 3 WHERE id = 6`,
		}},
		{name: "stale and queued", want: audit.NoStaleNews, is: "step 1 was queued at 2026-05-04T18:01:30.000Z, after update 2", sql: []string{
			`UPDATE notifications SET queued_at = queued_at + 78000, settled_at = settled_at + 78000 WHERE id = 2`,
		}},
		{name: "consent withdrawn", want: audit.Consent, is: "queued on email for recipient 6", sql: []string{`UPDATE recipients SET consents = 'sms' WHERE number = 6`}},
		{name: "told after leaving", want: audit.Consent, is: "after recipient 1 had left email", rows: 3, sql: []string{
			`UPDATE recipients SET withdrawn = 'email' || char(9) || '1' || char(9) || 'reply', withdrawn_at = 1 WHERE number = 1`,
		}},
		{name: "left, and the engine does not know", want: audit.Consent, is: "queued on email for recipient 6", sql: []string{leaves6}},
		{name: "deleted", want: audit.Consent, is: "queued on sms for recipient 4", sql: []string{`DELETE FROM recipients WHERE number = 4`}},
		{name: "let go without those whom it needs", want: audit.Approvals, is: "let go with approvals of 0 people", also: audit.Trail, rows: 2, sql: []string{
			`UPDATE updates SET terms = '{"approval":{"people":2}}' WHERE id = 1`,
		}},
		{name: "a text altered", want: audit.Texts, is: "the text for sms in ro has hash", sql: []string{
			`UPDATE texts SET content = replace(content, 'nu merg', 'merg') WHERE update_id = 2 AND kind = 'sms'`,
		}},
		{name: "an entry altered", want: audit.Trail, is: "entry 4 has hash", sql: []string{`UPDATE trail SET body = replace(body, '"audience":7', '"audience":6') WHERE seq = 4`}, rows: 2},
		{name: "an entry's hash altered too", want: audit.Trail, is: "entry 4 follows hash", sql: []string{`UPDATE trail SET prev = hash WHERE seq = 4`}},
		{name: "no hash at all", want: audit.Trail, is: "entry 4 has hash 0000", sql: []string{`UPDATE trail SET hash = 'none' WHERE seq = 4`}, rows: 2},
		{name: "kept as what it is not", want: audit.Trail, is: "but is kept as order", sql: []string{`UPDATE trail SET kind = 'order' WHERE seq = 4`}},
		{name: "an entry gone", want: audit.Trail, is: "entry 17 follows entry 15", sql: []string{`UPDATE trail SET seq = 17 WHERE seq = 16`}, rows: 2},
		{name: "the last entry gone", want: audit.Trail, is: "the last entry is 15:", sql: []string{`DELETE FROM trail WHERE seq = 16`}},
		{name: "approved by another", want: audit.Trail, is: `approved by "Bob"`, sql: []string{`UPDATE updates SET approved_by = 'Bob' WHERE id = 1`}},
		{name: "never approved", want: audit.Trail, is: `approved with an entry "approved" in the trail: false`, sql: []string{`UPDATE updates SET state = 'approved' WHERE id = 3`}},
		{name: "another reason", want: audit.Trail, is: "not announced: forgotten", sql: []string{`UPDATE updates SET reason = 'forgotten' WHERE state = 'not_announced'`}},
		{name: "the update altered", want: audit.Trail, is: "update ", sql: []string{`UPDATE updates SET value = replace(value, 'major', 'minor') WHERE id = 1`}},
		{name: "a text and its hash altered", want: audit.Trail, is: "with texts", sql: []string{`UPDATE texts SET locale = 'en' WHERE update_id = 3 AND kind = 'sms'`}},
		{name: "an update gone", want: audit.Trail, is: "the trail knows an update that is not in the ledger", sql: []string{`DELETE FROM updates WHERE id = 3`}},
		{name: "an update put in", want: audit.Trail, is: `held with an entry "update_recorded" in the trail: false`, sql: []string{
			`INSERT INTO updates (incident, team, source, event_id, state, reason, received_at, approved_at, approved_by, value)
				SELECT incident, team, source, 'other', state, reason, received_at, approved_at, approved_by, value FROM updates WHERE id = 3`,
		}},
		{name: "another outcome", want: audit.Trail, is: "an audience of 2, [{reached sms 1} {suppressed  1}]", sql: []string{
			`UPDATE notifications SET reached_by = 'sms', steps = 'sms,email' WHERE update_id = 4 AND recipient = 1`,
			`UPDATE batches SET channel = 'sms' WHERE update_id = 4`, `UPDATE tallies SET channel = 'sms' WHERE update_id = 4 AND channel = 'email'`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, found := run(t, copyOf(t, path, tt.sql...), audit.Options{Tolerance: second})
			want := []audit.Invariant{tt.want}
			if tt.also != "" {
				want = append(want, tt.also)
			}
			if got := slices.Sorted(maps.Keys(s.Violations)); !slices.Equal(got, slices.Sorted(slices.Values(want))) || len(found) != max(1, tt.rows) {
				t.Errorf("found %+v; want %v alone, in %d rows", found, want, max(1, tt.rows))
			}
			if !slices.ContainsFunc(found, func(v audit.Violation) bool { return v.Invariant == tt.want && strings.Contains(v.Is, tt.is) }) {
				t.Errorf("found %+v; want %s: %s", found, tt.want, tt.is)
			}
		})
		broken[tt.want] = true
	}
	for _, i := range audit.Invariants() {
		if !broken[i] {
			t.Errorf("no ledger here breaks %s", i)
		}
	}
}

// leaves6 has the sixth, for whom something is queued, leave email.
const leaves6 = `UPDATE recipients SET withdrawn = 'email' || char(9) || '99999999999999' || char(9) || 'reply', withdrawn_at = 1 WHERE number = 6`

// TestLeaving: who has just left may still have something queued, as long as there is word of it to the engine.
func TestLeaving(t *testing.T) {
	path := copyOf(t, told(t), leaves6, `INSERT INTO errands (verb, update_id, channel, first, last) VALUES ('withdrawn', 0, '', 6, 6)`)
	if s, found := run(t, path, audit.Options{Tolerance: second}); !s.Clean() {
		t.Errorf("found %+v", found)
	}
}

func TestOneIncident(t *testing.T) {
	path := copyOf(t, told(t), `UPDATE updates SET audience = 8 WHERE id = 1`, `UPDATE updates SET audience = 8 WHERE id = 4`)
	for key, want := range map[string]int64{"cards": 1, "loans": 1, "": 2} {
		o := audit.Options{Tolerance: second, Incident: ledger.IncidentKey{Team: "payments", Incident: key}}
		if key == "" {
			o.Incident = ledger.IncidentKey{}
		}
		if s, found := run(t, path, o); s.Violations[audit.Sums] != want {
			t.Errorf("incident %q: %+v", key, found)
		}
	}
	l, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = audit.Run(t.Context(), l, audit.Options{Incident: ledger.IncidentKey{Team: "payments", Incident: "none"}})
	if !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an incident that isn't there: %v", err)
	}
}

func TestMostOfAnInvariant(t *testing.T) {
	path := copyOf(t, told(t), `UPDATE notifications SET settled_at = 1 WHERE outcome = 0`)
	s, found := run(t, path, audit.Options{Tolerance: time.Hour * 24 * 365 * 100, Most: 2})
	if len(found) != 2 || s.Violations[audit.Legal] != 4 {
		t.Errorf("told of %d, counted %v; want 2 of 4", len(found), s.Violations)
	}
}

// TestEndCutOff: a trail that was cut off together with what it speaks of is whole, but for a head that
// was noted before.
func TestEndCutOff(t *testing.T) {
	path := told(t)
	whole, _ := run(t, path, audit.Options{Tolerance: second})
	cut := copyOf(t, path, `DELETE FROM trail WHERE seq = 16`, `UPDATE trail_head SET seq = 15, hash = (SELECT hash FROM trail WHERE seq = 15)`)
	shorter, found := run(t, cut, audit.Options{Tolerance: second})
	if !shorter.Clean() {
		t.Errorf("the shorter trail is not whole: %+v", found)
	}
	if s, found := run(t, cut, audit.Options{Tolerance: second, Head: whole.TrailHead}); s.Violations[audit.Trail] != 1 ||
		!strings.Contains(found[0].Want, whole.TrailHead.String()) {
		t.Errorf("the end that was cut off is not missed: %+v", found)
	}
	if s, found := run(t, path, audit.Options{Tolerance: second, Head: shorter.TrailHead}); !s.Clean() {
		t.Errorf("an earlier head is not found: %+v", found)
	}
}

// TestLedgerOlderThanItsTrail: of what came before there was a trail, the trail need not know.
func TestLedgerOlderThanItsTrail(t *testing.T) {
	path := copyOf(t, told(t), `DELETE FROM trail`, `UPDATE trail_head SET seq = 0, hash = '`+strings.Repeat("0", 64)+`', before = 5`)
	w := newWorld(t, filepath.Dir(path))
	w.record("cards", 50, ledger.Held, "")
	w.approve(3, ledger.Approval{By: "Ana", At: at(51)})
	w.must(w.Close())
	s, found := run(t, path, audit.Options{Tolerance: second})
	if !s.Clean() || s.TrailEntries != 4 {
		t.Errorf("%d entries, found %+v", s.TrailEntries, found)
	}
	_, found = run(t, copyOf(t, path, `UPDATE updates SET approved_by = 'Bob' WHERE id = 3`), audit.Options{Tolerance: second})
	if len(found) != 1 || found[0].Invariant != audit.Trail {
		t.Errorf("what the trail does know is not held against it: %+v", found)
	}
}
