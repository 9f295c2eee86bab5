package dispatcher

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// PublisherLedger is what the publisher needs of the ledger.
type PublisherLedger interface {
	UnsentBatches(ctx context.Context, now time.Time, limit int) ([]ledger.Batch, error)
	NextBatchDue(ctx context.Context) (time.Time, error)
	Spend(ctx context.Context, batches []int64, limit int64) (beyond []int64, err error)
	MarkSent(ctx context.Context, batches []int64, now time.Time) error
	InIncident(ctx context.Context, update int64, ids []int64) ([]notification.Notification, error)
}

// PublisherBus is what the publisher needs of NATS.
type PublisherBus interface {
	PublishBatches(ctx context.Context, batches []bus.Batch) error
}

// Publisher hands the batches that planning and the fallback engine have committed to the lanes'
// queues. A batch that was handed over but not marked so is handed over again after a crash, and
// known by its id. Its fields are set once, before Run.
type Publisher struct {
	Ledger PublisherLedger
	Bus    PublisherBus
	// InDoubt is the policy for customers, by the update's impact. It doesn't hold for public posts.
	InDoubt map[incident.Impact]notification.InDoubt
	// UsefulFor is how long a message is worth delivering.
	UsefulFor time.Duration
	// Budget is how many billed units an incident may spend, where no operator has said otherwise; 0
	// is without limit.
	Budget int64
	// Threaded are the channels on which messages about one incident follow each other in a thread.
	Threaded map[string]bool
	Clock    clock.Clock
	Batches  Signal
	Metrics  *Metrics
	Log      *slog.Logger
}

// batchesAtOnce bounds what is read and published in one go.
const batchesAtOnce = 32

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := p.publish(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			p.Log.ErrorContext(ctx, "batches not handed to their lanes, will try again", "error", err)
			p.Metrics.failed("publishing")
			p.Batches.wait(ctx, retryAfter)
		case n < batchesAtOnce:
			p.Batches.wait(ctx, p.untilDue(ctx))
		}
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context) (int, error) {
	unsent, err := p.Ledger.UnsentBatches(ctx, p.Clock.Now(), batchesAtOnce)
	if err != nil || len(unsent) == 0 {
		return 0, err
	}
	affordable, err := p.spend(ctx, unsent)
	if err != nil || len(affordable) == 0 {
		return len(unsent), err
	}
	batches, ids := make([]bus.Batch, len(affordable)), make([]int64, len(affordable))
	for i := range affordable {
		batches[i], ids[i] = p.batch(&affordable[i]), affordable[i].ID
		if err := p.thread(ctx, &batches[i]); err != nil {
			return 0, err
		}
	}
	if err := p.Bus.PublishBatches(ctx, batches); err != nil {
		return 0, err
	}
	p.Metrics.published(len(batches))
	return len(unsent), p.Ledger.MarkSent(ctx, ids, p.Clock.Now())
}

// spend counts what batches cost and leaves out what their incidents can't afford.
func (p *Publisher) spend(ctx context.Context, unsent []ledger.Batch) ([]ledger.Batch, error) {
	var billed []int64
	for i := range unsent {
		if unsent[i].Units > 0 {
			billed = append(billed, unsent[i].ID)
		}
	}
	if len(billed) == 0 {
		return unsent, nil
	}
	beyond, err := p.Ledger.Spend(ctx, billed, p.Budget)
	if err != nil || len(beyond) == 0 {
		return unsent, err
	}
	left := slices.DeleteFunc(unsent, func(b ledger.Batch) bool {
		if !slices.Contains(beyond, b.ID) {
			return false
		}
		p.Log.ErrorContext(ctx, "the incident's budget is spent: a batch waits until it is raised (`tocsin budget`)",
			"team", b.Team, "incident", b.Incident, "channel", b.Channel, "batch", b.ID, "segments", b.Units)
		p.Metrics.beyondBudget(b.Units)
		return true
	})
	return left, nil
}

func (p *Publisher) batch(b *ledger.Batch) bus.Batch {
	out := bus.Batch{
		ID: b.ID, Update: b.Update, Team: b.Team, Incident: b.Incident, Topic: notification.Topic(b.Team, b.Incident),
		Channel: b.Channel, Locale: b.Locale, Priority: b.Priority, Step: b.Step, Try: b.Try, Last: b.Last,
		InDoubt: p.inDoubt(b), UsefulFor: int64(p.UsefulFor.Seconds()),
		Content: b.Content.Bare(), Attempts: make([]bus.Attempt, len(b.Items)),
	}
	for i, it := range b.Items {
		out.Attempts[i] = bus.Attempt{Notification: it.Notification, Address: it.Address, Values: it.Values}
	}
	return out
}

// inDoubt says what becomes of those of a batch's attempts that a crash left in doubt. A public post is
// never made again on the chance that it isn't there: all would read it twice. Where its network
// knows it by its key it is made again all the same; where the network can be asked, it is asked, and the
// post made if it isn't there; else the doubt stays, for people to look.
func (p *Publisher) inDoubt(b *ledger.Batch) notification.InDoubt {
	if b.Kind == channels.Social {
		return notification.LeaveUnknown
	}
	return p.InDoubt[b.Impact]
}

// untilDue is how long to wait for a batch that is not due yet, in machine time.
func (p *Publisher) untilDue(ctx context.Context) time.Duration {
	due, err := p.Ledger.NextBatchDue(ctx)
	if err != nil || due.IsZero() {
		return poll
	}
	return min(poll, max(time.Millisecond, p.Clock.Machine(due.Sub(p.Clock.Now()))))
}
