package channeltest

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// testInquiry checks that the provider can be asked what became of a message, with and without its id,
// and that asking sends nothing.
func (h Harness) testInquiry(t *testing.T) {
	t.Run("by id", func(t *testing.T) { h.testInquiryByID(t, 0, channels.ReceiptDelivered) })
	lost := channels.ReceiptAccepted
	if h.provedByAck() { // nothing is lost that is there for all to see
		lost = channels.ReceiptDelivered
	}
	t.Run("lost", func(t *testing.T) { h.testInquiryByID(t, 8, lost) })
	t.Run("answer lost", h.testInquiryUnanswered)
	t.Run("absent", h.testInquiryAbsent)
	t.Run("in trouble", h.testInquiryTrouble)
}

// sentNow is an inquiry about a message that was sent just now, of which nothing else is known.
func sentNow(m channels.Message) channels.Inquiry {
	return channels.Inquiry{Ref: m.Ref, Address: m.Address, Text: m.Text, SentAfter: time.Now().Add(-time.Second), SentBefore: time.Now()}
}

// mustLearn asks until the answer is the one wanted, and checks each answer.
func (s *stage) mustLearn(sender channels.Sender, q channels.Inquiry, want channels.ReceiptState) channels.Receipt {
	s.t.Helper()
	for limit := time.Now().Add(patience); ; runtime.Gosched() {
		r, err := inquire(sender, q)
		switch {
		case err != nil:
			s.t.Fatalf("Inquire: %v", err)
		case r.Ref != q.Ref:
			s.t.Fatalf("Inquire: receipt %+v, want it with the Ref asked for", r)
		case r.State == want:
			return r
		case r.State != channels.ReceiptAccepted || time.Now().After(limit):
			s.t.Fatalf("Inquire: receipt %+v, want it %s", r, want)
		}
	}
}

func inquire(sender channels.Sender, q channels.Inquiry) (channels.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return sender.(channels.Inquirer).Inquire(ctx, q)
}

func (h Harness) testInquiryByID(t *testing.T, digit int, want channels.ReceiptState) {
	s := newStage(t, h)
	sender := s.sender()
	m := s.message(digit)
	m.Callback = "" // nothing is told unasked
	ack := s.mustSend(sender, m)
	if ack.ID == "" {
		t.Fatal("Ack.ID is empty, yet the provider can be asked")
	}
	if r := s.mustLearn(sender, channels.Inquiry{Ref: m.Ref, ProviderID: ack.ID}, want); r.ProviderID != ack.ID {
		t.Errorf("receipt %+v, want the id %q", r, ack.ID)
	}
	s.mustCount(1)
}

// testInquiryUnanswered has the provider take a message and say nothing.
func (h Harness) testInquiryUnanswered(t *testing.T) {
	s := newStage(t, h)
	c := conduct()
	c.Unanswered, c.Unreported = 1, 1
	s.desk.SetConduct(c)
	sender := s.sender()
	m := s.message(0)
	_, err := s.send(sender, m)
	s.mustFail(err, m, channels.Unknown)
	s.mustCount(1)
	if r := s.mustLearn(sender, sentNow(m), channels.ReceiptDelivered); r.ProviderID == "" {
		t.Errorf("receipt %+v doesn't name the message", r)
	}
}

// testInquiryAbsent asks about a message that was lost on its way.
func (h Harness) testInquiryAbsent(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	s.mustSend(sender, s.message(1)) // another's
	c := conduct()
	c.Dropped = 1
	s.desk.SetConduct(c)
	m := s.message(0)
	_, err := s.send(sender, m)
	s.mustFail(err, m, channels.Unknown)
	s.mustLearn(sender, sentNow(m), channels.ReceiptAbsent)
	s.mustCount(1)
}

// testInquiryTrouble: what can't be said is an error, and never that the message is absent.
func (h Harness) testInquiryTrouble(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	m := s.message(0)
	refused := s.newSender(h.BadConfig(s.endpoint))
	for _, q := range []channels.Inquiry{sentNow(m), {Ref: m.Ref, ProviderID: s.mustSend(sender, s.message(1)).ID}} {
		_, err := inquire(refused, q)
		s.mustFail(err, m, channels.Auth)
		for mode, want := range map[sandbox.Mode]channels.Class{sandbox.Unavailable: channels.Unavailable, sandbox.RateLimited: channels.RateLimited} {
			s.setMode(mode)
			_, err := inquire(sender, q)
			s.mustFail(err, m, want)
		}
		s.setMode(sandbox.Working)
	}
}

// checkInquirer checks that Spec and Sender say the same of whether the provider can be asked.
func (h Harness) checkInquirer(t *testing.T) {
	_, asks := h.anySender(t).(channels.Inquirer)
	if after := h.Spec.InquireAfter; after < 0 || asks != (after > 0) {
		t.Errorf("Spec.InquireAfter = %v, want it above 0 if the Sender is an Inquirer, which is %v", after, asks)
	}
}
