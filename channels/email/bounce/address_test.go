package bounce

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	long := strings.Repeat("a", 64)
	mailbox, domain := Addresses{Mailbox: "Bounces@bank.example"}, Addresses{Domain: "bounces.bank.example"}
	for _, tt := range []struct {
		name      string
		a         Addresses
		ref, sent string
		back      string // the reference that comes back
	}{
		{"subaddress", mailbox, testRef, "Bounces+" + testRef + "@bank.example", testRef},
		{"subaddress too long", mailbox, long, "Bounces@bank.example", ""},
		{"own domain", domain, long, long + "@bounces.bank.example", long},
	} {
		sent := tt.a.Sender(tt.ref)
		if sent != tt.sent {
			t.Errorf("%s: sender %q, want %q", tt.name, sent, tt.sent)
		}
		for _, back := range []string{sent, strings.ToUpper(sent)} {
			if got := tt.a.Ref(back); got != tt.back || !tt.a.Ours(back) {
				t.Errorf("%s: %q leads to %q, ours %v", tt.name, back, got, tt.a.Ours(back))
			}
		}
	}
	for _, foreign := range []string{"", "@", "x", "bounces+a@other.example", "others+a@bank.example", "bounces+a b@bank.example", "bounces+" + long + "a@bank.example", "bounces+é@bank.example"} {
		if mailbox.Ours(foreign) || mailbox.Ref(foreign) != "" {
			t.Errorf("%q was taken for ours", foreign)
		}
	}
}

func TestBareAddress(t *testing.T) {
	for in, want := range map[string]string{
		"ana@example.org": "ana@example.org", "Ana <ana@example.org>": "ana@example.org", "<>": "", "rfc822; ana@example.org": "ana@example.org",
		"rfc822;<ana@example.org>": "ana@example.org", "": "", "<": "",
	} {
		if got := bareAddress(in); got != want {
			t.Errorf("bareAddress(%q) = %q, want %q", in, got, want)
		}
	}
}
