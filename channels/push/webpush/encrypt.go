package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

const (
	// recordSize is that of the one record of a message (RFC 8188, section 2). Push services must take
	// 4,096 bytes (RFC 8030, section 7.2).
	recordSize = 4096
	saltSize   = 16
	headerSize = saltSize + 4 + 1 + 65 // salt, record size, length of the key, the key
	// maxPlaintext is what remains of the record without header, the authentication tag and the delimiter
	// after the text (RFC 8291, section 4).
	maxPlaintext = recordSize - headerSize - 16 - 1
)

// encrypt makes a message's body, for a subscription, with a key and salt of its own (RFC 8291, section 3).
func encrypt(plain []byte, sub subscription) ([]byte, error) {
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never fails
	return seal(plain, sub, own, salt)
}

// seal encrypts with the key and salt given, which are to be used once.
func seal(plain []byte, sub subscription, own *ecdh.PrivateKey, salt [saltSize]byte) ([]byte, error) {
	shared, err := own.ECDH(sub.key)
	if err != nil {
		return nil, err
	}
	public := own.PublicKey().Bytes()
	// RFC 8291, section 3.4: the key that both can derive, from the shared secret and the auth secret.
	info := "WebPush: info\x00" + string(sub.key.Bytes()) + string(public)
	ikm, err := hkdf.Key(sha256.New, shared, sub.auth, info, 32)
	if err != nil {
		return nil, err
	}
	aead, nonce, err := contentCipher(ikm, salt[:])
	if err != nil {
		return nil, err
	}
	body := make([]byte, 0, headerSize+len(plain)+1+aead.Overhead())
	body = append(body, salt[:]...)
	body = binary.BigEndian.AppendUint32(body, recordSize)
	body = append(body, byte(len(public)))
	body = append(body, public...)
	const last = 2 // delimits the text of the last record (RFC 8188, section 2)
	record := append(append(make([]byte, 0, len(plain)+1), plain...), last)
	return aead.Seal(body, nonce, record, nil), nil
}

// contentCipher derives the key and nonce of aes128gcm (RFC 8188, section 2.2 and 2.3). With one record
// the nonce is that of the sequence number 0, so as it is.
func contentCipher(ikm, salt []byte) (cipher.AEAD, []byte, error) {
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, nonce, err
}
