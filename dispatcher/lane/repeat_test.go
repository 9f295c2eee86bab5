package lane

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestReturnedIsNoRepeat: what was in doubt, and could not be sent again, was not.
func TestReturnedIsNoRepeat(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	batch := testBatch(1, 60)
	batch.InDoubt = notification.Repeat
	kill(t, b, p, batch, 3)
	p.answer = func(context.Context, int64) (channels.Ack, error) {
		return channels.Ack{}, &channels.Error{Class: channels.Unavailable, Code: "503"}
	}
	next := newTestLane(b, p, nil)
	if err := process(t.Context(), next, batch); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, b, batch)
	if count(results, bus.ResultReturned) == 0 {
		t.Fatal("nothing was returned: it proves nothing")
	}
	for i, r := range results {
		if r.Repeat {
			t.Errorf("attempt %d is %s, and said to be repeated", i, r.State)
		}
	}
	if n := testutil.ToFloat64(next.Metrics.repeats.WithLabelValues(batch.Channel)); n != 0 {
		t.Errorf("%v repeats are counted, want none", n)
	}
}
