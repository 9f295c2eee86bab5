package channeltest

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// testRecall checks that a message can be taken back, again and again, and that what is not there, or
// too old, or can't be asked for now, is answered as package channels promises.
func (h Harness) testRecall(t *testing.T) {
	var foreign string // well formed, and nobody's message where it is used
	t.Run("elsewhere", func(t *testing.T) {
		s := newStage(t, h)
		sender := s.sender()
		s.mustSend(sender, s.message(0)) // a provider may count its messages
		foreign = s.mustSend(sender, s.message(0)).ID
	})
	t.Run("a message", h.testRecallOne)
	t.Run("in another's name", h.testRecallByAnother)
	t.Run("a message that is not there", func(t *testing.T) {
		s := newStage(t, h)
		sender := s.sender()
		s.mustSend(sender, s.message(0)) // to a provider that shows nothing at all, nothing needs to be gone
		m := s.message(0)
		s.mustRecall(sender, channels.Sent{Ref: m.Ref, Address: m.Address, ProviderID: foreign})
		s.mustBeRecalled(m.Address, 0)
	})
	t.Run("what is no message", func(t *testing.T) {
		s := newStage(t, h)
		m := s.message(0)
		err := recall(s.sender(), channels.Sent{Ref: m.Ref, Address: m.Address, ProviderID: "no such message/é|1"})
		if err == nil {
			return // the provider says that it isn't there
		}
		s.mustFail(err, m, channels.Rejected)
	})
	t.Run("too late", h.testRecallTooLate)
	t.Run("in trouble", h.testRecallTrouble)
}

func recall(sender channels.Sender, m channels.Sent) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return sender.(channels.Recaller).Recall(ctx, m)
}

// mustRecall fails the test unless the message is said to be gone.
func (s *stage) mustRecall(sender channels.Sender, m channels.Sent) {
	s.t.Helper()
	if err := recall(sender, m); err != nil {
		s.t.Fatalf("Recall: %v; want the message gone", err)
	}
}

// mustBeRecalled fails the test unless the simulator took back so many messages, all of the address.
func (s *stage) mustBeRecalled(address string, n int) {
	s.t.Helper()
	if there, all := s.tally(address).Recalled, s.desk.Total().Recalled; there != n || all != n {
		s.t.Errorf("the simulator took back %d messages, %d of them of the address; want %d", all, there, n)
	}
}

// sentTo sends a message to an address with digit d and names it.
func (s *stage) sentTo(sender channels.Sender, d int) channels.Sent {
	s.t.Helper()
	m := s.message(d)
	ack := s.mustSend(sender, m)
	if ack.ID == "" {
		s.t.Fatal("Ack.ID is empty, yet the provider can take messages back")
	}
	return channels.Sent{Ref: m.Ref, Address: m.Address, ProviderID: ack.ID}
}

// testRecallOne takes one of two messages back, twice.
func (h Harness) testRecallOne(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	other, m := s.sentTo(sender, 0), s.sentTo(sender, 0)
	s.mustRecall(sender, m)
	s.mustBeRecalled(m.Address, 1)
	s.mustRecall(sender, m)
	s.mustBeRecalled(m.Address, 1)
	s.mustRecall(sender, other)
	s.mustBeRecalled(m.Address, 2)
	s.mustCount(2)
}

// testRecallByAnother: the directory may have another address by the time of a recall. Then a message is gone if
// it is said to be, and stays if not.
func (h Harness) testRecallByAnother(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	m := s.sentTo(sender, 0)
	other := m
	other.Address = h.Address(1)
	err := recall(sender, other)
	if err == nil {
		s.mustBeRecalled(m.Address, 1)
		return
	}
	if e := s.mustBeError(err, channels.Message{Address: other.Address}); e.Class != channels.Rejected && e.Class != channels.InvalidAddress {
		t.Errorf("error %q has class %v, want one that says that the message stays", e, e.Class)
	}
	s.mustBeRecalled(m.Address, 0)
	s.mustRecall(sender, m)
	s.mustBeRecalled(m.Address, 1)
}

// testRecallTooLate has the provider's clock go on until the message is too old.
func (h Harness) testRecallTooLate(t *testing.T) {
	if h.Spec.RecallWithin == channels.Always {
		t.Log("not checked, since messages of any age can be taken back")
		return
	}
	s := newStage(t, h)
	sender := s.sender()
	m := s.sentTo(sender, 0)
	c := conduct()
	c.Clock = sandbox.Duration(h.Spec.RecallWithin + time.Minute)
	s.desk.SetConduct(c)
	s.mustFail(recall(sender, m), channels.Message{Address: m.Address}, channels.Rejected)
	s.mustBeRecalled(m.Address, 0)
}

// testRecallTrouble: while the provider can't be asked, trying again may help.
func (h Harness) testRecallTrouble(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	m := s.sentTo(sender, 0)
	private := channels.Message{Address: m.Address}
	if h.Unauthorized == channels.Auth {
		s.mustFail(recall(s.newSender(h.BadConfig(s.endpoint)), m), private, channels.Auth)
	}
	for mode, want := range map[sandbox.Mode]channels.Class{sandbox.Unavailable: channels.Unavailable, sandbox.RateLimited: channels.RateLimited} {
		s.setMode(mode)
		s.mustFail(recall(sender, m), private, want)
	}
	s.setMode(sandbox.Hanging)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	err := sender.(channels.Recaller).Recall(ctx, m)
	cancel()
	if e := s.mustBeError(err, private); e.Class != channels.Unknown && e.Class != channels.Unavailable {
		t.Errorf("Recall while the provider hangs: %q has class %v, want unknown or unavailable", e, e.Class)
	}
	s.setMode(sandbox.Working)
	s.mustBeRecalled(m.Address, 0)
	s.mustRecall(sender, m)
	s.mustBeRecalled(m.Address, 1)
}

// checkRecaller checks that Spec and Sender say the same of whether messages can be taken back.
func (h Harness) checkRecaller(t *testing.T) {
	_, recalls := h.anySender(t).(channels.Recaller)
	if within := h.Spec.RecallWithin; within < 0 || recalls != (within > 0) {
		t.Errorf("Spec.RecallWithin = %v, want it above 0 if the Sender is a Recaller, which is %v", within, recalls)
	}
}
