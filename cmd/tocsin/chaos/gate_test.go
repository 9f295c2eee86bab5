package chaos

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// greeter says its name to everybody who connects, and then repeats what it is told, line by line.
func greeter(t *testing.T, name string) address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.WriteString(c, name+"\n")
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return address{"tcp", l.Addr().String()}
}

func openGate(t *testing.T, far ...address) *gate {
	t.Helper()
	g, err := newGate(far...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g
}

// visitor is a connection through a gate.
type visitor struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func visit(t *testing.T, g *gate) *visitor {
	t.Helper()
	c, err := net.Dial("tcp", g.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &visitor{t, c, bufio.NewReader(c)}
}

func (v *visitor) hears(want string) {
	v.t.Helper()
	if got, err := v.in.ReadString('\n'); err != nil || got != want+"\n" {
		v.t.Errorf("heard %q, %v; want %q", got, err, want)
	}
}

func (v *visitor) cutOff() {
	v.t.Helper()
	_, err := v.in.ReadByte()
	if ne, ok := errors.AsType[net.Error](err); err == nil || ok && ne.Timeout() {
		v.t.Errorf("%v, want to be cut off", err)
	}
}

func TestGateForwardsAndBalances(t *testing.T) {
	nobody, err := sandbox.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	g := openGate(t, greeter(t, "one"), address{"tcp", nobody}, greeter(t, "two"))
	for _, want := range []string{"one", "two", "one"} { // who does not answer is passed over
		v := visit(t, g)
		v.hears(want)
		_, _ = io.WriteString(v, "and so on\n")
		v.hears("and so on")
	}
}

func TestGateCutsAndRefuses(t *testing.T) {
	g := openGate(t, greeter(t, "one"))
	before := visit(t, g)
	before.hears("one")
	g.cut(true)
	before.cutOff()
	visit(t, g).cutOff()
	g.heal()
	visit(t, g).hears("one")
}

// TestGateHoldsUp keeps connections while nothing passes, and lets everything pass later.
func TestGateHoldsUp(t *testing.T) {
	g := openGate(t, greeter(t, "one"))
	v := visit(t, g)
	v.hears("one")
	g.stall()
	_, _ = io.WriteString(v, "late\n")
	if err := v.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b, err := v.in.ReadByte(); err == nil {
		t.Errorf("%q has passed", b)
	}
	if err := v.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	g.heal()
	v.hears("late")
}
