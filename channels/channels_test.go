package channels

import (
	"errors"
	"fmt"
	"testing"
)

func TestProofText(t *testing.T) {
	for _, p := range []Proof{NoProof, Accepted, Delivered, Read} {
		text, err := p.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Proof
		if err := back.UnmarshalText(text); err != nil || back != p {
			t.Errorf("%v written as %q reads as %v, %v", p, text, back, err)
		}
	}
	p := Read
	if err := p.UnmarshalText([]byte("seen")); err == nil || p != Read {
		t.Errorf("an unknown proof reads as %v, error %v", p, err)
	}
	if Accepted >= Delivered || Delivered >= Read || NoProof >= Accepted {
		t.Error("the proofs aren't in order")
	}
}

func TestGivesReceipts(t *testing.T) {
	for _, tt := range []struct {
		proofs []Proof
		want   bool
	}{
		{nil, false},
		{[]Proof{Accepted}, false},
		{[]Proof{Accepted, Delivered}, true},
		{[]Proof{Accepted, Delivered, Read}, true},
	} {
		if got := (Spec{Proofs: tt.proofs}).GivesReceipts(); got != tt.want {
			t.Errorf("GivesReceipts with %v = %v, want %v", tt.proofs, got, tt.want)
		}
	}
}

func TestError(t *testing.T) {
	cause := errors.New("no such number")
	e := &Error{Class: InvalidAddress, Code: "550", Err: cause}
	if got, want := e.Error(), "invalid_address (550): no such number"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if got, want := (&Error{Class: Auth, Code: "401"}).Error(), "auth (401)"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if !errors.Is(e, cause) {
		t.Error("the cause is lost")
	}
}

func TestAsError(t *testing.T) {
	e := &Error{Class: RateLimited, Code: "429"}
	if got := AsError(fmt.Errorf("sending: %w", e)); got != e {
		t.Errorf("AsError = %v, want the wrapped one", got)
	}
	plain := errors.New("?")
	if got := AsError(plain); got.Class != Unknown || got.Code == "" || !errors.Is(got, plain) {
		t.Errorf("AsError of a plain error = %v, want class unknown and the cause", got)
	}
}

func TestClassNames(t *testing.T) {
	seen := map[string]bool{}
	for c := Unknown; c <= Unavailable; c++ {
		if name := c.String(); name == "" || seen[name] {
			t.Errorf("class %d is called %q", c, name)
		}
		seen[c.String()] = true
	}
}
