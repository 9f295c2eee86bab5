package smtp

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// served is a simulated relay, with what a test asks of it.
type served struct {
	url      string
	desk     *sandbox.Desk
	listener *countingListener
}

// serve serves a simulated relay until the test ends.
func serve(t testing.TB, relay sim.Relay, c sandbox.Conduct) served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := served{
		url:      "smtp://" + l.Addr().String(),
		desk:     sandbox.NewDesk(ctx, "smtp", c),
		listener: &countingListener{Listener: l, closed: make(chan struct{}, 1<<16)},
	}
	ended := make(chan error, 1)
	go func() { ended <- relay.Serve(ctx, s.desk, s.listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serving: %v", err)
		}
		s.desk.Wait()
	})
	return s
}

// countingListener counts connections, and can cut those that are open.
type countingListener struct {
	net.Listener
	accepted atomic.Int64
	closed   chan struct{} // one value for each connection that the relay closed

	mu   sync.Mutex
	open []net.Conn
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.accepted.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, c)
	return &countedConn{Conn: c, closed: l.closed}, nil
}

type countedConn struct {
	net.Conn
	once   sync.Once
	closed chan<- struct{}
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.closed <- struct{}{} })
	return c.Conn.Close()
}

// awaitClosed waits until the relay has closed as many connections as it accepted.
func (s served) awaitClosed(t *testing.T) {
	t.Helper()
	for range s.listener.accepted.Load() {
		select {
		case <-s.listener.closed:
		case <-time.After(10 * time.Second):
			t.Fatal("a connection stays open")
		}
	}
}

// cut closes all connections, as a relay does that is restarted.
func (l *countingListener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		_ = c.Close()
	}
	l.open = nil
}

func mustConfig(t testing.TB, text string) config {
	t.Helper()
	c, err := readConfig(yamlDecoder(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func yamlDecoder(text string) func(any) error {
	return func(into any) error {
		d := yaml.NewDecoder(strings.NewReader(text))
		d.KnownFields(true)
		return d.Decode(into)
	}
}

// newTestRelay makes a Sender for a simulated relay, with more lines of configuration.
func newTestRelay(t testing.TB, s served, more string) *relay {
	t.Helper()
	if !strings.Contains(more, "tls:") {
		more += "tls: none\n"
	}
	r := newRelay(mustConfig(t, "url: "+s.url+"\nfrom: Example Bank <notices@example.com>\n"+more))
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

func testMessage(ref string) channels.Message {
	return channels.Message{Ref: ref, Address: "ana.0@example.com", Locale: "en", Subject: "Card payments", Text: "Card payments are down. " + ref}
}

// send sends with a deadline that is reached only in failures.
func send(t testing.TB, r *relay, m channels.Message) (channels.Ack, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return r.Send(ctx, m)
}

func mustSend(t testing.TB, r *relay, m channels.Message) {
	t.Helper()
	if _, err := send(t, r, m); err != nil {
		t.Fatalf("Send: %v", err)
	}
}
