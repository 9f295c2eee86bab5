package lane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

const (
	// whenFull is how long an append waits that found the stream full.
	whenFull = time.Second
	// whenAway is how long one waits that got no answer, or was refused by a record not yet to be seen.
	whenAway = 200 * time.Millisecond
	// appendTry bounds one try: an answer that takes longer is most likely lost.
	appendTry = 5 * time.Second
	// appendTimeout is how long a lane that stops goes on trying to report, and how long a record that
	// refuses ours may stay unseen.
	appendTimeout = 10 * time.Second
	// leaselessTimeout is the same for a lane that lost its lease, most likely because NATS can't be
	// reached: until somebody takes the batch over, its results are still wanted.
	leaselessTimeout = 10 * time.Minute
)

// store appends a record to the journal and returns its sequence, and a moment before which the journal
// had no records but those that are known. While the stream is full or NATS does not answer it tries
// again, until some time after the lane was told to stop: nothing is started meanwhile, and to give up
// would leave in doubt what is known here. An append whose answer was lost may have been stored: the
// record is then found in the journal, and known. So ErrOvertaken means that there are records of
// others.
func (r *run) store(ctx context.Context, record bus.Record, last uint64) (seq uint64, asOf time.Time, err error) {
	patient, cancel := linger(ctx)
	defer cancel()
	var p patience
	began := time.Now()
	for {
		seq, asOf, err = r.storeNow(patient, record, last, began)
		wait, again := p.again(err)
		if !again {
			return seq, asOf, err
		}
		r.waiting(ctx, err, p.tries)
		if !pause(patient, wait) {
			return 0, asOf, err
		}
	}
}

// patience is what is known of the tries to append one record.
type patience struct {
	tries  int
	unseen time.Time // since when a record refuses ours that can't be read
}

// again says whether to try again after an error, and when.
func (p *patience) again(err error) (time.Duration, bool) {
	p.tries++
	switch {
	case errors.Is(err, bus.ErrFull):
		return whenFull, true
	case errors.Is(err, bus.ErrUnavailable):
		return whenAway, true
	case !errors.Is(err, errUnseen):
		return 0, false
	}
	if p.unseen.IsZero() {
		p.unseen = time.Now()
	}
	return whenAway, time.Since(p.unseen) < appendTimeout
}

// waiting tells operators that a batch waits for its journal.
func (r *run) waiting(ctx context.Context, err error, tries int) {
	switch {
	case errors.Is(err, errUnseen):
		return
	case errors.Is(err, bus.ErrFull):
		r.l.Metrics.full(r.b.Channel)
	default:
		r.l.Metrics.away(r.b.Channel)
	}
	if tries == 1 {
		r.l.Log.ErrorContext(ctx, "batch waits for its journal", "channel", r.b.Channel, "batch", r.b.ID, "error", err)
	}
}

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errUnseen: the journal refused a record because of another that it doesn't show: most likely that
// one is being replicated just then; if it stays so, the journal's records are gone.
var errUnseen = errors.New("the journal refuses records, and shows none")

// storeNow tries once. The first try began at the time given.
func (r *run) storeNow(ctx context.Context, record bus.Record, last uint64, began time.Time) (uint64, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTry)
	defer cancel()
	asked := time.Now()
	seq, err := r.l.Bus.Append(ctx, r.b.Channel, record, last)
	if !errors.Is(err, bus.ErrOvertaken) {
		return seq, asked, err
	}
	entries, rerr := r.l.Bus.Journal(ctx, r.b.Channel, r.b.ID, last)
	switch {
	case rerr != nil:
		return 0, asked, rerr
	case len(entries) == 0:
		return 0, asked, fmt.Errorf("batch %d, after record %d: %w", r.b.ID, last, errUnseen)
	case entries[0].Lane == r.id: // this very record: all earlier ones are before last
		return entries[0].Sequence, began, nil // stored by some try: there may be others behind it
	}
	return 0, asked, err
}

// read returns the records that we don't know yet. It tries again while NATS does not answer.
func (r *run) read(ctx context.Context) ([]bus.Entry, error) {
	patient, cancel := linger(ctx)
	defer cancel()
	for {
		entries, err := r.readNow(patient)
		if !errors.Is(err, bus.ErrUnavailable) {
			return entries, err
		}
		if r.l.Metrics.away(r.b.Channel); !pause(patient, whenAway) {
			return nil, err
		}
	}
}

func (r *run) readNow(ctx context.Context) ([]bus.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTry)
	defer cancel()
	return r.l.Bus.Journal(ctx, r.b.Channel, r.b.ID, r.last)
}

// linger returns a context that outlives ctx for a while: what was promised or has happened is to be
// known, also when the lane stops.
func linger(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		d := appendTimeout
		if errors.Is(context.Cause(ctx), bus.ErrLeaseLost) {
			d = leaselessTimeout
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-out.Done():
		}
	})
	return out, func() { stop(); cancel() }
}
