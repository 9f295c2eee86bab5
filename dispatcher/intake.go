package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Playbooks choose the playbook of an update: it writes the texts, and lays down the terms on which the
// update is sent. The faults are what of the update there is no playbook for.
type Playbooks interface {
	Prepare(u incident.Update) (playbook.Prepared, []incident.Fault)
}

// IntakeLedger is what the intake needs of the ledger.
type IntakeLedger interface {
	RecordUpdate(ctx context.Context, u incident.Update, decide func(*incident.Incident) (ledger.NewUpdate, error)) (bool, error)
	RecordRejection(ctx context.Context, r ledger.Rejection) error
}

// IntakeBus is what the intake needs of NATS.
type IntakeBus interface {
	Consume(ctx context.Context, stream, name, filter string, pending int, handle func(jetstream.Msg)) error
	PublishMessage(ctx context.Context, subject string, header map[string][]string, body []byte) error
}

// Intake consumes updates, checks them, freezes their texts and records them. Its fields are set
// once, before Run.
type Intake struct {
	Ledger    IntakeLedger
	Bus       IntakeBus
	Playbooks Playbooks
	// Kinds are the kinds of channel for which texts are needed.
	Kinds []channels.Kind
	// Measure counts the billed units of a text of a kind.
	Measure func(kind channels.Kind, text string) int
	Clock   clock.Clock
	Planned Signal // woken when there is something to plan
	Metrics *Metrics
	Log     *slog.Logger
}

// oneByOne is how many updates are under way at once, over all processes: in an incident order matters,
// and one that had to wait for the ledger, or for whoever takes over from a process that died, must not
// be overtaken by the next.
const oneByOne = 1

// Run consumes until ctx ends.
func (in *Intake) Run(ctx context.Context) error {
	return in.Bus.Consume(ctx, bus.IncidentsStream, "dispatcher", "", oneByOne, func(m jetstream.Msg) {
		err := in.take(ctx, m)
		if err != nil && ctx.Err() == nil {
			in.Log.ErrorContext(ctx, "update not taken, will try again", "subject", m.Subject(), "error", err)
			in.Metrics.update("deferred")
		}
		if err != nil {
			_ = m.NakWithDelay(retryAfter)
			return
		}
		_ = m.Ack()
	})
}

// take deals with one message. An error means that it could not be dealt with now.
func (in *Intake) take(ctx context.Context, m jetstream.Msg) error {
	begun := time.Now()
	team := bus.TeamOf(m.Subject())
	u, faults := incident.Decode(m.Headers(), m.Data())
	if len(faults) == 0 && u.Team != team {
		faults = append(faults, incident.Fault{Path: "data.team", Problem: fmt.Sprintf("must be %q: it was published on %s", team, m.Subject())})
	}
	if len(faults) == 0 && u.Automatic != "" && u.Follows == "" { // it can't be held to what was let go
		faults = append(faults, incident.Fault{Path: "data.follows", Problem: "is missing: what Tocsin says by itself follows an update; of what a team says, leave automatic out"})
	}
	var prepared playbook.Prepared
	var texts []ledger.Text
	if len(faults) == 0 && !u.Silent() {
		if prepared, faults = in.Playbooks.Prepare(u); len(faults) == 0 {
			texts, faults = in.render(u, &prepared)
		}
	}
	if len(faults) == 0 {
		var err error
		if faults, err = in.record(ctx, u, &prepared, texts); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return in.reject(ctx, team, m.Headers(), m.Data(), faults)
	}
	in.Metrics.intake(time.Since(begun))
	return nil
}

