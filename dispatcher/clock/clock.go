// Package clock is the product's one clock. Everything that happens at a time of the product's own
// (deadlines, windows, the times in texts and reports) reads this clock, so that a scenario of many
// hours can be played in seconds by running it faster; no other code knows.
//
// What belongs to the machine and not to the product (network timeouts, connection keep-alive)
// stays on the machine's time.
package clock

import (
	"context"
	"time"
)

// Clock tells the product's time. The zero value is the machine's clock. A Clock is immutable and
// safe for concurrent use.
type Clock struct {
	scale float64   // product seconds per machine second; 0 is the machine's clock
	start time.Time // product time at origin
	from  time.Time // machine time of origin, with its monotonic reading
}

// Scaled returns a clock that shows start now and runs scale times as fast as the machine's.
func Scaled(scale float64, start time.Time) Clock {
	return Clock{scale: scale, start: start, from: time.Now()}
}

// Now returns the product's time, in UTC.
func (c Clock) Now() time.Time {
	if c.scale == 0 {
		return time.Now().UTC()
	}
	passed := time.Duration(float64(time.Since(c.from)) * c.scale)
	return c.start.Add(passed).UTC()
}

// Machine converts a span of product time into machine time.
func (c Clock) Machine(d time.Duration) time.Duration {
	if c.scale == 0 {
		return d
	}
	return time.Duration(float64(d) / c.scale)
}

// Product converts a span of machine time into product time.
func (c Clock) Product(d time.Duration) time.Duration {
	if c.scale == 0 {
		return d
	}
	return time.Duration(float64(d) * c.scale)
}

// Sleep returns nil after d of product time, or ctx's error when ctx ends first.
func (c Clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(c.Machine(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
