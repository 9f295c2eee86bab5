package lane

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestQuietIsKept: who waits for the provider when it asks for quiet goes after that, or elsewhere if it is long.
func TestQuietIsKept(t *testing.T) {
	for name, full := range map[string]bool{"waiting for a place": true, "waiting for the rate": false} {
		for quiet, code := range map[time.Duration]string{3 * time.Second: "", 10 * time.Minute: "paused"} {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider()
				lane := newTestLane(nil, p, func(o *Options) { o.Providers[0].Limits = channels.Limits{PerSecond: 1, Concurrency: 1} })
				o := lane.outlets[0]
				o.limiter.Allow()
				if full {
					o.places <- struct{}{}
				}
				begun := time.Now()
				entered := make(chan *channels.Error)
				go func() { entered <- o.enter(t.Context()) }()
				synctest.Wait()
				o.quiet(quiet)
				if full {
					o.leave()
				}
				e := <-entered
				waited := time.Since(begun)
				if code == "" && (e != nil || waited < quiet) || code != "" && (e == nil || e.Code != code || e.RetryAfter < quiet/2 || waited > shortPause) {
					t.Errorf("%s, asked for %v: %v after %v", name, quiet, e, waited)
				}
				if e != nil && len(o.places) != 0 {
					t.Errorf("%s, asked for %v: the place is still taken", name, quiet)
				}
			})
		}
	}
}
