package lane

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestPausedIsGivenBack: what of a paused update has not left is given back; what has is heard out.
func TestPausedIsGivenBack(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	l := newTestLane(b, p, nil)
	batch := testBatch(1, 40)
	batch.Update = 7
	p.answer = func(_ context.Context, n int64) (channels.Ack, error) {
		if n == 1005 {
			l.hold(bus.PausedKey(7), []byte("Ana"))
		}
		return channels.Ack{}, nil
	}
	if err := process(t.Context(), l, batch); err != nil {
		t.Fatal(err)
	}
	sent, _ := p.most()
	accepted, held := 0, 0
	for _, res := range resultsOf(t, b, batch) {
		switch {
		case res.State == bus.ResultAccepted:
			accepted++
		case res.State == bus.ResultReturned && res.Code == notification.HeldBack:
			held++
		}
	}
	if accepted != sent || accepted+held != 40 || held < 40-6-testWindow {
		t.Errorf("%d sent, %d accepted, %d held back", sent, accepted, held)
	}
	l.hold(bus.PausedKey(7), nil)
	if l.isPaused(7) {
		t.Error("still paused")
	}
}

// TestPausedMeanwhile: what waited for its turn when the pause came has not begun, alone or in bulk; a message
// that is repeated does not wait.
func TestPausedMeanwhile(t *testing.T) {
	for name, bulk := range map[string]bool{"singly": false, "in bulk": true} {
		b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
		l, want := newTestLane(b, p.provider, nil), 1
		pause := func() { l.hold(bus.PausedKey(7), []byte("Ana")) }
		if bulk {
			l, want = newBulkLane(b, p, nil), testWindow/2
		}
		l.outlets[0].places = make(chan struct{}, 1) // the workers wait for one another
		p.answer = func(context.Context, int64) (channels.Ack, error) { pause(); return channels.Ack{}, nil }
		p.all = func(int, []string) *channels.Error { pause(); return nil }
		batch := bulkBatch(20)
		batch.Update = 7
		if err := process(t.Context(), l, batch); err != nil {
			t.Fatal(err)
		}
		total, _ := p.most()
		if held := count(resultsOf(t, b, batch), bus.ResultReturned); total != want || held != 20-want {
			t.Errorf("%s: %d sent and %d held back, want %d and the rest", name, total, held, want)
		}
	}
	v := view{paused: func() bool { return true }, again: map[int64]bool{2: true}}
	v.knows(time.Now())
	if v.begin(1) || !v.begin(2) {
		t.Error("paused: a new attempt begins, or a repeated one doesn't")
	}
}

// TestPausedFromTheBus: the word comes over a real bucket, and is taken back there.
func TestPausedFromTheBus(t *testing.T) {
	b := bustest.Start(t)
	if err := b.PutControl(t.Context(), bus.PausedKey(7), []byte("Ana")); err != nil {
		t.Fatal(err)
	}
	l := newTestLane(b, newProvider(), func(o *Options) { o.Control = b })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	until(t, "the pause is seen", func() bool { return l.isPaused(7) })
	if err := b.PutControl(t.Context(), bus.PausedKey(7), nil); err != nil {
		t.Fatal(err)
	}
	until(t, "it is taken back", func() bool { return !l.isPaused(7) })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}
