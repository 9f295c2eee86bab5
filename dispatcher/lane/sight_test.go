package lane

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

// board is a control bucket in memory, which can lose those who watch it without a word.
type board struct {
	mu       sync.Mutex
	deaf     bool // watches that are there hear nothing more
	away     bool // nothing is stored
	puts     int
	watchers []chan [2]string
	stands   map[string]string
	watches  int // of pauses
}

func newBoard() *board { return &board{stands: map[string]string{}} }

func (b *board) PutControl(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
	if b.away {
		return errors.New("no leader")
	}
	b.stands[key] = string(value)
	for _, w := range b.watchers {
		if !b.deaf {
			w <- [2]string{key, string(value)}
		}
	}
	return nil
}

func (b *board) Watch(ctx context.Context, keys []string, each func(string, []byte)) error {
	if !slices.Contains(keys, bus.PausedKeys) {
		<-ctx.Done()
		return nil
	}
	w := make(chan [2]string, 1000)
	b.mu.Lock()
	b.watchers = []chan [2]string{w}
	b.watches++
	b.deaf = false
	for k, v := range b.stands {
		w <- [2]string{k, v}
	}
	b.mu.Unlock()
	for {
		select {
		case e := <-w:
			each(e[0], []byte(e[1]))
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *board) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// withControl works on a batch with a lane that watches control, as Run would.
func withControl(t *testing.T, l *Lane, batch *bus.Batch) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var both sync.WaitGroup
	defer both.Wait()
	defer cancel()
	both.Go(func() { l.watch(ctx) })
	both.Go(func() { l.beat(ctx) })
	l.enter(batch.ID)
	defer l.leave(batch.ID)
	if err := process(ctx, l, batch); err != nil {
		t.Error(err)
	}
}

// TestNothingStartsWithoutSightOfPauses: what is paused may have changed as long as it can't be seen.
func TestNothingStartsWithoutSightOfPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, j, batch := newBoard(), &memory{}, testBatch(1, 200)
		p, starts := timed(100 * time.Millisecond)
		l := newTestLane(j, p, func(o *Options) { o.Control = c })
		begun := time.Now()
		lost, again := begun.Add(2*time.Second), begun.Add(20*time.Second)
		time.AfterFunc(2*time.Second, func() { c.set(func() { c.away = true }) })
		time.AfterFunc(20*time.Second, func() { c.set(func() { c.away = false }) })
		withControl(t, l, batch)
		resumed := false
		for _, at := range starts() {
			resumed = resumed || !at.Before(again)
			if at.After(lost.Add(2*time.Second)) && at.Before(again) {
				t.Errorf("one started %v after sight was lost", at.Sub(lost))
			}
		}
		if total, most := p.most(); total != 200 || most != 1 || !resumed {
			t.Errorf("%d sent, one %d times, some after sight was back: %t", total, most, resumed)
		}
		j.results(t, batch)
		if n := testutil.ToFloat64(l.Metrics.blinds.WithLabelValues("sms")); n != 1 {
			t.Errorf("%v times blind, want once", n)
		}
	})
}

// TestABrokenWatchIsBegunAnew: the bucket stores the lane's marks, and the watch brings none.
func TestABrokenWatchIsBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, j, batch := newBoard(), &memory{}, testBatch(1, 200)
		p, _ := timed(100 * time.Millisecond)
		l := newTestLane(j, p, func(o *Options) { o.Control = c })
		time.AfterFunc(2*time.Second, func() { c.set(func() { c.deaf = true }) })
		begun := time.Now()
		withControl(t, l, batch)
		if took := time.Since(begun); took > 15*time.Second || c.watches != 2 {
			t.Errorf("it took %v, with %d watches; want 2, and a pause of some seconds at most", took, c.watches)
		}
		j.results(t, batch)
	})
}

// TestAnIdleLaneIsSilent: marks are for those who have something to send.
func TestAnIdleLaneIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newBoard()
		l := newTestLane(&memory{}, newProvider(), func(o *Options) { o.Control = c })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		l.beat(ctx)
		if c.puts != 0 {
			t.Errorf("%d marks", c.puts)
		}
	})
}

// wire stands between a lane and its server, and forwards bytes while it may.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	flow     chan struct{} // closed while bytes pass
	ends     []net.Conn
	all      sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, flow: make(chan struct{})}
	close(w.flow)
	w.all.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			w.mu.Lock()
			w.ends = append(w.ends, near, far)
			w.mu.Unlock()
			w.all.Go(func() { w.pump(near, far) })
			w.all.Go(func() { w.pump(far, near) })
		}
	})
	t.Cleanup(w.close)
	return w
}

func (w *wire) pump(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	_, _ = io.Copy(to, reader(func(p []byte) (int, error) {
		n, err := from.Read(p)
		w.mu.Lock()
		flow := w.flow
		w.mu.Unlock()
		<-flow
		return n, err
	}))
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

func (w *wire) stall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flow = make(chan struct{})
}

func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.flow:
	default:
		close(w.flow)
	}
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.heal()
	w.mu.Lock()
	for _, c := range w.ends {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.all.Wait()
}

// TestStalledConnection: a lane whose connection to a real server passes nothing any more, while others
// revoke what it has in hand, starts none of it, then or later.
func TestStalledConnection(t *testing.T) {
	server, err := bus.StartServer(bus.ServerOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", MaxBytes: bustest.MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	others := bustest.Connect(t, server)
	w := newWire(t, server.URL()[len("nats://"):])
	own, err := bus.Connect(t.Context(), bus.Options{URL: "nats://" + w.listener.Addr().String(), MaxBytes: bustest.MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)

	p, batch := newProvider(), testBatch(1, 40)
	begun, answer := make(chan struct{}, 40), make(chan struct{})
	p.answer = func(context.Context, int64) (channels.Ack, error) {
		begun <- struct{}{}
		<-answer
		return channels.Ack{}, nil
	}
	l := newTestLane(own, p, func(o *Options) { o.Control = own })
	done := make(chan struct{})
	go func() { defer close(done); withControl(t, l, batch) }()
	for range 4 { // every worker has one in hand
		<-begun
	}
	w.stall()
	var all []int64
	for _, a := range batch.Attempts {
		all = append(all, a.Notification)
	}
	if err := others.Revoke(t.Context(), "sms", batch.ID, all); err != nil {
		t.Fatal(err)
	}
	until(t, "the lane knows that it knows nothing", func() bool { return testutil.ToFloat64(l.Metrics.blinds.WithLabelValues("sms")) > 0 })
	close(answer)
	until(t, "the provider has answered", func() bool { return len(l.outlets[0].places) == 0 })
	w.heal()
	<-done
	results := resultsOf(t, others, batch)
	if a, r := count(results, bus.ResultAccepted), count(results, bus.ResultRevoked); a != 4 || r != 36 {
		t.Errorf("%d accepted, %d revoked; want the 4 that had left, and all others", a, r)
	}
	if total, _ := p.most(); total != 4 {
		t.Errorf("%d were sent", total)
	}
}
