package main

import (
	"fmt"
	"slices"

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
func recallLine(all []ledger.ChannelReport) string {
	var parts []string
	for i := range all {
		if part := recallPart(&all[i]); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "recall: nothing had been sent"
	}
	return prefixed("recall: ", parts)
}

func recallPart(c *ledger.ChannelReport) string {
	part := fmt.Sprintf("%s %s of %s taken back", c.Channel, thousands(c.Recalled), thousands(c.Accepted))
	switch waiting := c.RecallAsked - c.Recalled - c.RecallKept; {
	case c.Accepted == 0:
		return ""
	case c.RecallAsked == 0:
		return fmt.Sprintf("%s %s stay", c.Channel, thousands(c.Accepted))
	case waiting > 0 && c.RecallKept > 0:
		return part + fmt.Sprintf(" (%s stay, %s not answered yet)", thousands(c.RecallKept), thousands(waiting))
	case waiting > 0:
		return part + fmt.Sprintf(" (%s not answered yet)", thousands(waiting))
	case c.RecallKept > 0:
		return part + fmt.Sprintf(" (%s stay)", thousands(c.RecallKept))
	}
	return part
}
