package lane

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is a hand-written Sender that counts what it is given.
type provider struct {
	signer *notification.Signer
	// answer decides on a message to a notification; nil takes everything.
	answer func(ctx context.Context, notification int64) (channels.Ack, error)

	mu   sync.Mutex
	sent map[int64]int
	last channels.Message
}

func newProvider() *provider {
	return &provider{signer: notification.NewSigner([]byte("k")), sent: map[int64]int{}}
}

func (p *provider) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	id, err := p.signer.Verify(m.Ref)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "ref", Err: err}
	}
	p.mu.Lock()
	p.sent[id.Notification]++
	p.last = m
	p.mu.Unlock()
	if p.answer != nil {
		return p.answer(ctx, id.Notification)
	}
	return channels.Ack{ID: "p", Proof: channels.Accepted}, nil
}

func (p *provider) Close() error { return nil }

// most returns how many were sent, and how often the most often sent one was.
func (p *provider) most() (total, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.sent {
		total, most = total+n, max(most, n)
	}
	return total, most
}

func newTestLane(j Journal, p *provider, change func(*Options)) *Lane {
	o := Options{
		Channel: "sms", Signer: p.signer, Bus: j,
		Providers: []Provider{{Name: "acme", Sender: p, Limits: channels.Limits{Concurrency: 4, Timeout: 10 * time.Second}}},
		Metrics:   NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	l := New(o)
	l.window = testWindow
	return l
}

const testWindow = 8

// process works on one batch as Run would, without the queue.
func process(ctx context.Context, l *Lane, b *bus.Batch) error {
	var workers sync.WaitGroup
	for range l.limits.Concurrency {
		workers.Go(l.work)
	}
	defer workers.Wait()
	defer close(l.jobs)
	return l.process(ctx, b, time.Time{}, func() {})
}

// testBatch has n attempts, for notifications 1000*id and up.
func testBatch(id int64, n int) *bus.Batch {
	b := &bus.Batch{ID: id, Channel: "sms", Priority: notification.Urgent, InDoubt: notification.LeaveUnknown,
		Content: notification.Content{Text: notification.Literal("x")}}
	for i := range n {
		b.Attempts = append(b.Attempts, bus.Attempt{Notification: 1000*id + int64(i), Address: "+1"})
	}
	return b
}

// resultsOf reads a batch's results from its journal and fails the test unless each attempt has one,
// and the right one's name.
func resultsOf(t interface {
	Helper()
	Fatalf(string, ...any)
}, b *bus.Bus, batch *bus.Batch,
) map[int]bus.Result {
	t.Helper()
	entries, err := b.Journal(context.Background(), "sms", batch.ID, 0)
	if err != nil {
		t.Fatalf("reading the journal: %v", err)
	}
	all := map[int]bus.Result{}
	for _, e := range entries {
		for _, r := range e.Results {
			if _, twice := all[r.Index]; twice {
				t.Fatalf("attempt %d has two results", r.Index)
			}
			if r.Notification != batch.Attempts[r.Index].Notification {
				t.Fatalf("attempt %d reported for notification %d", r.Index, r.Notification)
			}
			all[r.Index] = r
		}
	}
	if len(all) != len(batch.Attempts) {
		t.Fatalf("%d results for %d attempts", len(all), len(batch.Attempts))
	}
	return all
}

func count(results map[int]bus.Result, s bus.ResultState) int {
	n := 0
	for _, r := range results {
		if r.State == s {
			n++
		}
	}
	return n
}

func TestEveryAttemptOnce(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	var batches []bus.Batch
	for id := range int64(7) {
		x := testBatch(id+1, 60)
		if id%2 == 1 {
			x.Priority = notification.Normal
		}
		batches = append(batches, *x)
	}
	if err := b.PublishBatches(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- newTestLane(b, p, nil).Run(ctx) }()
	waitForQueue(t, b, 0)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	for i := range batches {
		if n := count(resultsOf(t, b, &batches[i]), bus.ResultAccepted); n != 60 {
			t.Errorf("batch %d: %d accepted", batches[i].ID, n)
		}
	}
	if total, most := p.most(); total != 420 || most != 1 {
		t.Errorf("%d messages sent, one of them %d times; want 420 once each", total, most)
	}
}

// waitForQueue asks the server until so many batches are left in the queue.
func waitForQueue(t *testing.T, b *bus.Bus, left uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		states, err := b.States(ctx)
		if err != nil {
			t.Fatalf("waiting for %d batches to be left: %v", left, err)
		}
		for _, s := range states {
			if s.Name == bus.SendStream && s.Messages == left {
				return
			}
		}
	}
}

func TestUnreadableBatchIsDropped(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	if err := b.PublishMessage(t.Context(), bus.SendSubject("sms", notification.Urgent), nil, []byte("{")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- newTestLane(b, p, nil).Run(ctx) }()
	waitForQueue(t, b, 0)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// deaf is a bus on which nothing can be consumed.
type deaf struct{ *bus.Bus }

func (deaf) Consume(context.Context, string, string, string, int, func(jetstream.Msg)) error {
	return errors.New("no consumer")
}

func TestRunSaysWhyItEnded(t *testing.T) {
	err := newTestLane(deaf{}, newProvider(), nil).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "lane sms: no consumer") {
		t.Errorf("Run: %v", err)
	}
}

func TestStopWhileSending(t *testing.T) {
	b, p := bustest.Start(t), newProvider()
	sending, release := make(chan struct{}, 64), make(chan struct{})
	p.answer = func(ctx context.Context, _ int64) (channels.Ack, error) {
		sending <- struct{}{}
		<-release
		if ctx.Err() != nil { // the answer is waited for
			return channels.Ack{}, &channels.Error{Class: channels.Unknown, Code: "cut"}
		}
		return channels.Ack{}, nil
	}
	batch := testBatch(1, 50)
	if err := b.PublishBatches(t.Context(), []bus.Batch{*batch}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- newTestLane(b, p, nil).Run(ctx) }()
	<-sending
	cancel()
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	before, _ := p.most()
	// The next lane gets the batch at once, and nothing is in doubt.
	ctx, cancel = context.WithCancel(t.Context())
	next := newProvider()
	go func() { ended <- newTestLane(b, next, nil).Run(ctx) }()
	waitForQueue(t, b, 0)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if after, _ := next.most(); before+after != 50 || count(resultsOf(t, b, batch), bus.ResultAccepted) != 50 {
		t.Errorf("sent %d and then %d, want 50 together", before, after)
	}
}

func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		limits channels.Limits
		want   int
	}{
		{channels.Limits{Concurrency: 1}, 64},
		{channels.Limits{Concurrency: 64}, 256},
		{channels.Limits{Concurrency: 8, PerSecond: 1}, 16},
		{channels.Limits{Concurrency: 8, PerSecond: 30}, 30},
		{channels.Limits{Concurrency: 8, PerSecond: 1000}, 64},
	} {
		if got := window(tt.limits); got != tt.want {
			t.Errorf("window of %+v is %d, want %d", tt.limits, got, tt.want)
		}
	}
}
