package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// wasRecalled reports whether one of the orders recalled an update.
func wasRecalled(u *ledger.UpdateReport, orders []ledger.OrderReport) bool {
	return slices.ContainsFunc(orders, func(o ledger.OrderReport) bool {
		about := o.Update == u.ID || o.Update == 0 && u.ReceivedAt.Before(o.DoneAt)
		return o.Verb == ledger.Recall && !o.Refused && about
	})
}

// recallLine says what became of the messages of an update that was recalled: also of those that nobody can
// take back.
// While the order is still being carried out it says only what was asked for so far.
func recallLine(u *ledger.UpdateReport) string {
	var parts []string
	for i := range u.Channels {
		c := &u.Channels[i]
		if part := recallPart(c); part != "" && (c.RecallAsked > 0 || !u.Recalling) {
			parts = append(parts, part)
		}
	}
	switch {
	case u.Recalling && len(parts) == 0:
		return "recall: under way"
	case u.Recalling:
		return prefixed("recall, still under way: ", parts)
	case len(parts) == 0:
		return "recall: nothing had been sent"
	}
	return prefixed("recall: ", parts)
}

func recallPart(c *ledger.ChannelReport) string {
	switch {
	case c.Accepted == 0:
		return ""
	case c.RecallAsked == 0:
		return fmt.Sprintf("%s %s stay", c.Channel, thousands(c.Accepted))
	}
	var rest []string
	for _, r := range []struct {
		count int64
		what  string
	}{
		{c.RecallKept, "stay"}, {c.RecallAsked - c.Recalled - c.RecallKept, "not answered yet"},
		{c.Accepted - c.RecallAsked, "not asked for"}, // the provider gave them no name, or says that they never arrived
	} {
		if r.count > 0 {
			rest = append(rest, thousands(r.count)+" "+r.what)
		}
	}
	part := fmt.Sprintf("%s %s of %s taken back", c.Channel, thousands(c.Recalled), thousands(c.Accepted))
	if len(rest) > 0 {
		part += " (" + strings.Join(rest, ", ") + ")"
	}
	return part
}
