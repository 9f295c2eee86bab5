package httpapi

import (
	"context"
	"fmt"

	"github.com/tocsin-dev/tocsin/channels"
)

// Hear stores what a provider said in another way than by webhook; it is a [channels.Hear] for each of
// the Receivers. As with webhooks, receipts are stored while Run runs, what recipients wish is done before
// it returns, and what isn't ours is counted and dropped.
func (s *Server) Hear(ctx context.Context, channel, provider string, h channels.Heard) error {
	rc := s.receivers[target{channel, provider}]
	if rc == nil {
		return fmt.Errorf("http: no receiver for %s at %s", channel, provider)
	}
	if err := s.hear(ctx, rc, h.Inbound); err != nil {
		return err
	}
	_, err := rc.keep(ctx, h.Receipts, s.Signer)
	return err
}
