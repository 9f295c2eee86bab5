package channeltest

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func (h Harness) testBulk(t *testing.T) {
	if !h.Spec.ReceiptsByID && h.Spec.GivesReceipts() {
		t.Error("Spec.ReceiptsByID is false, though what is sent in bulk has no reference")
	}
	if limit := h.anySender(t).(channels.BulkSender).BulkLimit(); limit < 2 {
		t.Errorf("BulkLimit = %d, want two at least", limit)
	}
	t.Run("each has what became of it", h.testBulkResults)
	t.Run("out of order", func(t *testing.T) { h.testBulkMode(t, sandbox.Unavailable, channels.Unavailable) })
	t.Run("too fast", func(t *testing.T) { h.testBulkMode(t, sandbox.RateLimited, channels.RateLimited) })
	t.Run("hanging", h.testBulkHanging)
	t.Run("wrong credentials", h.testBulkCredentials)
}

// inBulk is a message without what is a recipient's own, and its addresses.
func (s *stage) inBulk(digits ...int) (m channels.Message, addresses []string) {
	m = s.message(0)
	m.Ref, m.Address, m.Callback, m.Unsubscribe = "", "", "", ""
	for _, d := range digits {
		addresses = append(addresses, s.h.Address(d))
	}
	return m, addresses
}

// sendBulk sends with a deadline that is reached only in failures.
func (s *stage) sendBulk(sender channels.Sender, m channels.Message, addresses []string) ([]channels.BulkResult, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return sender.(channels.BulkSender).SendBulk(ctx, m, addresses)
}

// testBulkResults sends to addresses with different fates, one of them refused and one lost, and waits for
// the receipts of the others.
func (h Harness) testBulkResults(t *testing.T) {
	const refused, lost = 9, 8
	s := newStage(t, h)
	sender, parser := s.receiver()
	digits := []int{0, refused, 1, lost, 5, 6, 7, 2}
	m, addresses := s.inBulk(digits...)
	results, err := s.sendBulk(sender, m, addresses)
	if err != nil || len(results) != len(addresses) {
		t.Fatalf("%d results for %d addresses, error %v", len(results), len(addresses), err)
	}
	open := map[string]bool{}
	for i, r := range results {
		m.Address = addresses[i]
		switch {
		case digits[i] == refused && r.Err == nil:
			t.Error("the refused address was taken")
		case digits[i] == refused:
			s.mustFail(r.Err, m, h.Refused)
		case r.Err != nil:
			t.Errorf("address %d: %v", i, r.Err)
		case r.Ack.ID == "" || open[r.Ack.ID] || r.Ack.Proof < channels.Accepted:
			t.Errorf("address %d: %+v, want an id of its own", i, r.Ack)
		}
		if r.Err == nil && digits[i] != lost {
			open[r.Ack.ID] = true
		}
		if got := s.tally(addresses[i]); got.Accepted+got.Refused != 1 || got.Repeats > 0 {
			t.Errorf("address %d: the simulator counted %+v, want one", i, got)
		}
	}
	s.mustCount(len(addresses) - 1)
	s.awaitAll(parser, open)
}

// awaitAll waits until every message has a receipt of its delivery.
func (s *stage) awaitAll(parser channels.CallbackParser, open map[string]bool) {
	s.t.Helper()
	deadline := time.After(patience)
	for len(open) > 0 {
		select {
		case c := <-s.callbacks:
			heard, err := parser.ParseCallback(c)
			if err != nil {
				s.t.Fatalf("ParseCallback of a genuine callback: %v", err)
			}
			for _, r := range heard.Receipts {
				s.checkReceipt(r)
				if r.State == channels.ReceiptDelivered {
					delete(open, r.ProviderID)
				}
			}
		case <-deadline:
			s.t.Fatalf("no receipt for %d messages", len(open))
		}
	}
}

func (h Harness) testBulkMode(t *testing.T, mode sandbox.Mode, want channels.Class) {
	s := newStage(t, h)
	sender := s.sender()
	s.setMode(mode)
	m, addresses := s.inBulk(0, 1)
	_, err := s.sendBulk(sender, m, addresses)
	s.mustFail(err, m, want)
	s.mustCount(0)
}

// testBulkHanging: a call whose answer doesn't come leaves all in doubt.
func (h Harness) testBulkHanging(t *testing.T) {
	s := newStage(t, h)
	sender := s.sender()
	s.mustSend(sender, s.message(0))
	s.setMode(sandbox.Hanging)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	m, addresses := s.inBulk(0, 1)
	_, err := sender.(channels.BulkSender).SendBulk(ctx, m, addresses)
	s.mustFail(err, m, channels.Unknown)
}

func (h Harness) testBulkCredentials(t *testing.T) {
	s := newStage(t, h)
	m, addresses := s.inBulk(0, 1)
	_, err := s.sendBulk(s.newSender(h.BadConfig(s.endpoint)), m, addresses)
	s.mustFail(err, m, h.Unauthorized)
	s.mustCount(0)
}
