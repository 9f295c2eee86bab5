package chaos

import (
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// recalledScene is a scene in which ana was told on Telegram, and the first update was recalled: its message is
// taken back.
func recalledScene() *scene {
	s := newScene()
	s.customers[ana].Addresses = audience.Addresses{{Channel: "telegram", Address: "77"}}
	s.customers[ana].Consents = []string{"telegram"}
	for i := range s.sent {
		s.sent[i].place, s.sent[i].provider = place{"telegram", "77"}, "telegram"
		s.rows[i].Attempt.Channel, s.rows[i].ReachedBy, s.rows[i].Attempt.ProviderID = "telegram", "telegram", "telegram|1"
	}
	s.recalled = map[int64]bool{1: true}
	s.rows[0].Attempt.Recall = notification.Recalled
	s.takenBack = map[place]int{{"telegram", "77"}: 1}
	return s
}

func TestRecalls(t *testing.T) {
	for _, tt := range []struct {
		name    string
		spoil   func(s *scene)
		says    string // what is found, "" if it is as it should be
		unnamed int
	}{
		{"all is well", func(*scene) {}, "", 0},
		{"it stays, as its provider says", func(s *scene) {
			s.rows[0].Attempt.Recall = notification.RecallKept
			s.takenBack = nil
		}, "", 0},
		{"no answer", func(s *scene) { s.rows[0].Attempt.Recall = notification.RecallAsked }, "is recall_asked, though the update was recalled", 0},
		{"not asked for", func(s *scene) { s.rows[0].Attempt.Recall = notification.NotRecalled }, "is not_recalled, though the update was recalled", 0},
		{"another update's too", func(s *scene) {
			s.rows[1].Attempt.Recall = notification.Recalled
			s.takenBack[place{"telegram", "77"}] = 2
		}, "though nobody has recalled it", 0},
		{"on a channel that can't", func(s *scene) { s.recallable = func(string) bool { return false } }, "or nobody can", 0},
		{"only the ledger says so", func(s *scene) { s.takenBack = nil }, "1 messages on telegram for 77 are taken back by the ledger, 0 by the provider", 0},
		{"more than the ledger says", func(s *scene) { s.takenBack[place{"telegram", "77"}] = 2 }, "1 messages on telegram for 77 are taken back by the ledger, 2 by the provider", 0},
		{"somebody else's", func(s *scene) { s.takenBack[place{"telegram", "78"}] = 1 }, "for public accounts are taken back by the provider, none by the ledger", 0},
		{"without a name", func(s *scene) { s.loseAnswer() }, "which the ledger has no name of, and no fault lost it", 1},
		{"its answer was lost in a crash", func(s *scene) {
			s.loseAnswer()
			s.faults = []inflicted{{Fault: Fault{Kind: Kill, Target: "lane-1"}, From: at(1.3), To: at(2)}}
		}, "", 1},
		{"its answer was lost by its provider", func(s *scene) {
			s.loseAnswer()
			s.faults = []inflicted{{Fault: Fault{Kind: Conduct, Target: "telegram", How: "slow"}, From: at(0), To: at(2)}}
		}, "", 1},
		{"its answer was lost, and another provider out of order", func(s *scene) {
			s.loseAnswer()
			s.faults = []inflicted{{Fault: Fault{Kind: Conduct, Target: "twilio", How: "slow"}, From: at(0), To: at(2)}}
		}, "and no fault lost it", 1},
		{"a second message, which a crash explains", func(s *scene) {
			s.incidents[0].updates[0].Update.Update.Impact = "critical"
			s.faults = []inflicted{{Fault: Fault{Kind: Kill, Target: "lane-1"}, From: at(1.3), To: at(3)}}
			s.sent = append(s.sent, s.sent[0])
			s.sent[2].at = at(30)
		}, "", 1},
		{"a public account's post", func(s *scene) { s.post(notification.Recalled) }, "", 0},
		{"a public account's post, which its provider calls otherwise", func(s *scene) {
			s.post(notification.Recalled)
			s.sent[2].address = "9001"
			s.takenBack = map[place]int{{"telegram", "77"}: 1, {"mastodon", "9001"}: 1}
		}, "", 0},
		{"a public account's post that is still there", func(s *scene) { s.post(notification.RecallWanted) }, "is recall_wanted, though the update was recalled", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := recalledScene()
			tt.spoil(s)
			r := s.check()
			if r.counts.unnamed != tt.unnamed {
				t.Errorf("%d without a name, want %d", r.counts.unnamed, tt.unnamed)
			}
			wrong := func(f finding) bool { return f.check != "recalls" || !strings.Contains(f.what, tt.says) }
			if tt.says == "" && len(r.findings) > 0 || tt.says != "" && (len(r.findings) == 0 || slices.ContainsFunc(r.findings[:1], wrong)) {
				t.Errorf("found %q, want %q", r.findings, tt.says)
			}
		})
	}
}

// loseAnswer leaves the first message without a name.
func (s *scene) loseAnswer() {
	a := &s.rows[0].Attempt
	a.State, a.Took, a.ProviderID, a.Recall = notification.Unknown, false, "", notification.RecallWanted
	s.rows[0].Outcome, s.rows[0].Reason, s.rows[0].ReachedBy = notification.Unreachable, notification.Silence, ""
	s.takenBack = nil
}

// post adds a post of a public account, where posts can be taken back too.
func (s *scene) post(r notification.Recall) {
	s.recallable = func(ch string) bool { return ch == "telegram" || ch == "mastodon" }
	at1 := place{"mastodon", "bank"}
	s.recipients[3] = audience.AccountPrefix + "mastodon:bank"
	n := reached(5, 1, at(0))
	n.Recipient, n.ReachedBy = 3, "mastodon"
	n.Attempt.Channel, n.Attempt.ProviderID, n.Attempt.Recall = "mastodon", "mastodon|9", r
	s.rows = append(s.rows, n)
	s.sent = append(s.sent, seen{at1, "mastodon", "Q00001Z", "", at(1), true})
	if r == notification.Recalled {
		s.takenBack[at1] = 1
	}
}

// TestJournalOfRecalls: only recalls are given again, and only where their stream was full.
func TestJournalOfRecalls(t *testing.T) {
	j := &journal{}
	j.order(ledger.Order{ID: "a", Verb: ledger.Cancel})
	j.order(ledger.Order{ID: "b", Verb: ledger.Recall})
	if all := j.recalls(); len(all) != 1 || all[0].ID != "b" {
		t.Errorf("recalls %+v, want b", all)
	}
	j.fault(inflicted{Fault: Fault{Kind: FullStream, Target: "SEND"}})
	if j.filled("RECALLS") {
		t.Error("RECALLS was not full")
	}
	j.fault(inflicted{Fault: Fault{Kind: FullStream, Target: "RECALLS"}})
	if !j.filled("RECALLS") {
		t.Error("RECALLS was full")
	}
}
