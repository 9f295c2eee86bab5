package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// approve has somebody say yes, having seen what there is to see.
func (w *world) approve(id int64, a ledger.Approval) {
	w.Helper()
	texts, err := w.Texts(w.Context(), id)
	w.must(err)
	var digests []ledger.TextDigest
	for i := range texts {
		digests = append(digests, texts[i].Digest())
	}
	a.Seen = ledger.Seen(digests, nil)
	_, err = w.Approve(w.Context(), id, a)
	w.must(err)
}

// hold records a held update of the incident "cards", the n-th, for two people.
func (w *world) hold(n int, then playbook.TimedOut) {
	w.Helper()
	u := incident.Update{Source: "/payments", EventID: "e-" + string(rune('a'+n)), Time: at(n), Data: incident.Data{Team: "payments", Incident: "cards"}}
	terms := playbook.Terms{Approval: playbook.Approval{People: 2, TimeOut: clock.Span(time.Minute), Then: then}}
	_, err := w.RecordUpdate(w.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{Update: u, Incident: incident.Incident{Team: "payments", ID: "cards"}, State: ledger.Held, ReceivedAt: at(n), Terms: terms,
			Texts: []ledger.Text{{Kind: "sms", Locale: "ro", Content: notification.Content{Text: notification.Literal(u.EventID)}}}}, nil
	})
	w.must(err)
}

// approvals makes a ledger in which updates were let go in all the ways that there are.
func approvals(t *testing.T) string {
	w := newWorld(t, t.TempDir())
	w.hold(1, playbook.SendIt) // by two
	w.approve(1, ledger.Approval{By: "Ana", Account: "ana", At: at(10)})
	w.approve(1, ledger.Approval{By: "Ion", Account: "ion", At: at(11)})
	w.hold(2, playbook.SendIt) // by breaking the glass
	w.approve(2, ledger.Approval{By: "Ana", Account: "ana", BreakGlass: true, Why: "alone", At: at(12)})
	w.hold(3, playbook.SendIt) // by time
	_, err := w.TimeOut(t.Context(), 3, at(63))
	w.must(err)
	w.hold(4, playbook.SendIt) // the next in its place
	w.hold(50, playbook.SendIt)
	_, err = w.TimeOut(t.Context(), 4, at(64))
	w.must(err)
	w.hold(6, playbook.DropIt) // dropped
	_, err = w.TimeOut(t.Context(), 6, at(66))
	w.must(err)
	w.must(w.Close())
	return w.path
}

func TestApprovals(t *testing.T) {
	path := approvals(t)
	if s, found := run(t, path, audit.Options{Tolerance: second}); !s.Clean() || s.Updates != 6 {
		t.Errorf("%d updates, found %+v", s.Updates, found)
	}
	retold := func(rule string) string { // and the trail says nothing of terms, as in older ones
		return `UPDATE updates SET terms = '{"approval":` + rule + `}' WHERE id `
	}
	for name, tt := range map[string]struct {
		sql  string
		want audit.Invariant
		is   string
	}{
		"an approval gone":         {`DELETE FROM approvals WHERE update_id = 1 AND nth = 2`, audit.Approvals, "approvals of 1 people"},
		"its absence is seen":      {`DELETE FROM approvals WHERE update_id = 1 AND nth = 2`, audit.Trail, "word 2 on it: none"},
		"by one person":            {`UPDATE approvals SET by_whom = ' ANA' WHERE by_whom = 'Ion'`, audit.Approvals, "approvals of 1 people"},
		"by one account":           {`UPDATE approvals SET account = 'ana' WHERE by_whom = 'Ion'`, audit.Approvals, "approvals of 1 people"},
		"what was seen":            {`UPDATE approvals SET seen = 'other' WHERE by_whom = 'Ion'`, audit.Trail, `having seen "other"`},
		"an approval put in":       {`INSERT INTO approvals SELECT 6, 2, 'approval', at, by_whom, account, seen, why, 0 FROM approvals WHERE update_id = 2`, audit.Trail, "word 2 on it: approval"},
		"no reason":                {`UPDATE approvals SET why = '' WHERE word = 'break_glass'`, audit.Approvals, "broke the glass for none"},
		"no glass was broken":      {`DELETE FROM approvals WHERE update_id = 2`, audit.Approvals, "approvals of 0 people"},
		"before its time":          {`UPDATE approvals SET at = at - 1 WHERE update_id = 3`, audit.Approvals, "approvals of 0 people"},
		"by time that drops it":    {retold(`{"people":1,"time_out":"1m","then":"drop"}`) + "= 3", audit.Approvals, "approvals of 0 people"},
		"other terms":              {retold(`{"people":1}`) + "= 1", audit.Trail, "on terms "},
		"in whose place":           {`UPDATE approvals SET instead = 6 WHERE update_id = 5`, audit.Approvals, "approvals of 0 people"},
		"in place of one for ever": {retold(`{"people":2}`) + "= 4", audit.Approvals, "approvals of 0 people"},
	} {
		_, found := run(t, copyOf(t, path, tt.sql), audit.Options{Tolerance: second})
		ok := false
		for _, v := range found {
			ok = ok || v.Invariant == tt.want && strings.Contains(v.Is, tt.is)
		}
		if !ok {
			t.Errorf("%s: found %+v, want %s: %s", name, found, tt.want, tt.is)
		}
	}
}

func TestEvidenceOfApprovals(t *testing.T) {
	text, _, err := export(t, approvals(t), cards)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.CheckEvidence(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
	for _, part := range []string{`"word":"break_glass"`, `"why":"alone"`, `"by":"Ion","account":"ion"`, `"word":"time_out"`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	for want, forged := range map[string]string{
		"its approvals are not those": strings.Replace(text, `"by":"Ion","account":"ion"`, `"by":"Bob","account":"bob"`, 1),
		"its terms are not those":     strings.Replace(text, `\"people\":2`, `\"people\":1`, 1),
	} {
		if _, _, err := audit.CheckEvidence(strings.NewReader(forged)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("forged: %v, want %q", err, want)
		}
	}
}
