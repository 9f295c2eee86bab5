package ledgertest

import (
	"encoding/json"
	"fmt"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// unforecast is the id of the update to be forecast after another, 0 if there is none.
func (w *world) unforecast(after int64, sinceSecond int) int64 {
	w.Helper()
	u, err := w.NextToForecast(w.ctx, after, at(sinceSecond))
	if err != nil {
		w.wantErr(err, ledger.ErrNotFound)
	}
	return u.ID
}

// forecastTurns: what is held or planned has its turn, until it has a forecast; what is to be planned waits until
// it is, and what is told to nobody or closed long ago has none.
func forecastTurns(w *world) {
	w.people(2)
	if got := w.unforecast(0, 0); got != 0 {
		w.Errorf("without updates: %d", got)
	}
	w.record(update("quiet", 1), ledger.NotAnnounced)
	sending, _ := w.announce(update("a", 2), 2)
	closed := w.begin(update("b", 3))
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: closed.ID, Cursor: 2, Last: true, Now: at(4)}))
	held := w.record(update("c", 5), ledger.Held)
	approved := w.record(update("d", 6), ledger.Approved)
	for _, turn := range []struct {
		after int64
		since int
		want  int64
	}{{0, 0, sending.ID}, {sending.ID, 0, closed.ID}, {sending.ID, 4, held}, {closed.ID, 0, held}, {held, 0, sending.ID}} {
		if got := w.unforecast(turn.after, turn.since); got != turn.want {
			w.Errorf("after update %d, closed since %d s: %d, want %d", turn.after, turn.since, got, turn.want)
		}
	}
	for _, id := range []int64{sending.ID, closed.ID, held} {
		w.must(w.RecordForecast(w.ctx, id, []byte(`{}`)))
	}
	if got := w.unforecast(0, 0); got != 0 {
		w.Errorf("with all that can be forecast, there is still %d (%d is not planned yet)", got, approved)
	}
}

// forecastLooksAtTheNewest: a look costs the same however many there are.
func forecastLooksAtTheNewest(w *world) {
	first := w.record(update("old", 1), ledger.Held)
	for i := range ledger.ForecastsAmong {
		w.record(update(fmt.Sprint("k", i), 2), ledger.NotAnnounced)
	}
	if got := w.unforecast(0, 0); got != 0 {
		w.Errorf("update %d is older than the newest %d and is looked at: %d", first, ledger.ForecastsAmong, got)
	}
}

// pastOf: of an update that is yet to come, the past is what it is when it has come.
func pastOf(w *world) {
	w.people(2)
	of := func(key, corrects string) ledger.Past {
		w.Helper()
		p, err := w.PastOf(w.ctx, "payments", key, corrects)
		w.must(err)
		return p
	}
	w.equal("past of nothing", of("a", ""), ledger.Past{})
	child, _ := w.announce(update("b", 1), 2)
	first, _ := w.announce(update("a", 1), 2)
	second, _ := w.announce(update("a", 2), 2)
	w.announce(update("other", 1), 2)
	into := merging("b", 2, "a")
	into.Affects = incident.Audience{Regions: []string{"south"}}
	w.record(into, ledger.NotAnnounced)
	w.record(update("a", 3), ledger.Held)
	for _, tt := range []struct {
		name string
		u    incident.Update
	}{{"any", update("a", 9)}, {"a correction of one", correction("a", 9, "a-1")}, {"a child's", update("b", 9)}} {
		before := of(tt.u.Incident, tt.u.Corrects)
		tt.u.EventID += tt.name
		w.equal("past of "+tt.name, before, w.past(w.record(tt.u, ledger.Held)))
	}
	w.equal("past of the root", of("a", "").Updates, []ledger.PastUpdate{{ID: second.ID}, {ID: first.ID}, {ID: child.ID, Merged: true}})
	work := update("work", 1)
	work.Kind, work.Status, work.StartedAt, work.EndsAt = incident.Maintenance, incident.Scheduled, at(9000), new(at(9600))
	announced, _ := w.announce(work, 2)
	w.equal("past of a maintenance", of("work", "").Updates, []ledger.PastUpdate{{ID: announced.ID, Date: at(9000)}})
	foreign, err := w.PastOf(w.ctx, "loans", "a", "")
	w.must(err)
	w.equal("another team's", foreign, ledger.Past{})
}

// reportHoldsForecast: once an update is over, its report says whether it went as was forecast.
func reportHoldsForecast(w *world) {
	w.people(2)
	u, ns := w.announce(update("a", 1), 2)
	made := forecast.Forecast{
		Audience: forecast.Audience{Recipients: 2}, Reached: forecast.Range{Expected: 2, Most: 2},
		Channels:    []forecast.Channel{{Channel: "email", First: 2, Attempts: forecast.Range{Least: 2, Expected: 2, Most: 2}, Reached: forecast.Range{Expected: 2, Most: 2}}},
		LastReached: forecast.Range{Expected: 20, Most: 25},
	}
	kept, err := json.Marshal(made)
	w.must(err)
	w.must(w.RecordForecast(w.ctx, u.ID, kept))
	compared := func() *forecast.Comparison {
		w.Helper()
		r, err := w.Report(w.ctx, "payments", "a")
		w.must(err)
		return r.Updates[0].Forecast
	}
	reached := func(i int) {
		f := ledger.Fold{Now: at(21)}
		change(&f, ns[i], reach("email", notification.Delivered, at(21)))
		w.apply(f)
	}
	reached(0)
	if c := compared(); c != nil {
		w.Errorf("one is open, yet it is judged: %+v", c)
	}
	reached(1)
	c := compared()
	if c == nil || !c.Within {
		w.Fatalf("all were reached in 20 s: %+v", c)
	}
	last := c.Figures[len(c.Figures)-1]
	w.equal("time", last, forecast.Figure{Name: forecast.FigureLast, Range: made.LastReached, Actual: 20, Within: true})
	w.announce(update("b", 2), 2)
	r, err := w.Report(w.ctx, "payments", "b")
	w.must(err)
	if r.Updates[0].Forecast != nil {
		w.Errorf("without a forecast: %+v", r.Updates[0].Forecast)
	}
}
