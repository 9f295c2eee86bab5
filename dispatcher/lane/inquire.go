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
	"golang.org/x/time/rate"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// How providers are asked. Asking has a pace and places of its own, so that it never takes those of
// sending: as many a second as messages, since where no receipt comes there are as many to ask about,
// but few at once, and none while the provider asked for quiet or is left alone.
const (
	// askShare is how many of an outlet's places asking may use beside them: one for so many.
	askShare = 8
	// askUnlimited is how many are asked a second of a provider that takes any number of messages.
	askUnlimited = 100
	// askTakes is how long an answer is thought to take.
	askTakes = 100 * time.Millisecond
	// askAgain is how long to wait before asking again where the provider could not say.
	askAgain = 30 * time.Second
	// pendingInquiries bounds what a lane has taken and not answered; those that are not due count.
	pendingInquiries = 256
	// answersAtOnce and answersWithin bound how long an answer waits for others to be published.
	answersAtOnce = 64
	answersWithin = time.Second
)

// AskRate is about how many messages a second a provider of these limits is asked about, if each answer
// takes as long as askTakes.
func AskRate(l channels.Limits) float64 {
	d := newDesk(l)
	return min(float64(d.limiter.Limit()), float64(cap(d.places))/askTakes.Seconds())
}

// desk is where one provider is asked. It is safe for concurrent use.
type desk struct {
	limiter *rate.Limiter
	places  chan struct{}
}

func newDesk(l channels.Limits) *desk {
	limit := rate.Limit(l.PerSecond)
	if limit == 0 {
		limit = askUnlimited
	}
	n := max(1, l.Concurrency/askShare)
	return &desk{limiter: rate.NewLimiter(limit, n), places: make(chan struct{}, n)}
}

// answerInquiries asks about what is in the channel's queue until ctx ends.
func (l *Lane) answerInquiries(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	name, filter := bus.InquiriesConsumer(l.Channel), bus.InquiriesSubject(l.Channel)
	return l.Bus.Consume(ctx, bus.InquiriesStream, name, filter, pendingInquiries, func(m jetstream.Msg) {
		asking.Go(func() { l.inquireAbout(ctx, m) })
	})
}

// inquireAbout answers one message of inquiries, and tells the queue.
func (l *Lane) inquireAbout(ctx context.Context, m jetstream.Msg) {
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
	i := inquest{l: l, q: q, published: time.Now(), known: known(q.Inquiries), answers: map[string][]bus.Receipt{}}
	if err := i.hold(ctx); err != nil {
		if ctx.Err() == nil {
			l.Log.WarnContext(ctx, "what providers answered can't be told, and is asked for again", "channel", l.Channel, "error", err)
		}
		_ = m.NakWithDelay(whenFull)
		return
	}
	_ = m.Ack() // a lost ack brings it again, and the answers are the same
}

// inquest is the asking about one message of inquiries.
type inquest struct {
	l *Lane
	q bus.Inquiries
	// known are the providers' ids of messages that are known to belong to attempts, by provider.
	known     map[string][]string
	answers   map[string][]bus.Receipt // by provider, not published yet
	waiting   int                      // of answers
	published time.Time
}

func known(qs []bus.Inquiry) map[string][]string {
	ids := map[string][]string{}
	for i := range qs {
		if qs[i].ProviderID != "" {
			ids[qs[i].Provider] = append(ids[qs[i].Provider], qs[i].ProviderID)
		}
	}
	return ids
}

// hold asks about each of the attempts, and publishes what is learnt. With the first of which a provider
// can't say just now it ends, and puts the rest back into the queue. On an error not all of it is known
// to be stored.
func (i *inquest) hold(ctx context.Context) error {
	for n := range i.q.Inquiries {
		if time.Now().After(i.q.Until) {
			i.l.Metrics.answer(i.l.Channel, i.q.Inquiries[n].Provider, "too_late", len(i.q.Inquiries)-n)
			break
		}
		if e := i.ask(ctx, &i.q.Inquiries[n]); e != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return errors.Join(i.publish(ctx), i.putBack(ctx, n, e))
		}
		if i.waiting >= answersAtOnce || time.Since(i.published) > answersWithin {
			if err := i.publish(ctx); err != nil {
				return err
			}
		}
	}
	return i.publish(ctx)
}

