package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// forecasterLedger says when a forecast is kept, and can refuse to.
type forecasterLedger struct {
	*sqlite.Ledger
	refuse int64
	kept   chan int64
}

func (l *forecasterLedger) RecordForecast(ctx context.Context, update int64, made []byte) error {
	if update == l.refuse {
		return errors.New("the disk is wet")
	}
	err := l.Ledger.RecordForecast(ctx, update, made)
	if err == nil {
		l.kept <- update
	}
	return err
}

func newForecaster(l *sqlite.Ledger, page int) (*Forecaster, *forecasterLedger) {
	planner, _ := newPlanner(l, page)
	fl := &forecasterLedger{Ledger: l, kept: make(chan int64, 10)}
	lane := func(name string, kind channels.Kind) forecast.Lane {
		return forecast.Lane{Channel: name, Kind: kind, Rate: 10, AtOnce: 4, Wait: 60}
	}
	return &Forecaster{
		Planner: planner, Ledger: fl, Metrics: planner.Metrics, Log: quiet(),
		Inputs: forecast.Inputs{Channels: []forecast.Lane{lane("sms", channels.SMS), lane("email", channels.Email), lane("web", channels.Web)}},
		Texts: func(incident.Update) ([]ledger.Text, playbook.Terms, []incident.Fault) {
			return testTexts(channels.SMS, channels.Email), playbook.Terms{}, nil
		},
	}, fl
}

