// Package plan decides how a recipient is told of an update: on which channels, in which order, in
// which language, when, or why not at all. Everything in it is pure.
package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Channel is a channel that is configured.
type Channel struct {
	Name string
	Kind channels.Kind
}

// Rules say how cascades are made.
type Rules struct {
	// Channels are those configured, in the order in which they are tried for recipients who have
	// none of their preferred ones.
	Channels []Channel
	// Cascades are tried in order; the first that fits an update has its steps. Where none does, they
	// are the channel that worked within the incident, the preferred one, and those of Behind.
	Cascades []Cascade
	// Behind are the channels that stand behind the preferred one, in order: sms by default.
	Behind []string
	// Locales are those for which there are texts; the first is the default.
	Locales []string
	// Quiet are the quiet hours, Cap the bound of messages; nil where there are none.
	Quiet *Quiet
	Cap   *Cap
	// Night are the hours in which nobody is reminded of anything, whatever the impact; nil where there are
	// none.
	Night *Quiet
}

// Case is what a decision depends on beside the recipient and the rules.
type Case struct {
	Kind   incident.Kind
	Status incident.Status
	Impact incident.Impact
	Now    time.Time
	// Automatic is what Tocsin says by itself, StartsAt when what it reminds of begins.
	Automatic incident.Automatic
	StartsAt  time.Time
	// Steps are the cascade that the update brings with it; none is that of the rules.
	Steps []notification.Step
	// LastGood is the channel by which the recipient was last reached within the incident, "" if none.
	LastGood string
	// Recent is how many messages of other updates the recipient has had within the cap's while.
	Recent int
}

// Kind returns the kind of a configured channel; ok is false if it isn't configured.
func (r *Rules) Kind(channel string) (kind channels.Kind, ok bool) {
	for _, c := range r.Channels {
		if c.Name == channel {
			return c.Kind, true
		}
	}
	return "", false
}

// Usable says why a recipient can't be reached on a channel, NoReason if they can: it must be
// configured, they must have an address there, have agreed to its use, and no provider may have
// refused the address as invalid.
func (r *Rules) Usable(rec *audience.Recipient, channel string) notification.Reason {
	if _, ok := r.Kind(channel); !ok || rec.Address(channel) == "" {
		return notification.NoAddress
	}
	if !slices.Contains(rec.Consents, channel) {
		return notification.NoConsent
	}
	if rec.DeadOn(channel) {
		return notification.InvalidAddress
	}
	return notification.NoReason
}

// Decision is how one recipient is told.
type Decision struct {
	// Locale is one of the rules' locales.
	Locale string
	// Steps are the cascade, in order; none if Outcome says that it is settled.
	Steps   []notification.Step
	Outcome notification.Outcome
	Reason  notification.Reason
	// NotBefore is when quiet hours let it leave; zero is at once.
	NotBefore time.Time
}

func (d *Decision) has(channel string) bool {
	return slices.ContainsFunc(d.Steps, func(s notification.Step) bool { return s.Channel == channel })
}

// For decides how a recipient is told.
func (r *Rules) For(rec *audience.Recipient, in Case) Decision {
	d := r.steps(rec, &in)
	switch {
	case len(d.Steps) == 0:
	case r.Cap.suppresses(rec, &in):
		d.Steps, d.Outcome, d.Reason = nil, notification.Suppressed, notification.FrequencyCap
	default:
		d.NotBefore = r.Until(rec, in.Automatic, in.Impact, in.Now)
	}
	if len(d.Steps) > 0 && in.tooLate(d.NotBefore) {
		d.Steps, d.Outcome, d.Reason = nil, notification.Suppressed, notification.OutOfDate
		d.NotBefore = time.Time{}
	}
	return d
}

// tooLate reports whether what Tocsin reminds of will have begun by the time that may be said: at notBefore,
// or now where that has passed.
func (c *Case) tooLate(notBefore time.Time) bool {
	at := c.Now
	if notBefore.After(at) {
		at = notBefore
	}
	return c.Automatic == incident.Reminder && !at.Before(c.StartsAt)
}

// Until returns when news that is ready now may be sent to a recipient: zero at once, else at the end of
// their quiet hours. What Tocsin reminds of by itself is never urgent: it waits for their daytime.
func (r *Rules) Until(rec *audience.Recipient, what incident.Automatic, impact incident.Impact, now time.Time) time.Time {
	if what == incident.Reminder {
		return r.Night.Until(rec, "", now)
	}
	return r.Quiet.Until(rec, impact, now)
}

// locale returns the best of the rules' locales for a BCP 47 tag: itself, its language, the default.
func (r *Rules) locale(tag string) string {
	for t := tag; t != ""; {
		if slices.Contains(r.Locales, t) {
			return t
		}
		t = t[:max(0, strings.LastIndexByte(t, '-'))]
	}
	return r.Locales[0]
}
