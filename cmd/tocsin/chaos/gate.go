package chaos

import (
	"errors"
	"net"
	"sync"
)

// gate stands between a program and what it connects to, and forwards bytes: it is where connections
// are cut, refused or held up. With several far sides it is a balancer: each connection goes to the
// next one that can be reached. Safe for concurrent use.
type gate struct {
	listener net.Listener
	far      []address

	mu      sync.Mutex
	next    int
	open    map[net.Conn]struct{}
	refuses bool
	flow    chan struct{} // closed while bytes may pass
	closed  bool
	serving sync.WaitGroup
}

// address is somewhere to connect to.
type address struct{ network, at string }

// newGate opens a gate on a free port of this machine.
func newGate(far ...address) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{listener: l, far: far, open: map[net.Conn]struct{}{}, flow: make(chan struct{})}
	close(g.flow)
	g.serving.Go(g.serve)
	return g, nil
}

// address is where the gate is.
func (g *gate) address() string { return g.listener.Addr().String() }

func (g *gate) serve() {
	for {
		c, err := g.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			g.serving.Go(func() { g.forward(c) })
		}
	}
}

func (g *gate) forward(near net.Conn) {
	if !g.enter(near) {
		return
	}
	defer g.leave(near)
	far := g.dial()
	if far == nil || !g.enter(far) {
		return
	}
	defer g.leave(far)
	var both sync.WaitGroup
	both.Go(func() { g.pump(far, near) })
	both.Go(func() { g.pump(near, far) })
	both.Wait()
}

// enter remembers a connection, unless the gate refuses it.
func (g *gate) enter(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.refuses {
		_ = c.Close()
		return false
	}
	g.open[c] = struct{}{}
	return true
}

func (g *gate) leave(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
	_ = c.Close()
}

// dial connects to the next far side that takes connections, nil if none does.
func (g *gate) dial() net.Conn {
	for range g.far {
		g.mu.Lock()
		to := g.far[g.next%len(g.far)]
		g.next++
		g.mu.Unlock()
		if c, err := net.Dial(to.network, to.at); err == nil {
			return c
		}
	}
	return nil
}

// pump copies until one side ends, and then ends both.
func (g *gate) pump(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		g.pass()
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits while the gate holds everything up.
func (g *gate) pass() {
	g.mu.Lock()
	flow := g.flow
	g.mu.Unlock()
	<-flow
}

// cut ends all connections; while it refuses there are no new ones.
func (g *gate) cut(refuse bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = refuse
	for c := range g.open {
		_ = c.Close()
	}
}

// stall lets no byte pass, and keeps the connections, as a network does that loses everything.
func (g *gate) stall() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.flow:
		g.flow = make(chan struct{})
	default: // it is stalled
	}
}

// heal lets everything pass again.
func (g *gate) heal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = false
	select {
	case <-g.flow:
	default:
		close(g.flow)
	}
}

// close ends the gate and waits until it has.
func (g *gate) close() {
	_ = g.listener.Close()
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cut(true)
	g.heal()
	g.serving.Wait()
}