// hold puts a held update into the ledger and returns its id.
func hold(t *testing.T, l *sqlite.Ledger, u incident.Update, terms playbook.Terms) int64 {
	t.Helper()
	_, err := l.RecordUpdate(t.Context(), u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		after, _ := incident.Fold(before, u, time.Now())
		return ledger.NewUpdate{
			Update: u, Incident: after, State: ledger.Held, ReceivedAt: time.Now(), Terms: terms, Texts: testTexts(channels.SMS, channels.Email),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return progressOf(t, l, u).ID
}

func progressOf(t *testing.T, l *sqlite.Ledger, u incident.Update) ledger.UpdateProgress {
	t.Helper()
	s, err := l.Incident(t.Context(), u.Team, u.Incident)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Progress {
		if p.EventID == u.EventID {
			return p
		}
	}
	t.Fatalf("update %s is not in the ledger", u.EventID)
	return ledger.UpdateProgress{}
}

// kept is the forecast that the ledger has.
func kept(t *testing.T, l *sqlite.Ledger, update int64) forecast.Forecast {
	t.Helper()
	raw, err := l.Forecast(t.Context(), update)
	if err != nil {
		t.Fatal(err)
	}
	var f forecast.Forecast
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return f
}

// mixed are customers of all sorts: some have no address, no consent, another service.
func mixed(t *testing.T, l *sqlite.Ledger, n int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	var rs []audience.Recipient
	for i := range n {
		r := customer(i + 1)
		switch rng.IntN(8) {
		case 0:
			r.Consents = []string{"email"}
		case 1:
			r.Consents = nil
		case 2:
			r.Services = []string{"loans"}
		case 3:
			r.Addresses = r.Addresses[:1]
		case 4:
			r.Addresses = nil
		}
		r.Regions = []string{[]string{"north", "south"}[rng.IntN(2)]}
		rs = append(rs, r)
	}
	if err := l.PutRecipients(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
}

// TestForecastIsWhatIsPlanned: what was forecast of a held update is what planning then commits, for the first word
// of an incident and for its end, which others are owed; a draft says the same before.
func TestForecastIsWhatIsPlanned(t *testing.T) {
	l := openLedger(t)
	mixed(t, l, 200)
	f, fl := newForecaster(l, 7)
	defer runs(t, f.Run)()
	first, end := testUpdate(1), testUpdate(2)
	end.Status, end.Affects = incident.Resolved, incident.Audience{Services: []string{"loans"}}
	for _, u := range []incident.Update{first, end} {
		draft, err := f.Draft(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		id := hold(t, l, u, playbook.Terms{})
		if got := await(t, "the forecast", fl.kept); got != id {
			t.Fatalf("forecast of update %d, want %d", got, id)
		}
		made := kept(t, l, id)
		draft.MadeAt = made.MadeAt
		for _, b := range []*forecast.Forecast{&draft, &made} { // as time passes, the first notice comes closer
			b.Bounds = nil
		}
		if !reflect.DeepEqual(draft, made) {
			t.Errorf("the draft's forecast differs:\n%+v\n%+v", draft, made)
		}
		approve(t, l, id)
		planAll(t, l, 7)
		p := progressOf(t, l, u)
		if p.Audience != made.Audience.Recipients || p.Audience == 0 {
			t.Errorf("%s: %d forecast, %d planned", u.Status, made.Audience.Recipients, p.Audience)
		}
		for _, c := range made.Channels {
			if planned := p.Count(c.Channel, ledger.Planned); planned != c.First {
				t.Errorf("%s: %s is the first step of %d, planned of %d", u.Status, c.Channel, c.First, planned)
			}
		}
		for _, untold := range made.Audience.Untold {
			if untold.Reason == notification.NoConsent && p.Count("", untold.Outcome) != untold.Count {
				t.Errorf("%s: %+v, planned %d", u.Status, untold, p.Count("", untold.Outcome))
			}
		}
	}
}

// TestForecastOfWhatIsNotCounted is made once it is planned.
func TestForecastOfWhatIsNotCounted(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 10)
	f, fl := newForecaster(l, 4)
	defer runs(t, f.Run)()
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	planAll(t, l, 4)
	id := await(t, "the forecast", fl.kept)
	if made := kept(t, l, id); made.Audience.Recipients != 10 {
		t.Errorf("%+v", made.Audience)
	}
}

// TestForecastIsCountedWhilePlanning: of what goes out at once the forecast is there when it is planned, the same that
// a look at the whole directory gives; a planner that goes on where another was killed has not counted all.
func TestForecastIsCountedWhilePlanning(t *testing.T) {
	l := openLedger(t)
	mixed(t, l, 50)
	f, fl := newForecaster(l, 7)
	planner, pl := newPlanner(l, 7)
	planner.Foresee = f.Counted
	draft, err := f.Draft(t.Context(), testUpdate(1))
	if err != nil {
		t.Fatal(err)
	}
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	stop := runs(t, planner.Run)
	id := await(t, "the forecast", fl.kept)
	await(t, "the last page", pl.last)
	stop()
	if made := kept(t, l, id); !reflect.DeepEqual(made.Audience, draft.Audience) || !reflect.DeepEqual(made.Channels, draft.Channels) {
		t.Errorf("counted %+v, %+v\nlooked at %+v, %+v", made.Audience, made.Channels, draft.Audience, draft.Channels)
	}

	record(t, l, testUpdate(2), testTexts(channels.SMS, channels.Email))
	killed, dying := newPlanner(l, 7)
	ctx, kill := context.WithCancel(t.Context())
	dying.before = func(page int) error {
		if page == 2 {
			kill()
			return ctx.Err()
		}
		return nil
	}
	killed.Foresee = f.Counted
	if err := killed.Run(ctx); err != nil {
		t.Error(err)
	}
	kill()
	planner, pl = newPlanner(l, 7)
	planner.Foresee = f.Counted
	stop = runs(t, planner.Run)
	await(t, "the last page", pl.last)
	stop()
	if raw, err := l.Forecast(t.Context(), progress(t, l).ID); err != nil || len(raw) != 0 {
		t.Errorf("half of it was counted, and it is forecast: %s, %v", raw, err)
	}
	defer runs(t, f.Run)()
	if got := await(t, "the forecast made later", fl.kept); got != progress(t, l).ID {
		t.Errorf("forecast of update %d", got)
	}
}

// TestForecastThatFails keeps no other waiting, and is made in the end.
func TestForecastThatFails(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 10)
	f, fl := newForecaster(l, 4)
	bad, good := testUpdate(1), testUpdate(2)
	fl.refuse = hold(t, l, bad, playbook.Terms{})
	id := hold(t, l, good, playbook.Terms{})
	stop := runs(t, f.Run)
	if got := await(t, "the other's forecast", fl.kept); got != id {
		t.Errorf("forecast of %d, want %d", got, id)
	}
	stop()
	fl.refuse = 0
	defer runs(t, f.Run)()
	await(t, "its own forecast", fl.kept)
}

func TestForecastBounds(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 10)
	f, fl := newForecaster(l, 4)
	f.Budget, f.UsefulFor = 1000, time.Hour
	terms := playbook.Terms{Playbook: "x", Bounds: playbook.Bounds{Segments: 3}}
	defer runs(t, f.Run)()
	id := hold(t, l, testUpdate(1), terms)
	await(t, "the forecast", fl.kept)
	names := map[forecast.BoundName]forecast.Bound{}
	for _, b := range kept(t, l, id).Bounds {
		names[b.Name] = b
	}
	if len(names) != 3 || names[forecast.BudgetBound].Limit != 1000 || names[forecast.SegmentsBound].Limit != 3 || names[forecast.UsefulFor].Limit != 3600 {
		t.Errorf("bounds %+v; a playbook that promises no first notice is held to none", names)
	}
	other := testUpdate(1)
	other.Incident, other.EventID = "other", "other-1"
	id = hold(t, l, other, playbook.Terms{})
	await(t, "the forecast", fl.kept)
	if b := kept(t, l, id).Bounds; len(b) == 0 || b[0].Name != forecast.FirstNotice || b[0].Limit != 3600 || b[0].Verdict != forecast.Broken {
		t.Errorf("an hour after the beginning: %+v", b)
	}
}

func TestDraftSaysWhatIsWrong(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 2)
	f, _ := newForecaster(l, 4)
	hold(t, l, testUpdate(5), playbook.Terms{})
	_, err := f.Draft(t.Context(), testUpdate(4))
	if bad, ok := errors.AsType[*incident.FaultError](err); !ok || bad.Faults[0].Path != "data" || !strings.Contains(err.Error(), "older") {
		t.Errorf("older news: %v", err)
	}
	odd := testUpdate(6)
	odd.Kind, odd.Status = incident.Maintenance, incident.Scheduled
	_, err = f.Draft(t.Context(), odd)
	if _, ok := errors.AsType[*incident.FaultError](err); !ok {
		t.Errorf("a maintenance that was an outage: %v", err)
	}
	f.Texts = func(incident.Update) ([]ledger.Text, playbook.Terms, []incident.Fault) {
		return nil, playbook.Terms{}, []incident.Fault{{Path: "texts.sms.en", Problem: "is missing"}}
	}
	_, err = f.Draft(t.Context(), testUpdate(6))
	if bad, ok := errors.AsType[*incident.FaultError](err); !ok || bad.Faults[0].Path != "texts.sms.en" {
		t.Errorf("a text that can't be written: %v", err)
	}
}

