package channeltest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// testIdempotency sends the same attempt twice: the provider is to take it once.
func (h Harness) testIdempotency(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	m := s.message(0)
	first := s.mustSend(sender, m)
	second := s.mustSend(sender, m)
	s.mustCount(1)
	if first.ID != second.ID {
		t.Errorf("Ack.ID = %q, then %q for the same Ref, want the same", first.ID, second.ID)
	}
}

// testProbe checks that a probe tells the provider's state and sends nothing.
func (h Harness) testProbe(t *testing.T) {
	s := newStage(t, h)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	prober := s.sender().(channels.Prober)
	if err := prober.Probe(ctx); err != nil {
		t.Errorf("Probe of a provider that works: %v", err)
	}
	refused := s.newSender(h.BadConfig(s.endpoint)).(channels.Prober).Probe(ctx)
	s.mustFail(refused, channels.Message{}, channels.Auth)
	s.setMode(sandbox.Unavailable)
	s.mustFail(prober.Probe(ctx), channels.Message{}, channels.Unavailable)
	s.mustCount(0)
}

func (h Harness) testMeasure(t *testing.T) {
	measurer := h.anySender(t).(channels.Measurer)
	if n := measurer.Units("Card payments are down."); n != 1 {
		t.Errorf("a short text takes %d units, want 1", n)
	}
	short, long := measurer.Units(strings.Repeat("a", 200)), measurer.Units(strings.Repeat("a", 2000))
	if long < short {
		t.Errorf("2,000 letters take %d units, 200 take %d", long, short)
	}
}

// testAckProof checks that acknowledgements prove what the harness says, and the Spec allows.
func (h Harness) testAckProof(t *testing.T) {
	s := newStage(t, h)
	m := s.message(0)
	if ack := s.mustSend(s.sender(), m); ack.Proof != h.AckProof {
		t.Errorf("Ack.Proof = %v, want %v", ack.Proof, h.AckProof)
	}
	if !slices.Contains(h.Spec.Proofs, h.AckProof) {
		t.Errorf("Spec.Proofs = %v, without %v", h.Spec.Proofs, h.AckProof)
	}
	if got := s.tally(m.Address).Delivered; got != 1 {
		t.Errorf("the simulator delivered %d messages, want 1", got)
	}
}
