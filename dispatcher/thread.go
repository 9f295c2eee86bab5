package dispatcher

import (
	"context"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// thread says of each attempt of a batch which message it follows. It is asked for when the batch leaves,
// since more is known then than when it was planned; an answer that comes later still begins a thread of
// its own.
func (p *Publisher) thread(ctx context.Context, b *bus.Batch) error {
	if !p.Threaded[b.Channel] {
		return nil
	}
	ids := make([]int64, len(b.Attempts))
	for i := range b.Attempts {
		ids[i] = b.Attempts[i].Notification
	}
	told, err := p.Ledger.InIncident(ctx, b.Update, ids)
	if err != nil {
		return err
	}
	recipients := make(map[int64]int64, len(ids))
	for i := range told {
		recipients[told[i].ID] = told[i].Recipient
	}
	threads := firstMessages(told, b.Update, b.Channel)
	for i := range b.Attempts {
		b.Attempts[i].Threads = threads[recipients[ids[i]]]
	}
	return nil
}

// firstMessages finds, for each recipient, the first message on a channel that each provider took, of
// other updates than the one given, and that was not recalled: a thread whose first message is taken back
// begins anew. The notifications are of one incident, in order of their ids.
func firstMessages(told []notification.Notification, update int64, channel string) map[int64][]string {
	first := map[int64][]string{}
	add := func(recipient int64, a *notification.Attempt) {
		stays := a.Recall == notification.NotRecalled || a.Recall == notification.RecallKept
		if a.Channel != channel || a.State == notification.Failed || !stays || !notification.NamesMessage(a.ProviderID) {
			return
		}
		provider, _ := notification.SplitProvider(a.ProviderID)
		known := slices.ContainsFunc(first[recipient], func(s string) bool {
			p, _ := notification.SplitProvider(s)
			return p == provider
		})
		if !known {
			first[recipient] = append(first[recipient], a.ProviderID)
		}
	}
	for i := range told {
		n := &told[i]
		if n.Update == update {
			continue
		}
		for j := range n.Past {
			add(n.Recipient, &n.Past[j])
		}
		add(n.Recipient, &n.Attempt)
	}
	return first
}
