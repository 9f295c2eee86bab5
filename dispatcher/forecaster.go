package dispatcher

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// ForecastLedger is what the forecaster needs of the ledger beside what planning does.
type ForecastLedger interface {
	NextToForecast(ctx context.Context, after int64, since time.Time) (ledger.Update, error)
	RecordForecast(ctx context.Context, update int64, forecast []byte) error
	PastOf(ctx context.Context, team, incident, corrects string) (ledger.Past, error)
	Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error)
	Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
}

// Forecaster says of every update what it will come to. Of one that is held it asks the planner's rules about
// everybody in the directory, page by page; of one that goes out at once the planner counts its decisions as it
// makes them ([Forecaster.Counted]), so that nothing is read twice, and what the first messages come to is not
// taken for what was to be expected. It writes nothing but forecasts. Its fields are set once, before Run.
type Forecaster struct {
	// Planner is the one whose decisions are forecast. Its ledger is read only.
	Planner *Planner
	Ledger  ForecastLedger
	// Inputs are what is known without looking: the lanes as configured, prices, times. Experience and texts
	// are added.
	Inputs forecast.Inputs
	// Budget is how many segments an incident may spend where no operator has said otherwise; 0 is no bound.
	Budget int64
	// UsefulFor is how long news is worth telling; 0 is without end.
	UsefulFor time.Duration
	// Texts writes the texts of an update that is not recorded, with what its playbook says of it.
	Texts   func(u incident.Update) ([]ledger.Text, playbook.Terms, []incident.Fault)
	Clock   clock.Clock
	Metrics *Metrics
	Log     *slog.Logger
}

// lateForecast is how old an update may be that was closed before its forecast was made.
const lateForecast = 24 * time.Hour

// Run makes forecasts until ctx ends: of held updates within moments, and of those that were planned without
// having been counted whole, by a planner that was killed. An update of which it fails keeps none of the others
// waiting.
func (f *Forecaster) Run(ctx context.Context) error {
	var t turns
	var tick Signal // nobody wakes it: forecasts are not urgent
	for ctx.Err() == nil {
		u, err := f.Ledger.NextToForecast(ctx, t.last, f.Clock.Now().Add(-lateForecast))
		if err == nil && t.over(u.ID) {
			tick.wait(ctx, retryAfter)
			continue
		}
		if err == nil {
			err = f.make(ctx, &u)
			t.had(u.ID, err != nil)
		}
		switch {
		case err == nil:
		case errors.Is(err, ledger.ErrNotFound):
			tick.wait(ctx, poll)
		case ctx.Err() == nil:
			f.Log.ErrorContext(ctx, "forecast not made, will try again", "update", u.ID, "error", err)
			f.Metrics.failed("forecast")
			if u.ID == 0 {
				tick.wait(ctx, retryAfter)
			}
		}
	}
	return nil
}

// make makes and keeps the forecast of one update.
func (f *Forecaster) make(ctx context.Context, u *ledger.Update) error {
	begun := time.Now()
	texts, err := f.Planner.Ledger.Texts(ctx, u.ID)
	if err != nil {
		return err
	}
	past, err := f.Planner.Ledger.Past(ctx, u.ID)
	if err != nil {
		return err
	}
	tally, err := f.sweep(ctx, u, texts, &past, f.asOf(u))
	if err != nil {
		return err
	}
	return f.keep(ctx, u, texts, &past, tally, begun)
}

// Counted makes and keeps the forecast of an update that is being planned. What fails is logged, and made later.
func (f *Forecaster) Counted(ctx context.Context, u *ledger.Update, texts []ledger.Text, past *ledger.Past, t *forecast.Tally) {
	if err := f.keep(ctx, u, texts, past, t, time.Now()); err != nil && ctx.Err() == nil {
		f.Log.ErrorContext(ctx, "forecast not made, will try again", "update", u.ID, "error", err)
		f.Metrics.failed("forecast")
	}
}

// keep makes and keeps the forecast of an update whose audience was counted.
func (f *Forecaster) keep(ctx context.Context, u *ledger.Update, texts []ledger.Text, past *ledger.Past, t *forecast.Tally, begun time.Time) error {
	made, err := f.forecast(ctx, u, texts, past, t)
	if err != nil {
		return err
	}
	kept, err := json.Marshal(made)
	if err == nil {
		err = f.Ledger.RecordForecast(ctx, u.ID, kept)
	}
	if err != nil {
		return err
	}
	took := time.Since(begun)
	f.Metrics.forecast(took)
	f.Log.InfoContext(ctx, "forecast made", "team", u.Update.Team, "incident", u.Update.Incident, "update", u.ID,
		"audience", made.Audience.Recipients, "bounds_broken", len(made.Broken()), "took", took)
	return nil
}

