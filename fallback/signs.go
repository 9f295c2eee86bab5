package fallback

import (
	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// signs are what a fold tells of the providers, by batches where it takes a batch to tell.
type signs struct {
	took   map[providerKey]map[int64][]int64 // by batch: notifications whose attempt the provider took
	heard  map[providerKey]map[int64]int     // by batch: attempts that a receipt came for
	quiet  map[int64]map[int64]bool          // by batch: notifications for which none came in time
	judged []int64                           // batches of which some attempts' wait is over
}

func (s *signs) none() bool { return len(s.took) == 0 && len(s.heard) == 0 && len(s.judged) == 0 }

// witness notes what a change of a notification tells of a provider. Only where deliveries are
// reported does it tell anything.
func (f *fold) witness(before, after *notification.Notification, ev notification.Event) {
	was, is := attemptAt(before, ev.Attempt.Step), attemptAt(after, ev.Attempt.Step)
	if was == nil || is == nil || f.e.Policy.Channels[is.Channel].Silence != channels.SilenceIsFailure {
		return
	}
	k := providerKey{is.Channel, ev.Provider}
	switch {
	case ev.Kind == notification.SilencePassed && was.State == notification.Accepted && is.State == notification.Expired:
		f.signs.fell(was.Batch, before.ID)
		return
	case is.Took && !was.Took:
		f.signs.gave(k, is.Batch, before.ID)
	}
	if isReport(ev.Kind) && !reported(was.State) && reported(is.State) {
		f.signs.hear(k, is.Batch)
	}
}

func (s *signs) hear(k providerKey, batch int64) {
	if s.heard == nil {
		s.heard = map[providerKey]map[int64]int{}
	}
	if s.heard[k] == nil {
		s.heard[k] = map[int64]int{}
	}
	s.heard[k][batch]++
}

func (s *signs) gave(k providerKey, batch, notification int64) {
	if s.took == nil {
		s.took = map[providerKey]map[int64][]int64{}
	}
	if s.took[k] == nil {
		s.took[k] = map[int64][]int64{}
	}
	s.took[k][batch] = append(s.took[k][batch], notification)
}

func (s *signs) fell(batch, notification int64) {
	if s.quiet == nil {
		s.quiet = map[int64]map[int64]bool{}
	}
	if s.quiet[batch] == nil {
		s.quiet[batch] = map[int64]bool{}
	}
	s.quiet[batch][notification] = true
}

// isReport reports whether an event is a provider's word on what became of a message after it took it.
func isReport(k notification.EventKind) bool {
	return k == notification.ReceiptDelivered || k == notification.ReceiptRead || k == notification.ReceiptFailed
}

func reported(s notification.State) bool {
	return s == notification.Delivered || s == notification.Read || s == notification.Failed
}

func attemptAt(n *notification.Notification, step uint8) *notification.Attempt {
	if n.Attempt.Step == step {
		return &n.Attempt
	}
	for i := range n.Past {
		if n.Past[i].Step == step {
			return &n.Past[i]
		}
	}
	return nil
}

// provider returns the name of a channel's provider: the one given, or the only one.
func (e *Engine) provider(channel, name string) string {
	if all := e.Policy.Channels[channel].Providers; name == "" && len(all) == 1 {
		return all[0]
	}
	return name
}

// providerOf returns the provider of a channel that took the message with the id given.
func (e *Engine) providerOf(channel, id string) string {
	if len(e.Policy.Channels[channel].Providers) == 1 {
		return e.provider(channel, "")
	}
	name, _ := notification.SplitProvider(id)
	return name
}

// atProvider returns how a message goes by in the ledger that a provider knows by the id given.
func (e *Engine) atProvider(channel, provider, id string) string {
	if len(e.Policy.Channels[channel].Providers) > 1 {
		return notification.AtProvider(provider, id)
	}
	return id
}
