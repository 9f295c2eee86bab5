package lane

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	tripAfter = 5               // failures in a row
	openFor   = 5 * time.Second // before one attempt probes again
)

// breaker keeps a lane from calling a provider that is out of order, or that refuses us: while it
// is open, attempts go elsewhere at once, and one now and then probes.
type breaker struct {
	b *gobreaker.TwoStepCircuitBreaker[struct{}]
	// failed is the last error that spoke against the provider.
	failed atomic.Pointer[channels.Error]
	// opened is when it opened after it was last closed; nil while it is closed.
	opened atomic.Pointer[time.Time]
	// probing says that the attempt that decides is under way.
	probing atomic.Bool
}

func newBreaker(channel, provider string, m *Metrics, log *slog.Logger) *breaker {
	b := &breaker{}
	b.b = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         channel + " " + provider,
		Timeout:      openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: healthy,
		OnStateChange: func(_ string, from, to gobreaker.State) {
			m.breaker(channel, provider, to != gobreaker.StateClosed) // a probe under way closes nothing yet
			b.note(from, to)
			b.log(log.With("channel", channel, "provider", provider), from, to)
		},
	})
	return b
}

// note remembers when it opened; a probe that fails doesn't make that later.
func (b *breaker) note(from, to gobreaker.State) {
	switch {
	case from == gobreaker.StateClosed && to == gobreaker.StateOpen:
		now := time.Now()
		b.opened.Store(&now)
	case to == gobreaker.StateClosed:
		b.opened.Store(nil)
	}
}

// log says that the provider fails and that it works again, once each; not every probe between. Of
// the error it says the class and code only: its text may hold an address.
func (b *breaker) log(log *slog.Logger, from, to gobreaker.State) {
	switch {
	case from == gobreaker.StateClosed && to == gobreaker.StateOpen:
		e, does := b.failed.Load(), "see what the provider says of itself"
		if e.Class == channels.Auth {
			does = "check the channel's credentials in the configuration"
		}
		log.Error("the provider fails and is left alone for a while: "+does, "class", e.Class.String(), "code", e.Code)
	case to == gobreaker.StateClosed:
		log.Info("the provider works again")
	}
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

// open reports whether allow would refuse now.
func (b *breaker) open() bool {
	switch b.b.State() {
	case gobreaker.StateOpen:
		return true
	case gobreaker.StateHalfOpen:
		return b.probing.Load()
	default:
		return false
	}
}

// since returns when it opened, zero if it is closed. One that only waits for its probe is not closed.
func (b *breaker) since() time.Time {
	if t := b.opened.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// allow returns what to call with the attempt's error; nil if the breaker is open.
func (b *breaker) allow() (done func(error)) {
	tell, err := b.b.Allow()
	if err != nil {
		return nil
	}
	probe := b.opened.Load() != nil
	if probe {
		b.probing.Store(true)
	}
	return func(err error) {
		if !healthy(err) {
			b.failed.Store(channels.AsError(err))
		}
		tell(err)
		if probe {
			b.probing.Store(false)
		}
	}
}
