package dispatcher

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates"
)

// PlannerLedger is what the planner needs of the ledger.
type PlannerLedger interface {
	NextToPlan(ctx context.Context, after int64) (ledger.Update, error)
	Texts(ctx context.Context, update int64) ([]ledger.Text, error)
	Past(ctx context.Context, update int64) (ledger.Past, error)
	ToldBy(ctx context.Context, update int64, recipients []int64) ([]ledger.Told, error)
	CountMessages(ctx context.Context, update int64, since time.Time, recipients []int64) (map[int64]int, error)
	RecipientsAfter(ctx context.Context, after, until int64, limit int, ids []string) ([]ledger.Recipient, error)
	UnknownRecipients(ctx context.Context, ids []string, until int64) ([]string, error)
	UnreachedAfter(ctx context.Context, update, after, until int64, limit int) ([]ledger.Recipient, error)
	CommitPage(ctx context.Context, p ledger.Page) error
}

// Planner works out, page by page, who is told of an update and how. Its fields are set once,
// before Run.
type Planner struct {
	Ledger PlannerLedger
	Rules  plan.Rules
	// Policy says how long attempts may wait for their lanes.
	Policy notification.Policy
	Clock  clock.Clock
	// Planned wakes the planner; Batches and Pages are woken after each page.
	Planned, Batches, Pages Signal
	// Foresee keeps the forecast of an update whose audience has been counted, before its last page is committed.
	// It must not take long; nil counts nothing.
	Foresee func(ctx context.Context, u *ledger.Update, texts []ledger.Text, past *ledger.Past, t *forecast.Tally)
	// PageSize is how many recipients one transaction looks at.
	PageSize int
	Metrics  *Metrics
	Log      *slog.Logger
}

// Run plans until ctx ends. After an update whose planning failed come those that wait behind it, but for
// newer ones of the same incident: their news would be overtaken by the older.
func (p *Planner) Run(ctx context.Context) error {
	var t turns
	for ctx.Err() == nil {
		u, err := p.Ledger.NextToPlan(ctx, t.last)
		if err == nil && t.over(u.ID) {
			p.Planned.wait(ctx, retryAfter)
			continue
		}
		if err == nil {
			err = p.plan(ctx, u)
			t.had(u.ID, err != nil)
		}
		switch {
		case err == nil:
		case errors.Is(err, ledger.ErrNotFound), errors.Is(err, ledger.ErrConflict):
			p.Planned.wait(ctx, poll) // there is nothing, or somebody else plans it, has paused or cancelled it
		case ctx.Err() == nil:
			p.Log.ErrorContext(ctx, "planning stopped, will try again", "update", u.ID, "error", err)
			p.Metrics.failed("planning")
			if u.ID == 0 {
				p.Planned.wait(ctx, retryAfter)
			}
		}
	}
	return nil
}

// plan commits an update's pages, from wherever it stands.
func (p *Planner) plan(ctx context.Context, u ledger.Update) error {
	texts, err := p.Ledger.Texts(ctx, u.ID)
	if err != nil {
		return err
	}
	past, err := p.Ledger.Past(ctx, u.ID)
	if err != nil {
		return err
	}
	pg := p.pager(&u, texts, &past)
	if p.Foresee != nil && u.Cursor == 0 { // what another planner has begun, nobody has counted whole
		pg.tally = p.newTally()
	}
	for last := false; !last; {
		begun := time.Now()
		recipients, err := pg.recipients(ctx)
		if err != nil {
			return err
		}
		last = len(recipients) < p.PageSize
		page, err := pg.page(ctx, recipients, last)
		if err == nil && last {
			page.Note, err = pg.unknown(ctx)
		}
		if err != nil {
			return err
		}
		if last && pg.tally != nil {
			p.Foresee(ctx, &u, texts, &past, pg.tally)
		}
		if err := p.Ledger.CommitPage(ctx, page); err != nil {
			return err
		}
		pg.update.Cursor = page.Cursor
		pg.update.Audience += int64(len(page.Notifications))
		p.Batches.Wake()
		p.Pages.Wake()
		p.Metrics.page(&page, time.Since(begun))
	}
	p.planned(ctx, &pg.update)
	return nil
}

