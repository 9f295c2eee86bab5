package channels

import (
	"encoding/json"
	"log/slog"
)

const redacted = "<redacted>"

// Secret is a credential. It prints, logs and marshals as <redacted>; only Reveal gives it away.
type Secret string

// Reveal returns the secret itself, to be handed to the provider and nobody else.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return redacted }

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return redacted }

// LogValue keeps slog from showing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps JSON from showing the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalYAML keeps YAML from showing the secret.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
