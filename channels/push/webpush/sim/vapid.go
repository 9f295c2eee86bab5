package sim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authorize checks an Authorization header of the scheme vapid (RFC 8292, sections 2, 3 and 4.2).
func authorize(header string) (status int, problem string) {
	parameters, isVAPID := strings.CutPrefix(header, "vapid ")
	if !isVAPID {
		return http.StatusUnauthorized, "want an Authorization of the scheme vapid"
	}
	values := map[string]string{}
	for p := range strings.SplitSeq(parameters, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		values[name] = value
	}
	if problem := checkToken(values["t"], values["k"]); problem != "" {
		return http.StatusUnauthorized, problem
	}
	if values["k"] != vapidPublicKey {
		return http.StatusForbidden, "the subscription was made with another key"
	}
	return 0, ""
}

// checkToken verifies a JWT (RFC 7515, RFC 7518) under the public key k, and its claims.
func checkToken(t, k string) (problem string) {
	parts := strings.Split(t, ".")
	point, err := base64.RawURLEncoding.DecodeString(k)
	if err != nil || len(parts) != 3 {
		return "t or k is malformed"
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return "k is no key"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return "the signature is malformed"
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return "the signature is wrong"
	}
	return checkClaims(parts[0], parts[1])
}

func checkClaims(head, body string) (problem string) {
	var h struct {
		Type string `json:"typ"`
		Alg  string `json:"alg"`
	}
	var c struct {
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
		Subject  string `json:"sub"`
	}
	if !decodePart(head, &h) || !decodePart(body, &c) {
		return "the token has no claims, or some that are not known here"
	}
	left := time.Until(time.Unix(c.Expires, 0))
	switch {
	case h.Alg != "ES256":
		return "alg is not ES256"
	case c.Audience != Origin:
		return "aud is not this service's origin"
	case left <= 0 || left > 24*time.Hour:
		return "exp is past, or more than 24 hours from now"
	case !strings.HasPrefix(c.Subject, "mailto:") && !strings.HasPrefix(c.Subject, "https:"):
		return "sub is no contact"
	}
	return ""
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

// topic is RFC 8030, section 5.4.
var topic = regexp.MustCompile(`^[A-Za-z0-9_-]{0,32}$`)

// checkHeader checks what RFC 8030, sections 5.2 to 5.4, and RFC 8291, section 4, want, and returns the
// TTL that is granted.
func checkHeader(h http.Header) (ttl int, problem string) {
	ttl, err := strconv.Atoi(h.Get("TTL"))
	switch {
	case err != nil || ttl < 0:
		return 0, "want a TTL in seconds"
	case h.Get("Content-Encoding") != "aes128gcm":
		return 0, "want the content encoding aes128gcm"
	case !topic.MatchString(h.Get("Topic")):
		return 0, "the Topic is too long, or not base64url"
	case !slices.Contains([]string{"", "very-low", "low", "normal", "high"}, h.Get("Urgency")):
		return 0, "there is no such Urgency"
	}
	return min(ttl, 30*24*60*60), ""
}
