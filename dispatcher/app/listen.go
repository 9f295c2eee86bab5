package app

import (
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// listenRetry is how long a way of hearing is left alone that could not go on.
const listenRetry = 10 * time.Second

// hearing is httpapi.Server.Hear.
type hearing func(ctx context.Context, channel, provider string, h channels.Heard) error

// listen has everything heard that providers say in other ways than by webhook. Where there are several
// processes, each listens, or one at a time, as the way asks.
func (a *App) listen(hear hearing) {
	for i := range a.channels {
		c := &a.channels[i]
		for j := range c.accounts {
			p := &c.accounts[j]
			l, ok := p.sender.(channels.Listener)
			if !ok {
				continue
			}
			for _, w := range l.Ways() {
				name, f := "listening-"+c.Name+"-"+p.Name+"-"+w.Name, a.listening(c, p, w, hear)
				if w.Alone {
					a.runs = append(a.runs, a.oneAtATime(name, f))
				} else {
					a.runs = append(a.runs, run{name, f})
				}
			}
		}
	}
}

// listening listens until ctx ends. A way that can't go on is tried again and again: what it would have
// heard waits at the provider, and sending must not stop for it.
func (a *App) listening(c *configured, p *account, w channels.Way, hear hearing) func(context.Context) error {
	store := func(ctx context.Context, h channels.Heard) error { return hear(ctx, c.Name, p.Name, h) }
	return func(ctx context.Context) error {
		for {
			err := w.Listen(ctx, store)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it was told to end
			}
			a.Log.ErrorContext(ctx, "receipts are not heard, trying again", "channel", c.Name, "provider", p.Name, "way", w.Name, "error", err)
			select {
			case <-time.After(listenRetry):
			case <-ctx.Done():
				return nil
			}
		}
	}
}
