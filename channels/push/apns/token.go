package apns

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push"
)

const (
	// tokenLife is how long a token is used. It must be renewed after 20 minutes at the earliest and 60 at
	// the latest.
	tokenLife = 40 * time.Minute
	// youngest is the age from which on a token may be renewed.
	youngest = 20 * time.Minute
)

// tokens makes provider tokens, and keeps the last.
type tokens struct {
	key         *ecdsa.PrivateKey
	keyID, team string

	mu      sync.Mutex
	current channels.Secret
	madeAt  time.Time
}

// claims of a provider token.
type claims struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
}

func newTokens(c Config) (*tokens, error) {
	if c.PrivateKey == "" {
		return nil, errors.New("private_key: missing, want the contents of the .p8 file")
	}
	key, err := push.PrivateKey[*ecdsa.PrivateKey](c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("private_key: %w", err)
	}
	return &tokens{key: key, keyID: c.KeyID, team: c.TeamID}, nil
}

func (t *tokens) get() (channels.Secret, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.current != "" && now.Sub(t.madeAt) < tokenLife {
		return t.current, nil
	}
	signed, err := push.SignES256(t.key, push.Header{KeyID: t.keyID}, claims{t.team, now.Unix()})
	if err != nil {
		return "", &channels.Error{Class: channels.Auth, Code: "token", Err: errors.New("the private key can't sign")}
	}
	t.current, t.madeAt = channels.Secret(signed), now
	return t.current, nil
}

// expired forgets a token that APNs found to be too old, if it may be renewed: it is younger only where
// our clock is wrong, which a new one would not mend.
func (t *tokens) expired(refused channels.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == refused && time.Since(t.madeAt) >= youngest {
		t.current = ""
	}
}
