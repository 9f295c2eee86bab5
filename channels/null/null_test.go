package null

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
)

// There is no provider and no simulator, so of the conformance suite only the part about the Spec
// applies; what Send promises is checked below.
func TestSpec(t *testing.T) { channeltest.Spec(t, Spec()) }

func open(t *testing.T, config string) (channels.Sender, error) {
	t.Helper()
	return Spec().New(func(into any) error {
		dec := yaml.NewDecoder(strings.NewReader(config))
		dec.KnownFields(true)
		return dec.Decode(into)
	}, channels.Env{})
}

func TestConfigHasNoKeys(t *testing.T) {
	if _, err := open(t, "url: x\n"); err == nil || !strings.Contains(err.Error(), "url") {
		t.Errorf("error %v, want one that names the key", err)
	}
}

func TestSend(t *testing.T) {
	s, err := open(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	ack, err := s.Send(context.Background(), channels.Message{Ref: "a", Address: "b", Text: "c"})
	if err != nil || ack.Proof != channels.Delivered {
		t.Errorf("Send = %+v, %v; want it delivered", ack, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Send(ctx, channels.Message{})
	if e, ok := err.(*channels.Error); !ok || e.Class != channels.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("Send under a context that is over: %v, want an *Error of class unavailable", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	s, err := open(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, m := context.Background(), channels.Message{Ref: "a"}
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Send(ctx, m) }); n != 0 {
		t.Errorf("Send allocates %v times, want 0", n)
	}
}