// TestLearn: what was not taken and what was in vain, of attempts that have ended.
func TestLearn(t *testing.T) {
	progress := func(state ledger.UpdateState, open int64, counts map[string]int64) *ledger.UpdateProgress {
		p := &ledger.UpdateProgress{State: state, Audience: 1000, Open: open}
		for what, n := range counts {
			p.Tallies = append(p.Tallies, ledger.Tally{Channel: "sms", What: what, Count: n})
		}
		return p
	}
	night := map[string]int64{"queued": 1000, "revoked": 100, "accepted": 850, "delivered": 800, "failed": 60, "expired": 40}
	for _, tt := range []struct {
		name string
		p    *ledger.UpdateProgress
		want forecast.Experience
	}{
		{"closed", progress(ledger.Closed, 0, night), forecast.Experience{Attempts: 900, NotTaken: 50, InVain: 50}},
		{"nearly done", progress(ledger.Sending, 100, night), forecast.Experience{Attempts: 900, NotTaken: 50, InVain: 50}},
		{"under way", progress(ledger.Sending, 101, night), forecast.Experience{}},
		{"cancelled", progress(ledger.Cancelled, 0, night), forecast.Experience{}},
		{"never tried", progress(ledger.Closed, 0, nil), forecast.Experience{}},
		{"all stopped", progress(ledger.Closed, 0, map[string]int64{"queued": 5, "revoked": 5}), forecast.Experience{}},
		{"none taken", progress(ledger.Closed, 0, map[string]int64{"queued": 5, "failed": 5}), forecast.Experience{Attempts: 5, NotTaken: 5}},
	} {
		var e forecast.Experience
		if learn(&e, tt.p, "sms"); e != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, e, tt.want)
		}
	}
}

