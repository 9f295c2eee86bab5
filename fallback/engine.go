package fallback

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// Ledger is what the engine needs of the ledger.
type Ledger interface {
	Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error)
	Waiting(ctx context.Context, batch int64) ([]notification.Notification, error)
	Outdated(ctx context.Context, p ledger.SupersedingPage) ([]notification.Notification, error)
	SupersedingPages(ctx context.Context, limit int) ([]ledger.SupersedingPage, error)
	DueDeadlines(ctx context.Context, now time.Time, limit int) ([]ledger.Deadline, error)
	NextDeadline(ctx context.Context) (time.Time, error)
	RecipientsByNumber(ctx context.Context, numbers []int64) ([]ledger.Recipient, error)
	Texts(ctx context.Context, update int64) ([]ledger.Text, error)
	Update(ctx context.Context, id int64) (ledger.Update, error)
	AttemptsByProviderID(ctx context.Context, channel string, ids []string) ([]ledger.ProviderAttempt, error)
	EarlyReceipts(ctx context.Context, channel string, ids []string) ([]ledger.EarlyReceipt, error)
	Apply(ctx context.Context, f ledger.Fold) error
	Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error)
	CarryOut(ctx context.Context, o ledger.Order, now time.Time) (ledger.OrderReport, error)
	Errands(ctx context.Context, after int64, limit int) ([]ledger.Errand, error)
	Pending(ctx context.Context, e ledger.Errand) (ns []notification.Notification, unsent map[int64]bool, err error)
	QueuedFor(ctx context.Context, recipients []int64) ([]notification.Notification, error)
	AddressesSent(ctx context.Context, to []ledger.SentTo) ([]string, error)
}

// Bus is what the engine needs of NATS.
type Bus interface {
	Consume(ctx context.Context, stream, name, filter string, pending int, handle func(jetstream.Msg)) error
	Revoke(ctx context.Context, channel string, batch int64, notifications []int64) error
	Behind(ctx context.Context, stream, consumer string) (time.Duration, error)
}

// Engine is the only writer of notifications and attempts after planning. Its fields are set once,
// before Run.
type Engine struct {
	Ledger Ledger
	Bus    Bus
	// Inquiries is where providers are asked about what they have not reported, and for what is recalled;
	// optional.
	Inquiries Inquiries
	// Control is where word of providers whose receipts have stopped is given, and kept; optional.
	Control Control
	Rules   *plan.Rules
	Policy  notification.Policy
	Clock   clock.Clock
	// Batches is woken when there are batches to send, Planned when there may be something to plan.
	Batches, Planned interface{ Wake() }
	// PagesPlanned wakes the engine when a page was planned.
	PagesPlanned <-chan struct{}
	Metrics      *Metrics
	Log          *slog.Logger

	shared    bool      // others write, too
	announced announced // what the engine needs to know of updates, kept
	recent    recent    // notifications as they were written last, kept
	health    *health   // what is learnt of providers
	asking    asking    // what providers are being asked about; of the engine that judges
	untold    time.Time // until when lanes are told of no recalls, since they could not be
}

const (
	// pendingMessages bounds what is taken from a stream and not yet acknowledged.
	pendingMessages = 512
	// foldEvents is how many events one transaction takes at most, give or take a message.
	foldEvents = 4096
	// gather is how long the engine waits for more events before it folds what it has: a transaction of
	// a thousand rows costs little more than one of a hundred, and where a receipt follows its result
	// within that time, the row is written once for both. No step waits as briefly as that would matter.
	gather = 250 * time.Millisecond
	// idle is how often the engine looks for deadlines and pages by itself.
	idle = 250 * time.Millisecond
	// retryAfter is how long it waits after the ledger failed it.
	retryAfter = time.Second
)

// delivery is a message with what it says.
type delivery struct {
	msg      jetstream.Msg
	record   *bus.Record
	channel  string // of receipts and records
	provider string // of receipts
	receipts []bus.Receipt
}

func (d *delivery) events() int {
	if d.record != nil {
		return len(d.record.Results)
	}
	return len(d.receipts)
}

// Run does everything until ctx ends, as the only engine there is. Where there are several, each runs
// Fold, and one of them Watch.
func (e *Engine) Run(ctx context.Context) error {
	e.health = newHealth(e.Policy)
	incoming := make(chan delivery, pendingMessages)
	g, ctx := errgroup.WithContext(ctx)
	e.listen(ctx, g, incoming)
	g.Go(func() error { return e.hearControl(ctx) })
	g.Go(func() error { return e.loop(ctx, incoming) })
	return g.Wait()
}

