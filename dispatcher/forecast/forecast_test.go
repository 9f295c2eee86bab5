package forecast_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

var now = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

func kinds() map[string]channels.Kind {
	return map[string]channels.Kind{"sms": channels.SMS, "email": channels.Email, "viber": channels.Messenger, "telegram": channels.Messenger}
}

// inputs are those of a bank whose SMS lane is the slowest, with shares that are known.
func inputs() forecast.Inputs {
	lane := func(name string, kind channels.Kind, rate, wait float64) forecast.Lane {
		l := forecast.Lane{Channel: name, Kind: kind, Rate: rate, AtOnce: 16, Wait: wait, Experience: forecast.Experience{Attempts: 1000, NotTaken: 10, InVain: 40}}
		l.Judge()
		return l
	}
	in := forecast.Inputs{
		Channels: []forecast.Lane{
			lane("sms", channels.SMS, 10, 300), lane("viber", channels.Messenger, 100, 120),
			lane("telegram", channels.Messenger, 30, 120), lane("email", channels.Email, 50, 300),
		},
		Texts:  []forecast.Text{{Kind: channels.SMS, Locale: "ro", Units: 2}, {Kind: channels.SMS, Locale: "ru", Units: 3}, {Kind: channels.Email, Locale: "ro"}},
		Prices: forecast.Prices{Currency: "EUR", Countries: map[string]float64{"MD": 0.04, "RO": 0.05}, Default: 0.06},
		MoveOn: 60,
	}
	in.Channels[3].Presumed, in.Channels[3].Bounce = true, 600
	return in
}

func customer(number, locale, region string) *audience.Recipient {
	return &audience.Recipient{ID: "c", Locale: locale, Regions: []string{region}, Addresses: audience.Addresses{{Channel: "sms", Address: number}}}
}

// add counts n customers who are told in the same way.
func add(t *forecast.Tally, n int, number, locale string, steps ...string) {
	r, d := customer(number, locale, "chisinau"), plan.Decision{Locale: locale, Steps: notification.Steps(steps...)}
	for range n {
		t.Add(r, &d)
	}
}

const moldova, romania, elsewhere = "+37369123456", "+40722123456", "+380501234567"

// TestMakeCounts: what nobody can fail at is exact, and what fails as usual follows from the shares.
func TestMakeCounts(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 1000, moldova, "ro", "viber", "sms")
	add(tally, 200, romania, "ro", "sms")
	add(tally, 100, elsewhere, "ru", "sms", "email")
	tally.Add(customer(moldova, "ro", "balti"), &plan.Decision{Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent})
	f := forecast.Make(tally, inputs(), forecast.Limits{}, now)

	if f.Audience.Recipients != 1301 || len(f.Audience.Untold) != 1 || f.Audience.Untold[0] != (forecast.Untold{Outcome: "suppressed", Reason: "no_consent", Count: 1}) {
		t.Errorf("audience %+v", f.Audience)
	}
	by := map[string]forecast.Channel{}
	for _, c := range f.Channels {
		by[c.Channel] = c
	}
	if c := by["viber"]; c.First != 1000 || c.Attempts != (forecast.Range{Least: 1000, Expected: 1000, Most: 1000}) || c.Reached.Expected != 950 || c.Reached.Most != 1000 || c.Reached.Least != 0 {
		t.Errorf("viber %+v", c)
	}
	// Of 1,000, 5 % go on to SMS as is usual, and all of them if Viber is down.
	if c := by["sms"]; c.First != 300 || c.Attempts != (forecast.Range{Least: 300, Expected: 350, Most: 1300}) {
		t.Errorf("sms %+v", c)
	}
	// 99 % of 250 attempts of 2 segments and of 100 of 3 are taken; at worst all of 1,200 and 100.
	if f.Segments.Expected != 792 || f.Segments.Most != 2700 {
		t.Errorf("segments %+v", f.Segments)
	}
	if f.Money.Expected != 41.58 || f.Money.Most != 1000*2*0.04+200*2*0.05+100*3*0.06 {
		t.Errorf("money %+v", f.Money)
	}
	if !reflect.DeepEqual(f.Worst.Down, []string{"viber"}) || f.Worst.Segments != 2700 {
		t.Errorf("worst %+v", f.Worst)
	}
	if f.Reached.Most != 1300 || f.Reached.Expected >= 1300 || f.Reached.Least >= f.Reached.Expected {
		t.Errorf("reached %+v", f.Reached)
	}
	if _, there := by["telegram"]; there || len(f.Inputs.Channels) != 3 || len(f.Inputs.Texts) != 3 {
		t.Errorf("what nobody needs is there: %+v", f.Inputs)
	}
}

