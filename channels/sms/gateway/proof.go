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

// compileProof checks the description of the proof.
func (d *Receipts) compileProof(r *receipts) error {
	p := d.Proof
	switch {
	case p.HMAC != nil && p.Header == nil && p.Key == "":
		return p.HMAC.compile(r)
	case p.Header != nil && p.HMAC == nil && p.Key == "":
		return p.Header.compile(r)
	case p.Key != "" && p.HMAC == nil && p.Header == nil:
		r.key = sms.CallbackKey(p.Key)
		r.proves = func(c channels.Callback) bool { return r.key.Proves(c.Ref, c.URL.Query().Get(paramKey)) }
		return nil
	}
	return errors.New("proof: exactly one of hmac, header, key: anybody can call a webhook")
}

func (h *SharedHeader) compile(r *receipts) error {
	if h.Name == "" || h.Value == "" {
		return errors.New("proof.header: want name and value")
	}
	r.proves = func(c channels.Callback) bool {
		return hmac.Equal([]byte(c.Header.Get(h.Name)), []byte(h.Value.Reveal()))
	}
	return nil
}

func (h *HMAC) compile(r *receipts) error {
	newHash, decode := hashOf(h.Hash), encodingOf(h.Encoding)
	switch {
	case h.Secret == "" || h.Header == "":
		return errors.New("proof.hmac: want secret and header")
	case newHash == nil:
		return errors.New("proof.hmac.hash: want sha256, sha512 or sha1")
	case decode == nil:
		return errors.New("proof.hmac.encoding: want hex or base64")
	case h.Window < 0 || (h.Window > 0 && h.Timestamp == ""):
		return fmt.Errorf("proof.hmac.window: want more than 0, and a timestamp to measure it by")
	}
	r.proves = func(c channels.Callback) bool {
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
	}
	return nil
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
