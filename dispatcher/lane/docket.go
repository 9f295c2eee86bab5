package lane

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

const (
	// askAgain is how long to wait before asking again where the provider could not say.
	askAgain = 30 * time.Second
	// pendingInquiries bounds what a lane has taken of a queue and not answered; those that are not due
	// count.
	pendingInquiries = 256
	// answersAtOnce and answersWithin bound how long an answer waits for others to be published.
	answersAtOnce = 64
	answersWithin = time.Second
)

// docket is the work on one message of inquiries: what became of messages, or whether they can be had back.
type docket struct {
	l *Lane
	q bus.Inquiries
	// ask asks about one attempt. An error says that the provider may be able to answer later.
	ask func(ctx context.Context, q *bus.Inquiry) *channels.Error
	// late is called for those that it is too late to ask about, with a word for why.
	late func(left []bus.Inquiry, why string)
	// again puts inquiries back into the queue that they came from.
	again func(ctx context.Context, q bus.Inquiries, id string) error

	answers   map[string][]bus.Receipt // by provider, not published yet
	waiting   int                      // of answers
	published time.Time
}

// serve works on what is in a queue of inquiries until ctx ends.
func (l *Lane) serve(ctx context.Context, stream, name, filter string, open func(bus.Inquiries) *docket) error {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	return l.Bus.Consume(ctx, stream, name, filter, pendingInquiries, func(m jetstream.Msg) {
		asking.Go(func() { l.settle(ctx, m, open) })
	})
}

// settle works on one message of inquiries, and tells the queue.
func (l *Lane) settle(ctx context.Context, m jetstream.Msg, open func(bus.Inquiries) *docket) {
	var q bus.Inquiries
	if err := json.Unmarshal(m.Data(), &q); err != nil {
		l.Log.ErrorContext(ctx, "unreadable inquiries dropped", "channel", l.Channel, "error", err)
		l.Metrics.answer(l.Channel, "", "unreadable", 1)
		_ = m.TermWithReason("unreadable")
		return
	}
	if early := time.Until(q.NotBefore); early > 0 {
		_ = m.NakWithDelay(early)
		return
	}
	stop := l.keepAlive(m)
	defer stop()
	if err := open(q).work(ctx); err != nil {
		if ctx.Err() == nil {
			l.Log.WarnContext(ctx, "what providers answered can't be told, and is asked for again", "channel", l.Channel, "error", err)
		}
		_ = m.NakWithDelay(whenFull)
		return
	}
	_ = m.Ack() // a lost ack brings it again, and the answers are the same
}

// work asks about each of the attempts, and publishes what is learnt. With the first of which a provider
// can't say just now it ends, and puts the rest back into the queue. On an error not all of it is known
// to be stored.
func (d *docket) work(ctx context.Context) error {
	d.answers, d.published = map[string][]bus.Receipt{}, time.Now()
	for n := range d.q.Inquiries {
		if time.Now().After(d.q.Until) {
			d.late(d.q.Inquiries[n:], "too_late")
			break
		}
		if e := d.ask(ctx, &d.q.Inquiries[n]); e != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return errors.Join(d.putBack(ctx, n, e), d.publish(ctx))
		}
		if d.waiting >= answersAtOnce || time.Since(d.published) > answersWithin {
			if err := d.publish(ctx); err != nil {
				return err
			}
		}
	}
	return d.publish(ctx)
}

// answer keeps an answer until it is published.
func (d *docket) answer(provider string, r bus.Receipt) {
	d.answers[provider] = append(d.answers[provider], r)
	d.waiting++
}

// publish tells the fallback engine what was learnt, in the words of receipts.
func (d *docket) publish(ctx context.Context) error {
	for provider, receipts := range d.answers {
		if err := d.l.Inquiries.PublishReceipts(ctx, provider, bus.Receipts{Channel: d.l.Channel, Receipts: receipts}); err != nil {
			return err
		}
		delete(d.answers, provider)
	}
	d.waiting, d.published = 0, time.Now()
	return nil
}

// putBack has the attempts from the n-th on asked about again a while later, if it is not too late then:
// the one that a provider could not say anything about because of e last.
func (d *docket) putBack(ctx context.Context, n int, e *channels.Error) error {
	again := d.q
	again.Inquiries = append(slices.Clone(d.q.Inquiries[n+1:]), d.q.Inquiries[n])
	again.NotBefore = time.Now().UTC().Add(cmp.Or(e.RetryAfter, askAgain))
	if again.NotBefore.After(again.Until) {
		d.late(again.Inquiries, "given_up")
		return nil
	}
	first := again.Inquiries[0]
	id := fmt.Sprintf("again-%d-%d-%d-%d", first.Notification, first.Step, first.Try, again.NotBefore.UnixNano())
	return d.again(ctx, again, id)
}
