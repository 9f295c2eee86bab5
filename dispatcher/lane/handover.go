package lane

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// drain waits for what is under way. Its results are lost to this run: whoever took the batch over
// treats those attempts as in doubt.
func (r *run) drain() {
	for ; r.inFlight > 0; r.inFlight-- {
		<-r.results
	}
}

// handOver ends the run in order: it waits for what is under way and reports it, so that nothing is
// in doubt for the next one but what was for this one, and what was not answered in time.
func (r *run) handOver(ctx context.Context) error {
	r.await(lastAnswers)
	r.takeBack()
	for r.appending {
		if err := r.acknowledge(ctx, <-r.appended); err != nil {
			return err
		}
	}
	record := bus.Record{Batch: r.b.ID, Step: r.b.Step, Try: r.b.Try, Lane: r.id, Through: r.reached(), Results: r.pending}
	r.append(ctx, record)
	for r.appending {
		if err := r.acknowledge(ctx, <-r.appended); err != nil {
			return fmt.Errorf("handing over: %w", err)
		}
	}
	return context.Cause(ctx)
}

// lastAnswers is how long a lane that stops waits for providers' answers. It leaves time to report
// them within the time that a process has to stop.
const lastAnswers = 15 * time.Second

// await collects what is under way, for so long at most.
func (r *run) await(d time.Duration) {
	late := time.NewTimer(d)
	defer late.Stop()
	for r.inFlight > 0 {
		select {
		case res := <-r.results:
			r.collect(context.Background(), res)
		case <-late.C:
			return
		}
	}
}

// takeBack makes attempts that a worker had taken, and not begun, the next ones again: whoever takes
// the batch over makes them, and the cascade's time is not spent. One with a later one behind it that
// did begin can't be told from those in doubt: it is returned, unless it was in doubt before.
func (r *run) takeBack() {
	slices.SortFunc(r.unsent, func(a, b bus.Result) int { return a.Index - b.Index })
	for len(r.unsent) > 0 && r.unsent[len(r.unsent)-1].Index == r.started-1 {
		r.unsent = r.unsent[:len(r.unsent)-1]
		r.started--
	}
	for _, res := range r.unsent {
		if r.doubtful(res.Index) {
			res = bus.Result{Index: res.Index, State: bus.ResultUnknown, Code: inDoubt}
		}
		r.note(res)
	}
	r.unsent = nil
}
