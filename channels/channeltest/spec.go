package channeltest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
)

// Spec checks that a Spec is complete and says nothing that contradicts itself. Run calls it; it is
// exported for adapters without a simulator.
func Spec(t *testing.T, s channels.Spec) {
	t.Helper()
	t.Run("names", func(t *testing.T) { checkNames(t, s) })
	t.Run("proofs", func(t *testing.T) { checkProofs(t, s) })
	t.Run("limits", func(t *testing.T) { checkLimits(t, s) })
	t.Run("example", func(t *testing.T) { checkExample(t, s) })
}

func (h Harness) testSpec(t *testing.T) {
	if h.Spec.Provider != h.Simulator.Provider {
		t.Errorf("the Spec is %q's, the Simulator is %q's", h.Spec.Provider, h.Simulator.Provider)
	}
	Spec(t, h.Spec)
	t.Run("inquiry", h.checkInquirer)
	t.Run("recall", h.checkRecaller)
	t.Run("addresses", h.checkAddresses)
}

// checkAddresses checks that the check of addresses takes those of the harness, gives a form that it
// takes again unchanged, and doesn't repeat an address that it refuses.
func (h Harness) checkAddresses(t *testing.T) {
	check := h.Spec.CheckAddress
	if check == nil {
		t.Log("not checked, since Spec.CheckAddress is nil")
		return
	}
	for d := range 10 {
		normal, err := check(h.Address(d))
		if err != nil {
			t.Errorf("an address of the harness: %v", err)
			continue
		}
		if again, err := check(normal); err != nil || again != normal {
			t.Errorf("the normal form of an address has another one, error %v", err)
		}
	}
	for _, bad := range []string{"", "no such address \x00", strings.Repeat("x", 4096)} {
		if _, err := check(bad); err == nil {
			t.Errorf("address %.40q is taken", bad)
		} else if len(bad) > 3 && strings.Contains(err.Error(), bad) {
			t.Errorf("error %v repeats the address", err)
		}
	}
}

func checkNames(t *testing.T, s channels.Spec) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	if !name.MatchString(s.Provider) {
		t.Errorf("Provider = %q, want it to match %s", s.Provider, name)
	}
	if !name.MatchString(s.Channel) {
		t.Errorf("Channel = %q, want it to match %s", s.Channel, name)
	}
	if s.Title == "" {
		t.Error("Title is empty")
	}
	kinds := []channels.Kind{channels.SMS, channels.Email, channels.Messenger, channels.Social,
		channels.Web, channels.Push, channels.Voice}
	if !slices.Contains(kinds, s.Kind) {
		t.Errorf("Kind = %q, want one of %v", s.Kind, kinds)
	}
	if u, err := url.Parse(s.Docs); err != nil || u.Scheme != "https" || u.Host == "" {
		t.Errorf("Docs = %q, want an https URL", s.Docs)
	}
}

func checkProofs(t *testing.T, s channels.Spec) {
	if len(s.Proofs) == 0 || s.Proofs[0] == channels.NoProof {
		t.Fatalf("Proofs = %v, want at least one", s.Proofs)
	}
	if !slices.IsSorted(s.Proofs) || len(slices.Compact(slices.Clone(s.Proofs))) != len(s.Proofs) {
		t.Errorf("Proofs = %v, want them weakest first, each once", s.Proofs)
	}
	if s.Silence == channels.SilenceIsFailure && !s.GivesReceipts() {
		t.Error("Silence is failure, but no proof beyond accepted can ever come")
	}
	if s.BounceWindow < 0 {
		t.Errorf("BounceWindow = %v, want 0 or more", s.BounceWindow)
	}
	if s.BounceWindow > 0 && s.Silence != channels.SilenceIsPresumed {
		t.Error("BounceWindow is set, but it has a meaning only where Silence is presumed")
	}
}

func checkLimits(t *testing.T, s channels.Spec) {
	l := s.Limits
	if l.PerSecond < 0 || l.PerSecond > 1e6 {
		t.Errorf("Limits.PerSecond = %v, want 0 (unlimited) to a million", l.PerSecond)
	}
	if l.Concurrency < 1 || l.Concurrency > 4096 {
		t.Errorf("Limits.Concurrency = %d, want 1 to 4096", l.Concurrency)
	}
	if l.Timeout < time.Second || l.Timeout > 5*time.Minute {
		t.Errorf("Limits.Timeout = %v, want a second to five minutes", l.Timeout)
	}
}

func checkExample(t *testing.T, s channels.Spec) {
	sender, err := s.New(decoder(s.Example), channels.Env{HTTP: &http.Client{}, UserAgent: "channeltest/1"})
	if err != nil {
		t.Fatalf("the example doesn't load: %v", err)
	}
	if err := sender.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func (h Harness) testConfig(t *testing.T) {
	config := h.Config(h.endpoint("127.0.0.1:1"))
	t.Run("an unknown key is named", func(t *testing.T) {
		h.mustRefuse(t, strings.TrimRight(config, "\n")+"\nno_such_key: 1\n", "no_such_key")
	})
	for _, key := range topLevelKeys(t, config) {
		t.Run("without "+key, func(t *testing.T) {
			without := withoutKey(t, config, key)
			if slices.Contains(h.Required, key) {
				h.mustRefuse(t, without, key)
				return
			}
			if err := h.tryConfig(without); err != nil && !strings.Contains(err.Error(), key) {
				t.Errorf("error %q doesn't name the key %q, which was left out", err, key)
			}
		})
	}
	for _, key := range h.Required {
		if !slices.Contains(topLevelKeys(t, config), key) {
			t.Errorf("the harness requires %q, but its Config doesn't have it", key)
		}
	}
}

// tryConfig makes a Sender of a configuration, and closes it.
func (h Harness) tryConfig(config string) error {
	sender, err := h.Spec.New(decoder(config), channels.Env{HTTP: &http.Client{}, UserAgent: "channeltest/1"})
	if err == nil {
		return sender.Close()
	}
	return err
}

// mustRefuse fails the test unless the configuration is refused with an error that names the key
// and no secret.
func (h Harness) mustRefuse(t *testing.T, config, key string) {
	t.Helper()
	err := h.tryConfig(config)
	if err == nil {
		t.Fatalf("the configuration was taken, want an error that names %q", key)
	}
	if !strings.Contains(err.Error(), key) {
		t.Errorf("error %q doesn't name the key %q", err, key)
	}
	for _, secret := range h.Secrets {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q gives away a secret", err)
		}
	}
}

func topLevelKeys(t *testing.T, config string) []string {
	t.Helper()
	m := mapping(t, config)
	var keys []string
	for i := 0; i < len(m.Content); i += 2 {
		keys = append(keys, m.Content[i].Value)
	}
	return keys
}

func withoutKey(t *testing.T, config, key string) string {
	t.Helper()
	m := mapping(t, config)
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content = slices.Delete(m.Content, i, i+2)
			break
		}
	}
	out, err := yaml.Marshal(m)
	if err != nil {
		t.Fatalf("writing the configuration without %s: %v", key, err)
	}
	return string(out)
}

// mapping reads a configuration as a YAML mapping, in which keys keep their order.
func mapping(t *testing.T, config string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(config), &doc); err != nil {
		t.Fatalf("the harness's configuration is no YAML: %v", err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		t.Fatalf("the harness's configuration is no mapping: %q", config)
	}
	return doc.Content[0]
}
