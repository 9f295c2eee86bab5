package audience

import (
	"slices"
	"time"
)

// Withdrawal is a customer's word that a channel is not to be used for them any more. It is stronger
// than what the directory is told from outside: until the customer takes it back on that channel, or an
// operator does, no import brings the consent back.
type Withdrawal struct {
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
	Source  Source    `json:"source"`
}

// Source is how a consent was withdrawn or given back. Sources are kept: their words don't change.
type Source string

// The sources.
const (
	ByReply    Source = "reply"     // the recipient wrote one of the known words
	ByProvider Source = "provider"  // the provider says so: it was told, or blocked us for the recipient
	ByLink     Source = "link"      // the button on the page behind an unsubscribe link
	ByOneClick Source = "one_click" // the mailbox provider's own button (RFC 8058)
	ByOperator Source = "operator"  // somebody with an admin's rights, who said why
)

// Sources lists all sources.
func Sources() []Source { return []Source{ByReply, ByProvider, ByLink, ByOneClick, ByOperator} }

// WithdrawnFrom returns the withdrawal that stands for a channel.
func (r *Recipient) WithdrawnFrom(channel string) (Withdrawal, bool) {
	i := slices.IndexFunc(r.Withdrawn, func(w Withdrawal) bool { return w.Channel == channel })
	if i < 0 {
		return Withdrawal{}, false
	}
	return r.Withdrawn[i], true
}