// listen reads what lanes and providers say, and has what operators order carried out.
func (e *Engine) listen(ctx context.Context, g *errgroup.Group, incoming chan<- delivery) {
	consume := func(stream string, read func(jetstream.Msg) (delivery, error)) {
		g.Go(func() error {
			return e.Bus.Consume(ctx, stream, consumerName, "", pendingMessages, func(m jetstream.Msg) {
				d, err := read(m)
				if err != nil {
					e.Log.ErrorContext(ctx, "unreadable message dropped", "subject", m.Subject(), "error", err)
					e.Metrics.unreadable(stream)
					_ = m.TermWithReason("unreadable")
					return
				}
				select {
				case incoming <- d:
				case <-ctx.Done():
				}
			})
		})
	}
	consume(bus.ResultsStream, readRecord)
	consume(bus.ReceiptsStream, readReceipts)
	g.Go(func() error { return e.hearOrders(ctx) })
}

// consumerName names the engines' consumers, which share the messages.
const consumerName = "fallback"

func readRecord(m jetstream.Msg) (delivery, error) {
	d := delivery{msg: m, record: &bus.Record{}, channel: bus.ChannelOf(m.Subject())}
	return d, json.Unmarshal(m.Data(), d.record)
}

func readReceipts(m jetstream.Msg) (delivery, error) {
	var r bus.Receipts
	err := json.Unmarshal(m.Data(), &r)
	return delivery{msg: m, channel: r.Channel, provider: bus.ProviderOf(m.Subject()), receipts: r.Receipts}, err
}

// loop is the engine's only writer.
func (e *Engine) loop(ctx context.Context, incoming <-chan delivery) error {
	// An engine that has just started listens before it judges: what providers said while it was
	// away is delivered again within AckWait.
	listening := time.After(bus.AckWait + time.Second)
	if due, err := e.Ledger.NextDeadline(ctx); err == nil && due.IsZero() {
		listening = time.After(0) // nothing was waiting when we started
	}
	judging := false
	var heard time.Time // everything that had come by then has been taken
	tick := time.NewTicker(idle)
	defer tick.Stop()
	// What was planned while the engine was away stops older news before anything is queued for it.
	e.insist(ctx, e.supersede)
	for {
		var work func(context.Context) error
		select {
		case <-ctx.Done():
			return nil
		case <-listening:
			judging = true
			continue
		case d := <-incoming:
			batch := e.gather(ctx, d, incoming)
			if len(incoming) == 0 {
				heard = e.Clock.Now()
			}
			work = func(ctx context.Context) error { return e.foldDeliveries(ctx, batch) }
		case <-e.PagesPlanned:
			work = e.supersede
		case <-tick.C:
			if len(incoming) == 0 {
				heard = e.Clock.Now()
			}
			work = e.routine(judging, heard)
		}
		e.insist(ctx, work)
	}
}

// routine is what the engine does by itself. It judges as of the moment up to which it has heard
// everything: under load there is always something that it hasn't, and after a standstill much.
func (e *Engine) routine(judging bool, heard time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		e.tell(ctx)
		if err := errors.Join(e.supersede(ctx), e.runErrands(ctx)); err != nil || !judging {
			return err
		}
		return e.judge(ctx, heard)
	}
}

