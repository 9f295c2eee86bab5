package meta

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// Webhook is our side of a webhook of Meta's. It is safe for concurrent use.
type Webhook struct {
	secret channels.Secret
	token  channels.Secret
}

// Token is what Meta is to show when it tests the webhook.
func (w Webhook) Token() channels.Secret { return w.token }

var (
	errSignature = errors.New("callback isn't signed by Meta")
	errHandshake = errors.New("the webhook's test doesn't show our token")
)

// maxChallenge bounds what is echoed.
const maxChallenge = 256

// Open checks where a callback comes from. A GET is the test of the webhook, and answered with the
// challenge that is returned; anything else is signed over its raw body (X-Hub-Signature-256, under
// the app's secret). The scheme has no time in it: a call that is repeated says the same once more.
func (w Webhook) Open(c channels.Callback) (challenge string, err error) {
	if c.Method == http.MethodGet {
		return w.challenge(c)
	}
	given, found := strings.CutPrefix(c.Header.Get("X-Hub-Signature-256"), "sha256=")
	mac, err := hex.DecodeString(given)
	if err != nil || !found {
		return "", &channels.Error{Class: channels.Auth, Code: "signature", Err: errSignature}
	}
	want, _ := hex.DecodeString(sum(w.secret, c.Body))
	if !hmac.Equal(mac, want) {
		return "", &channels.Error{Class: channels.Auth, Code: "signature", Err: errSignature}
	}
	return "", nil
}

func (w Webhook) challenge(c channels.Callback) (string, error) {
	q := c.URL.Query()
	shown, challenge := q.Get("hub.verify_token"), q.Get("hub.challenge")
	ours := subtle.ConstantTimeCompare([]byte(shown), []byte(w.token.Reveal())) == 1
	if !ours || q.Get("hub.mode") != "subscribe" || challenge == "" || len(challenge) > maxChallenge {
		return "", &channels.Error{Class: channels.Auth, Code: "handshake", Err: errHandshake}
	}
	return challenge, nil
}

// Unreadable is the error for a callback that is signed and makes no sense.
func Unreadable(what string) *channels.Error {
	return &channels.Error{Class: channels.Rejected, Code: "unreadable", Err: errors.New(what)}
}
