package lane

import (
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	tripAfter = 5               // failures in a row
	openFor   = 5 * time.Second // before one attempt probes again
)

// breaker keeps a lane from calling a provider that is out of order, or that refuses us: while it
// is open, attempts are given back at once, and one now and then probes.
type breaker struct {
	b *gobreaker.TwoStepCircuitBreaker[struct{}]
}

func newBreaker(channel string, m *Metrics) *breaker {
	return &breaker{gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         channel,
		Timeout:      openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: healthy,
		OnStateChange: func(_ string, _, to gobreaker.State) {
			m.breaker(channel, to == gobreaker.StateOpen)
		},
	})}
}

// healthy reports whether an error still speaks for a working provider: a refusal of one message does.
func healthy(err error) bool {
	if err == nil {
		return true
	}
	switch channels.AsError(err).Class {
	case channels.InvalidAddress, channels.Rejected, channels.RateLimited:
		return true
	default:
		return false
	}
}

// allow returns what to call with the attempt's error; nil if the breaker is open, and then how
// long to wait.
func (b *breaker) allow() (done func(error), retry time.Duration) {
	done, err := b.b.Allow()
	if err != nil {
		return nil, openFor
	}
	return done, 0
}