// render writes all texts of an update: what can't be said is found now, not while sending. An
// update that lacks a language other than the default is told in the default there: better in
// another language than not at all.
func (in *Intake) render(u incident.Update, p *playbook.Prepared) (texts []ledger.Text, faults []incident.Fault) {
	for _, kind := range in.Kinds {
		var standard notification.Content
		for i, locale := range p.Locales {
			content, err := p.Render(kind, locale)
			if err == nil {
				in.weigh(u, kind, locale, &content)
			}
			_, missing := errors.AsType[*templates.MissingError](err)
			switch {
			case err == nil && i == 0:
				standard = content
			case missing && i > 0:
				content = standard
				in.Metrics.untranslated(locale)
			case err != nil:
				faults = append(faults, incident.Fault{Path: "texts." + string(kind) + "." + locale, Problem: err.Error()})
			}
			units := in.Measure(kind, templates.Fullest(&content)) // what is billed at most
			texts = append(texts, ledger.Text{Kind: kind, Locale: locale, Content: content, Units: units})
		}
	}
	return texts, faults
}

// weigh warns of a text that is longer than it should be. It goes out all the same: refused in the middle of
// an outage, the update would tell nobody anything.
func (in *Intake) weigh(u incident.Update, kind channels.Kind, locale string, c *notification.Content) {
	if err := templates.Fits(c, kind, u.Status, locale); err != nil {
		in.Metrics.overlong(string(kind))
		in.Log.Warn("text is too long, and goes out as it is", "team", u.Team, "incident", u.Incident, "event", u.EventID, "error", err)
	}
}

// record folds the update into its incident and keeps it, with its texts and terms.
func (in *Intake) record(ctx context.Context, u incident.Update, p *playbook.Prepared, texts []ledger.Text) ([]incident.Fault, error) {
	now := in.Clock.Now()
	var recorded ledger.NewUpdate
	isNew, err := in.Ledger.RecordUpdate(ctx, u, func(before *incident.Incident) (ledger.NewUpdate, error) {
		after, verdict := incident.Fold(before, u, now)
		if len(verdict.Faults) > 0 {
			return ledger.NewUpdate{}, &incident.FaultError{Faults: verdict.Faults}
		}
		recorded = ledger.NewUpdate{Update: u, Incident: after, ReceivedAt: now, State: ledger.NotAnnounced, Reason: string(verdict.Reason)}
		if verdict.Announce {
			recorded.Texts, recorded.Terms, recorded.State = texts, p.Terms, ledger.Held
			if p.Terms.Approval.People == 0 {
				recorded.State, recorded.ApprovedBy = ledger.Approved, p.ApprovedBy
			}
		}
		return recorded, nil
	})
	if bad, ok := errors.AsType[*incident.FaultError](err); ok {
		return bad.Faults, nil
	}
	if errors.Is(err, ledger.ErrReused) {
		return []incident.Fault{{Path: "ce.id", Problem: "is that of another update: give every update an id of its own"}}, nil
	}
	if err != nil {
		return nil, err
	}
	in.announce(ctx, u, &recorded, isNew)
	return nil, nil
}

func (in *Intake) announce(ctx context.Context, u incident.Update, as *ledger.NewUpdate, isNew bool) {
	log := in.Log.With("team", u.Team, "incident", u.Incident, "event", u.EventID, "status", u.Status)
	if !isNew {
		in.Metrics.update("repeated")
		log.InfoContext(ctx, "update came again, nothing changed")
		return
	}
	in.Metrics.update(string(as.State))
	log.InfoContext(ctx, "update recorded", "state", as.State, "playbook", as.Terms.Playbook)
	in.Planned.Wake()
}

// reject keeps the update whole, with everything that is wrong with it. The log names what is
// wrong by path only: the rest is in the ledger.
func (in *Intake) reject(ctx context.Context, team string, header map[string][]string, body []byte, faults []incident.Fault) error {
	in.Log.WarnContext(ctx, "update refused: see `tocsin incidents`", "team", team, "faults", len(faults), "first", faults[0].Path)
	return Reject(ctx, in.Ledger, in.Bus, in.Metrics, ledger.Rejection{Team: team, At: in.Clock.Now(), Faults: faults, Body: body}, header)
}
