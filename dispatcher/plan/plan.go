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
	// Behind are the channels that stand behind the preferred one, in order: sms by default.
	Behind []string
	// Locales are those for which there are texts; the first is the default.
	Locales []string
	// Quiet are the quiet hours, Cap the bound of messages; nil where there are none.
	Quiet *Quiet
	Cap   *Cap
}

// Case is what a decision depends on beside the recipient and the rules.
type Case struct {
	Status incident.Status
	Impact incident.Impact
	Now    time.Time
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

// For decides how a recipient is told. Within an incident the channel that worked comes first, the
// rest of the cascade behind it.
func (r *Rules) For(rec *audience.Recipient, in Case) Decision {
	d := r.cascade(rec)
	switch {
	case len(d.Steps) == 0:
	case r.Cap.suppresses(rec, &in):
		d.Steps, d.Outcome, d.Reason = nil, notification.Suppressed, notification.FrequencyCap
	default:
		d.Steps = r.startOn(rec, in.LastGood, d.Steps)
		d.NotBefore = r.Quiet.Until(rec, in.Impact, in.Now)
	}
	return d
}

// startOn puts a channel before the others, if it can still be used.
func (r *Rules) startOn(rec *audience.Recipient, first string, steps []notification.Step) []notification.Step {
	if first == "" || first == steps[0].Channel || r.Usable(rec, first) != notification.NoReason {
		return steps
	}
	rest := slices.DeleteFunc(steps, func(s notification.Step) bool { return s.Channel == first })
	return slices.Insert(rest, 0, notification.Step{Channel: first})
}

// cascade says on which channels a recipient is told: on the first usable channel of their preferences, with the
// channels of Behind after it. Where none of those is usable, the next best channel stands behind;
// and a recipient with nothing of all this is told on whichever usable channel is configured first:
// better on another channel than not at all.
func (r *Rules) cascade(rec *audience.Recipient) Decision {
	d := Decision{Locale: r.locale(rec.Locale)}
	if first := r.next(rec, &d, rec.Preferences); first != "" {
		d.Steps = append(make([]notification.Step, 0, 1+len(r.Behind)), notification.Step{Channel: first})
	}
	for _, channel := range r.Behind {
		if !d.has(channel) && r.Usable(rec, channel) == notification.NoReason {
			d.Steps = append(d.Steps, notification.Step{Channel: channel})
		}
	}
	switch {
	case len(d.Steps) == 0:
		return r.lastResort(rec, d)
	case len(d.Steps) == 1 && !slices.Contains(r.Behind, d.Steps[0].Channel):
		if second := r.next(rec, &d, rec.Preferences); second != "" {
			d.Steps = append(d.Steps, notification.Step{Channel: second})
		} else if second := r.next(rec, &d, r.names()); second != "" {
			d.Steps = append(d.Steps, notification.Step{Channel: second})
		}
	}
	return d
}

// next returns the first usable channel of a list that is not among the decision's steps, "" if there is none.
func (r *Rules) next(rec *audience.Recipient, d *Decision, list []string) string {
	for _, channel := range list {
		if !d.has(channel) && r.Usable(rec, channel) == notification.NoReason {
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
	d.Outcome, d.Reason = notification.Unreachable, notification.NoAddress
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

// Values returns the recipient's values for a content's placeholders; nil if it has none.
func Values(c *notification.Content, rec *audience.Recipient) map[string]string {
	if !c.Personal() || rec.Name == "" {
		return nil
	}
	return map[string]string{"name": rec.Name}
}
