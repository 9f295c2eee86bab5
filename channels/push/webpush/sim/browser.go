package sim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// keys are a browser's for one subscription.
type keys struct {
	private *ecdh.PrivateKey
	auth    []byte
}

// Subscription is the browser's subscription of an id, as PushSubscription.toJSON() gives it. Ids are of
// letters, digits and '-'; the last digit decides the fate where the sandbox goes by digits.
func Subscription(id string) string {
	k := keysOf(id)
	return fmt.Sprintf(`{"endpoint":"%s%s%s","expirationTime":null,"keys":{"p256dh":"%s","auth":"%s"}}`, Origin, prefix, id,
		base64.RawURLEncoding.EncodeToString(k.private.PublicKey().Bytes()), base64.RawURLEncoding.EncodeToString(k.auth))
}

// keysOf derives a subscription's keys from its id, so that there is nothing to remember.
func keysOf(id string) keys {
	auth := sha256.Sum256([]byte("auth " + id))
	for n := 0; ; n++ {
		scalar := sha256.Sum256(fmt.Appendf(nil, "key %d %s", n, id))
		if private, err := ecdh.P256().NewPrivateKey(scalar[:]); err == nil { // all but one of 2^32 are keys
			return keys{private, auth[:16]}
		}
	}
}

// decrypt reads a message of one record (RFC 8188, section 2; RFC 8291, sections 3.4 and 4).
func decrypt(k keys, body []byte) ([]byte, error) {
	if len(body) < 16+4+1+65+16+1 {
		return nil, errors.New("too short")
	}
	salt, size, length := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	if length != 65 {
		return nil, errors.New("the sender's key has not 65 bytes")
	}
	sender, err := ecdh.P256().NewPublicKey(body[21:86])
	if err != nil {
		return nil, errors.New("the sender's key is none")
	}
	record := body[86:]
	if int64(size) < int64(len(record)) {
		return nil, errors.New("more than one record")
	}
	shared, err := k.private.ECDH(sender)
	if err != nil {
		return nil, err
	}
	ikm := derive(k.auth, shared, append(append([]byte("WebPush: info\x00"), k.private.PublicKey().Bytes()...), body[21:86]...), 32)
	return openRecord(derive(salt, ikm, []byte("Content-Encoding: aes128gcm\x00"), 16), derive(salt, ikm, []byte("Content-Encoding: nonce\x00"), 12), record)
}

// derive is HKDF with SHA-256 for up to 32 bytes (RFC 5869, section 2), written out as RFC 8291 does.
func derive(salt, ikm, info []byte, n int) []byte {
	extract := hmac.New(sha256.New, salt)
	extract.Write(ikm)
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write(info)
	expand.Write([]byte{1})
	return expand.Sum(nil)[:n]
}

func openRecord(key, nonce, record []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	padded, err := aead.Open(nil, nonce, record, nil)
	if err != nil {
		return nil, errors.New("it isn't for this browser")
	}
	for i := len(padded) - 1; i >= 0; i-- {
		switch padded[i] {
		case 0:
		case 2:
			return padded[:i], nil
		default:
			return nil, errors.New("no delimiter of the last record")
		}
	}
	return nil, errors.New("nothing but padding")
}
