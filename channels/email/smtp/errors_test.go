package smtp

import (
	"context"
	"net/textproto"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		at     step
		answer textproto.Error
		class  channels.Class
		code   string
	}{
		{stepRecipient, textproto.Error{Code: 550, Msg: "5.1.1 <ana@example.com>: Recipient address rejected: User unknown"}, channels.InvalidAddress, "550 5.1.1"},
		{stepRecipient, textproto.Error{Code: 550, Msg: "No such user"}, channels.InvalidAddress, "550"},
		{stepRecipient, textproto.Error{Code: 553, Msg: "Mailbox name not allowed"}, channels.InvalidAddress, "553"},
		{stepRecipient, textproto.Error{Code: 556, Msg: "5.1.10 Null MX"}, channels.InvalidAddress, "556 5.1.10"},
		{stepRecipient, textproto.Error{Code: 550, Msg: "5.2.1 Mailbox disabled"}, channels.InvalidAddress, "550 5.2.1"},
		{stepRecipient, textproto.Error{Code: 550, Msg: "5.4.4 Unable to route"}, channels.InvalidAddress, "550 5.4.4"},
		{stepContent, textproto.Error{Code: 550, Msg: "5.1.1 User unknown"}, channels.InvalidAddress, "550 5.1.1"},
		{stepRecipient, textproto.Error{Code: 554, Msg: "5.7.1 Relay access denied"}, channels.Rejected, "554 5.7.1"},
		{stepRecipient, textproto.Error{Code: 552, Msg: "5.2.2 Mailbox full"}, channels.Rejected, "552 5.2.2"},
		{stepRecipient, textproto.Error{Code: 550, Msg: "5.1.8 Bad sender"}, channels.Rejected, "550 5.1.8"},
		{stepSender, textproto.Error{Code: 550, Msg: "5.1.0 Sender refused"}, channels.Rejected, "550 5.1.0"},
		{stepSender, textproto.Error{Code: 550, Msg: "Sender refused"}, channels.Rejected, "550"},
		{stepContent, textproto.Error{Code: 554, Msg: "5.7.1 Spam"}, channels.Rejected, "554 5.7.1"},
		{stepContent, textproto.Error{Code: 550, Msg: "Content refused"}, channels.Rejected, "550"},
		{stepContent, textproto.Error{Code: 552, Msg: "5.3.4 Too big"}, channels.Rejected, "552 5.3.4"},

		{stepSender, textproto.Error{Code: 530, Msg: "5.7.0 Authentication required"}, channels.Auth, "530 5.7.0"},
		{stepSender, textproto.Error{Code: 502, Msg: "5.7.0 Please authenticate first"}, channels.Auth, "502 5.7.0"},
		{stepRecipient, textproto.Error{Code: 535, Msg: "5.7.8 Credentials"}, channels.Auth, "535 5.7.8"},
		{stepSender, textproto.Error{Code: 534, Msg: "5.7.9 Mechanism too weak"}, channels.Auth, "534 5.7.9"},

		{stepSender, textproto.Error{Code: 421, Msg: "4.3.2 Not accepting messages"}, channels.Unavailable, "421 4.3.2"},
		{stepSender, textproto.Error{Code: 451, Msg: "4.3.0 Local error"}, channels.Unavailable, "451 4.3.0"},
		{stepSender, textproto.Error{Code: 452, Msg: "4.3.1 Insufficient storage"}, channels.Unavailable, "452 4.3.1"},
		{stepContent, textproto.Error{Code: 451, Msg: "Local error"}, channels.Unavailable, "451"},
		{stepSender, textproto.Error{Code: 421, Msg: "4.7.0 Too many messages"}, channels.RateLimited, "421 4.7.0"},
		{stepRecipient, textproto.Error{Code: 450, Msg: "4.7.1 Greylisted"}, channels.RateLimited, "450 4.7.1"},
		{stepRecipient, textproto.Error{Code: 450, Msg: "Try again later"}, channels.RateLimited, "450"},
		{stepSender, textproto.Error{Code: 454, Msg: "Throttling failure: Maximum sending rate exceeded."}, channels.RateLimited, "454"},
		{stepSender, textproto.Error{Code: 452, Msg: "4.4.5 Messages per second limit exceeded"}, channels.RateLimited, "452 4.4.5"},
		{stepSender, textproto.Error{Code: 452, Msg: "4.5.3 Daily limit exceeded"}, channels.RateLimited, "452 4.5.3"},
		{stepRecipient, textproto.Error{Code: 452, Msg: "4.2.2 Mailbox full"}, channels.Rejected, "452 4.2.2"},
		{stepRecipient, textproto.Error{Code: 450, Msg: "4.1.1 Unverified address"}, channels.Rejected, "450 4.1.1"},
	} {
		t.Run(string(tt.at)+" "+tt.code, func(t *testing.T) {
			f := &failure{tt.at, &tt.answer}
			e := f.classify(context.Background(), "ana@example.com")
			if e.Class != tt.class || e.Code != tt.code {
				t.Errorf("classify(%q) = class %v, code %q; want %v, %q", tt.answer.Msg, e.Class, e.Code, tt.class, tt.code)
			}
		})
	}
}

func TestQuotingTheRelay(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"harmless", "Relay access\n denied", ": Relay access denied"},
		{"the address", "<maria@example.com>: unknown", ""},
		{"the local part", "User MARIA is unknown", ""},
		{"another address", "Sender bounces+x@example.com refused", ""},
		{"nothing", "", ""},
		{"too long", strings.Repeat("word ", 100), ""},
		{"not ASCII", "Ящик не найден", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (reply{text: tt.text}).quote("maria@example.com"); got != tt.want {
				t.Errorf("quote = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestQueueID(t *testing.T) {
	for text, want := range map[string]string{
		"2.0.0 Ok: queued as 4XyZ3f0GbCz9rw3":   "4XyZ3f0GbCz9rw3",
		"OK id=1rK2Vh-00AbCd-2F":                "1rK2Vh-00AbCd-2F",
		"Ok 0102018f2b7e9c41-7d0e5b2a-000000":   "0102018f2b7e9c41-7d0e5b2a-000000",
		"2.0.0 OK: queued":                      "",
		"Ok, thanks":                            "",
		"queued as <ana1@example.com>":          "",
		"queued as ":                            "",
		"queued as " + strings.Repeat("1", 129): "",
	} {
		if got := queueID(text); got != want {
			t.Errorf("queueID(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzRefusal checks that nothing a relay says makes an error that repeats the address or is without
// a code, or one that says of a refusal that the message may have gone out.
func FuzzRefusal(f *testing.F) {
	f.Add(550, "5.1.1 <ana@example.com>: unknown", "ana@example.com")
	f.Add(421, "4.7.0\nmore", "x@example.com")
	f.Add(599, "5.999.999", "@")
	f.Fuzz(func(t *testing.T, code int, text, address string) {
		if code < 400 || code > 599 || len(address) < 20 {
			address, code = "a.rather.long.one@example.com", 400+int(uint(code)%200)
		}
		e := (&failure{stepRecipient, &textproto.Error{Code: code, Msg: text}}).classify(context.Background(), address)
		if e.Class == channels.Unknown || e.Code == "" {
			t.Errorf("class %v, code %q", e.Class, e.Code)
		}
		if strings.Contains(e.Error(), address) {
			t.Errorf("error %q repeats %q", e, address)
		}
		if id := queueID(text); strings.ContainsAny(id, "@ \r\n") {
			t.Errorf("queueID(%q) = %q", text, id)
		}
	})
}
