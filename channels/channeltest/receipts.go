package channeltest

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func (h Harness) testReceipts(t *testing.T) {
	t.Run("delivered", func(t *testing.T) { h.testDelivered(t, 0, 1) })
	t.Run("late", func(t *testing.T) { h.testDelivered(t, 7, 1) })
	t.Run("twice", func(t *testing.T) { h.testDelivered(t, 6, 2) })
	t.Run("out of order", func(t *testing.T) { h.testDelivered(t, 5, 1) })
	t.Run("many", h.testManyDelivered)
	t.Run("forged", h.testForged)
}

// receiver makes a Sender whose provider knows where receipts are taken.
func (s *stage) receiver() (channels.Sender, channels.CallbackParser) {
	s.t.Helper()
	sender := s.sender()
	parser, ok := sender.(channels.CallbackParser)
	if !ok {
		s.t.Fatal("Spec.Proofs promises receipts, but the Sender is no CallbackParser")
	}
	s.parser.Store(parser)
	if registrar, ok := sender.(channels.WebhookRegistrar); ok {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := registrar.RegisterWebhook(ctx, s.public+receiptsPath); err != nil {
			s.t.Fatalf("RegisterWebhook: %v", err)
		}
		s.mustBeRegistered(ctx, sender, s.public+receiptsPath)
	}
	return sender, parser
}

// mustBeRegistered checks that a provider that says where it sends its callbacks says u.
func (s *stage) mustBeRegistered(ctx context.Context, sender channels.Sender, u string) {
	s.t.Helper()
	if inspector, ok := sender.(channels.WebhookInspector); ok {
		if got, err := inspector.RegisteredWebhook(ctx); err != nil || got != u {
			s.t.Errorf("RegisteredWebhook: %q, %v, want what was registered, %q", got, err, u)
		}
	}
}

// awaitDelivered parses callbacks until one says that the message was delivered, and returns that
// one.
func (s *stage) awaitDelivered(parser channels.CallbackParser, m channels.Message, ack channels.Ack) channels.Callback {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case c := <-s.callbacks:
			heard, err := parser.ParseCallback(c)
			if err != nil {
				s.t.Fatalf("ParseCallback of a genuine callback: %v", err)
			}
			for _, r := range heard.Receipts {
				s.checkReceipt(r)
				if r.State == channels.ReceiptDelivered && s.names(r, m, ack) {
					return c
				}
			}
		case <-deadline:
			s.t.Fatal("no receipt says that the message was delivered")
		}
	}
}

// checkReceipt checks what holds for every receipt.
func (s *stage) checkReceipt(r channels.Receipt) {
	s.t.Helper()
	switch r.State {
	case channels.ReceiptAccepted, channels.ReceiptDelivered, channels.ReceiptRead, channels.ReceiptFailed:
	default:
		s.t.Errorf("receipt with the state %q", r.State)
	}
	if r.Ref == "" && r.ProviderID == "" {
		s.t.Errorf("receipt %+v names no message", r)
	}
	if r.Ref == "" && !s.h.Spec.ReceiptsByID {
		s.t.Errorf("receipt %+v has no Ref, though Spec.ReceiptsByID is false", r)
	}
}

// names reports whether a receipt is about a message: by its Ref, else by the provider's id.
func (s *stage) names(r channels.Receipt, m channels.Message, ack channels.Ack) bool {
	if r.Ref != "" {
		return r.Ref == m.Ref
	}
	return r.ProviderID == ack.ID
}

// testDelivered sends one message and waits for n receipts of its delivery.
func (h Harness) testDelivered(t *testing.T, digit, n int) {
	s := newStage(t, h)
	sender, parser := s.receiver()
	m := s.message(digit)
	ack := s.mustSend(sender, m)
	for range n {
		s.awaitDelivered(parser, m, ack)
	}
	if got := s.tally(m.Address).Delivered; got != 1 {
		t.Errorf("the simulator delivered %d messages, want 1", got)
	}
}

// testManyDelivered checks that receipts of several messages are told apart.
func (h Harness) testManyDelivered(t *testing.T) {
	s := newStage(t, h)
	sender, parser := s.receiver()
	open := map[string]bool{}
	for i := range 10 {
		m := s.message(i % 5)
		ack := s.mustSend(sender, m)
		open[s.key(m.Ref, ack.ID)] = true
	}
	deadline := time.After(patience)
	for len(open) > 0 {
		select {
		case c := <-s.callbacks:
			heard, err := parser.ParseCallback(c)
			if err != nil {
				t.Fatalf("ParseCallback of a genuine callback: %v", err)
			}
			for _, r := range heard.Receipts {
				if r.State == channels.ReceiptDelivered {
					delete(open, s.key(r.Ref, r.ProviderID))
				}
			}
		case <-deadline:
			t.Fatalf("no receipt for %d of 10 messages", len(open))
		}
	}
}

// key is what receipts name a message by.
func (s *stage) key(ref, id string) string {
	if s.h.Spec.ReceiptsByID {
		return id
	}
	return ref
}

// testForged changes a genuine receipt in the ways in which it may not be changed.
func (h Harness) testForged(t *testing.T) {
	s := newStage(t, h)
	sender, parser := s.receiver()
	m := s.message(0)
	genuine := s.awaitDelivered(parser, m, s.mustSend(sender, m))
	for name, c := range h.forgeries(genuine, m) {
		heard, err := parser.ParseCallback(c)
		if err == nil || channels.AsError(err).Class != channels.Auth {
			t.Errorf("a callback with %s: %d receipts, error %v; want an error of class auth", name, len(heard.Receipts), err)
		}
		if err != nil {
			s.mustBeError(err, m)
		}
	}
	if _, err := parser.ParseCallback(genuine); err != nil {
		t.Errorf("the genuine callback once more: %v", err)
	}
}

// testForeignCallbacks feeds the parser what anybody may send to a public URL.
func (h Harness) testForeignCallbacks(t *testing.T) {
	s := newStage(t, h)
	parser := s.sender().(channels.CallbackParser)
	u, err := url.Parse(s.public + receiptsPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", "{", "null", "[]", `{"a":1}`, "a=%zz&=;", "\x00\xff\xfe", "<xml/>", "0"} {
		c := channels.Callback{Method: http.MethodPost, URL: u, Header: http.Header{}, Body: []byte(body)}
		heard, err := parser.ParseCallback(c)
		if err == nil {
			t.Errorf("a stranger's callback %q gave %d receipts and no error", body, len(heard.Receipts))
			continue
		}
		s.mustBeError(err, channels.Message{})
	}
}

// changed returns b with one byte in its middle replaced by another of the same sort.
func changed(b []byte) []byte {
	c := bytes.Clone(b)
	if len(c) == 0 {
		return []byte("0")
	}
	i := len(c) / 2
	if c[i] == '1' {
		c[i] = '2'
	} else {
		c[i] = '1'
	}
	return c
}

func withBody(c channels.Callback, body []byte) channels.Callback {
	c.Body = body
	return c
}

// withHeader changes every header field that might be a signature: all but those of HTTP itself.
func withHeader(c channels.Callback, change func(value string) []string) channels.Callback {
	header := http.Header{}
	for name, values := range c.Header {
		switch name {
		case "Content-Type", "Content-Length", "User-Agent", "Accept", "Accept-Encoding":
			header[name] = values
		default:
			header[name] = change(values[0])
		}
	}
	c.Header = header
	return c
}

func withRef(c channels.Callback, ref string) channels.Callback {
	u := *c.URL
	u.Path = receiptsPath + "/" + ref
	c.URL, c.Ref = &u, ref
	return c
}