// insist repeats work until it succeeds or ctx ends: nothing is skipped because the ledger or NATS
// is out of order.
func (e *Engine) insist(ctx context.Context, work func(context.Context) error) {
	for {
		err := work(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if errors.Is(err, ledger.ErrConflict) { // another engine was faster: read again
			e.Metrics.conflict()
			aside(ctx)
			continue
		}
		e.Metrics.failed()
		e.Log.ErrorContext(ctx, "events not applied, will try again", "error", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
}

// gather takes what else has come, for a short while.
func (e *Engine) gather(ctx context.Context, first delivery, incoming <-chan delivery) []delivery {
	all, n := []delivery{first}, first.events()
	window := time.NewTimer(gather)
	defer window.Stop()
	for n < foldEvents && len(all) < pendingMessages {
		select {
		case d := <-incoming:
			all, n = append(all, d), n+d.events()
		case <-window.C:
			return all
		case <-ctx.Done():
			return all
		}
	}
	return all
}

// foldDeliveries applies what lanes and providers said, and acknowledges it.
func (e *Engine) foldDeliveries(ctx context.Context, ds []delivery) error {
	f := newFold(e)
	for i := range ds {
		f.take(&ds[i])
	}
	if err := f.apply(ctx); err != nil {
		return err
	}
	if err := e.reunite(ctx, f); err != nil {
		return err
	}
	for i := range ds {
		_ = ds[i].msg.Ack() // a lost ack brings it again, and changes nothing
	}
	return nil
}

// passed says what it means for an attempt that a deadline has passed.
var passed = [...]notification.EventKind{
	ledger.Silence: notification.SilencePassed, ledger.Bounce: notification.BouncePassed, ledger.Queue: notification.QueuePassed,
}

// deadlinesAtOnce bounds what one transaction judges: so many batches.
const deadlinesAtOnce = 16

// judge deals with deadlines that had passed by the time given.
func (e *Engine) judge(ctx context.Context, by time.Time) error {
	for {
		due, err := e.Ledger.DueDeadlines(ctx, by, deadlinesAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		if err := e.judgeThese(ctx, due); err != nil {
			return err
		}
		e.Metrics.deadlines(len(due))
		if len(due) < deadlinesAtOnce {
			return nil
		}
	}
}

// judgeThese judges deadlines in one transaction; batch by batch where others change the same notifications.
func (e *Engine) judgeThese(ctx context.Context, due []ledger.Deadline) error {
	f, batches := newFold(e), map[int64][]ledger.Deadline{}
	f.tellFirst = true
	for _, d := range due {
		batches[d.Batch] = append(batches[d.Batch], d)
		if err := f.judge(ctx, d); err != nil {
			return err
		}
	}
	err := f.apply(ctx)
	if !errors.Is(err, ledger.ErrConflict) || len(batches) == 1 {
		return err
	}
	e.Metrics.conflict()
	for _, one := range batches {
		if err := e.judgeThese(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// judge deals with one deadline.
func (f *fold) judge(ctx context.Context, d ledger.Deadline) error {
	if d.Kind == ledger.Silence && f.asked[d.Batch] {
		return nil // comes again, when there has been time for an answer
	}
	waiting, err := f.e.Ledger.Waiting(ctx, d.Batch)
	if err != nil {
		return err
	}
	if d.Kind == ledger.Silence && !f.e.asking.about(d.Batch) {
		// The one that asked, if it was asked, has died since, and perhaps the lane with the answer.
		if err := f.inquire(ctx, d.Batch, waiting); err != nil || f.asked[d.Batch] {
			return err
		}
	}
	f.out.Done = append(f.out.Done, d)
	switch d.Kind {
	case ledger.Inquiry:
		return f.inquire(ctx, d.Batch, waiting)
	case ledger.Silence:
		f.heardOut = append(f.heardOut, d.Batch)
	case ledger.Bounce, ledger.Queue:
	}
	for i := range waiting {
		f.event(&waiting[i], notification.Event{Kind: passed[d.Kind]})
	}
	f.signs.judged = append(f.signs.judged, d.Batch)
	return nil
}

// pagesAtOnce bounds what one look at superseding pages takes: each is of thousands.
const pagesAtOnce = 2

// supersede stops what is still queued of older updates for recipients to whom a newer one is on
// its way. A page is done only when the lanes have been told, so that a crash between leaves nothing
// unsaid.
func (e *Engine) supersede(ctx context.Context) error {
	for {
		pages, err := e.Ledger.SupersedingPages(ctx, pagesAtOnce)
		if err != nil || len(pages) == 0 {
			return err
		}
		done := newFold(e)
		for _, p := range pages {
			if err := e.inParts(ctx, span{p.First, p.Last}, func(ctx context.Context, part span) error {
				return e.overtake(ctx, ledger.SupersedingPage{ID: p.ID, Update: p.Update, First: part.first, Last: part.last})
			}); err != nil {
				return err
			}
			done.out.Superseded = append(done.out.Superseded, p.ID)
		}
		if err := done.apply(ctx); err != nil {
			return err
		}
	}
}

// overtake stops what a page, or a part of one, takes the place of.
func (e *Engine) overtake(ctx context.Context, p ledger.SupersedingPage) error {
	outdated, err := e.Ledger.Outdated(ctx, p)
	if err != nil {
		return err
	}
	f := newFold(e)
	for i := range outdated {
		f.event(&outdated[i], notification.Event{Kind: notification.Supersession})
		f.stopIfQueued(&outdated[i])
	}
	return f.apply(ctx)
}