// Draft makes the forecast of an update that is not recorded, and records nothing. What is wrong with the
// update, also that it would be told to nobody, is an *incident.FaultError.
func (f *Forecaster) Draft(ctx context.Context, u incident.Update) (forecast.Forecast, error) {
	var none forecast.Forecast
	var before *incident.Incident
	switch s, err := f.Ledger.Incident(ctx, u.Team, u.Incident); {
	case err == nil:
		before = &s.Incident
	case !errors.Is(err, ledger.ErrNotFound):
		return none, err
	}
	_, verdict := incident.Fold(before, u, f.Clock.Now())
	if len(verdict.Faults) > 0 {
		return none, &incident.FaultError{Faults: verdict.Faults}
	}
	if !verdict.Announce {
		fault := incident.Fault{Path: "data", Problem: "would be told to nobody: it is " + string(verdict.Reason)}
		return none, &incident.FaultError{Faults: []incident.Fault{fault}}
	}
	texts, terms, faults := f.Texts(u)
	if len(faults) > 0 {
		return none, &incident.FaultError{Faults: faults}
	}
	past, err := f.Ledger.PastOf(ctx, u.Team, u.Incident, u.Corrects)
	if err != nil {
		return none, err
	}
	draft := ledger.Update{Update: u, State: ledger.Held, Terms: terms}
	tally, err := f.sweep(ctx, &draft, texts, &past, f.asOf(&draft))
	if err != nil {
		return none, err
	}
	return f.forecast(ctx, &draft, texts, &past, tally)
}

// asOf is the time as of which an update is forecast: when it was let go, or now.
func (f *Forecaster) asOf(u *ledger.Update) time.Time {
	if u.ApprovedAt.IsZero() {
		return f.Clock.Now()
	}
	return u.ApprovedAt
}

// forecast plays through what was counted.
func (f *Forecaster) forecast(ctx context.Context, u *ledger.Update, texts []ledger.Text, past *ledger.Past, t *forecast.Tally) (made forecast.Forecast, err error) {
	at := f.asOf(u)
	in := f.Inputs
	if in.Channels, err = f.experienced(ctx, u.ID, at); err != nil {
		return made, err
	}
	in.Texts = textInputs(texts)
	limits, err := f.limits(ctx, u, past)
	if err != nil {
		return made, err
	}
	return forecast.Make(t, in, limits, at), nil
}

// sweep counts what the planner would decide for everybody whom an update is for. It holds one page.
func (f *Forecaster) sweep(ctx context.Context, u *ledger.Update, texts []ledger.Text, past *ledger.Past, at time.Time) (*forecast.Tally, error) {
	g := f.Planner.pager(u, texts, past)
	g.now, g.update.Cursor, g.update.Until = at, 0, cmp.Or(u.Until, math.MaxInt64)
	tally := f.Planner.newTally()
	for {
		page, err := g.recipients(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the directory: %w", err)
		}
		members, err := g.members(ctx, page)
		if err != nil {
			return nil, err
		}
		for i := range members {
			d := g.decide(&members[i])
			tally.Add(&members[i].recipient.Recipient, &d)
		}
		if len(page) < f.Planner.PageSize {
			return tally, nil
		}
		g.update.Cursor = page[len(page)-1].Number
	}
}

func textInputs(texts []ledger.Text) []forecast.Text {
	all := make([]forecast.Text, len(texts))
	for i := range texts {
		t := &texts[i]
		all[i] = forecast.Text{Kind: t.Kind, Locale: t.Locale, Units: t.Units, Length: utf8.RuneCountInString(t.Content.Text.Sample())}
	}
	return all
}

// experiencedIncidents and experienceAge are how far back it counts what went wrong.
const (
	experiencedIncidents = 20
	experienceAge        = 30 * 24 * time.Hour
)

// experienced are the lanes with what became of earlier updates' attempts, by their running counts.
func (f *Forecaster) experienced(ctx context.Context, update int64, now time.Time) ([]forecast.Lane, error) {
	recent, err := f.Ledger.Incidents(ctx, experiencedIncidents)
	if err != nil {
		return nil, err
	}
	lanes := append([]forecast.Lane(nil), f.Inputs.Channels...)
	for i := range lanes {
		for j := range recent {
			for k := range recent[j].Progress {
				if p := &recent[j].Progress[k]; p.ID != update && p.ReceivedAt.After(now.Add(-experienceAge)) {
					learn(&lanes[i].Experience, p, lanes[i].Channel)
				}
			}
		}
		lanes[i].Judge()
	}
	return lanes, nil
}

// limits are what an update is held to. What one that is being sent has already spent of its incident's budget
// can't be told from what others have; then its budget is not judged.
func (f *Forecaster) limits(ctx context.Context, u *ledger.Update, past *ledger.Past) (forecast.Limits, error) {
	l := forecast.Limits{Terms: u.Terms.Bounds, UsefulFor: f.UsefulFor}
	if d := &u.Update; d.Kind == incident.Outage && len(past.Updates) == 0 && !d.Status.Over() {
		l.FirstNotice, l.StartedAt = firstNotice(&u.Terms), d.StartedAt
	}
	s, err := f.Ledger.Incident(ctx, u.Update.Team, u.Update.Incident)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return l, err
	}
	if limit := cmp.Or(s.Spending.Cap, f.Budget); limit > 0 && u.State == ledger.Held {
		l.Budget, l.Left = true, max(0, limit-s.Spending.Spent)
	}
	return l, nil
}

// usualFirstNotice is within what time of its start customers expect to hear of an outage.
const usualFirstNotice = time.Hour

func firstNotice(t *playbook.Terms) time.Duration {
	if t.Playbook == "" {
		return cmp.Or(time.Duration(t.Cadence.FirstNotice), usualFirstNotice)
	}
	return time.Duration(t.Cadence.FirstNotice)
}
