package dashboard

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// detail is what the page of one incident shows.
type detail struct {
	row
	Ends, Resolved, Promised note
	// Updates, newest first.
	Updates []update
	// Orders are what operators ordered, oldest first.
	Orders []ledger.OrderReport
}

// update is one update on the page of its incident.
type update struct {
	ledger.UpdateProgress
	Said   string
	Lang   string
	Bar    bar
	Funnel funnel
	// Counted is what the report says, nil before it was made.
	Counted *ledger.UpdateReport
	// Behind says that the report is older than the running counts.
	Behind bool
}

func (p *pages) showIncident(w http.ResponseWriter, r *http.Request) {
	v, err := p.readIncident(r.Context(), r.PathValue("team"), r.PathValue("incident"))
	if err != nil {
		p.showTrouble(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, p.incident, frame{Title: v.Team + "/" + v.ID, Page: v})
}

func (p *pages) readIncident(ctx context.Context, team, id string) (detail, error) {
	s, err := p.ledger.Incident(ctx, team, id)
	if err != nil {
		return detail{}, err
	}
	first, err := p.firstNotice(ctx, &s)
	if err != nil {
		return detail{}, err
	}
	counted, err := p.reports.of(ctx, &s)
	if err != nil {
		return detail{}, err
	}
	orders, err := p.ledger.Orders(ctx, team, id)
	if err != nil {
		return detail{}, err
	}
	now := p.clock.Now()
	v := detail{row: rowOf(s, first, now), Orders: orders, Ends: when(s.EndsAt), Resolved: when(s.ResolvedAt), Promised: when(s.NextUpdateAt)}
	for i := len(s.Progress) - 1; i >= 0; i-- {
		full, err := p.ledger.Update(ctx, s.Progress[i].ID)
		if err != nil {
			return detail{}, err
		}
		v.Updates = append(v.Updates, p.updateOf(&s.Progress[i], full.Update, counted))
	}
	return v, nil
}

func (p *pages) updateOf(progress *ledger.UpdateProgress, full incident.Update, counted ledger.Report) update {
	u := update{UpdateProgress: *progress, Bar: barOf(progress), Funnel: funnelOf(progress, p.presumed)}
	u.Said, u.Lang = inOneLanguage(full.Summary)
	for i := range counted.Updates {
		if c := &counted.Updates[i]; c.ID == progress.ID {
			u.Counted = c
			u.Behind = !slices.Equal(c.Tallies, progress.Tallies) || c.State != progress.State
		}
	}
	return u
}

// inOneLanguage returns a text in English, or else in the first of its languages.
func inOneLanguage(t incident.Text) (text, lang string) {
	if s := t.In("en"); s != "" {
		return s, "en"
	}
	for _, lang := range slices.Sorted(maps.Keys(t)) {
		return t[lang], lang
	}
	return "", ""
}

func when(t *time.Time) note {
	if t == nil {
		return note{}
	}
	return note{Text: clockTime(*t), At: *t}
}
