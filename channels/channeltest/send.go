package channeltest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func (h Harness) testSend(t *testing.T) {
	t.Run("accepted and counted once", h.testAccepted)
	t.Run("any text and validity", h.testTexts)
	t.Run("concurrently", h.testConcurrent)
	t.Run("refused address", h.testRefused)
	t.Run("lost message", h.testLost)
	t.Run("context already over", h.testCancelled)
}

func (h Harness) testAccepted(t *testing.T) {
	s := newStage(t, h)
	m := s.message(0)
	s.mustSend(s.sender(), m)
	s.mustCount(1)
	if got := s.tally(m.Address).Accepted; got != 1 {
		t.Errorf("the simulator accepted %d messages for the address %q, want 1", got, h.Witness(m.Address))
	}
}

// testTexts sends what is easily escaped wrongly, and validities beyond what any provider allows.
func (h Harness) testTexts(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	for i, text := range []string{
		`<b>5 & 6</b> "quoted" 'so' \n %s {{name}} {1} *_~[x](y)`,
		"Плата по картам не работает.\nПриносим извинения.",
		"Ceaţă, ţară, €5 [ok] 🔔 a\u0301",
		".\n.\r\nQUIT\n..",
		strings.Repeat("long ", 60),
	} {
		m := s.message(0)
		m.Text = text
		m.UsefulFor = []time.Duration{0, time.Millisecond, time.Second, 48 * time.Hour, 1000 * time.Hour}[i]
		s.mustSend(sender, m)
		s.mustCount(i + 1)
	}
	if n := s.desk.Total().Repeats; n != 0 {
		t.Errorf("the simulator saw %d texts as repeats of others, want none: texts are changed on the way", n)
	}
}

func (h Harness) testConcurrent(t *testing.T) {
	const n = 64
	s := newStage(t, h)
	sender := s.sender()
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		m := s.message(i % 5)
		wg.Go(func() {
			if _, err := s.send(sender, m); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Errorf("Send: %v", err)
	}
	s.mustCount(n)
	if r := s.desk.Total().Repeats; r != 0 {
		t.Errorf("the simulator saw %d messages twice, want none", r)
	}
}

func (h Harness) testRefused(t *testing.T) {
	s := newStage(t, h)
	m := s.message(9)
	_, err := s.send(s.sender(), m)
	s.mustFail(err, m, h.Refused)
	s.mustCount(0)
	if n := s.desk.Total().Refused; n != 1 {
		t.Errorf("the simulator refused %d messages, want 1: the provider was to be asked once", n)
	}
}

func (h Harness) testLost(t *testing.T) {
	s := newStage(t, h)
	m := s.message(8)
	if ack := s.mustSend(s.sender(), m); ack.Proof > max(channels.Accepted, h.AckProof) {
		t.Errorf("Ack.Proof = %v for a message that was lost, want accepted", ack.Proof)
	}
	if got := s.tally(m.Address); got.Accepted != 1 || got.Delivered != 0 {
		t.Errorf("the simulator counted %+v, want one accepted and none delivered", got)
	}
}

func (h Harness) testCancelled(t *testing.T) {
	s := newStage(t, h)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m := s.message(0)
	_, err := s.sender().Send(ctx, m)
	if err == nil {
		t.Fatal("Send took a message under a context that was over")
	}
	s.mustBeError(err, m)
	s.mustCount(0)
}

func (h Harness) testTrouble(t *testing.T) {
	t.Run("out of order", func(t *testing.T) {
		h.testMode(t, sandbox.Unavailable, channels.Unavailable)
	})
	t.Run("too fast", func(t *testing.T) {
		e := h.testMode(t, sandbox.RateLimited, channels.RateLimited)
		if h.RetryAfter && e.RetryAfter <= 0 {
			t.Errorf("RetryAfter = %v, want what the provider says", e.RetryAfter)
		}
	})
	t.Run("hanging", h.testHanging)
	t.Run("wrong credentials", h.testCredentials)
}

// testMode sends in a mode in which the provider refuses, then, with the same Sender, in one in
// which it works again.
func (h Harness) testMode(t *testing.T, mode sandbox.Mode, want channels.Class) *channels.Error {
	s := newStage(t, h)
	sender := s.sender()
	s.setMode(mode)
	m := s.message(0)
	_, err := s.send(sender, m)
	e := s.mustFail(err, m, want)
	s.mustCount(0)
	s.setMode(sandbox.Working)
	s.mustSend(sender, s.message(0))
	s.mustCount(1)
	return e
}

// testHanging has the provider read the message and never answer. A message is sent before, so that
// the time is spent on waiting, not on connecting: else nothing might have gone out.
func (h Harness) testHanging(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	s.mustSend(sender, s.message(0))
	s.setMode(sandbox.Hanging)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	m := s.message(0)
	ended := make(chan error, 1)
	go func() {
		_, err := sender.Send(ctx, m)
		ended <- err
	}()
	<-ctx.Done()
	select {
	case err := <-ended:
		want := channels.Unknown
		if h.AsksFirst {
			want = channels.Unavailable
		}
		s.mustFail(err, m, want)
	case <-time.After(patience):
		t.Fatal("Send doesn't end with its context")
	}
	s.setMode(sandbox.Working)
	s.mustSend(sender, s.message(0))
}

func (h Harness) testCredentials(t *testing.T) {
	s := newStage(t, h)
	m := s.message(0)
	_, err := s.send(s.newSender(h.BadConfig(s.endpoint)), m)
	s.mustFail(err, m, h.Unauthorized)
	s.mustCount(0)
}