// TestMakeTimes: lanes take what they have at their rate, and who isn't reached goes on when the wait is over.
func TestMakeTimes(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 1000, moldova, "ro", "viber", "sms")
	f := forecast.Make(tally, inputs(), forecast.Limits{}, now)
	// 1,000 at 100 a second, and those of whom nothing is heard for 120 s go by SMS.
	if f.LastSent.Expected != 130 || f.LastReached.Expected != 130 {
		t.Errorf("usually the last leaves after %v, its outcome is known after %v", f.LastSent.Expected, f.LastReached.Expected)
	}
	if f.LastSent.Least != 10 {
		t.Errorf("if all works, the last leaves after %v", f.LastSent.Least)
	}
	// 10 s, then 120 s and at most a minute more until they move on, then 1,000 at 10 a second.
	if f.LastSent.Most != 290 || f.Worst.LastSent != 290 || f.LastReached.Most != 290+300 {
		t.Errorf("at worst the last leaves after %v, its outcome is known after %v; %+v", f.LastSent.Most, f.LastReached.Most, f.Worst)
	}

	tally = forecast.NewTally(kinds())
	add(tally, 500, moldova, "ro", "email")
	f = forecast.Make(tally, inputs(), forecast.Limits{}, now)
	if f.LastSent.Expected != 10 || f.LastReached.Expected != 610 {
		t.Errorf("mail leaves after %v, and may bounce until %v", f.LastSent.Expected, f.LastReached.Expected)
	}
}

func TestStepsWaitAsTheySay(t *testing.T) {
	tally := forecast.NewTally(kinds())
	d := plan.Decision{Locale: "ro", Steps: []notification.Step{{Channel: "viber", Wait: 30 * time.Second}, {Channel: "sms"}}}
	for range 1000 {
		tally.Add(customer(moldova, "ro", ""), &d)
	}
	if f := forecast.Make(tally, inputs(), forecast.Limits{}, now); f.LastSent.Expected != 40 {
		t.Errorf("the last leaves after %v, not 40 s", f.LastSent.Expected)
	}
}

func TestQuietHoursDelay(t *testing.T) {
	tally := forecast.NewTally(kinds())
	d := plan.Decision{Locale: "ro", Steps: notification.Steps("viber"), NotBefore: now.Add(2 * time.Hour)}
	for range 100 {
		tally.Add(customer(moldova, "ro", ""), &d)
	}
	f := forecast.Make(tally, inputs(), forecast.Limits{}, now)
	if f.Audience.Quiet != 100 || !f.Audience.QuietUntil.Equal(d.NotBefore) || f.LastSent.Expected != 7201 {
		t.Errorf("%+v, the last after %v", f.Audience, f.LastSent.Expected)
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		e             forecast.Experience
		refused, lost float64
	}{
		{forecast.Experience{}, forecast.AssumedRefused, forecast.AssumedLost},
		{forecast.Experience{Attempts: 99, NotTaken: 99}, forecast.AssumedRefused, forecast.AssumedLost},
		{forecast.Experience{Attempts: 100, NotTaken: 5, InVain: 10}, 0.05, 0.1},
		{forecast.Experience{Attempts: 100}, 0, 0},
	} {
		l := forecast.Lane{Experience: tt.e}
		if l.Judge(); l.Refused != tt.refused || l.Lost != tt.lost {
			t.Errorf("%+v: %v refused, %v lost", tt.e, l.Refused, l.Lost)
		}
	}
}

func TestBounds(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 1000, moldova, "ro", "viber", "sms")
	make := func(l forecast.Limits) []forecast.Bound {
		f := forecast.Make(tally, inputs(), l, now)
		return f.Bounds
	}
	if got := make(forecast.Limits{}); got != nil {
		t.Errorf("without limits: %+v", got)
	}
	span := func(d time.Duration) clock.Span { return clock.Span(d) }
	for _, tt := range []struct {
		limits forecast.Limits
		name   forecast.BoundName
		want   forecast.Verdict
	}{
		{forecast.Limits{Terms: playbook.Bounds{LastWithin: span(time.Hour)}}, forecast.LastWithin, forecast.Holds},
		{forecast.Limits{Terms: playbook.Bounds{LastWithin: span(3 * time.Minute)}}, forecast.LastWithin, forecast.AtRisk},
		{forecast.Limits{Terms: playbook.Bounds{LastWithin: span(time.Minute)}}, forecast.LastWithin, forecast.Broken},
		{forecast.Limits{Terms: playbook.Bounds{Segments: 5000}}, forecast.SegmentsBound, forecast.Holds},
		{forecast.Limits{Terms: playbook.Bounds{Segments: 200}}, forecast.SegmentsBound, forecast.AtRisk},
		{forecast.Limits{Budget: true, Left: 0}, forecast.BudgetBound, forecast.Broken},
		{forecast.Limits{UsefulFor: 4 * time.Hour}, forecast.UsefulFor, forecast.Holds},
		{forecast.Limits{FirstNotice: time.Hour, StartedAt: now.Add(-time.Minute)}, forecast.FirstNotice, forecast.Holds},
		{forecast.Limits{FirstNotice: time.Hour, StartedAt: now.Add(-2 * time.Hour)}, forecast.FirstNotice, forecast.Broken},
	} {
		got := make(tt.limits)
		if len(got) != 1 || got[0].Name != tt.name || got[0].Verdict != tt.want {
			t.Errorf("%+v: %+v, want %s %s", tt.limits, got, tt.name, tt.want)
		}
	}
}

