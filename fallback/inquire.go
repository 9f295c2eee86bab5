package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Inquiries is where lanes are told whom to ask about which messages, and for which they are to be had back.
type Inquiries interface {
	PublishInquiries(ctx context.Context, q bus.Inquiries, id string) error
	PublishRecalls(ctx context.Context, q bus.Inquiries) error
	RoomForRecalls(ctx context.Context) error
}

// How long before silence is judged providers are asked: the last fifth of the wait, but long enough
// for an answer, and never more than half of it.
const (
	askShare = 5
	askLeast = 5 * time.Second // of machine time
)

// answerTime is how long providers have to answer before a wait is over.
func (e *Engine) answerTime(wait time.Duration) time.Duration {
	return min(max(wait/askShare, e.Clock.Product(askLeast)), wait/2)
}

// awaitReceipt has the batch of a notification's attempt waited for, and its provider asked before the
// wait is over, where it can be.
func (f *fold) awaitReceipt(n *notification.Notification) {
	how := f.treatment(n)
	if !how.Askable || f.e.Inquiries == nil {
		f.await(n, ledger.Silence, how.Wait)
		return
	}
	answer := f.e.answerTime(how.Wait)
	if n.Attempt.State == notification.Unknown { // lanes ask, but no sooner than that
		f.await(n, ledger.Silence, max(how.Wait, f.e.Clock.Product(how.AskAfter)+answer))
		return
	}
	f.await(n, ledger.Silence, how.Wait)
	f.await(n, ledger.Inquiry, how.Wait-answer)
}

// asks is how long lanes take to ask about so many messages of a channel.
func (e *Engine) asks(channel string, n int) time.Duration {
	rate := e.Policy.Channels[channel].AskRate
	if rate <= 0 {
		return 0
	}
	return e.Clock.Product(time.Duration(float64(n) / rate * float64(time.Second)))
}

// inquire has providers asked about those of a batch that they took and did not report on, and leaves
// them time to answer before silence is judged: the engine may have been away when receipts came, and
// the time to judge may be now. That lanes can't be told is no reason not to judge.
func (f *fold) inquire(ctx context.Context, batch int64, waiting []notification.Notification) error {
	var q bus.Inquiries
	wait := time.Duration(0)
	for i := range waiting {
		n := &waiting[i]
		one, ok := f.e.inquiryOf(n)
		if !ok {
			continue
		}
		q.Channel, q.Inquiries = n.Attempt.Channel, append(q.Inquiries, one)
		wait = max(wait, f.treatment(n).Wait)
	}
	if len(q.Inquiries) == 0 || f.e.Inquiries == nil {
		return nil
	}
	answer := f.e.asking.put(q.Channel, f.e.asks(q.Channel, len(q.Inquiries)), f.e.answerTime(wait), wait, f.now)
	q.Until = time.Now().UTC().Add(f.e.Clock.Machine(answer))
	err := f.e.Inquiries.PublishInquiries(ctx, q, fmt.Sprintf("batch-%d-%d", batch, f.now.UnixMilli()))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.e.Metrics.inquired(q.Channel, len(q.Inquiries), err == nil)
	if err != nil {
		f.e.Log.WarnContext(ctx, "providers can't be asked about messages without a receipt; their deadline decides",
			"channel", q.Channel, "batch", batch, "attempts", len(q.Inquiries), "error", err)
		return nil
	}
	f.asked[batch] = true
	f.out.Deadlines = append(f.out.Deadlines, ledger.Deadline{Batch: batch, Kind: ledger.Silence, Due: f.now.Add(answer)})
	return nil
}

// inquiryOf is what to ask about a notification's attempt: by the id that the provider gave it when it
// took it. About attempts of which nobody knows whether they were taken, lanes ask by themselves.
func (e *Engine) inquiryOf(n *notification.Notification) (bus.Inquiry, bool) {
	a := &n.Attempt
	provider, id := e.named(a)
	if id == "" || (a.State != notification.Accepted && a.State != notification.Delivered) {
		return bus.Inquiry{}, false
	}
	return bus.Inquiry{Notification: n.ID, Step: a.Step, Try: a.Try, Provider: provider, ProviderID: id}, true
}

// named is the provider that has an attempt's message, "" where the channel has only one, and its id there.
func (e *Engine) named(a *notification.Attempt) (provider, id string) {
	if len(e.Policy.Channels[a.Channel].Providers) > 1 {
		return notification.SplitProvider(a.ProviderID)
	}
	return "", a.ProviderID
}
