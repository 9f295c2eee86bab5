package app

import (
	"context"

	"github.com/tocsin-dev/tocsin/channels"
)

// prepare lets the channel's adapters do what they have to before the first message. What fails is no
// reason not to send: an attempt says for itself what became of it.
func (a *App) prepare(ctx context.Context, c *configured) {
	for i := range c.accounts {
		p := &c.accounts[i]
		sender, ok := p.sender.(channels.Preparer)
		if !ok {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, p.limits.Timeout)
		err := sender.Prepare(bounded)
		cancel()
		if err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "provider is not prepared as it should be", "channel", c.Name, "provider", p.Name, "error", err)
		}
	}
}
