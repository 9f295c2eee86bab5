package plan

import (
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Cap bounds how many messages a recipient gets within a while. A nil Cap bounds nothing.
type Cap struct {
	// Messages are allowed within Per, counted over all incidents.
	Messages int
	Per      time.Duration
	// Unless is the impact from which on news is sent all the same.
	Unless incident.Impact
}

// Applies reports whether news of a status and impact can be capped. The end of an incident and a
// correction never are: who was told of the outage is told that it is over, and what was wrong.
func (c *Cap) Applies(s incident.Status, i incident.Impact) bool {
	return c != nil && !s.Ends() && s != incident.Correction && !i.AtLeast(c.Unless)
}

// suppresses reports whether the recipient has had enough. Public accounts never have.
func (c *Cap) suppresses(r *audience.Recipient, in *Case) bool {
	return c.Applies(in.Status, in.Impact) && !r.Account() && in.Recent >= c.Messages
}
