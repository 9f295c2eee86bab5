package channeltest

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// testThreads checks that a message follows the one that it names, and goes out by itself where it can't.
func (h Harness) testThreads(t *testing.T) {
	t.Run("reply", h.testReply)
	var foreign string // well formed, and nobody's message where it is used
	t.Run("elsewhere", func(t *testing.T) {
		s := newStage(t, h)
		foreign = s.mustSend(s.sender(), s.message(0)).ID
	})
	t.Run("under a message that is gone", func(t *testing.T) { h.testNoThread(t, foreign) })
	t.Run("under what is no message", func(t *testing.T) { h.testNoThread(t, "no such message/é|1") })
}

func (h Harness) testReply(t *testing.T) {
	s := newStage(t, h)
	s.desk.KeepMessages()
	sender := s.sender()
	first := s.mustSend(sender, s.message(0))
	second := s.message(0)
	second.Thread = first.ID
	s.mustSendOnce(sender, second)
	third := s.message(0)
	third.Thread = first.ID
	s.mustSend(sender, third)
	kept := s.desk.Messages()
	if len(kept) != 3 {
		t.Fatalf("the simulator took %d messages, want 3", len(kept))
	}
	if kept[0].ReplyTo != "" {
		t.Errorf("the first message is a reply to %q", kept[0].ReplyTo)
	}
	for _, m := range kept[1:] {
		if m.ReplyTo == "" || !strings.Contains(first.ID, m.ReplyTo) {
			t.Errorf("a reply to %q, want one to the first message, %q", m.ReplyTo, first.ID)
		}
	}
}

// testNoThread replies to a message that the provider doesn't have.
func (h Harness) testNoThread(t *testing.T, thread string) {
	s := newStage(t, h)
	s.desk.KeepMessages()
	m := s.message(0)
	m.Thread = thread
	s.mustSendOnce(s.sender(), m)
	kept := s.desk.Messages()
	if len(kept) != 1 || kept[0].ReplyTo != "" || kept[0].Text != m.Text {
		t.Errorf("the simulator took %+v, want one message by itself", kept)
	}
	if n := s.desk.Total().Refused; n != 0 {
		t.Errorf("the simulator refused %d messages for what their address is, want none", n)
	}
}

// mustSendOnce sends m, and where the provider knows a Ref again also a second time, which changes nothing.
func (s *stage) mustSendOnce(sender channels.Sender, m channels.Message) {
	s.t.Helper()
	first := s.mustSend(sender, m)
	if !s.h.Spec.Idempotent {
		return
	}
	if again := s.mustSend(sender, m); again.ID != first.ID {
		s.t.Errorf("Ack.ID = %q, then %q for the same Ref, want the same", first.ID, again.ID)
	}
}
