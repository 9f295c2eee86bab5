package plan

import (
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Words that stand for a channel in a cascade's step. A step whose channel can't be used, or is there
// already, is passed over.
const (
	// LastGood is the channel by which the recipient was last reached within the incident.
	LastGood = "last-good"
	// Preferred is the first usable channel of the recipient's preferences.
	Preferred = "preferred"
	// Next is the first one that is not there yet: of the preferences, and then as configured.
	Next = "next"
)

// Cascade is the steps for some updates. A step's channel is a channel's name or one of the words.
type Cascade struct {
	Name string
	// Kinds, Statuses and Impacts say for which updates it is; an empty list is for all.
	Kinds    []incident.Kind
	Statuses []incident.Status
	Impacts  []incident.Impact
	Steps    []notification.Step
}

func (c *Cascade) fits(in *Case) bool {
	return fits(c.Kinds, in.Kind) && fits(c.Statuses, in.Status) && fits(c.Impacts, in.Impact)
}

func fits[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// Words lists the words that stand for a channel.
func Words() []string { return []string{LastGood, Preferred, Next} }

// steps says on which channels a recipient is told: by the cascade that the update brings, else by the first
// that fits, else by the usual one. A recipient whom none of its steps can reach is told on whichever usable channel is configured
// first: better on another channel than not at all.
func (r *Rules) steps(rec *audience.Recipient, in *Case) Decision {
	d := Decision{Locale: r.locale(rec.Locale)}
	if steps := r.given(in); len(steps) > 0 {
		for _, s := range steps {
			r.add(rec, &d, in, s)
		}
	} else {
		r.usual(rec, &d, in)
	}
	if len(d.Steps) == 0 {
		return r.lastResort(rec, d)
	}
	return d
}

// given are the steps that somebody has laid down for the case; none if nobody has.
func (r *Rules) given(in *Case) []notification.Step {
	if len(in.Steps) > 0 {
		return in.Steps
	}
	if i := slices.IndexFunc(r.Cascades, func(c Cascade) bool { return c.fits(in) }); i >= 0 {
		return r.Cascades[i].Steps
	}
	return nil
}

// usual starts on the channel that worked, and on the preferred one; the channels of Behind come after.
// Where none of those is usable, the next best channel stands behind.
func (r *Rules) usual(rec *audience.Recipient, d *Decision, in *Case) {
	d.Steps = make([]notification.Step, 0, 2+len(r.Behind))
	r.add(rec, d, in, notification.Step{Channel: LastGood})
	r.add(rec, d, in, notification.Step{Channel: Preferred})
	behind := false
	for _, channel := range r.Behind {
		r.add(rec, d, in, notification.Step{Channel: channel})
		behind = behind || d.has(channel)
	}
	if len(d.Steps) == 1 && !behind {
		r.add(rec, d, in, notification.Step{Channel: Next})
	}
}

// add puts a step behind the others, if there is a channel for it.
func (r *Rules) add(rec *audience.Recipient, d *Decision, in *Case, s notification.Step) {
	switch s.Channel {
	case LastGood:
		s.Channel = r.next(rec, d, []string{in.LastGood})
	case Preferred:
		s.Channel = r.next(rec, &Decision{}, rec.Preferences)
	case Next:
		if s.Channel = r.next(rec, d, rec.Preferences); s.Channel == "" {
			s.Channel = r.next(rec, d, r.names())
		}
	default:
		s.Channel = r.next(rec, d, []string{s.Channel})
	}
	if s.Channel != "" && !d.has(s.Channel) {
		d.Steps = append(d.Steps, s)
	}
}

// next returns the first usable channel of a list that is not among the decision's steps, "" if there is none.
func (r *Rules) next(rec *audience.Recipient, d *Decision, list []string) string {
	for _, channel := range list {
		if channel != "" && !d.has(channel) && r.Usable(rec, channel) == notification.NoReason {
			return channel
		}
	}
	return ""
}

func (r *Rules) names() []string {
	names := make([]string, len(r.Channels))
	for i, c := range r.Channels {
		names[i] = c.Name
	}
	return names
}

func (r *Rules) lastResort(rec *audience.Recipient, d Decision) Decision {
	d.Steps, d.Outcome, d.Reason = nil, notification.Unreachable, notification.NoAddress
	for _, c := range r.Channels {
		switch r.Usable(rec, c.Name) {
		case notification.NoReason:
			return Decision{Locale: d.Locale, Steps: notification.Steps(c.Name)}
		case notification.NoConsent:
			// They can be reached and don't want to be: their will, not our failure.
			if d.Reason == notification.NoAddress {
				d.Outcome, d.Reason = notification.Suppressed, notification.NoConsent
			}
		case notification.InvalidAddress:
			// They wanted to be reached there.
			d.Outcome, d.Reason = notification.Unreachable, notification.InvalidAddress
		}
	}
	return d
}
