package dashboard

import (
	"context"
	"net/http"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// How much the overview lists.
const (
	maxIncidents  = 50
	maxRejections = 20
)

// overview is what the page "/" shows.
type overview struct {
	Open, Over []row
	Rejections []ledger.Rejection
	// Held counts the updates that wait for approval, Overdue the promises that are not kept.
	Held, Overdue int
}

// row is one incident in a list.
type row struct {
	ledger.IncidentSummary
	Since note
	First note
	Last  note
	// Latest is the newest update that is announced, nil if none is.
	Latest *ledger.UpdateProgress
	Bar    bar
	// EarlierOpen are the notifications of older updates that are still open.
	EarlierOpen int64
	Held        []ledger.UpdateProgress
	Promises    []promised
}

// note is a short remark; Bad says that it needs somebody's eye, At is the time it speaks of.
type note struct {
	Text string
	Bad  bool
	At   time.Time
}

func (p *pages) showOverview(w http.ResponseWriter, r *http.Request) {
	v, err := p.readOverview(r.Context())
	if err != nil {
		p.showTrouble(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, p.overview, frame{Title: "Incidents", Page: v})
}

func (p *pages) readOverview(ctx context.Context) (overview, error) {
	var v overview
	all, err := p.ledger.Incidents(ctx, maxIncidents)
	if err != nil {
		return v, err
	}
	now := p.clock.Now()
	for i := range all {
		first, err := p.firstNotice(ctx, &all[i])
		if err != nil {
			return v, err
		}
		one := rowOf(all[i], first, now)
		v.Held += len(one.Held)
		v.Overdue += overdue(one.Promises)
		if one.Over() {
			v.Over = append(v.Over, one)
		} else {
			v.Open = append(v.Open, one)
		}
	}
	v.Rejections, err = p.ledger.Rejections(ctx, maxRejections)
	return v, err
}

// firstNotice returns when the first message of an incident was taken, zero if none was. The oldest
// announced update nearly always has it, so that it is one read.
func (p *pages) firstNotice(ctx context.Context, s *ledger.IncidentSummary) (time.Time, error) {
	for _, u := range s.Progress {
		if u.Audience == 0 {
			continue
		}
		full, err := p.ledger.Update(ctx, u.ID)
		if err != nil || !full.FirstNoticeAt.IsZero() {
			return full.FirstNoticeAt, err
		}
	}
	return time.Time{}, nil
}

func rowOf(s ledger.IncidentSummary, first, now time.Time) row {
	r := row{IncidentSummary: s, Since: since(s.Incident, now), First: firstNote(s.Incident, first, now), Last: lastNote(s.Incident, now)}
	r.Promises = promises(s.Clocks, now)
	for i := range s.Progress {
		u := &s.Progress[i]
		switch u.State {
		case ledger.Held:
			r.Held = append(r.Held, *u)
		case ledger.Planning, ledger.Sending, ledger.Closed:
			if r.Latest != nil {
				r.EarlierOpen += r.Latest.Open
			}
			r.Latest = u
		case ledger.Approved, ledger.NotAnnounced:
		}
	}
	if r.Latest != nil {
		r.Bar = barOf(r.Latest)
	}
	return r
}

func since(i incident.Incident, now time.Time) note {
	switch {
	case i.StartedAt.After(now):
		return note{Text: "in " + span(i.StartedAt.Sub(now)), At: i.StartedAt}
	case i.ResolvedAt != nil:
		return note{Text: "lasted " + span(i.ResolvedAt.Sub(i.StartedAt)), At: i.StartedAt}
	case i.Over():
		return note{Text: "over", At: i.StartedAt}
	}
	return note{Text: span(now.Sub(i.StartedAt)), At: i.StartedAt}
}

// goal is how soon after an outage began the first customer should know.
const goal = time.Hour

func firstNote(i incident.Incident, first, now time.Time) note {
	planned := i.Kind == incident.Maintenance
	switch {
	case first.IsZero() && i.Over():
		return note{Text: "none", Bad: !planned}
	case first.IsZero():
		return note{Text: "none yet", Bad: !planned && now.Sub(i.StartedAt) > goal}
	case planned && first.Before(i.StartedAt):
		return note{Text: span(i.StartedAt.Sub(first)) + " ahead", At: first}
	case planned:
		return note{Text: span(first.Sub(i.StartedAt)) + " late", Bad: true, At: first}
	}
	took := first.Sub(i.StartedAt)
	return note{Text: "after " + span(max(took, 0)), Bad: took > goal, At: first}
}

func lastNote(i incident.Incident, now time.Time) note {
	n := note{Text: span(now.Sub(i.Time)) + " ago", At: i.Time}
	if i.NextUpdateAt != nil && !i.Over() && now.After(*i.NextUpdateAt) {
		n.Text += ", next one overdue by " + span(now.Sub(*i.NextUpdateAt))
		n.Bad = true
	}
	return n
}
