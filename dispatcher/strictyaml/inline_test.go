package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/strictyaml"
)

// prices have known keys, and others beside them.
type prices struct {
	Currency string             `yaml:"currency"`
	Others   map[string]float64 `yaml:",inline"`
}

func noEnv(string) (string, bool) { return "", false }

// TestInlinedMap: a map that stands inline takes the keys that are not known, and only its own sort of values.
func TestInlinedMap(t *testing.T) {
	var into struct {
		Prices prices `yaml:"prices"`
	}
	if err := strictyaml.Decode("x.yaml", []byte("prices: {currency: MDL, MD: 0.5}"), noEnv, &into); err != nil {
		t.Fatal(err)
	}
	if into.Prices.Currency != "MDL" || into.Prices.Others["MD"] != 0.5 {
		t.Errorf("read as %+v", into)
	}
	err := strictyaml.Decode("x.yaml", []byte("prices: {MD: dear}"), noEnv, &into)
	if err == nil || !strings.Contains(err.Error(), "x.yaml:1") {
		t.Errorf("a price that is no number: %v", err)
	}
	if err := strictyaml.Decode("x.yaml", []byte("price: {}"), noEnv, &into); err == nil || !strings.Contains(err.Error(), "unknown key price") {
		t.Errorf("an unknown key: %v", err)
	}
}
