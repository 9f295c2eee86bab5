package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// asking counts what a planner asks of its ledger's memory.
type asking struct {
	*plannerLedger
	told, counted int
}

func (l *asking) ToldBy(ctx context.Context, update int64, recipients []int64) ([]ledger.Told, error) {
	l.told += len(recipients)
	return l.plannerLedger.ToldBy(ctx, update, recipients)
}

func (l *asking) CountMessages(ctx context.Context, update int64, since time.Time, recipients []int64) (map[int64]int, error) {
	l.counted += len(recipients)
	return l.plannerLedger.CountMessages(ctx, update, since, recipients)
}

// story plays updates one after the other on a ledger.
type story struct {
	*testing.T
	ledger *sqlite.Ledger
	change func(*Planner)
	n      int
	asked  asking
}

// tell publishes the next update, plans it in pages of three, and returns its notifications by recipient.
func (s *story) tell(change func(*incident.Update)) map[int64]notification.Notification {
	s.Helper()
	s.n++
	u := testUpdate(s.n)
	if change != nil {
		change(&u)
	}
	_, err := s.ledger.RecordUpdate(s.Context(), u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		after, verdict := incident.Fold(before, u, time.Now())
		if len(verdict.Faults) > 0 {
			return ledger.NewUpdate{}, &incident.FaultError{Faults: verdict.Faults}
		}
		n := ledger.NewUpdate{Update: u, Incident: after, State: ledger.NotAnnounced, Reason: string(verdict.Reason), ReceivedAt: time.Now()}
		if verdict.Announce {
			n.State, n.Texts = ledger.Approved, testTexts(channels.SMS, channels.Email)
		}
		return n, nil
	})
	if err != nil {
		s.Fatal(err)
	}
	before := s.all()
	p, pl := newPlanner(s.ledger, 3)
	s.asked = asking{plannerLedger: pl}
	p.Ledger = &s.asked
	if s.change != nil {
		s.change(p)
	}
	next, err := s.ledger.NextToPlan(s.Context(), 0)
	if err != nil {
		return nil // not announced
	}
	if err := p.plan(s.Context(), next); err != nil {
		s.Fatal(err)
	}
	told := map[int64]notification.Notification{}
	for _, n := range s.all()[len(before):] {
		if _, twice := told[n.Recipient]; twice || n.Update != next.ID {
			s.Fatalf("recipient %d is told twice, or of update %d", n.Recipient, n.Update)
		}
		told[n.Recipient] = n
	}
	return told
}

func (s *story) all() []notification.Notification {
	s.Helper()
	var ids []int64
	for i := range int64(200) {
		ids = append(ids, i+1)
	}
	ns, err := s.ledger.Notifications(s.Context(), ids)
	if err != nil {
		s.Fatal(err)
	}
	return ns
}

// settle ends notifications: reached by the channel given, or refused where it is "".
func (s *story) settle(ns map[int64]notification.Notification, by map[int64]string) {
	s.Helper()
	f := ledger.Fold{Now: time.Now()}
	for recipient, channel := range by {
		before := ns[recipient]
		n := before
		n.SettledAt = f.Now
		if channel == "" {
			n.Attempt.State, n.Outcome, n.Reason = notification.Failed, notification.Unreachable, notification.Rejected
		} else {
			n.Attempt.State, n.Attempt.Took, n.Outcome, n.ReachedBy = notification.Delivered, true, notification.Reached, channel
		}
		f.Before, f.Changed = append(f.Before, before), append(f.Changed, n)
	}
	if err := s.ledger.Apply(s.Context(), f); err != nil {
		s.Fatal(err)
	}
}

// want holds the recipients of an update against those it should have.
func (s *story) want(what string, told map[int64]notification.Notification, recipients ...int64) {
	s.Helper()
	var got []int64
	for r := range told {
		got = append(got, r)
	}
	if slices.Sort(got); !slices.Equal(got, recipients) {
		s.Errorf("%s: %v are told, want %v", what, got, recipients)
	}
}

func only(ids ...string) func(*incident.Update) {
	return func(u *incident.Update) { u.Affects = incident.Audience{Recipients: ids} }
}

func status(st incident.Status, more ...func(*incident.Update)) func(*incident.Update) {
	return func(u *incident.Update) {
		u.Status = st
		for _, f := range more {
			f(u)
		}
	}
}

func newStory(t *testing.T, customersTo int) *story {
	s := &story{T: t, ledger: openLedger(t)}
	customers(t, s.ledger, 1, customersTo)
	return s
}