// ask asks about one attempt: the provider that may have it, or each of them. It is absent only if all of
// them say so. An error says that a provider may be able to tell later.
func (i *inquest) ask(ctx context.Context, q *bus.Inquiry) *channels.Error {
	asked, sure := i.l.askable(q.Provider)
	if len(asked) == 0 {
		i.l.Metrics.answer(i.l.Channel, q.Provider, "not_askable", 1)
		return nil
	}
	var last channels.Receipt
	for _, o := range asked {
		r, e := i.l.ask(ctx, o, i.question(q, o))
		switch {
		case e == nil && r.State != channels.ReceiptAbsent:
			i.learn(q, o, r)
			return nil
		case e != nil && e.Class != channels.Rejected && e.Class != channels.InvalidAddress:
			return e
		case e != nil:
			sure = false
		}
		last = r
	}
	if sure {
		i.learn(q, asked[0], last)
	}
	return nil
}

// question is what a provider is asked about an attempt.
func (i *inquest) question(q *bus.Inquiry, o *outlet) channels.Inquiry {
	id := notification.ID{Notification: q.Notification, Step: q.Step, Try: q.Try}
	out := channels.Inquiry{Ref: i.l.Signer.Ref(id), ProviderID: q.ProviderID}
	if q.ProviderID == "" {
		out.Address, out.Text, out.SentAfter, out.SentBefore = q.Address, q.Text, q.After, q.Before
		out.Others = slices.Concat(q.Others, i.known[""], i.known[o.Name])
	}
	return out
}

// learn keeps an answer until it is published. A message that was found is this attempt's from now on.
func (i *inquest) learn(q *bus.Inquiry, o *outlet, r channels.Receipt) {
	if q.ProviderID == "" && r.ProviderID != "" {
		i.known[o.Name] = append(i.known[o.Name], r.ProviderID)
	}
	i.answers[o.Name] = append(i.answers[o.Name], bus.Receipt{
		Notification: q.Notification, Step: q.Step, Try: q.Try, ProviderID: r.ProviderID, State: r.State, Code: r.Code, At: r.At,
	})
	i.waiting++
}

// publish tells the fallback engine what was learnt, in the words of receipts.
func (i *inquest) publish(ctx context.Context) error {
	for provider, receipts := range i.answers {
		if err := i.l.Inquiries.PublishReceipts(ctx, provider, bus.Receipts{Channel: i.l.Channel, Receipts: receipts}); err != nil {
			return err
		}
		delete(i.answers, provider)
	}
	i.waiting, i.published = 0, time.Now()
	return nil
}

// putBack has the attempts from the n-th on asked about again a while later, if it is not too late then:
// the one that a provider could not say anything about because of e last.
func (i *inquest) putBack(ctx context.Context, n int, e *channels.Error) error {
	again := i.q
	again.Inquiries = append(slices.Clone(i.q.Inquiries[n+1:]), i.q.Inquiries[n])
	again.NotBefore = time.Now().UTC().Add(cmp.Or(e.RetryAfter, askAgain))
	if again.NotBefore.After(again.Until) {
		i.l.Metrics.answer(i.l.Channel, i.q.Inquiries[n].Provider, "given_up", len(again.Inquiries))
		return nil
	}
	first := again.Inquiries[0]
	id := fmt.Sprintf("again-%d-%d-%d-%d", first.Notification, first.Step, first.Try, again.NotBefore.UnixNano())
	return i.l.Inquiries.PublishInquiries(ctx, again, id)
}

// ask asks one provider about one message when its turn comes.
func (l *Lane) ask(ctx context.Context, o *outlet, q channels.Inquiry) (channels.Receipt, *channels.Error) {
	if o.breaker.open() {
		return channels.Receipt{}, breakerOpen()
	}
	if quiet := o.quietFor(time.Now()); quiet > 0 {
		return channels.Receipt{}, &channels.Error{Class: channels.RateLimited, Code: "paused", RetryAfter: quiet}
	}
	select {
	case o.desk.places <- struct{}{}:
	case <-ctx.Done():
		return channels.Receipt{}, stopping()
	}
	defer func() { <-o.desk.places }()
	if o.desk.limiter.Wait(ctx) != nil {
		return channels.Receipt{}, stopping()
	}
	ctx, cancel := context.WithTimeout(ctx, o.Limits.Timeout)
	defer cancel()
	r, err := o.Sender.(channels.Inquirer).Inquire(ctx, q)
	if err != nil {
		e := channels.AsError(err)
		if e.Class == channels.RateLimited {
			o.quiet(e.RetryAfter) // said of asking, it is true of sending as well
		}
		l.Metrics.answer(l.Channel, o.Name, e.Class.String(), 1)
		return r, e
	}
	l.Metrics.answer(l.Channel, o.Name, string(r.State), 1)
	return r, nil
}