// pager makes the pages of an update, from wherever it stands; forecasts are made with it too.
func (p *Planner) pager(u *ledger.Update, texts []ledger.Text, past *ledger.Past) pager {
	g := pager{planner: p, rules: p.Rules, update: *u, texts: indexTexts(texts), circle: newCircle(u, past)}
	g.rules.Locales = spoken(p.Rules.Locales, texts)
	return g
}

// newTally makes a tally of the planner's decisions.
func (p *Planner) newTally() *forecast.Tally {
	kinds := map[string]channels.Kind{}
	for _, c := range p.Rules.Channels {
		kinds[c.Name] = c.Kind
	}
	return forecast.NewTally(kinds)
}

// planned tells operators that an audience is frozen. An empty one is most likely a mistake in what
// the update affects.
func (p *Planner) planned(ctx context.Context, u *ledger.Update) {
	log := p.Log.With("team", u.Update.Team, "incident", u.Update.Incident, "update", u.ID)
	if u.Audience == 0 {
		p.Metrics.emptyAudience()
		log.WarnContext(ctx, "nobody is affected by the update: see its services, regions and segments")
		return
	}
	log.InfoContext(ctx, "update planned", "audience", u.Audience)
}

type textKey struct {
	kind   channels.Kind
	locale string
}

func indexTexts(texts []ledger.Text) map[textKey]*notification.Content {
	m := make(map[textKey]*notification.Content, len(texts))
	for i := range texts {
		m[textKey{texts[i].Kind, texts[i].Locale}] = &texts[i].Content
	}
	return m
}

// spoken are the locales that an update has texts in, the default first: its playbook may have texts of
// its own for some. Where it has none at all they are those of the rules.
func spoken(usual []string, texts []ledger.Text) []string {
	var all, others []string
	for _, l := range usual {
		if slices.ContainsFunc(texts, func(t ledger.Text) bool { return t.Locale == l }) {
			all = append(all, l)
		}
	}
	for i := range texts {
		if l := texts[i].Locale; !slices.Contains(all, l) && !slices.Contains(others, l) {
			others = append(others, l)
		}
	}
	if all = append(all, others...); len(all) == 0 {
		return usual
	}
	return all
}

// pager makes the pages of one update.
type pager struct {
	planner *Planner
	rules   plan.Rules // the planner's, in the update's locales
	update  ledger.Update
	texts   map[textKey]*notification.Content
	circle  circle
	now     time.Time // that of the page
	// tally counts the decisions, for the forecast; nil where it isn't made from them.
	tally *forecast.Tally
}

// planned is a recipient with what was decided for them.
type planned struct {
	recipient *ledger.Recipient
	plan.Decision
}

func (d *planned) channel() string {
	if len(d.Steps) == 0 {
		return ""
	}
	return d.Steps[0].Channel
}

// recipients are those that the next page looks at: everybody, or those whom an update that is told again
// did not reach.
func (g *pager) recipients(ctx context.Context) ([]ledger.Recipient, error) {
	u, p := &g.update, g.planner
	if u.RetryOf != 0 {
		return p.Ledger.UnreachedAfter(ctx, u.RetryOf, u.Cursor, u.Until, p.PageSize)
	}
	return p.Ledger.RecipientsAfter(ctx, u.Cursor, u.Until, p.PageSize, g.circle.listed(&u.Update))
}

// comparePlanned orders by what those share who travel together: also whether a step follows, and how long
// theirs waits, since a batch has one deadline.
func comparePlanned(a, b planned) int {
	return cmp.Or(a.NotBefore.Compare(b.NotBefore), cmp.Compare(a.channel(), b.channel()), cmp.Compare(a.Locale, b.Locale),
		cmp.Compare(min(len(a.Steps), 2), min(len(b.Steps), 2)), cmp.Compare(a.wait(), b.wait()))
}

