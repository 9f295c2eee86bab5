package sim

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// tokens are the access tokens that were handed out.
type tokens struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// life is how long an access token is valid.
const life = 3599 * time.Second

func newTokens() *tokens { return &tokens{until: map[string]time.Time{}} }

// valid reports whether an Authorization header has a token that is valid.
func (t *tokens) valid(header string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, bearer := strings.CutPrefix(header, "Bearer ")
	return bearer && time.Now().Before(t.until[token])
}

// grant answers the token endpoint (RFC 7523, section 2.1; RFC 6749, section 5).
func (t *tokens) grant(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	_, hasGrant := form["grant_type"]
	_, hasAssertion := form["assertion"]
	isForm := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if err != nil || !isForm || !hasGrant || !hasAssertion || len(form) != 2 {
		refuse(w, "invalid_request", "Want a form with grant_type and assertion.")
		return
	}
	if form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		refuse(w, "unsupported_grant_type", "Invalid grant_type")
		return
	}
	if problem := checkAssertion(form.Get("assertion"), "http://"+r.Host); problem != "" {
		refuse(w, "invalid_grant", problem)
		return
	}
	token := "ya29.c." + rand.Text()
	t.mu.Lock()
	t.until[token] = time.Now().Add(life)
	t.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": int(life.Seconds()), "token_type": "Bearer"})
}

func refuse(w http.ResponseWriter, code, description string) {
	write(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description})
}

// checkAssertion verifies a signed request for a token, and what it says. Its audience is the token
// endpoint: the original's, or the one at host.
func checkAssertion(jwt, host string) (problem string) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "Bad Request"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(publicKey(), crypto.SHA256, digest[:], signature) != nil {
		return "Invalid JWT Signature."
	}
	var h struct {
		Alg   string `json:"alg"`
		Type  string `json:"typ"`
		KeyID string `json:"kid"`
	}
	var c struct {
		Issuer   string `json:"iss"`
		Scope    string `json:"scope"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if !decodePart(parts[0], &h) || !decodePart(parts[1], &c) || h.Alg != "RS256" {
		return "Bad Request"
	}
	now := time.Now().Unix()
	switch {
	case c.Issuer != ClientEmail:
		return "Invalid grant: account not found"
	case c.Scope != "https://www.googleapis.com/auth/firebase.messaging" && c.Scope != "https://www.googleapis.com/auth/cloud-platform":
		return "Invalid OAuth scope or ID token audience provided."
	case c.Audience != TokenURI && !(strings.HasPrefix(c.Audience, host) && strings.HasSuffix(c.Audience, tokenPath)):
		return "Invalid JWT: Failed audience check."
	case c.IssuedAt > now+60 || c.Expires <= now || c.Expires-c.IssuedAt > 3600:
		return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
	}
	return ""
}

func publicKey() *rsa.PublicKey {
	block, _ := pem.Decode([]byte(PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err) // the constant is a key
	}
	return &key.(*rsa.PrivateKey).PublicKey
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
