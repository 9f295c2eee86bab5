package webpush

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// subscription is what a browser gave: where to push, and for whom to encrypt.
type subscription struct {
	endpoint *url.URL
	key      *ecdh.PublicKey
	auth     []byte // 16 bytes
}

// written is a PushSubscription as its toJSON method gives it
// (https://www.w3.org/TR/push-api/#dom-pushsubscription-tojson); what else is in it is of no use here.
type written struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		P256DH string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// CheckAddress checks that s is a push subscription, as the browser's PushSubscription.toJSON() gives it,
// or that in base64url, which fits into a CSV without quotes. It returns it as JSON without spaces and
// with nothing but endpoint and keys.
func CheckAddress(s string) (string, error) {
	w, err := read(s)
	if err != nil {
		return "", err
	}
	if _, err := w.parse(); err != nil {
		return "", err
	}
	w.Keys.P256DH, w.Keys.Auth = unpadded(w.Keys.P256DH), unpadded(w.Keys.Auth)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return "", errors.New("can't be written as JSON")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func parseSubscription(s string) (subscription, error) {
	w, err := read(s)
	if err != nil {
		return subscription{}, err
	}
	return w.parse()
}

func read(s string) (written, error) {
	var w written
	raw := []byte(s)
	if !strings.HasPrefix(strings.TrimSpace(s), "{") {
		var err error
		if raw, err = base64.RawURLEncoding.DecodeString(unpadded(s)); err != nil {
			return w, errors.New("is no push subscription: neither JSON nor base64url")
		}
	}
	if json.Unmarshal(raw, &w) != nil {
		return w, errors.New("is no push subscription: not a JSON object with endpoint and keys")
	}
	return w, nil
}

func (w written) parse() (subscription, error) {
	endpoint, err := channels.CheckURL(w.Endpoint)
	if err != nil {
		return subscription{}, errors.New("is no push subscription: its endpoint " + err.Error())
	}
	point, err := base64.RawURLEncoding.DecodeString(unpadded(w.Keys.P256DH))
	if err != nil {
		return subscription{}, errors.New("is no push subscription: keys.p256dh is not base64url")
	}
	key, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return subscription{}, errors.New("is no push subscription: keys.p256dh is no point on P-256")
	}
	auth, err := base64.RawURLEncoding.DecodeString(unpadded(w.Keys.Auth))
	if err != nil || len(auth) != 16 {
		return subscription{}, errors.New("is no push subscription: keys.auth is not 16 bytes of base64url")
	}
	return subscription{endpoint: endpoint, key: key, auth: auth}, nil
}

// unpadded brings base64 in any of its alphabets to that of base64url without padding: libraries on the
// way from browser to bank like to change it.
func unpadded(s string) string {
	return strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
}

// origin is the endpoint's, as VAPID names it (RFC 6454, section 6.2).
func (s subscription) origin() string {
	return "https://" + strings.TrimSuffix(s.endpoint.Host, ":443")
}
