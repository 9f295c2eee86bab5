package bustest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// Cluster is three NATS servers with JetStream within the test's process, that talk to each other
// over loopback, as servers on three machines would.
type Cluster struct {
	t     testing.TB
	nodes [nodes]*server.Server
	opts  [nodes]*server.Options
}

const nodes = 3

// ready bounds what a cluster is waited for.
const ready = 30 * time.Second

// StartCluster starts a cluster and waits until it can take streams. It ends with the test.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	var dirs [nodes]string
	for i := range dirs {
		dirs[i] = t.TempDir() // before the servers' end is registered: that comes first, then
	}
	t.Cleanup(c.stop)
	// A JetStream server wants to know the way to the others before it starts, so ports are chosen here.
	routes := freeAddresses(t)
	for i := range c.nodes {
		c.opts[i] = &server.Options{
			ServerName: fmt.Sprint("node-", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: dirs[i], JetStreamMaxStore: 4 * MaxBytes, JetStreamMaxMemory: MaxBytes, MaxPayload: 2 << 20,
			Cluster: server.ClusterOpts{Name: "town", Host: "127.0.0.1", Port: routes[i].Port},
		}
		for j, r := range routes {
			if j != i {
				c.opts[i].Routes = append(c.opts[i].Routes, &url.URL{Scheme: "nats", Host: r.String()})
			}
		}
	}
	for i := range c.nodes {
		c.Start(i)
	}
	c.Await()
	return c
}

// freeAddresses finds an address for each server at which nobody listens. They are below the range from
// which systems give ports away, or another test might be given one before its server has it.
func freeAddresses(t testing.TB) (free [nodes]*net.TCPAddr) {
	t.Helper()
	for i := range free {
		for free[i] == nil {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
			if errors.Is(err, syscall.EADDRINUSE) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			free[i] = l.Addr().(*net.TCPAddr)
		}
	}
	return free
}

// Start starts a server, anew if it was stopped: at the same addresses, on what it had stored.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	n, err := server.NewServer(c.opts[i].Clone())
	if err != nil {
		c.t.Fatal(err)
	}
	n.Start()
	if !n.ReadyForConnections(ready) {
		c.t.Fatalf("server %d does not start", i)
	}
	c.nodes[i] = n
	c.opts[i].Port = n.Addr().(*net.TCPAddr).Port
}

// Stop stops a server; its clients are cut off, and what it was about to say is not said.
func (c *Cluster) Stop(i int) {
	c.nodes[i].Shutdown()
	c.nodes[i].WaitForShutdown()
}

func (c *Cluster) stop() {
	c.settle()
	for i, n := range c.nodes {
		if n != nil {
			c.Stop(i)
		}
	}
}

// settle waits, not for ever, until all servers have caught up: one that is stopped while it opens a
// stream leaves goroutines behind.
func (c *Cluster) settle() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(ready / 2); !c.settled() && time.Now().Before(deadline); {
		<-tick.C
	}
}

func (c *Cluster) settled() bool {
	for _, stream := range append(bus.StreamNames(), "KV_lease") {
		leader := c.LeaderOf(stream)
		for i, n := range c.nodes {
			if leader < 0 || n == nil || n.Running() && !c.Current(i, stream) {
				return false
			}
		}
	}
	return true
}

// Await waits until the cluster has a leader that knows all three servers.
func (c *Cluster) Await() {
	c.t.Helper()
	Eventually(c.t, "the cluster has a leader and three servers", func() bool {
		for _, n := range c.nodes {
			if n.Running() && n.JetStreamIsLeader() && len(n.JetStreamClusterPeers()) == nodes {
				return true
			}
		}
		return false
	})
}

// LeaderOf returns the server that leads a stream, -1 if none does.
func (c *Cluster) LeaderOf(stream string) int {
	for i, n := range c.nodes {
		if n != nil && n.Running() && n.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return i
		}
	}
	return -1
}

// Current reports whether a server has caught up with a stream's leader.
func (c *Cluster) Current(i int, stream string) bool {
	return c.nodes[i].JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream)
}

// URL lists the servers' addresses.
func (c *Cluster) URL() string {
	var all []string
	for i := range c.nodes {
		all = append(all, c.NodeURL(i))
	}
	return strings.Join(all, ",")
}

// NodeURL is the address of one server.
func (c *Cluster) NodeURL(i int) string { return fmt.Sprint("nats://127.0.0.1:", c.opts[i].Port) }

// Connect connects to the cluster, as another process would. The connection ends with the test.
func (c *Cluster) Connect() *bus.Bus {
	c.t.Helper()
	b, err := bus.Connect(context.Background(), bus.Options{URL: c.URL(), MaxBytes: MaxBytes})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(b.Close)
	return b
}

// Eventually waits until something holds that no channel tells.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * ready)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited for it in vain: %s", what)
		}
	}
}
