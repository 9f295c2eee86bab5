package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestSecretNeverPrints(t *testing.T) {
	const hidden = "hunter2"
	type account struct {
		User  string `json:"user" yaml:"user"`
		Token Secret `json:"token" yaml:"token"`
	}
	a := account{"me", hidden}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "token", a.Token, "account", a)
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "token", a.Token, "account", a)
	asJSON, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for how, got := range map[string]string{
		"%v":     fmt.Sprintf("%v %v", a.Token, a),
		"%+v":    fmt.Sprintf("%+v %+v", a.Token, &a),
		"%#v":    fmt.Sprintf("%#v %#v", a.Token, a),
		"%s %q":  fmt.Sprintf("%s %q", a.Token, a.Token),
		"slog":   log.String(),
		"JSON":   string(asJSON),
		"YAML":   string(asYAML),
		"error":  fmt.Errorf("with %v", a.Token).Error(),
		"concat": "x" + a.Token.String(),
	} {
		if strings.Contains(got, hidden) {
			t.Errorf("%s shows the secret: %s", how, got)
		}
		if !strings.Contains(got, "redacted") {
			t.Errorf("%s doesn't say that something was left out: %s", how, got)
		}
	}
	if got := a.Token.Reveal(); got != hidden {
		t.Errorf("Reveal = %q", got)
	}
}

func TestSecretReads(t *testing.T) {
	var a struct{ Token Secret }
	if err := yaml.Unmarshal([]byte("token: 0123"), &a); err != nil || a.Token.Reveal() != "0123" {
		t.Errorf("read %q, %v; want 0123", a.Token.Reveal(), err)
	}
}
