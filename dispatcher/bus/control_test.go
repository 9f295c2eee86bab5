package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

func TestWatchTellsWhatStandsAndWhatChanges(t *testing.T) {
	b := bustest.Start(t)
	put := func(key, value string) {
		t.Helper()
		if err := b.PutControl(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put(bus.HealthKey("sms", "a"), "1")
	put(bus.HealthKey("sms", "a"), "2") // which is all that stands there
	put(bus.HealthKey("viber", "a"), "other")
	put(bus.HistoryKey("sms", "a"), "other")
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan string, 8), make(chan error, 1)
	go func() {
		ended <- b.Watch(ctx, []string{bus.HealthKeys("sms")}, func(key string, value []byte) { heard <- fmt.Sprintf("%s=%s", key, value) })
	}()
	for _, want := range []string{"provider.sms.a=2", "provider.sms.b=3", "provider.sms.a=4"} {
		if got := <-heard; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
		switch want {
		case "provider.sms.a=2":
			put(bus.HealthKey("sms", "b"), "3")
		case "provider.sms.b=3":
			put(bus.HealthKey("viber", "a"), "other")
			put(bus.HealthKey("sms", "a"), "4")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Watch: %v", err)
	}
}

func TestControlOfAClosedConnection(t *testing.T) {
	b := bustest.Start(t)
	b.Close()
	if err := b.PutControl(t.Context(), "k", nil); err == nil {
		t.Error("a word was given over a closed connection")
	}
	if err := b.Watch(t.Context(), []string{">"}, func(string, []byte) {}); err == nil {
		t.Error("a closed connection is watched")
	}
}
