package dispatcher

import (
	"context"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// circle says who is in the audience of an update: those whom it affects, and those whom it has to
// tell because of what they were told before. See "Who is told" in DESIGN.md.
type circle struct {
	// affected match it, or an incident that was merged into its own; nobody does for a correction.
	affected []*audience.Selector
	// all are the updates announced before, newest first; owed those of them whose recipients are told
	// whether they are affected or not.
	all, owed []int64
	// again says that the update is told again: to exactly those whom it did not reach.
	again bool
	// accounts are the public accounts that are told, by channel; see playbook.Terms.
	accounts map[string][]string
}

func newCircle(full *ledger.Update, past *ledger.Past) circle {
	u, c := &full.Update, circle{again: full.RetryOf != 0, accounts: full.Terms.Accounts}
	if u.Status != incident.Correction {
		c.affected = append(c.affected, audience.NewSelector(u.Affects))
		for _, a := range past.Affects {
			c.affected = append(c.affected, audience.NewSelector(a))
		}
	}
	another := moved(u, past)
	for _, p := range past.Updates {
		c.all = append(c.all, p.ID)
		if p.Merged || u.Status.Over() || u.Status == incident.Correction || another && !p.Date.IsZero() && !p.Date.Equal(u.StartedAt) {
			c.owed = append(c.owed, p.ID)
		}
	}
	return c
}

// moved reports whether an update gives a maintenance another date than was announced last: whoever
// keeps an earlier one in mind must hear of it.
func moved(u *incident.Update, past *ledger.Past) bool {
	if u.Status != incident.Scheduled {
		return false
	}
	for i := range past.Updates { // newest first
		if p := &past.Updates[i]; !p.Merged && !p.Date.IsZero() {
			return !p.Date.Equal(u.StartedAt)
		}
	}
	return false
}

// listed returns the ids of the only recipients who can be in the circle, nil where anybody can.
func (c *circle) listed(u *incident.Update) []string {
	if len(c.affected) != 1 || len(c.owed) > 0 {
		return nil
	}
	return u.Affects.Recipients
}

func (c *circle) affects(r *audience.Recipient) bool {
	return c.again || c.posts(r) && slices.ContainsFunc(c.affected, func(s *audience.Selector) bool { return s.Matches(r) })
}

// posts reports whether a recipient is no public account, or one of those that the update's terms name.
func (c *circle) posts(r *audience.Recipient) bool {
	id, ok := strings.CutPrefix(r.ID, audience.AccountPrefix)
	if !ok {
		return true
	}
	channel, address, _ := strings.Cut(id, ":")
	told, named := c.accounts[channel]
	return !named || slices.Contains(told, address)
}

// member is somebody in the audience, with what is remembered of them.
type member struct {
	recipient *ledger.Recipient
	// lastGood is the channel by which they were last reached within the incident.
	lastGood string
	recent   int
}

// members returns those of a page who are in the audience, in the page's order.
func (g *pager) members(ctx context.Context, page []ledger.Recipient) ([]member, error) {
	var in, out []int64
	for i := range page {
		if g.circle.affects(&page[i].Recipient) {
			in = append(in, page[i].Number)
		} else {
			out = append(out, page[i].Number)
		}
	}
	known, err := g.toldBy(ctx, g.circle.all, in)
	if err != nil {
		return nil, err
	}
	owed, err := g.toldBy(ctx, g.circle.owed, out)
	if err != nil {
		return nil, err
	}
	all := make([]member, 0, len(in)+len(owed))
	for i, next := 0, 0; i < len(page); i++ {
		r := &page[i]
		channel, told := owed[r.Number]
		if next < len(in) && in[next] == r.Number {
			channel, told = known[r.Number], true
			next++
		}
		if told {
			all = append(all, member{recipient: r, lastGood: channel})
		}
	}
	return all, g.count(ctx, all)
}

// toldBy asks who of the recipients was told by any of the updates, newest first, and by which channel
// they were last reached. Who was reached by one needn't be looked for in older ones: mostly it is one
// look per recipient.
func (g *pager) toldBy(ctx context.Context, updates, recipients []int64) (map[int64]string, error) {
	channels := map[int64]string{}
	for _, u := range updates {
		if len(recipients) == 0 {
			break
		}
		told, err := g.planner.Ledger.ToldBy(ctx, u, recipients)
		if err != nil {
			return nil, err
		}
		for _, t := range told {
			channels[t.Recipient] = t.Channel
		}
		var left []int64
		for _, r := range recipients {
			if channels[r] == "" {
				left = append(left, r)
			}
		}
		recipients = left
	}
	return channels, nil
}

// count adds how many messages each has had lately, where there is a cap.
func (g *pager) count(ctx context.Context, all []member) error {
	limit, u := g.planner.Rules.Cap, &g.update.Update
	if len(all) == 0 || !limit.Applies(u.Status, u.Impact) {
		return nil
	}
	numbers := make([]int64, len(all))
	for i := range all {
		numbers[i] = all[i].recipient.Number
	}
	recent, err := g.planner.Ledger.CountMessages(ctx, g.update.ID, g.now.Add(-limit.Per), numbers)
	for i := range all {
		all[i].recent = recent[numbers[i]]
	}
	return err
}

// inCase is what a member's plan depends on.
func (g *pager) inCase(m *member) plan.Case {
	u := &g.update.Update
	return plan.Case{
		Steps: g.update.Terms.Steps, Kind: u.Kind, Status: u.Status, Impact: u.Impact, Now: g.now, Automatic: u.Automatic, StartsAt: u.StartedAt,
		LastGood: m.lastGood, Recent: m.recent,
	}
}
