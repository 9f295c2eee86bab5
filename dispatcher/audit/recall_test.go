package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// recalled tells of an update that an operator recalls, and returns its ledger's file. By email, 1 is taken
// back, 2 can't be, of 3 nothing is heard; 4 was silent and is reached by SMS, and has its email taken back;
// 5 was still queued.
func recalled(t *testing.T) string {
	t.Helper()
	w := newWorld(t, t.TempDir())
	w.messageID = "m"
	for name, p := range w.policy.Channels {
		p.RecallWithin = channels.Always
		w.policy.Channels[name] = p
	}
	w.people(6)
	ns := w.announce("cards", 10, 5)
	for _, n := range ns[:4] {
		w.happen(11, n.ID, notification.ResultAccepted)
	}
	w.happen(12, ns[0].ID, notification.ReceiptDelivered)
	w.happen(13, ns[3].ID, notification.SilencePassed)
	w.happen(14, ns[3].ID, notification.ResultAccepted)
	w.happen(15, ns[3].ID, notification.ReceiptDelivered)
	for _, n := range ns {
		w.happen(20, n.ID, notification.RecallOrdered)
	}
	w.happen(21, ns[0].ID, notification.ReceiptRecalled)
	w.happen(22, ns[1].ID, notification.ReceiptKept)
	w.happen(23, ns[3].ID, notification.ReceiptRecalled, 0)
	w.happen(24, ns[4].ID, notification.ResultRevoked)
	w.must(w.Close())
	return w.path
}

// TestRecalls: what is recalled in order is nothing to complain of, and what can't be, or was counted
// otherwise, is found.
func TestRecalls(t *testing.T) {
	path := recalled(t)
	for _, tt := range []struct {
		name string
		sql  []string
		is   map[audit.Invariant]string // part of what is complained of
	}{
		{name: "in order"},
		{"never counted", []string{`DELETE FROM tallies WHERE what = 'recalled'`}, map[audit.Invariant]string{audit.Tallies: `recalled on "email": 0`}},
		{"kept by more", []string{`UPDATE tallies SET count = 2 WHERE what = 'recall_kept'`}, map[audit.Invariant]string{audit.Tallies: `recall_kept on "email": 2`}},
		{"asked less", []string{`UPDATE tallies SET count = 3 WHERE what = 'recall_asked' AND channel = 'email'`}, map[audit.Invariant]string{
			audit.Tallies: `recall_asked on "email": 3`,
		}},
		{"an answer taken for another", []string{`UPDATE attempts SET recall = 3 WHERE recall = 4`, `UPDATE tallies SET count = 1 WHERE what = 'recalled'`}, map[audit.Invariant]string{
			audit.Tallies: `recall_kept on "email": 1`,
		}},
		{"taken back and never taken", []string{`UPDATE notifications SET recall = 4 WHERE id = 5`,
			`UPDATE tallies SET count = count + 1 WHERE channel = 'email' AND what IN ('recalled', 'recall_asked')`}, map[audit.Invariant]string{
			audit.Legal: "step 0 is revoked, with its recall recalled",
		}},
		{"no such recall", []string{`UPDATE notifications SET recall = 9 WHERE id = 3`}, map[audit.Invariant]string{audit.Legal: "with its recall recall 9"}},
	} {
		s, found := run(t, copyOf(t, path, tt.sql...), audit.Options{Tolerance: time.Second})
		got := map[audit.Invariant]string{}
		for _, v := range found {
			got[v.Invariant] = v.Is
			if want, ok := tt.is[v.Invariant]; !ok || !strings.Contains(v.Is, want) {
				t.Errorf("%s: found %+v", tt.name, v)
			}
		}
		if len(got) != len(tt.is) || len(found) != len(tt.is) || s.Clean() != (len(tt.is) == 0) {
			t.Errorf("%s: found %v, want %v", tt.name, got, tt.is)
		}
	}
}

// TestEvidenceOfRecalls: evidence says of each attempt what became of its recall, and beside it what was proven;
// where nobody recalled anything, it says nothing.
func TestEvidenceOfRecalls(t *testing.T) {
	text, _, err := export(t, recalled(t), cards)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.CheckEvidence(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
	var got []string
	for line := range strings.Lines(text) {
		var n audit.Notified
		if !strings.HasPrefix(line, `{"type":"notified"`) {
			continue
		}
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Fatal(err)
		}
		for _, a := range n.Attempts {
			got = append(got, n.Recipient+" "+a.Channel+" "+a.State+" "+a.Recall)
		}
	}
	want := []string{
		"c-001 email delivered recalled", "c-002 email accepted recall_kept", "c-003 email accepted recall_asked",
		"c-004 email expired recalled", "c-004 sms delivered recall_asked", "c-005 email revoked recall_wanted",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("recalls (-want +got):\n%s", d)
	}
	if never, _, err := export(t, told(t), cards); err != nil || strings.Contains(never, `"recall`) {
		t.Errorf("where nothing was recalled: %v\n%s", err, never)
	}
}
