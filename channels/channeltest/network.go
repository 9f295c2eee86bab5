package channeltest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func (h Harness) testNetwork(t *testing.T) {
	t.Run("nobody listens", h.testNobody)
	t.Run("connection lost after the message was read", h.testDropped)
	t.Run("connections cut between messages", h.testCut)
}

func (h Harness) testNobody(t *testing.T) {
	s := newStage(t, h)
	l := listen(t)
	endpoint := h.endpoint(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m := s.message(0)
	_, err := s.send(s.newSender(h.Config(endpoint)), m)
	s.mustFail(err, m, channels.Unavailable)
}

func (h Harness) testDropped(t *testing.T) {
	s := newStage(t, h)
	l := listen(t)
	serve(t, l, func(conn net.Conn) {
		_ = conn.SetDeadline(time.Now().Add(patience))
		h.Drop(conn)
	})
	m := s.message(0)
	_, err := s.send(s.newSender(h.Config(h.endpoint(l.Addr().String()))), m)
	s.mustFail(err, m, channels.Unknown)
}

// testCut cuts the connections that an adapter kept. The next message may be in doubt, since its
// connection may have been lost while it was written; but the adapter has to say so, and to be back
// with the one after.
func (h Harness) testCut(t *testing.T) {
	s := newStage(t, h)
	w := &wire{}
	l := listen(t)
	target, err := url.Parse(s.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(conn net.Conn) { w.carry(conn, target.Host) })
	t.Cleanup(w.cut)
	sender := s.newSender(h.Config(h.endpoint(l.Addr().String())))
	s.mustSend(sender, s.message(0))
	w.cut()
	m := s.message(1)
	_, err = s.send(sender, m)
	taken := 2
	if err != nil {
		taken--
		e := s.mustBeError(err, m)
		if e.Class != channels.Unknown && e.Class != channels.Unavailable {
			t.Errorf("error %q has class %v, want unknown or unavailable", e, e.Class)
		}
		if e.Class == channels.Unavailable {
			s.mustCount(taken)
		}
	}
	s.mustSend(sender, s.message(2))
	if n := s.desk.Total(); n.Accepted < taken+1 || n.Accepted > 3 || n.Repeats > 0 {
		t.Errorf("the simulator counted %+v, want %d or one more in doubt, and no repeats", n, taken+1)
	}
}

// wire is the way to a provider, which can be cut.
type wire struct {
	mu    sync.Mutex
	conns []net.Conn
}

// carry copies between conn and the provider at addr until either end closes or the wire is cut.
func (w *wire) carry(conn net.Conn, addr string) {
	far, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, conn, far)
	w.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, far)
		_ = conn.Close()
	})
	_, _ = io.Copy(far, conn)
	_ = far.Close()
	back.Wait()
}

// cut closes every connection that there is.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// serve handles connections to l until the test ends, and closes each when handle returns.
func serve(t *testing.T, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				handle(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// endpoint is the endpoint URL of a simulator at addr.
func (h Harness) endpoint(addr string) string {
	if h.Simulator.HTTP != nil {
		return "http://" + addr + "/" + h.Simulator.Provider
	}
	return h.Simulator.Scheme + "://" + addr
}

// dropHTTP reads one request whole and answers nothing.
func dropHTTP(conn net.Conn) {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body)
}
