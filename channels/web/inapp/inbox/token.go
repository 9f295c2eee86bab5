package inbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// longestToken bounds how long a token may be valid, so that one that got lost is of no use for ever.
const longestToken = 30 * 24 * time.Hour

// Token makes a customer's token as the package's documentation has it: for backends in Go, and for tests.
func Token(secret channels.Secret, customer string, end time.Time) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(customer)) + "." + strconv.FormatInt(end.Unix(), 10)
	return signed + "." + base64.RawURLEncoding.EncodeToString(tokenMAC(secret, signed))
}

func tokenMAC(secret channels.Secret, signed string) []byte {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte("tocsin-inbox-v1." + signed))
	return mac.Sum(nil)
}

// customerOf verifies a token, and returns whose it is.
func customerOf(secret channels.Secret, token string, now time.Time) (customer string, ok bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return "", false
	}
	given, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(given, tokenMAC(secret, token[:dot])) {
		return "", false
	}
	id, end, _ := strings.Cut(token[:dot], ".")
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(raw) == 0 {
		return "", false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	until := time.Unix(seconds, 0)
	return string(raw), err == nil && until.After(now) && !until.After(now.Add(longestToken))
}

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// ofTocsin lets in who has the key.
func (s *Server) ofTocsin(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(s.Key.Reveal())) != 1 {
			refuse(w, http.StatusUnauthorized, "key")
			return
		}
		f(w, r)
	}
}

// ofCustomer lets in who has a token, not more often than is sensible.
func (s *Server) ofCustomer(f func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.allow(w, r)
		w.Header().Set("Cache-Control", "no-store")
		customer, ok := customerOf(s.Secret, bearer(r), s.Now())
		if !ok {
			refuse(w, http.StatusUnauthorized, "token")
			return
		}
		if !s.limits.allow(customer, s.Now()) {
			w.Header().Set("Retry-After", "2")
			refuse(w, http.StatusTooManyRequests, "too_fast")
			return
		}
		f(w, r, customer)
	}
}
