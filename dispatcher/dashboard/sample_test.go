package dashboard_test

import (
	"context"
	"errors"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// noon is when the tests' clock stands, give or take how long they run.
var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

// still is a clock that hardly moves.
func still() clock.Clock { return clock.Scaled(1e-15, noon) }

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

// book is a ledger that holds what a test says.
type book struct {
	incidents  []ledger.IncidentSummary
	updates    map[int64]ledger.Update
	reports    map[string]ledger.Report
	rejections []ledger.Rejection
	orders     []ledger.OrderReport
	err        error
	counted    int // how often a report was asked for
}

func (b *book) Incidents(context.Context, int) ([]ledger.IncidentSummary, error) {
	return b.incidents, b.err
}

func (b *book) Incident(_ context.Context, team, id string) (ledger.IncidentSummary, error) {
	for _, s := range b.incidents {
		if s.Team == team && s.ID == id {
			return s, b.err
		}
	}
	return ledger.IncidentSummary{}, errors.Join(b.err, ledger.ErrNotFound)
}

func (b *book) Update(_ context.Context, id int64) (ledger.Update, error) {
	return b.updates[id], b.err
}

func (b *book) Report(_ context.Context, team, id string) (ledger.Report, error) {
	b.counted++
	return b.reports[team+"/"+id], b.err
}

func (b *book) Orders(context.Context, string, string) ([]ledger.OrderReport, error) {
	return b.orders, b.err
}

func (b *book) Rejections(context.Context, int) ([]ledger.Rejection, error) {
	return b.rejections, b.err
}

// tallies makes counts of triples: channel, what, count.
func tallies(list ...any) []ledger.Tally {
	var all []ledger.Tally
	for i := 0; i < len(list); i += 3 {
		all = append(all, ledger.Tally{Channel: list[i].(string), What: list[i+1].(string), Count: int64(list[i+2].(int))})
	}
	return all
}

// sending is an update under way: 2,500 of 10,000 are reached, e-mail's 800 are presumed.
func sending() ledger.UpdateProgress {
	return ledger.UpdateProgress{
		ID: 12, EventID: "e-12", Status: incident.Identified, State: ledger.Sending, ReceivedAt: noon.Add(-10 * time.Minute),
		ApprovedBy: "Ana Rusu", Audience: 10000, Open: 7380,
		Tallies: tallies(
			"", "unreachable", 20, "", "suppressed", 100,
			"email", "planned", 2000, "email", "queued", 2000, "email", "accepted", 850, "email", "failed", 30, "email", "reached", 20,
			"sms", "planned", 5000, "sms", "queued", 5230, "sms", "accepted", 3100, "sms", "delivered", 2080, "sms", "reached", 2080,
			"sms", ledger.Fallback, 130, "sms", "failed", 40, "sms", ledger.Returned, 12,
			"viber", "planned", 2980, "viber", "queued", 2980, "viber", "accepted", 1200, "viber", "delivered", 400, "viber", "read", 120,
			"viber", "reached", 400, "viber", "expired", 200, "viber", ledger.Double, 3,
		),
	}
}

// closed is an update that has come out.
func closed() ledger.UpdateProgress {
	return ledger.UpdateProgress{
		ID: 11, EventID: "e-11", Status: incident.Investigating, State: ledger.Closed, ReceivedAt: noon.Add(-50 * time.Minute),
		ApprovedBy: "configuration (approval: none)", Audience: 10000,
		Tallies: tallies("", "unreachable", 20, "", "suppressed", 100,
			"sms", "planned", 10000, "sms", "queued", 9900, "sms", "accepted", 9890, "sms", "delivered", 9780, "sms", "reached", 9780,
			"sms", "superseded", 100, "sms", "failed", 20),
	}
}

func held() ledger.UpdateProgress {
	u := ledger.UpdateProgress{ID: 13, EventID: "e-13", Status: incident.Correction, State: ledger.Held, ReceivedAt: noon.Add(-time.Minute)}
	u.Stands(playbook.Approval{People: 2, TimeOut: clock.Span(10 * time.Minute), Then: playbook.SendIt},
		[]ledger.ApprovalSaid{{Word: ledger.SaidYes, By: "Ana Rusu", Account: "ana", At: noon}})
	return u
}

func outage() ledger.IncidentSummary {
	return ledger.IncidentSummary{
		Incident: incident.Incident{
			Team: "payments", ID: "2026-05-09_cards", Kind: incident.Outage, Status: incident.Identified, Impact: incident.Critical,
			Time: noon.Add(-10 * time.Minute), StartedAt: noon.Add(-2 * time.Hour), NextUpdateAt: at(-5 * time.Minute), Updates: 3,
		},
		ChangedAt: noon, Progress: []ledger.UpdateProgress{closed(), sending(), held()},
	}
}

func maintenance() ledger.IncidentSummary {
	return ledger.IncidentSummary{
		Incident: incident.Incident{
			Team: "core", ID: "migration-7", Kind: incident.Maintenance, Status: incident.Scheduled, Impact: incident.Major,
			Time: noon.Add(-3 * time.Hour), StartedAt: noon.Add(14 * time.Hour), EndsAt: at(20 * time.Hour), Updates: 1,
		},
		ChangedAt: noon,
	}
}

func over() ledger.IncidentSummary {
	return ledger.IncidentSummary{
		Incident: incident.Incident{
			Team: "core", ID: "login-1", Kind: incident.Outage, Status: incident.Resolved, Impact: incident.Minor,
			Time: noon.Add(-30 * time.Hour), StartedAt: noon.Add(-33 * time.Hour), ResolvedAt: at(-30 * time.Hour), Updates: 1,
		},
		Progress: []ledger.UpdateProgress{{
			ID: 3, Status: incident.Resolved, State: ledger.Closed, Audience: 900, ReceivedAt: noon.Add(-30 * time.Hour),
			Tallies: tallies("telegram", "reached", 900, "telegram", "queued", 900, "telegram", "accepted", 900, "telegram", "planned", 900),
		}},
	}
}

func counted(u ledger.UpdateProgress) ledger.UpdateReport {
	r := ledger.UpdateReport{
		UpdateProgress: u, P50: 95, P95: 640, Max: 1930, Segments: 19560,
		Outcomes: []ledger.OutcomeCount{
			{Outcome: "reached", Channel: "sms", Proof: channels.Delivered, Count: 9780},
			{Outcome: "unreachable", Reason: "invalid_address", Count: 20},
			{Outcome: "suppressed", Reason: "no_consent", Count: 100},
			{Outcome: "superseded", Reason: "newer_update", Count: 100},
		},
		Balance: ledger.Balance{Audience: 10000, Reached: 9780, Unreachable: 20, Suppressed: 100, Superseded: 100, TalliesAgree: true},
	}
	r.Balance.Settle()
	return r
}

// sample is a ledger with something of everything.
func sample() *book {
	said := func(id int64, first time.Time, text incident.Text) ledger.Update {
		return ledger.Update{ID: id, FirstNoticeAt: first, Update: incident.Update{Data: incident.Data{Summary: text}}}
	}
	running := sending()
	return &book{
		incidents: []ledger.IncidentSummary{outage(), maintenance(), over()},
		updates: map[int64]ledger.Update{
			3:  said(3, noon.Add(-32*time.Hour-15*time.Minute), incident.Text{"ro": "Autentificarea funcționează din nou."}),
			11: said(11, noon.Add(-45*time.Minute), incident.Text{"en": "Card payments and cash machines do not work since 10:00. We are looking for the cause."}),
			12: said(12, noon.Add(-9*time.Minute), incident.Text{"en": "A failed storage system stops <cards> & cash machines. It is being replaced.", "ro": "…"}),
			13: said(13, time.Time{}, incident.Text{"en": "Cash machines of partner banks do work."}),
		},
		reports: map[string]ledger.Report{"payments/2026-05-09_cards": {Updates: []ledger.UpdateReport{
			counted(closed()),
			{UpdateProgress: running, Balance: ledger.Balance{Audience: 10000, Reached: 2500, Unreachable: 20, Suppressed: 100, Open: 7380, TalliesAgree: true}},
		}}},
		rejections: []ledger.Rejection{{
			ID: 4, Team: "web", At: noon.Add(-20 * time.Minute),
			Faults: []incident.Fault{{Path: "data.summary", Problem: "is missing"}, {Path: "data.status", Problem: `must not be "<fixed>"`}},
		}},
	}
}
