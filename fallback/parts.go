package fallback

import (
	"context"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// span is a range of notifications' ids, both ends in it.
type span struct{ first, last int64 }

// inParts does something for a range of notifications, in one transaction if it can be. Where other
// engines change some of them at the same time, a transaction about thousands would be refused again and
// again, until nothing of what it is to stop is left to be stopped: so the range is halved, and what was
// done for one half stays done.
func (e *Engine) inParts(ctx context.Context, s span, do func(context.Context, span) error) error {
	err := do(ctx, s)
	for errors.Is(err, ledger.ErrConflict) && s.first >= s.last && ctx.Err() == nil {
		e.Metrics.conflict()
		aside(ctx)
		err = do(ctx, s)
	}
	if !errors.Is(err, ledger.ErrConflict) || s.first >= s.last {
		return err
	}
	e.Metrics.conflict()
	middle := s.first + (s.last-s.first)/2
	if err := e.inParts(ctx, span{s.first, middle}, do); err != nil {
		return err
	}
	return e.inParts(ctx, span{middle + 1, s.last}, do)
}
