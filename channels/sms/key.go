package sms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/tocsin-dev/tocsin/channels"
)

// CallbackKey proves callbacks of gateways that sign nothing: a secret of ours, of which each
// attempt's callback URL carries a key of its own. What comes back with it was made by somebody who
// was given that URL, by us. The key is of no use for another attempt, and doesn't give the secret
// away; whoever sees the URL can say anything about that one attempt, so it is for https, or a
// network of one's own.
type CallbackKey channels.Secret

// keySize is how many bytes of the MAC a URL carries.
const keySize = 16

// Of returns the key of an attempt: 32 hexadecimal digits.
func (k CallbackKey) Of(ref string) string {
	mac := hmac.New(sha256.New, []byte(k))
	mac.Write([]byte("callback " + ref))
	return hex.EncodeToString(mac.Sum(nil)[:keySize])
}

// Proves reports, in constant time, whether a key is the one of an attempt.
func (k CallbackKey) Proves(ref, key string) bool {
	return ref != "" && hmac.Equal([]byte(k.Of(ref)), []byte(key))
}

// String keeps the secret out of prints.
func (k CallbackKey) String() string { return channels.Secret(k).String() }

// GoString keeps %#v from showing the secret.
func (k CallbackKey) GoString() string { return channels.Secret(k).GoString() }
