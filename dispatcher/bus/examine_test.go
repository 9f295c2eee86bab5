package bus_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// TestExamineChangesNothing: a server without streams has none afterwards; with them, all are told of.
func TestExamineChangesNothing(t *testing.T) {
	const room = 64 << 20
	server, err := bus.StartServer(bus.ServerOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", MaxBytes: room})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	o := bus.Options{Server: server, MaxBytes: room}
	for range 2 {
		if states, err := bus.Examine(t.Context(), o); err != nil || len(states) != 0 {
			t.Fatalf("before the first start: %v, %v", states, err)
		}
	}
	b, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if states, err := bus.Examine(t.Context(), o); err != nil || len(states) != len(bus.StreamNames()) {
		t.Errorf("after it: %v, %v", states, err)
	}
	if _, err := bus.Examine(t.Context(), bus.Options{URL: "nats://127.0.0.1:1"}); err == nil {
		t.Error("nobody there, and no error")
	}
}
