package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

var began = time.Date(2026, 3, 7, 13, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

// scene is a drill of two customers and two updates of one incident: ana was told both, ion, who has no
// address, nothing.
type scene struct {
	facts
	rows []notification.Notification
	sent []seen
}

const ana, ion = "demo-1", "demo-2"

func update(id int64, event string, status incident.Status) ledger.KeptUpdate {
	u := ledger.KeptUpdate{Update: ledger.Update{ID: id, State: ledger.Closed}}
	u.Update.Update = incident.Update{EventID: event, Data: incident.Data{Team: "cards", Incident: "x", Status: status, Impact: incident.Minor}}
	return u
}

func reached(id, update int64, planned time.Time) notification.Notification {
	return notification.Notification{
		ID: id, Update: update, Recipient: 1, Steps: notification.Steps("sms"), Outcome: notification.Reached, ReachedBy: "sms",
		Attempt: notification.Attempt{Channel: "sms", State: notification.Delivered, Took: true, QueuedAt: planned},
	}
}

func newScene() *scene {
	s := &scene{facts: facts{
		books: &books{recipients: map[int64]string{1: ana, 2: ion}, refused: map[place]bool{}},
		customers: map[string]*audience.Recipient{
			ana: {ID: ana, Addresses: audience.Addresses{{Channel: "sms", Address: "+1"}}, Consents: []string{"sms"}},
			ion: {ID: ion},
		},
		published: map[string]published{"Q00001Z": {}, "Q00002Z": {}},
		cancelled: map[int64]bool{}, inDoubt: func(string) int { return 2 }, public: func(string) bool { return false }, recallable: func(ch string) bool { return ch == "telegram" }, lanes: []string{"lane-1"},
	}}
	s.incidents = []kept{{
		key:     ledger.IncidentKey{Team: "cards", Incident: "x"},
		updates: []ledger.KeptUpdate{update(1, "Q00001Z", incident.Investigating), update(2, "Q00002Z", incident.Resolved)},
	}}
	s.rows = []notification.Notification{
		reached(1, 1, at(0)), reached(2, 2, at(60)),
		{ID: 3, Update: 1, Recipient: 2, Outcome: notification.Unreachable, Reason: notification.NoAddress},
		{ID: 4, Update: 2, Recipient: 2, Outcome: notification.Unreachable, Reason: notification.NoAddress},
	}
	s.sent = []seen{s.message("Q00001Z", at(1)), s.message("Q00002Z", at(61))}
	return s
}

func (s *scene) message(mark string, when time.Time) seen {
	return seen{place{"sms", "+1"}, "twilio", mark, ana, when, true}
}

// account adds a public account whose post was rejected, by a provider or by nobody.
func (s *scene) account(refused bool) {
	s.recipients[3] = audience.AccountPrefix + "mastodon:bank"
	s.rows = append(s.rows, notification.Notification{
		ID: 5, Update: 1, Recipient: 3, Outcome: notification.Unreachable, Reason: notification.Rejected,
		Attempt: notification.Attempt{Channel: "mastodon", State: notification.Failed, QueuedAt: at(0)},
	})
	s.refused[place{"mastodon", "bank"}] = refused
}

func (s *scene) check() result {
	s.incidents[0].rows, s.messages = s.rows, s.sent
	return check(s.facts)
}

// TestChecks: what is as it should be is found so, and whatever is not is found by the check that is
// there for it.
func TestChecks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(s *scene)
		check string // that finds it, "" if it is as it should be
		says  string
	}{
		{"all is well", func(*scene) {}, "", ""},
		{"somebody has no notification", func(s *scene) { s.rows = s.rows[1:] }, "nobody lost", ana + " is affected by update Q00001Z"},
		{"a message of no update", func(s *scene) { s.sent = append(s.sent, s.message("Q00009Z", at(70))) }, "nobody lost", "which is no update's"},
		{"an update was dropped", func(s *scene) {
			s.incidents[0].updates[0].State, s.incidents[0].updates[0].Reason = ledger.NotAnnounced, "older"
			s.rows, s.sent = s.rows[1:2], s.sent[1:]
			s.customers = map[string]*audience.Recipient{ana: s.customers[ana]}
		}, "nobody lost", "was not announced: older"},
		{"it is open", func(s *scene) { s.rows[2].Outcome = notification.Open }, "nobody lost", "it is open"},
		{"there is an address after all", func(s *scene) {
			s.rows[0] = notification.Notification{ID: 1, Update: 1, Recipient: 1, Outcome: notification.Unreachable, Reason: notification.NoAddress}
		}, "nobody lost", "there is an address, and consent"},
		{"nobody refused", func(s *scene) {
			s.rows[0].Outcome, s.rows[0].Reason = notification.Unreachable, notification.InvalidAddress
			s.rows[0].Attempt = notification.Attempt{Channel: "sms", State: notification.Failed, QueuedAt: at(0)}
		}, "nobody lost", "no provider has refused"},
		{"superseded by nothing", func(s *scene) {
			s.rows[1].Outcome, s.rows[1].Reason = notification.Superseded, notification.NewerUpdate
		}, "nobody lost", "there is no newer news"},
		{"superseded", func(s *scene) {
			s.rows[0].Outcome, s.rows[0].Reason = notification.Superseded, notification.NewerUpdate
		}, "", ""},
		{"called off by nobody", func(s *scene) { s.rows[0].Outcome, s.rows[0].Reason = notification.Suppressed, notification.Cancelled }, "nobody lost", "nobody has called it off"},
		{"reached, and no provider took it", func(s *scene) { s.sent = s.sent[1:] }, "witness", "no provider took it"},
		{"delivered, and no provider delivered it", func(s *scene) { s.sent[0].delivered = false }, "witness", "no provider delivered it"},
		{"no consent", func(s *scene) { s.customers[ana].Consents = []string{"email"} }, "consent", "without consent"},
		{"a public account's post was refused", func(s *scene) { s.account(true) }, "", ""},
		{"a public account is not reached, and nobody refused", func(s *scene) { s.account(false) }, "nobody lost", "no provider has refused"},
		{"soon quiet", func(s *scene) { s.quiet = at(100) }, "", ""},
		{"quiet long after", func(s *scene) { s.quiet = at(200) }, "quiet", "139.0s from the last message"},
		{"stale news", func(s *scene) {
			s.sent[0].at = at(65)
			s.inDoubt = func(string) int { return 0 }
		}, "stale news", "1 messages of older updates"},
		{"stale news, within what was under way", func(s *scene) { s.sent[0].at = at(65) }, "", ""},
		{"stale news, while a fault held up the word", func(s *scene) {
			s.sent[0].at = at(65)
			s.inDoubt = func(string) int { return 0 }
			s.faults = []inflicted{{Fault: Fault{Kind: KillNode}, From: at(59), To: at(61)}}
		}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene()
			tt.spoil(s)
			found := s.check().findings
			if tt.check == "" && len(found) > 0 || tt.check != "" && len(found) == 0 {
				t.Fatalf("found %q, want %q", found, tt.check)
			}
			for _, f := range found {
				if f.check == tt.check && strings.Contains(f.what, tt.says) {
					return
				}
			}
			if tt.check != "" {
				t.Errorf("found %q, want something of %q that says %q", found, tt.check, tt.says)
			}
		})
	}
}

