package all

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpecs(t *testing.T) {
	for _, s := range Specs() {
		t.Run(s.Provider, func(t *testing.T) { channeltest.Spec(t, s) })
	}
}

// TestNames checks that a provider is found by its name, and that adapters which share a channel
// reach the same addresses with the same sort of text, so that one can stand in for another.
func TestNames(t *testing.T) {
	providers, kinds := map[string]bool{}, map[string]channels.Kind{}
	for _, s := range Specs() {
		if providers[s.Provider] {
			t.Errorf("two adapters are called %q", s.Provider)
		}
		providers[s.Provider] = true
		if kind, taken := kinds[s.Channel]; taken && kind != s.Kind {
			t.Errorf("the channel %q is of the kinds %q and %q", s.Channel, kind, s.Kind)
		}
		kinds[s.Channel] = s.Kind
	}
}

func TestUsual(t *testing.T) {
	for channel, provider := range map[string]string{"sms": "twilio", "whatsapp": "whatsapp", "email": "smtp"} {
		if e, ok := Usual(channel); !ok || e.Spec.Provider != provider {
			t.Errorf("the usual provider of %s is %q, want %q", channel, e.Spec.Provider, provider)
		}
	}
	if _, ok := Usual("pigeon"); ok {
		t.Error("there is an adapter for pigeons")
	}
}

func TestEverySimulatorIsItsAdapters(t *testing.T) {
	n := 0
	for _, e := range List() {
		s := e.Simulator
		if e.Simulated() {
			n++
		}
		if e.Spec.Provider == "null" {
			continue
		}
		if s.Provider != e.Spec.Provider {
			t.Errorf("%s has the simulator of %s", e.Spec.Provider, s.Provider)
		}
		ways := 0
		for _, has := range []bool{s.HTTP != nil, s.Serve != nil, s.Count != nil} {
			if has {
				ways++
			}
		}
		if ways != 1 || s.Settings == nil || (s.Address == nil) == (len(s.Accounts) == 0) {
			t.Errorf("the simulator of %s has not exactly one of HTTP, Serve and Count, Settings, and Accounts or Address", e.Spec.Provider)
		}
	}
	if got := len(Simulators()); got != n {
		t.Errorf("Simulators gives %d, want %d", got, n)
	}
}

// TestMadeUpAddresses: each is in its normal form, as a directory has it, and nobody else's.
func TestMadeUpAddresses(t *testing.T) {
	for _, e := range List() {
		if e.Simulator.Address == nil {
			continue
		}
		seen := map[string]bool{}
		for i := range 100 {
			address := e.Simulator.Address(i, 7)
			if seen[address] || address != e.Simulator.Address(i, 7) {
				t.Errorf("%s: the address of number %d is somebody else's, or not always the same", e.Spec.Provider, i)
			}
			seen[address] = true
			if e.Spec.CheckAddress == nil {
				continue
			}
			if normal, err := e.Spec.CheckAddress(address); err != nil || normal != address {
				t.Errorf("%s: %q %v; its normal form is %q", e.Spec.Provider, address, err, normal)
			}
		}
	}
}

func TestFind(t *testing.T) {
	for _, s := range Specs() {
		if e, ok := Find(s.Provider); !ok || e.Spec.Provider != s.Provider {
			t.Errorf("Find(%q) = %q, %v", s.Provider, e.Spec.Provider, ok)
		}
	}
	if _, ok := Find("nobody"); ok {
		t.Error("Find finds a provider that there isn't")
	}
}

// TestAllSimulatorsTogether starts the sandbox as the demo does.
func TestAllSimulatorsTogether(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server, err := sandbox.New(ctx, "127.0.0.1:0", sandbox.Conduct{}, Simulators())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	for _, s := range Simulators() {
		if server.Endpoints()[s.Provider] == "" {
			t.Errorf("the sandbox has no endpoint for %s", s.Provider)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}