// TestForecastLearnsFromEarlierUpdates: shares are measured as soon as there is enough to measure.
func TestForecastLearnsFromEarlierUpdates(t *testing.T) {
	l := openLedger(t)
	customers(t, l, 1, 300)
	f, _ := newForecaster(l, 400)
	record(t, l, testUpdate(1), testTexts(channels.SMS, channels.Email))
	planAll(t, l, 400)
	lanes, err := f.experienced(t.Context(), 0, time.Now())
	if err != nil || lanes[0].Attempts != 0 || lanes[0].Refused != forecast.AssumedRefused {
		t.Fatalf("while it is under way: %+v, %v", lanes, err)
	}
	settleAll(t, l)
	lanes, err = f.experienced(t.Context(), 0, time.Now())
	if err != nil || lanes[0].Attempts != 150 || lanes[0].Refused != 1 {
		t.Errorf("after it: %+v, %v", lanes[0], err)
	}
	if lanes, _ = f.experienced(t.Context(), progress(t, l).ID, time.Now()); lanes[0].Attempts != 0 {
		t.Errorf("of the update itself: %+v", lanes[0])
	}
	if lanes, _ = f.experienced(t.Context(), 0, time.Now().Add(2*experienceAge)); lanes[0].Attempts != 0 {
		t.Errorf("long after: %+v", lanes[0])
	}
}

// settleAll refuses every message.
func settleAll(t *testing.T, l *sqlite.Ledger) {
	t.Helper()
	var fold ledger.Fold
	fold.Now = time.Now()
	for _, b := range allBatches(t, l) {
		for _, it := range b.Items {
			ns, err := l.Notifications(t.Context(), []int64{it.Notification})
			if err != nil {
				t.Fatal(err)
			}
			after := ns[0]
			after.Attempt.State = notification.Failed
			after.Outcome, after.Reason, after.SettledAt = notification.Unreachable, notification.Rejected, fold.Now
			fold.Before, fold.Changed = append(fold.Before, ns[0]), append(fold.Changed, after)
		}
	}
	if err := l.Apply(t.Context(), fold); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkForecast makes forecasts of an update for a directory of 20,000: its first word.
func BenchmarkForecast(b *testing.B) {
	l, err := sqlite.Open(b.Context(), b.TempDir()+"/ledger.db", sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	const n = 20_000
	var rs []audience.Recipient
	for r := range audience.Generate(n, 1, audience.DefaultMix()) {
		rs = append(rs, r)
	}
	if err := l.PutRecipients(b.Context(), rs); err != nil {
		b.Fatal(err)
	}
	f := &Forecaster{
		Planner: &Planner{Ledger: &plannerLedger{Ledger: l}, Rules: rules(), PageSize: 8000, Log: quiet()}, Ledger: l, Log: quiet(),
		Inputs: forecast.Inputs{Channels: []forecast.Lane{{Channel: "sms", Kind: channels.SMS, Rate: 10}, {Channel: "email", Kind: channels.Email, Rate: 10}}},
		Texts: func(incident.Update) ([]ledger.Text, playbook.Terms, []incident.Fault) {
			return testTexts(channels.SMS, channels.Email), playbook.Terms{}, nil
		},
	}
	u := testUpdate(1)
	b.ResetTimer()
	for b.Loop() {
		made, err := f.Draft(b.Context(), u)
		if err != nil || made.Audience.Recipients == 0 {
			b.Fatal(err, made.Audience)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/recipient")
}

// approve lets an update go, seen as it is.
func approve(t *testing.T, l *sqlite.Ledger, id int64) {
	t.Helper()
	texts, err := l.Texts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var digests []ledger.TextDigest
	for i := range texts {
		digests = append(digests, texts[i].Digest())
	}
	made, err := l.Forecast(t.Context(), id)
	if err == nil {
		_, err = l.Approve(t.Context(), id, ledger.Approval{By: "ana", Seen: ledger.Seen(digests, made), At: time.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
}
