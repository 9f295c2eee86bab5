package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
)

func TestScaledClockRunsFasterAndSleepsShorter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2026, 3, 7, 13, 0, 0, 0, time.UTC)
		c := clock.Scaled(3600, start)
		before := time.Now()
		if err := c.Sleep(t.Context(), 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(before); got != 2*time.Second {
			t.Errorf("two product hours took %v of machine time, want 2s", got)
		}
		if got := c.Now(); !got.Equal(start.Add(2 * time.Hour)) {
			t.Errorf("clock shows %v, want %v", got, start.Add(2*time.Hour))
		}
		if got := c.Product(time.Second); got != time.Hour {
			t.Errorf("a machine second is %v of product time, want 1h", got)
		}
	})
}

func TestZeroClockIsTheMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		if !c.Now().Equal(time.Now()) || c.Machine(time.Minute) != time.Minute || c.Product(time.Minute) != time.Minute {
			t.Error("the zero clock differs from the machine's")
		}
	})
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (clock.Clock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep under an ended context returned %v", err)
	}
}