func TestNextUpdateStartsOnWhatWorked(t *testing.T) {
	s := newStory(t, 7)
	first := s.tell(nil)
	if s.asked.told != 0 {
		t.Errorf("the first update asks about %d recipients", s.asked.told)
	}
	s.settle(first, map[int64]string{1: "sms", 2: "sms", 3: "email", 4: "", 5: "sms", 6: "email", 7: "sms"})
	elsewhere := customer(8)
	if err := s.ledger.PutRecipients(t.Context(), []audience.Recipient{elsewhere}); err != nil {
		t.Fatal(err)
	}
	second := s.tell(nil)
	for r, want := range map[int64]string{1: "sms,email", 2: "sms", 3: "email,sms", 4: "sms", 5: "sms,email", 6: "email,sms", 8: "sms"} {
		if got := notification.FormatSteps(second[r].Steps); got != want {
			t.Errorf("recipient %d is told by %s, want %s", r, got, want)
		}
	}
	s.settle(second, map[int64]string{1: "email", 2: "sms", 3: "email", 4: "sms", 5: "", 6: "email", 7: "sms", 8: "sms"})
	third := s.tell(nil)
	if got := fmt.Sprint(third[1].Steps, third[5].Steps); got != "[email sms] [sms email]" {
		t.Errorf("after both: %s; want the last that worked, also where the update between reached nobody", got)
	}
	if s.asked.told != 9 || s.asked.counted != 0 {
		t.Errorf("asked about %d recipients, want each of 8 once and again the one whom the last update did not reach", s.asked.told)
	}
}

func TestTheEndIsToldToThoseWhoWereTold(t *testing.T) {
	s := newStory(t, 5)
	first := s.tell(only("c-1", "c-2", "c-3", "c-4"))
	s.settle(first, map[int64]string{1: "sms", 2: "sms", 3: ""}) // nobody took 3's; 4's may still arrive
	s.want("a narrower update", s.tell(status(incident.Identified, only("c-1"))), 1)
	s.want("the end, for fewer still", s.tell(status(incident.Resolved, only("c-5"))), 1, 2, 4, 5)
	s.want("it came back, for others", s.tell(status(incident.Investigating, only("c-3"))), 3)
	s.want("the end of that", s.tell(status(incident.Resolved, only("c-3"))), 1, 2, 3, 4, 5)
	s.want("the reason why", s.tell(status(incident.Postmortem, only("c-1"))), 1, 2, 3, 4, 5)
}

func TestCorrectionsGoToThoseWhoWereTold(t *testing.T) {
	s := newStory(t, 6)
	s.settle(s.tell(only("c-1", "c-2", "c-3")), map[int64]string{1: "sms", 2: "sms", 3: ""})
	s.settle(s.tell(status(incident.Identified, only("c-2", "c-4"))), map[int64]string{2: "email", 4: "sms"})
	everybody := func(u *incident.Update) { u.Affects = incident.Audience{} }
	correct := func(event string) func(*incident.Update) { return func(u *incident.Update) { u.Corrects = event } }
	one := s.tell(status(incident.Correction, everybody, correct("e-1")))
	s.want("a correction of the first", one, 1, 2)
	if got := notification.FormatSteps(one[2].Steps); got != "sms" {
		t.Errorf("the correction goes by %s, want the channel of what was wrong", got)
	}
	s.want("a correction of the second", s.tell(status(incident.Correction, only("c-6"), correct("e-2"))), 2, 4)
	s.want("a correction of everything", s.tell(status(incident.Correction, only("c-6"))), 1, 2, 4)
}

func TestMergedIncidentsAreToldOnce(t *testing.T) {
	s := newStory(t, 9)
	of := func(key string, ids ...string) func(*incident.Update) {
		return func(u *incident.Update) {
			u.Incident = key
			only(ids...)(u)
		}
	}
	into := func(parent string) func(*incident.Update) {
		return func(u *incident.Update) { u.MergedInto, u.Summary = parent, nil }
	}
	s.settle(s.tell(of("atm", "c-1", "c-2")), map[int64]string{1: "sms", 2: "email"})
	s.settle(s.tell(of("web", "c-2", "c-3")), map[int64]string{2: "sms", 3: "sms"})
	s.tell(of("cards", "c-2", "c-4", "c-9"))
	s.want("a merging update that says nothing", s.tell(status(incident.Identified, of("atm", "c-5"), into("cards"))))
	s.want("and one that says something", s.tell(status(incident.Identified, of("web", "c-3", "c-6"), func(u *incident.Update) { u.MergedInto = "atm" })), 3, 6)
	s.want("news of a merged incident", s.tell(status(incident.Identified, of("web", "c-3", "c-7"))))
	parents := s.tell(status(incident.Identified, of("cards", "c-4")))
	s.want("the parent's news", parents, 1, 2, 3, 4, 5, 6, 7)
	if got := notification.FormatSteps(parents[2].Steps); got != "sms" {
		t.Errorf("told by %s, want the channel that worked last in any of the incidents", got)
	}
	s.want("the end of all", s.tell(status(incident.Resolved, of("cards", "c-4"))), 1, 2, 3, 4, 5, 6, 7, 9)
}