// TestNothingLeavesTheRange plays whole nights by chance, with one kind of channel down and the others at most as
// bad as on a bad day: what comes of them is within the forecast.
func TestNothingLeavesTheRange(t *testing.T) {
	in := inputs()
	tally := forecast.NewTally(kinds())
	ways := []struct {
		n     int
		steps []string
	}{{400, []string{"viber", "sms"}}, {200, []string{"telegram", "sms"}}, {300, []string{"email", "sms"}}, {150, []string{"sms"}}, {40, []string{"viber", "email"}}, {3, []string{"email"}}}
	for _, w := range ways {
		add(tally, w.n, moldova, "ro", w.steps...)
	}
	f := forecast.Make(tally, in, forecast.Limits{}, now)
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		down := [][]string{nil, {"viber"}, {"telegram"}, {"viber", "telegram"}, {"email"}, {"sms"}}[rng.IntN(6)]
		fails := rng.Float64() * forecast.BadRefused
		a := forecast.Actual{Audience: f.Audience.Recipients, Attempts: map[string]int64{}, Reached: map[string]int64{}}
		for _, w := range ways {
			for range w.n {
				for _, channel := range w.steps {
					a.Attempts[channel]++
					failed := rng.Float64() < fails || strings.Contains(fmt.Sprint(down), channel)
					if channel == "sms" && !failed {
						a.Segments += 2
					}
					if !failed {
						a.Reached[channel]++
						break
					}
				}
			}
		}
		if c := forecast.Compare(&f, a); !c.Within {
			t.Errorf("seed %d, %v down, %.0f%% refused elsewhere: %+v", seed, down, 100*fails, c.Missed())
		}
	}
}

func TestCompare(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 1000, moldova, "ro", "viber", "sms")
	f := forecast.Make(tally, inputs(), forecast.Limits{}, now)
	good := func() forecast.Actual {
		return forecast.Actual{
			Audience: 1000, Attempts: map[string]int64{"viber": 1000, "sms": 60}, Reached: map[string]int64{"viber": 940, "sms": 59},
			Segments: 118, LastReached: 140,
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*forecast.Actual)
		missed []forecast.FigureName
	}{
		{"as expected", func(*forecast.Actual) {}, nil},
		{"twice the audience", func(a *forecast.Actual) { a.Audience = 2000 }, []forecast.FigureName{forecast.FigureAudience}},
		{"hardly anybody reached", func(a *forecast.Actual) { a.Reached = map[string]int64{"sms": 59} }, []forecast.FigureName{forecast.FigureReached}},
		{"hardly anybody, since newer news came", func(a *forecast.Actual) { a.Reached, a.Stopped = map[string]int64{"sms": 59}, 900 }, nil},
		{"long texts", func(a *forecast.Actual) { a.Segments = 9000 }, []forecast.FigureName{forecast.FigureSegments, forecast.FigureMoney}},
		{"late", func(a *forecast.Actual) { a.LastReached = 3600 }, []forecast.FigureName{forecast.FigureLast}},
		{"nobody tried", func(a *forecast.Actual) { a.Attempts = nil }, []forecast.FigureName{forecast.FigureAttempts}},
	} {
		a := good()
		tt.change(&a)
		c := forecast.Compare(&f, a)
		var missed []forecast.FigureName
		for _, m := range c.Missed() {
			missed = append(missed, m.Name)
		}
		if !reflect.DeepEqual(missed, tt.missed) || c.Within != (tt.missed == nil) {
			t.Errorf("%s: missed %v, want %v", tt.name, missed, tt.missed)
		}
	}
}

// TestJSON: what is kept reads back as it was.
func TestJSON(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 10, moldova, "ro", "viber", "sms")
	f := forecast.Make(tally, inputs(), forecast.Limits{Budget: true, Left: 5}, now)
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back forecast.Forecast
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(f, back) {
		t.Errorf("%v\n%+v\n%+v", err, f, back)
	}
}