func (d *planned) wait() time.Duration {
	if len(d.Steps) == 0 {
		return 0
	}
	return d.Steps[0].Wait
}

// page decides for each recipient who is in the audience, and lays notifications out in the order of
// their batches, so that ids ascend in the order of sending.
func (g *pager) page(ctx context.Context, recipients []ledger.Recipient, last bool) (ledger.Page, error) {
	g.now = g.planner.Clock.Now()
	p := ledger.Page{Update: g.update.ID, From: g.update.Cursor, Cursor: g.update.Cursor, Last: last, Now: g.now}
	if n := len(recipients); n > 0 {
		p.Cursor = recipients[n-1].Number
	}
	members, err := g.members(ctx, recipients)
	if err != nil {
		return p, err
	}
	all := make([]planned, len(members))
	for i := range members {
		all[i] = planned{members[i].recipient, g.decide(&members[i])}
		if g.tally != nil {
			g.tally.Add(&members[i].recipient.Recipient, &all[i].Decision)
		}
	}
	slices.SortStableFunc(all, comparePlanned)
	p.Notifications = make([]ledger.NewNotification, len(all))
	for i := range all {
		d := &all[i]
		p.Notifications[i] = ledger.NewNotification{
			Recipient: d.recipient.Number, Locale: d.Locale, Steps: d.Steps, Outcome: d.Outcome, Reason: d.Reason,
		}
	}
	p.Batches = g.batches(all)
	return p, nil
}

// decide says how a recipient is told. A channel that was configured after the update's texts were
// frozen has none, and is left out.
func (g *pager) decide(m *member) plan.Decision {
	d := g.rules.For(&m.recipient.Recipient, g.inCase(m))
	if len(d.Steps) == 0 {
		return d
	}
	d.Steps = slices.DeleteFunc(d.Steps, func(s notification.Step) bool {
		kind, _ := g.planner.Rules.Kind(s.Channel)
		return g.texts[textKey{kind, d.Locale}] == nil
	})
	if len(d.Steps) == 0 {
		d.Outcome, d.Reason = notification.Unreachable, notification.NoText
	}
	return d
}

// batches cuts the runs of same time, channel and locale into batches.
func (g *pager) batches(all []planned) []ledger.NewBatch {
	var batches []ledger.NewBatch
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && to-from < bus.MaxAttempts && comparePlanned(all[to], all[from]) == 0 {
			to++
		}
		if all[from].channel() != "" {
			batches = append(batches, g.batch(all, from, to))
		}
		from = to
	}
	return batches
}

func (g *pager) batch(all []planned, from, to int) ledger.NewBatch {
	channel := all[from].channel()
	kind, _ := g.planner.Rules.Kind(channel)
	content := g.texts[textKey{kind, all[from].Locale}]
	leaves, policy := g.now, g.planner.Policy.Of(&g.update.Update)
	if at := all[from].NotBefore; at.After(leaves) {
		leaves = at
	}
	b := ledger.NewBatch{From: from, To: to, Items: make([]ledger.Item, 0, to-from), Batch: ledger.BatchHead{
		Update: g.update.ID, Channel: channel, Kind: kind, Locale: all[from].Locale, NotBefore: all[from].NotBefore,
		Priority: notification.PriorityOf(g.update.Update.Status, g.update.Update.Impact), Last: len(all[from].Steps) == 1,
		GivenUp: policy.GivenUp(channel, leaves, leaves),
	}}
	values := templates.NewFiller(content)
	for i := from; i < to; i++ {
		r := &all[i].recipient.Recipient
		b.Items = append(b.Items, ledger.Item{Address: r.Address(channel), Values: values.Values(r)})
	}
	return b
}
