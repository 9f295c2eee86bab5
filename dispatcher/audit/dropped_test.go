package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
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