func TestEmptyAudience(t *testing.T) {
	f := forecast.Make(forecast.NewTally(kinds()), inputs(), forecast.Limits{UsefulFor: time.Hour}, now)
	if f.Audience.Recipients != 0 || f.LastSent.Most != 0 || len(f.Channels) != 0 || len(f.Worst.Down) != 0 {
		t.Errorf("%+v", f)
	}
	if _, err := json.Marshal(f); err != nil { // no infinities
		t.Error(err)
	}
	var b bytes.Buffer
	if err := forecast.Print(&b, &f); err != nil || !strings.Contains(b.String(), "nobody is affected") {
		t.Errorf("%v\n%s", err, &b)
	}
}

// TestUnlimited: without a rate, what is under way at once says how fast a channel is; with a fast clock, it
// takes as long on the wall and longer in the product's time.
func TestUnlimited(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 1600, moldova, "ro", "viber")
	in := inputs()
	in.Channels[1].Rate = 0
	if f := forecast.Make(tally, in, forecast.Limits{}, now); f.LastSent.Expected != 10 || f.LastSent.Least != 0 {
		t.Errorf("%+v", f.LastSent)
	}
	in.TimeScale = 60
	if f := forecast.Make(tally, in, forecast.Limits{}, now); f.LastSent.Expected != 600 {
		t.Errorf("%+v", f.LastSent)
	}
}

func TestRegionsAreBounded(t *testing.T) {
	tally := forecast.NewTally(kinds())
	d := plan.Decision{Locale: "ro", Steps: notification.Steps("viber")}
	for i := range 2000 {
		tally.Add(customer(moldova, "ro", fmt.Sprint(i)), &d)
	}
	r := customer(moldova, "ro", "a")
	r.Regions = append(r.Regions, "b")
	tally.Add(r, &d)
	f := forecast.Make(tally, inputs(), forecast.Limits{}, now)
	cells := map[string]int64{}
	for _, c := range f.Audience.Cells {
		cells[c.Region] += c.Count
	}
	if len(cells) != 502 || cells[forecast.OtherRegions] != 1500 || cells[forecast.SeveralRegions] != 1 {
		t.Errorf("%d regions, %d others", len(cells), cells[forecast.OtherRegions])
	}
}

func TestPrint(t *testing.T) {
	tally := forecast.NewTally(kinds())
	add(tally, 1000, moldova, "ro", "viber", "sms")
	add(tally, 300, romania, "ru", "email", "sms")
	account := &audience.Recipient{ID: audience.AccountPrefix + "x:bank"}
	tally.Add(account, &plan.Decision{Locale: "ro", Outcome: notification.Unreachable, Reason: notification.NoText})
	f := forecast.Make(tally, inputs(), forecast.Limits{UsefulFor: time.Hour, Terms: playbook.Bounds{Segments: 200}}, now)
	var b bytes.Buffer
	if err := forecast.Print(&b, &f); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"audience: 1,300 customers, 1 public accounts", "not told: 1 unreachable (no text)", "worst case, viber down", "EUR",
		"chisinau", "languages: ro 1,000, ru 300", "at most 200 SMS segments: ", "at risk", "worth telling for 1h: ", "✓",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestSpanAndMoney(t *testing.T) {
	for s, want := range map[float64]string{0: "0s", 4.24: "4.2s", 10: "10s", 60: "1m", 750: "12m 30s", 3600: "1h", 11100: "3h 5m", 187200: "2d 4h"} {
		if got := forecast.Span(s); got != want {
			t.Errorf("Span(%v) = %q, want %q", s, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0.00 EUR", 1.999: "2.00 EUR", 12345.678: "12,345.68 EUR"} {
		if got := forecast.Money(v, "EUR"); got != want {
			t.Errorf("Money(%v) = %q, want %q", v, got, want)
		}
	}
}

func BenchmarkTally(b *testing.B) {
	tally := forecast.NewTally(kinds())
	var rs []audience.Recipient
	for r := range audience.Generate(10_000, 1, audience.DefaultMix()) {
		rs = append(rs, r)
	}
	rules := plan.Rules{
		Channels: []plan.Channel{{Name: "sms", Kind: channels.SMS}, {Name: "email", Kind: channels.Email}, {Name: "telegram", Kind: channels.Messenger}, {Name: "viber", Kind: channels.Messenger}},
		Behind:   []string{"sms"}, Locales: []string{"ro", "ru", "en"},
	}
	ds := make([]plan.Decision, len(rs))
	for i := range rs {
		ds[i] = rules.For(&rs[i], plan.Case{})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tally.Add(&rs[i%len(rs)], &ds[i%len(rs)])
	}
}
