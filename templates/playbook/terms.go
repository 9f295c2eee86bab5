package playbook

import (
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Terms are what a playbook says of one update: chosen when it is taken in, and kept with it. All that
// happens to the update afterwards goes by them and not by the playbook's files, which may have changed
// since, or lie on another machine. The zero value is that of updates from before there were playbooks:
// they go by the configuration alone.
type Terms struct {
	// Playbook is its name, Hash the SHA-256 of its files and of those that it builds on, in hex.
	Playbook string `json:"playbook,omitempty"`
	Hash     string `json:"hash,omitempty"`
	// Steps are the cascade, in the words of plan.Cascade; none is as configured.
	Steps Steps `json:"steps,omitempty"`
	// Accounts are the public accounts that are told, by channel; a channel that is not named tells all
	// of its own, one with an empty list none.
	Accounts map[string][]string `json:"accounts,omitempty"`
	Approval Approval            `json:"approval,omitzero"`
	Cadence  Cadence             `json:"cadence,omitzero"`
	Bounds   Bounds              `json:"bounds,omitzero"`
	// Compensation are the options that the update gives.
	Compensation []Option `json:"compensation,omitempty"`
}

// Approval says who must see an update before customers do.
type Approval struct {
	// People is how many different people must approve: 0, 1 or 2.
	People int `json:"people,omitempty"`
	// TimeOut is how long the update waits for them; 0 is for ever. Then says what happens after it.
	TimeOut clock.Span `json:"time_out,omitempty"`
	Then    TimedOut   `json:"then,omitempty"`
}

// TimedOut says what becomes of an update that nobody approved in time.
type TimedOut string

// What may become of it.
const (
	SendIt TimedOut = "send" // it goes out as it is
	DropIt TimedOut = "drop" // it is told to nobody
)

// Cadence is what customers may expect to hear, and when.
type Cadence struct {
	// FirstNotice is within what time of its start an outage is told of; 0 is no promise.
	FirstNotice clock.Span `json:"first_notice,omitempty"`
	// Every is how long customers wait for the next word where an update promises none; 0 is no promise.
	Every clock.Span `json:"every,omitempty"`
	// Remind is how long before one of these is due operators are reminded.
	Remind clock.Span `json:"remind,omitempty"`
	// Holding is how many updates in a row Tocsin may send by itself when the next word is due and there
	// is none; 0 is none.
	Holding int `json:"holding,omitempty"`
	// Notices are how long before a maintenance begins it is told of again, longest first.
	Notices []clock.Span `json:"notices,omitempty"`
}

// Bounds are what an update's forecast is held to.
type Bounds struct {
	// LastWithin is within what time of the approval everybody should have been told; 0 is no bound.
	LastWithin clock.Span `json:"last_within,omitempty"`
	// Segments are how many billed units (SMS segments) it should take at most; 0 is no bound.
	Segments int64 `json:"segments,omitempty"`
}

// Option is one way to make good what customers suffered.
type Option struct {
	// ID names it for the billing systems that the compensation is exported to.
	ID string `json:"id"`
	// Value is what the billing systems read: "fee:0", "credit:50 MDL". Tocsin passes it on.
	Value string `json:"value,omitempty"`
}

// Steps is a cascade that is written as the ledger writes it: sms@5m0s!delivered,email.
type Steps []notification.Step

// MarshalText implements encoding.TextMarshaler.
func (s Steps) MarshalText() ([]byte, error) { return []byte(notification.FormatSteps(s)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Steps) UnmarshalText(text []byte) error {
	steps, err := notification.ParseSteps(string(text))
	*s = steps
	return err
}
