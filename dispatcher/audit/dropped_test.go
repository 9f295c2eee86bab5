package audit_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// pruned writes a story, drops what has ended of it, and returns its file, closed.
func pruned(t *testing.T) string {
	t.Helper()
	w := newWorld(t, t.TempDir())
	w.story()
	d, err := w.Retain(t.Context(), at(3600), at(7200))
	if w.must(err); d.Updates != 1 { // payments/loans; the others have some open
		t.Fatalf("dropped %+v", d)
	}
	w.must(w.Close())
	return w.path
}

func TestDroppedRowsAreNotMissed(t *testing.T) {
	s, found := run(t, pruned(t), audit.Options{Tolerance: time.Second})
	for _, v := range found {
		t.Errorf("%+v", v)
	}
	if s.Notifications != 12 || s.Updates != 5 {
		t.Errorf("went through %+v, want all updates, and the notifications of two", s)
	}
}

func TestDroppedRowsHoldWhatTheyAre(t *testing.T) {
	path := pruned(t)
	for _, tt := range []struct {
		name, sql string
		want      audit.Invariant
		is        string
	}{
		{"counts changed", `UPDATE kept_reports SET value = replace(value, 'delivered', 'read')`, audit.Trail, "dropped, with counts"},
		{"outcomes changed", `UPDATE kept_reports SET value = replace(value, 'reached', 'suppressed')`, audit.Tallies, "of dropped rows"},
		{"counts gone", `DELETE FROM kept_reports`, audit.Sums, "what is kept of them can't be read"},
		{"mark taken away", `UPDATE updates SET dropped = 0`, audit.Sums, "an audience of 2"},
		{"marked though under way", `UPDATE updates SET dropped = 2 WHERE id = 1`, audit.Trail, "of which the trail knows nothing"},
		{"running counts changed", `UPDATE tallies SET count = 7 WHERE update_id = 4 AND what = 'reached'`, audit.Tallies, "of dropped rows"},
		{"open again", `UPDATE updates SET state = 'sending' WHERE id = 4`, audit.Sums, "sending, and its rows were dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, found := run(t, copyOf(t, path, tt.sql), audit.Options{Tolerance: time.Second})
			for _, v := range found {
				if v.Invariant == tt.want && strings.Contains(v.Is, tt.is) {
					return
				}
			}
			t.Errorf("%s: %q is not among %+v", tt.want, tt.is, found)
		})
	}
}

func TestEvidenceOfDroppedRows(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.story()
	_, err := w.Retain(t.Context(), at(3600), at(7200))
	w.must(err)
	var out bytes.Buffer
	_, err = audit.Export(t.Context(), w, ledger.IncidentKey{Team: "payments", Incident: "loans"}, at(7300), &out)
	w.must(err)
	if !strings.Contains(out.String(), `"dropped":"{`) || strings.Contains(out.String(), `"notified"`) {
		t.Errorf("evidence of dropped rows:\n%s", &out)
	}
	if _, _, err := audit.CheckEvidence(bytes.NewReader(out.Bytes())); err != nil {
		t.Error(err)
	}
	// With a seal that was made anew, the trail still has the hash of the counts.
	forged := bytes.ReplaceAll(out.Bytes(), []byte(`\"segments\":0`), []byte(`\"segments\":9`))
	if _, _, err := audit.CheckEvidence(bytes.NewReader(forged)); !errors.Is(err, audit.ErrNotEvidence) || !strings.Contains(err.Error(), "dropped rows") {
		t.Errorf("with other counts: %v", err)
	}
	w.must(w.Close())
}

// fuse is a context that ends when it has been asked so many times whether it has.
type fuse struct {
	context.Context
	left atomic.Int64
}

func (f *fuse) Err() error {
	if f.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestDroppingIsEndedAtAnyMoment: whenever it is ended, what is left is as it must be, and the next time
// goes on.
func TestDroppingIsEndedAtAnyMoment(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.story()
	w.record("many", 40, ledger.Approved, "")
	u, err := w.NextToPlan(t.Context(), 0)
	w.must(err)
	p := ledger.Page{Update: u.ID, Cursor: u.Until, Last: true, Now: at(40)}
	for i := range int64(1500) { // more than one transaction deletes
		p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: i + 1, Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent})
	}
	w.must(w.CommitPage(t.Context(), p))
	partly := false
	for n := int64(1); ; n++ {
		f := &fuse{Context: t.Context()}
		f.left.Store(n)
		_, err := w.Retain(f, at(3600), at(7200))
		s, auditErr := audit.Run(t.Context(), w, audit.Options{Tolerance: second, Found: func(v audit.Violation) { t.Errorf("ended after %d looks: %+v", n, v) }})
		w.must(auditErr)
		partly = partly || s.Notifications > 12 && s.Notifications < 1514
		if err == nil {
			if s.Notifications != 12 {
				t.Errorf("%d notifications are left, want the 12 of updates that have some open", s.Notifications)
			}
			break
		}
	}
	if !partly {
		t.Error("it was never ended between two of its transactions")
	}
	w.must(w.Close())
}
