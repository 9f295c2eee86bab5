package gateway

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // some gateways' choice; HMAC keeps it sound
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// window is how old a signed call may be, unless the description says otherwise.
const window = 5 * time.Minute

// proof tells whether a call is the gateway's.
type proof func(channels.Callback) bool

// compileProof checks the description of the proof.
func (d *Receipts) compileProof(r *receipts) error {
	p := d.Proof
	if p.Key != "" && p.HMAC == nil && p.Header == nil {
		r.key = sms.CallbackKey(p.Key)
		r.proves = func(c channels.Callback) bool { return r.key.Proves(c.Ref, c.URL.Query().Get(paramKey)) }
		return nil
	}
	var err error
	switch {
	case p.HMAC != nil && p.Header == nil && p.Key == "":
		r.proves, err = p.HMAC.compile()
	case p.Header != nil && p.HMAC == nil && p.Key == "":
		r.proves, err = p.Header.compile()
	default:
		return errors.New("proof: exactly one of hmac, header, key: anybody can call a webhook")
	}
	if err != nil {
		return fmt.Errorf("proof%w", err)
	}
	return nil
}

// compile checks the description of a proof. Its errors begin with the key below the proof.
func (p ReplyProof) compile() (proof, error) {
	switch {
	case p.HMAC != nil && p.Header == nil && p.Query == nil:
		return p.HMAC.compile()
	case p.Header != nil && p.HMAC == nil && p.Query == nil:
		return p.Header.compile()
	case p.Query != nil && p.HMAC == nil && p.Header == nil:
		return p.Query.compile()
	}
	return nil, errors.New(": exactly one of hmac, header, query: anybody can call a webhook")
}

// compile is for a secret in the URL.
func (q *SharedQuery) compile() (proof, error) {
	if q.Name == "" || len(q.Value) < shortestSecret {
		return nil, fmt.Errorf(".query: want name, and a value of %d characters at least: whoever guesses it can withdraw anybody's consent", shortestSecret)
	}
	return func(c channels.Callback) bool {
		return hmac.Equal([]byte(c.URL.Query().Get(q.Name)), []byte(q.Value.Reveal()))
	}, nil
}

// shortestSecret is what can't be guessed, in characters.
const shortestSecret = 20

func (h *SharedHeader) compile() (proof, error) {
	if h.Name == "" || h.Value == "" {
		return nil, errors.New(".header: want name and value")
	}
	return func(c channels.Callback) bool {
		return hmac.Equal([]byte(c.Header.Get(h.Name)), []byte(h.Value.Reveal()))
	}, nil
}

func (h *HMAC) compile() (proof, error) {
	newHash, decode := hashOf(h.Hash), encodingOf(h.Encoding)
	switch {
	case h.Secret == "" || h.Header == "":
		return nil, errors.New(".hmac: want secret and header")
	case newHash == nil:
		return nil, errors.New(".hmac.hash: want sha256, sha512 or sha1")
	case decode == nil:
		return nil, errors.New(".hmac.encoding: want hex or base64")
	case h.Window < 0 || (h.Window > 0 && h.Timestamp == ""):
		return nil, fmt.Errorf(".hmac.window: want more than 0, and a timestamp to measure it by")
	}
	return func(c channels.Callback) bool {
		text, prefixed := strings.CutPrefix(c.Header.Get(h.Header), h.Prefix)
		given, err := decode(text)
		if err != nil || !prefixed || !h.fresh(c, time.Now()) {
			return false
		}
		mac := hmac.New(newHash, []byte(h.Secret.Reveal()))
		if h.Timestamp != "" {
			mac.Write([]byte(c.Header.Get(h.Timestamp) + "."))
		}
		mac.Write(c.Body)
		return hmac.Equal(mac.Sum(nil), given)
	}, nil
}

// fresh reports whether a call was made lately, or says nothing of its time.
func (h *HMAC) fresh(c channels.Callback, now time.Time) bool {
	if h.Timestamp == "" {
		return true
	}
	most := h.Window
	if most == 0 {
		most = window
	}
	seconds, err := strconv.ParseInt(c.Header.Get(h.Timestamp), 10, 64)
	return err == nil && now.Sub(time.Unix(seconds, 0)).Abs() <= most
}

func hashOf(name string) func() hash.Hash {
	switch name {
	case "", "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	case "sha1":
		return sha1.New
	}
	return nil
}

func encodingOf(name string) func(string) ([]byte, error) {
	switch name {
	case "", "hex":
		return hex.DecodeString
	case "base64":
		return base64.StdEncoding.DecodeString
	}
	return nil
}
