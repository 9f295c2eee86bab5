// Package channeltest is the conformance suite that every adapter passes: it holds an adapter to the
// promises of package channels, against the simulator of its provider.
//
// An adapter's test is one call:
//
//	func TestConformance(t *testing.T) {
//		channeltest.Run(t, channeltest.Harness{
//			Spec:      twilio.Spec(),
//			Simulator: sim.Simulator(),
//			…
//		})
//	}
//
// The suite starts a sandbox with that one simulator, its addresses' fates decided by their last
// digit (sandbox.Conduct.ByDigit), and compares what the adapter says with what the simulator
// counted: the independent witness. Every part runs on a sandbox of its own and ends with a check
// that no goroutine was left behind.
//
// What is optional in the contract is checked where the Spec or the Sender says that the provider
// has it; what is left out is logged with the reason.
package channeltest

import (
	"net"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Harness is what the suite needs to know of an adapter. All fields without "optional" are required.
type Harness struct {
	Spec      channels.Spec
	Simulator sandbox.Simulator

	// Config returns the adapter's YAML configuration for a simulator that listens at endpoint, a
	// URL: "http://127.0.0.1:4010/twilio", or "smtp://127.0.0.1:4011".
	Config func(endpoint string) string
	// BadConfig is the same with credentials that the simulator refuses.
	BadConfig func(endpoint string) string
	// Required are the top-level keys of the configuration that can't be left out.
	Required []string
	// Secrets are the secrets in Config and BadConfig. None of them may show in an error.
	Secrets []string

	// Address returns a valid address of the channel whose last digit is d, which decides its fate:
	// 9 refused, 8 lost, 7 late, 6 duplicated, 5 out of order, 0 to 4 delivered.
	Address func(d int) string
	// Witness, optional, returns the address under which the simulator counts messages for an
	// address, where the two differ.
	Witness func(address string) string
	// Refused, optional, is the class of error for a refused address, where it isn't InvalidAddress.
	Refused channels.Class
	// Unauthorized, optional, is the class of error for BadConfig, where it isn't Auth: where each
	// recipient has credentials of its own, one that refuses them says nothing of the others'.
	Unauthorized channels.Class
	// AckProof, optional, is what every acknowledgement itself proves, where that is more than
	// Accepted (a public post that is there): then nothing is lost later, and no receipts come.
	AckProof channels.Proof
	// RetryAfter says that the provider tells how long to wait when it refuses for the rate.
	RetryAfter bool
	// URLKey, optional, names the query parameter that proves a callback, where the provider signs
	// nothing itself and calls the URL that it was given.
	URLKey string
	// AsksFirst says that before each message the provider is asked for something, a challenge: while it
	// hangs at that, nothing has gone out.
	AsksFirst bool
	// Drop, optional for HTTP, plays the provider on a connection until the whole message was read,
	// and returns without having acknowledged it; the suite then closes the connection.
	Drop func(net.Conn)
}

// Run checks everything that package channels promises of an adapter.
func Run(t *testing.T, h Harness) {
	t.Helper()
	complete(t, &h)
	t.Run("spec", h.testSpec)
	t.Run("config", h.testConfig)
	t.Run("send", h.testSend)
	t.Run("provider in trouble", h.testTrouble)
	t.Run("network in trouble", h.testNetwork)
	h.runOptional(t)
}

// complete fails on a harness that lacks a part, and fills in the optional ones.
func complete(t *testing.T, h *Harness) {
	t.Helper()
	switch {
	case h.Spec.New == nil:
		t.Fatal("harness: Spec has no New")
	case h.Simulator.HTTP == nil && h.Simulator.Serve == nil:
		t.Fatal("harness: no Simulator")
	case h.Config == nil, h.BadConfig == nil, h.Address == nil:
		t.Fatal("harness: Config, BadConfig and Address are required")
	case h.Drop == nil && h.Simulator.HTTP == nil:
		t.Fatal("harness: Drop is required for a provider that isn't reached over HTTP")
	}
	if h.Witness == nil {
		h.Witness = func(address string) string { return address }
	}
	if h.Drop == nil {
		h.Drop = dropHTTP
	}
	if h.Refused == channels.Unknown {
		h.Refused = channels.InvalidAddress
	}
	if h.Unauthorized == channels.Unknown {
		h.Unauthorized = channels.Auth
	}
}

// runOptional checks what only some providers can do.
func (h Harness) runOptional(t *testing.T) {
	sender := h.anySender(t)
	_, parses := sender.(channels.CallbackParser)
	_, probes := sender.(channels.Prober)
	_, measures := sender.(channels.Measurer)
	_, bulks := sender.(channels.BulkSender)
	_, inquires := sender.(channels.Inquirer)
	_, recalls := sender.(channels.Recaller)
	for _, part := range []struct {
		name, lacking string
		given         bool
		test          func(*testing.T)
	}{
		{"receipts", "Spec.Proofs has nothing beyond accepted, or the answer proves it all",
			h.Spec.GivesReceipts() && !h.provedByAck(), h.testReceipts},
		{"proof by the answer", "the harness has no AckProof", h.AckProof > channels.Accepted, h.testAckProof},
		{"foreign callbacks", "the Sender is no CallbackParser", parses, h.testForeignCallbacks},
		{"idempotency", "Spec.Idempotent is false", h.Spec.Idempotent, h.testIdempotency},
		{"probe", "the Sender is no Prober", probes, h.testProbe},
		{"inquiry", "the Sender is no Inquirer", inquires, h.testInquiry},
		{"recall", "the Sender is no Recaller", recalls, h.testRecall},
		{"threads", "Spec.Threads is false", h.Spec.Threads, h.testThreads},
		{"bulk", "the Sender is no BulkSender", bulks, h.testBulk},
		{"measure", "the Sender is no Measurer", measures, h.testMeasure},
	} {
		if !part.given {
			t.Logf("%s: not checked, since %s", part.name, part.lacking)
			continue
		}
		t.Run(part.name, part.test)
	}
}

// provedByAck reports whether the answer to Send is the strongest proof that the provider has.
func (h Harness) provedByAck() bool {
	return h.AckProof > channels.Accepted && h.AckProof >= h.Spec.Proofs[len(h.Spec.Proofs)-1]
}
