package sim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// authorize verifies a provider token, and returns why it is refused.
func authorize(header string, now time.Time) (reason string) {
	token, bearer := strings.CutPrefix(header, "bearer ")
	if !bearer {
		return "MissingProviderToken"
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "InvalidProviderToken"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || len(signature) != 64 ||
		!ecdsa.Verify(publicKey(), digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return "InvalidProviderToken"
	}
	var h struct {
		Alg   string `json:"alg"`
		KeyID string `json:"kid"`
		Type  string `json:"typ"`
	}
	var c struct {
		Issuer   string `json:"iss"`
		IssuedAt int64  `json:"iat"`
	}
	if !decodePart(parts[0], &h) || !decodePart(parts[1], &c) || h.Alg != "ES256" || h.KeyID != KeyID || c.Issuer != TeamID {
		return "InvalidProviderToken"
	}
	if age := now.Sub(time.Unix(c.IssuedAt, 0)); age > time.Hour || age < -time.Minute {
		return "ExpiredProviderToken"
	}
	return ""
}

func publicKey() *ecdsa.PublicKey {
	block, _ := pem.Decode([]byte(PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err) // the constant is a key
	}
	return &key.(*ecdsa.PrivateKey).PublicKey
}

// decodePart decodes a part of a token into v, which must have a field for everything in it.
func decodePart(part string, v any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(v) == nil
}

// canonical is a UUID in the form that apns-id wants.
var canonical = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// checkHeader returns what is wrong with the headers of a request for an alert.
func checkHeader(h http.Header) (reason string) {
	for name, values := range h {
		if len(values) > 1 {
			return "DuplicateHeaders"
		}
		if reason := checkOne(strings.ToLower(name), values[0]); reason != "" {
			return reason
		}
	}
	if h.Get("apns-topic") == "" {
		return "MissingTopic"
	}
	if h.Get("apns-push-type") != "alert" {
		return "InvalidPushType"
	}
	return ""
}

func checkOne(name, value string) (reason string) {
	switch name {
	case "apns-topic":
		if value != Topic {
			return "TopicDisallowed"
		}
	case "apns-id":
		if !canonical.MatchString(value) {
			return "BadMessageId"
		}
	case "apns-expiration":
		if at, err := strconv.ParseInt(value, 10, 64); err != nil || at < 0 {
			return "BadExpirationDate"
		}
	case "apns-priority":
		if value != "10" && value != "5" && value != "1" {
			return "BadPriority"
		}
	case "apns-collapse-id":
		if len(value) > 64 {
			return "BadCollapseId"
		}
	case "apns-push-type":
	default:
		if strings.HasPrefix(name, "apns-") {
			return "BadPath"
		}
	}
	return ""
}
