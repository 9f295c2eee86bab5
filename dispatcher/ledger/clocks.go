package ledger

import (
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// Watched is an incident with all that its clocks depend on.
type Watched struct {
	// Row is the incident's id in the ledger.
	Row      int64
	Incident incident.Incident
	Paused   bool
	// Updates are all of its updates, oldest first.
	Updates []WatchedUpdate
	Clocks  []promise.State
}

// WatchedUpdate is an update of a watched incident.
type WatchedUpdate struct {
	Update
	Paused bool
}

// Case is what the incident's clocks are decided by.
func (w *Watched) Case(day promise.Day) promise.Case {
	c := promise.Case{Incident: w.Incident, Paused: w.Paused, Day: day}
	for i := range w.Updates {
		u := &w.Updates[i]
		if at := u.FirstNoticeAt; !at.IsZero() && (c.FirstNoticeAt.IsZero() || at.Before(c.FirstNoticeAt)) {
			c.FirstNoticeAt = at
		}
		if u.RetryOf != 0 || u.State == NotAnnounced {
			continue // says nothing new
		}
		c.Cadence, c.CalledOff = u.Terms.Cadence, u.State == Cancelled
		if slices.Contains([]UpdateState{Approved, Planning, Sending, Closed}, u.State) {
			c.Words = append(c.Words, promise.Word{Update: u.Update.Update, At: u.ApprovedAt, Paused: u.Paused})
		}
	}
	return c
}

// Outgoing is a message that the ledger has decided on and that is to be published: at least once, always
// the same.
type Outgoing struct {
	ID      int64
	Subject string
	// Message is the id by which the stream knows it again.
	Message string
	// Body is a CloudEvent in structured mode.
	Body []byte
	// Until is when it is no longer worth publishing; zero is never.
	Until time.Time
}

// Member is somebody in the audience of an update, with how their notification has ended.
type Member struct {
	Number    int64
	Recipient string
	Update    int64
	Outcome   string
}
