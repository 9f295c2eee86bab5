package notification

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// Signer makes and checks the references under which providers know attempts. A reference is the
// attempt's identity plus a keyed MAC (HMAC-SHA-256, RFC 2104, cut to 80 bits), so that nobody can
// make up a receipt for an attempt, and it tells nothing about the recipient.
//
// A Signer is safe for concurrent use.
type Signer struct{ hashes sync.Pool }

// NewSigner makes a signer with a secret key, which all processes of one installation share.
func NewSigner(key []byte) *Signer {
	return &Signer{hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

var refEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const macBytes = 10

// ErrBadRef is returned for a reference that this installation did not make.
var ErrBadRef = errors.New("not a reference of this installation")

// Ref returns the reference of an attempt: letters, digits and '-', at most 40 characters.
func (s *Signer) Ref(id ID) string {
	b := make([]byte, 0, 40)
	b = strconv.AppendInt(b, id.Notification, 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, uint64(id.Step), 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, uint64(id.Try), 36)
	mac := s.mac(b)
	b = append(b, '-')
	return string(refEncoding.AppendEncode(b, mac))
}

// Verify returns the attempt that a reference names, or ErrBadRef. It takes the same time for any
// wrong MAC.
func (s *Signer) Verify(ref string) (ID, error) {
	parts := strings.SplitN(ref, "-", 4)
	if len(parts) != 4 {
		return ID{}, ErrBadRef
	}
	n, err1 := strconv.ParseInt(parts[0], 36, 64)
	step, err2 := strconv.ParseUint(parts[1], 36, 8)
	try, err3 := strconv.ParseUint(parts[2], 36, 8)
	if errors.Join(err1, err2, err3) != nil {
		return ID{}, ErrBadRef
	}
	id := ID{Notification: n, Step: uint8(step), Try: uint8(try)}
	// Compared as it would be written, so that an attempt has one reference and no other spelling.
	if !hmac.Equal([]byte(ref), []byte(s.Ref(id))) {
		return ID{}, ErrBadRef
	}
	return id, nil
}

func (s *Signer) mac(b []byte) []byte {
	h := s.hashes.Get().(hash.Hash)
	defer s.hashes.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(nil)[:macBytes]
}

// Answer answers a challenge: whoever has the key can tell by it that the answer comes from the same
// installation, and nobody else can. An answer is never a reference, nor part of one.
func (s *Signer) Answer(challenge string) string {
	return refEncoding.EncodeToString(s.mac([]byte("challenge:" + challenge)))
}
