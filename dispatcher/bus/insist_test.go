package bus

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestInsistAsksAgainWhenAnAnswerIsLost, though there is much time left: the answer will not come.
func TestInsistAsksAgainWhenAnAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun, tries := time.Now(), 0
		err := insist(ctx, func(ctx context.Context) error {
			if tries++; tries < 3 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		if took := time.Since(begun); err != nil || took > 12*time.Second {
			t.Errorf("after %v and %d tries: %v, want success at the third", took, tries, err)
		}
	})
}

// TestInsistGivesUp when its own time is over, and on what doesn't go away by itself.
func TestInsistGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := insist(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
			t.Errorf("%v before the time was over", err)
		}
		refused := errors.New("refused")
		if err := insist(t.Context(), func(context.Context) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("%v, want what it was refused with", err)
		}
	})
}