func TestFrequencyCap(t *testing.T) {
	s := newStory(t, 4)
	s.change = func(p *Planner) {
		p.Rules.Cap = &plan.Cap{Messages: 1, Per: time.Hour, Unless: incident.Critical}
	}
	other := func(key string, st incident.Status, i incident.Impact) map[int64]notification.Notification {
		return s.tell(func(u *incident.Update) { u.Incident, u.Status, u.Impact = key, st, i })
	}
	s.settle(s.tell(only("c-1", "c-2")), map[int64]string{1: "sms", 2: ""}) // 2 has had nothing
	capped := other("second", incident.Investigating, incident.Major)
	for r, n := range capped {
		if want := r == 1; want != (n.Outcome == notification.Suppressed && n.Reason == notification.FrequencyCap) {
			t.Errorf("recipient %d: %v (%s)", r, n.Outcome, n.Reason)
		}
	}
	if s.want("a capped update", capped, 1, 2, 3, 4); s.asked.counted != 4 {
		t.Errorf("counted for %d recipients, want 4", s.asked.counted)
	}
	for _, free := range []map[int64]notification.Notification{
		other("third", incident.Investigating, incident.Critical), other("second", incident.Resolved, incident.Minor),
	} {
		for r, n := range free {
			if n.Outcome == notification.Suppressed {
				t.Errorf("recipient %d is capped in spite of it: %+v", r, n)
			}
		}
		if len(free) != 4 || s.asked.counted != 0 {
			t.Errorf("%d are told, %d counted", len(free), s.asked.counted)
		}
	}
	report, err := s.ledger.Report(t.Context(), "payments", "second")
	if err != nil || !slices.ContainsFunc(report.Updates[0].Outcomes, func(o ledger.OutcomeCount) bool { return o.Reason == "frequency_cap" && o.Count == 1 }) {
		t.Errorf("the report shows %+v, %v", report.Updates, err)
	}
}

