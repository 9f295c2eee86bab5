// Package bustest gives tests a real bus: an embedded NATS server of their own, with JetStream on
// disk.
package bustest

import (
	"context"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// MaxBytes is the room that the streams of a test have together.
const MaxBytes = 64 << 20

// Start starts a server and connects to it. Both end with the test.
func Start(t testing.TB) *bus.Bus {
	t.Helper()
	server, err := bus.StartServer(bus.ServerOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", MaxBytes: MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return Connect(t, server)
}

// Connect connects to a server once more, as another process would. The connection ends with the test.
func Connect(t testing.TB, server *bus.Server) *bus.Bus {
	t.Helper()
	b, err := bus.Connect(context.Background(), bus.Options{Server: server, MaxBytes: MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