// TestDisturbed adds up overlapping faults once, with the time that a takeover takes.
func TestDisturbed(t *testing.T) {
	c := &checker{facts: facts{faults: []inflicted{
		{Fault: Fault{Kind: KillNode}, From: at(10), To: at(20)},     // and until 30
		{Fault: Fault{Kind: Kill}, From: at(15), To: at(16)},         // within it
		{Fault: Fault{Kind: KillLedger}, From: at(29), To: at(31)},   // on until 41
		{Fault: Fault{Kind: Conduct}, From: at(50), To: at(60)},      // delays nothing
		{Fault: Fault{Kind: StallNATS}, From: at(100), To: at(1000)}, // on and on
	}}}
	for _, tt := range []struct{ from, to, want float64 }{
		{0, 9, 0}, {0, 100, 31}, {12, 14, 2}, {35, 45, 6}, {42, 99, 0}, {90, 110, 10},
	} {
		if got := c.disturbed(at(tt.from), at(tt.to)).Seconds(); got != tt.want {
			t.Errorf("from %v to %v: %v seconds, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

// TestUnheard counts those whom a message reached, and word of it did not come.
func TestUnheard(t *testing.T) {
	s := newScene()
	n := &s.rows[0]
	n.Outcome, n.Reason, n.ReachedBy, n.Attempt.State = notification.Unreachable, notification.Silence, "", notification.Expired
	r := s.check()
	if r.counts.unheard != 1 || len(r.findings) > 0 {
		t.Errorf("%d unheard, found %q; want one and nothing", r.counts.unheard, r.findings)
	}
	s.sent[0].delivered = false
	if r := s.check(); r.counts.unheard != 0 {
		t.Errorf("%d unheard, want none: it was not delivered", r.counts.unheard)
	}
}