func TestQuietHoursPutPlanningOff(t *testing.T) {
	s := newStory(t, 0)
	var rs []audience.Recipient
	for i, zone := range []string{"Europe/Chisinau", "America/New_York", "Europe/Bucharest", "Europe/Chisinau", "America/New_York"} {
		r := customer(2 * (i + 1)) // English, by sms
		r.Zone = zone
		rs = append(rs, r)
	}
	if err := s.ledger.PutRecipients(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	night := time.Date(2026, 5, 4, 20, 0, 0, 0, time.UTC) // 23:00 in the east, 16:00 in the west
	s.change = func(p *Planner) {
		p.PageSize, p.Clock = 10, clock.Scaled(1e-9, night)
		p.Rules.Quiet, _ = plan.NewQuiet("22:00", "07:00", incident.Major, time.UTC)
	}
	told := s.tell(func(u *incident.Update) { u.Impact = incident.Minor })
	morning := time.Date(2026, 5, 5, 4, 0, 0, 0, time.UTC)
	batches, err := s.ledger.UnsentBatches(t.Context(), morning.Add(-time.Second), 10)
	if err != nil || len(batches) != 1 || len(batches[0].Items) != 2 {
		t.Fatalf("before the morning: %+v, %v; want one batch for the two in the west", batches, err)
	}
	if batches, err = s.ledger.UnsentBatches(t.Context(), morning, 10); err != nil || len(batches) != 2 || len(batches[1].Items) != 3 {
		t.Fatalf("in the morning: %+v, %v; want one batch for the three in the east, in whichever zone", batches, err)
	}
	if due, err := s.ledger.NextBatchDue(t.Context()); err != nil || due.After(night) {
		t.Errorf("next batch due at %v, %v", due, err)
	}
	if at := told[1].Attempt.QueuedAt; !at.Equal(morning) {
		t.Errorf("the wait of what was put off begins at %v, want %v", at, morning)
	}
	before := len(batches)
	s.tell(nil) // major: nobody sleeps through it
	if batches, err = s.ledger.UnsentBatches(t.Context(), night.Add(time.Minute), 10); err != nil || len(batches) != before {
		t.Errorf("what overrides quiet hours waits: %+v, %v", batches, err)
	}
}

// memoryOf is a ledger that remembers what a test says.
type memoryOf struct {
	PlannerLedger
	told map[int64]map[int64]string // by update, by recipient: the channel
}

func (m memoryOf) ToldBy(_ context.Context, update int64, recipients []int64) ([]ledger.Told, error) {
	var all []ledger.Told
	for _, r := range recipients {
		if channel, ok := m.told[update][r]; ok {
			all = append(all, ledger.Told{Recipient: r, Channel: channel})
		}
	}
	return all, nil
}

// Whatever was said before to whom: each recipient is in an update's audience once or not at all, as the
// rule says, and starts on the channel that reached them last.
func TestAudienceIsWhatTheRuleSays(t *testing.T) {
	services := []string{"cards", "atm", "web"}
	dates := []time.Time{{}, time.Unix(1e9, 0), time.Unix(2e9, 0)}
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(services), 1, 3, rapid.ID)
	rapid.Check(t, func(t *rapid.T) {
		var page []ledger.Recipient
		for i := range rapid.IntRange(0, 8).Draw(t, "people") {
			page = append(page, ledger.Recipient{Number: int64(i + 1), Recipient: audience.Recipient{ID: fmt.Sprint(i + 1), Services: some.Draw(t, "uses")}})
		}
		memory := memoryOf{told: map[int64]map[int64]string{}}
		var past ledger.Past
		for id := int64(rapid.IntRange(0, 4).Draw(t, "past")); id > 0; id-- {
			past.Updates = append(past.Updates, ledger.PastUpdate{
				ID: id, Merged: rapid.Bool().Draw(t, "merged"), Date: rapid.SampledFrom(dates).Draw(t, "date"),
			})
			memory.told[id] = rapid.MapOf(rapid.Int64Range(1, 8), rapid.SampledFrom([]string{"", "sms", "email"})).Draw(t, "told")
		}
		for range rapid.IntRange(0, 2).Draw(t, "children") {
			past.Affects = append(past.Affects, incident.Audience{Services: some.Draw(t, "child affects")})
		}
		u := incident.Update{Data: incident.Data{Affects: incident.Audience{Services: some.Draw(t, "affects")}, StartedAt: dates[1], Status: rapid.SampledFrom([]incident.Status{
			incident.Identified, incident.InProgress, incident.Scheduled, incident.Resolved, incident.Cancelled, incident.Postmortem, incident.Correction,
		}).Draw(t, "status")}}
		g := pager{planner: &Planner{Ledger: memory}, update: ledger.Update{Update: u}, circle: newCircle(&ledger.Update{Update: u}, &past)}
		members, err := g.members(context.Background(), page)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for i := range page {
			want, channel := expected(&page[i], &u, &past, memory.told)
			got := at < len(members) && members[at].recipient.Number == page[i].Number
			if got != want {
				t.Fatalf("recipient %d is told: %v, want %v", page[i].Number, got, want)
			}
			if !got {
				continue
			}
			if members[at].lastGood != channel && slices.ContainsFunc(newCircle(&ledger.Update{Update: u}, &past).affected, func(s *audience.Selector) bool { return s.Matches(&page[i].Recipient) }) {
				t.Fatalf("recipient %d starts on %q, want %q", page[i].Number, members[at].lastGood, channel)
			}
			at++
		}
		if at != len(members) {
			t.Fatalf("%d members, %d of them once and in order", len(members), at)
		}
	})
}

// expected is the rule, said another way.
func expected(r *ledger.Recipient, u *incident.Update, past *ledger.Past, told map[int64]map[int64]string) (in bool, channel string) {
	final := u.Status == incident.Resolved || u.Status == incident.Cancelled || u.Status == incident.Postmortem
	var last time.Time // the date that was announced last
	for _, p := range slices.Backward(past.Updates) {
		if !p.Merged && !p.Date.IsZero() {
			last = p.Date
		}
	}
	moved := u.Status == incident.Scheduled && !last.IsZero() && !last.Equal(u.StartedAt)
	for _, p := range past.Updates { // newest first
		by, was := told[p.ID][r.Number]
		if channel == "" {
			channel = by
		}
		in = in || was && (final || p.Merged || moved && !p.Date.IsZero() && p.Date != u.StartedAt || u.Status == incident.Correction)
	}
	if u.Status == incident.Correction {
		return in, channel
	}
	for _, a := range append([]incident.Audience{u.Affects}, past.Affects...) {
		in = in || slices.ContainsFunc(a.Services, func(s string) bool { return slices.Contains(r.Services, s) })
	}
	return in, channel
}
