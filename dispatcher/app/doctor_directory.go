package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// stale is how old the directory's last import may be before it is called so.
const stale = 7 * 24 * time.Hour

// directory lists the check of the ledger and of the customers in it.
func (x *checkup) directory() []doctor.Check {
	return []doctor.Check{{Group: directory, About: "ledger", Look: x.ledger}}
}

func (x *checkup) ledger(ctx context.Context) []doctor.Finding {
	place := x.Config.LedgerPlace()
	l, err := openReader(ctx, x.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return doctor.Found(doctor.Warning, "import customers before anything happens: tocsin customers import FILE", "there is none yet (%s), so nobody can be told", place)
	case err != nil:
		return doctor.Found(doctor.Fault, "see ledger.url and whether the database runs; `tocsin migrate` brings an older schema up to date", "%v", err)
	}
	defer func() { _ = l.Close() }() // it was only read
	found := doctor.Found(doctor.OK, "", "%s can be read", place)
	at, err := l.Imported(ctx)
	if err != nil {
		return append(found, doctor.Finding{Level: doctor.Fault, Text: err.Error()})
	}
	n, err := x.count(ctx, l)
	if err != nil {
		return append(found, doctor.Finding{About: "customers", Level: doctor.Unchecked, Text: fmt.Sprintf("not all were looked at: %v", err), Mend: "give the check longer with --timeout"})
	}
	found = append(found, age(at, time.Now(), n.all))
	if n.all > 0 {
		found = append(found, n.reachable())
	}
	return append(found, x.affordable(n)...)
}

// age judges how old the directory is.
func age(at, now time.Time, customers int) doctor.Finding {
	f := doctor.Finding{About: "import", Mend: "import customers regularly, before anything happens: tocsin customers import FILE"}
	old := now.Sub(at)
	switch {
	case customers == 0:
		f.Level, f.Text = doctor.Warning, "the directory is empty, so nobody can be told"
	case at.IsZero():
		f.Level, f.Text = doctor.Warning, "when customers were last imported is not known"
	case old > stale:
		f.Level, f.Text = doctor.Warning, fmt.Sprintf("customers were last imported %d days ago: who came or changed their number since is not told", int(old.Hours()/24))
	default:
		f.Text, f.Mend = "customers were last imported on "+at.UTC().Format("2006-01-02 15:04 MST"), ""
	}
	return f
}

// tally counts customers.
type tally struct {
	all     int
	nowhere map[notification.Reason]int // without any channel, by the best reason that they have
	texted  int                         // those whom an SMS can reach
}

// count looks at every customer as planning would.
func (x *checkup) count(ctx context.Context, l reader) (tally, error) {
	rules := &plan.Rules{}
	for i := range x.opened {
		rules.Channels = append(rules.Channels, plan.Channel{Name: x.opened[i].Name, Kind: x.opened[i].kind})
	}
	n := tally{nowhere: map[notification.Reason]int{}}
	for r, err := range l.Recipients(ctx) {
		if err != nil {
			return n, err
		}
		n.add(rules, &r)
	}
	return n, ctx.Err()
}

func (n *tally) add(rules *plan.Rules, r *audience.Recipient) {
	n.all++
	best, usable, texted := notification.NoAddress, false, false
	for _, c := range rules.Channels {
		switch why := rules.Usable(r, c.Name); {
		case why == notification.NoReason:
			usable, texted = true, texted || c.Kind == channels.SMS
		case best == notification.NoAddress:
			best = why
		}
	}
	if !usable {
		n.nowhere[best]++
	}
	if texted {
		n.texted++
	}
}

func (n *tally) reachable() doctor.Finding {
	lost := 0
	for _, c := range n.nowhere {
		lost += c
	}
	f := doctor.Finding{About: "customers", Text: fmt.Sprintf("all %d have a channel that can be used", n.all)}
	if lost == 0 {
		return f
	}
	f.Level = doctor.Warning
	if lost == n.all {
		f.Level = doctor.Fault
	}
	f.Text = fmt.Sprintf("%d of %d can be reached on no configured channel: %d without an address, %d without consent, %d whose addresses providers refuse",
		lost, n.all, n.nowhere[notification.NoAddress], n.nowhere[notification.NoConsent], n.nowhere[notification.InvalidAddress])
	f.Mend = "ask them for an address and their consent, or configure the channel that they have"
	return f
}

// affordable warns where the budget ends before everybody has had one SMS.
func (x *checkup) affordable(n tally) []doctor.Finding {
	if b := x.Config.segments(); b > 0 && int64(n.texted) > b {
		return []doctor.Finding{{
			Group: installation, About: "budget", Level: doctor.Warning,
			Text: fmt.Sprintf("%d SMS segments are fewer than the %d customers whom an SMS can reach: the rest waits for an operator", b, n.texted),
			Mend: "raise the budget, or be ready to: tocsin budget TEAM/ID SEGMENTS",
		}}
	}
	return nil
}
