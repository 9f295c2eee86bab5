package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Token lets a caller use the API.
type Token struct {
	// Name is who it is for; it is logged.
	Name  string
	Token channels.Secret
	// Team is the only team whose updates it may publish; "" is any.
	Team string
	// Admin may do everything.
	Admin bool
	// Approves lets it approve held updates, and refuse them: those of its team if it has one.
	Approves bool
	// Person is whose token it is; "" is nobody's in particular.
	Person string
}

// mayApprove reports whether the token may approve held updates.
func (t *Token) mayApprove() bool { return t.Admin || t.Approves }

// mayActFor reports whether the token speaks for a team.
func (t *Token) mayActFor(team string) bool { return t.Admin || t.Team == "" || t.Team == team }

// key is a token as it is compared: by digest, so that comparing takes the same time for any guess
// of any length.
type key struct {
	token  Token
	digest [sha256.Size]byte
	// session is the key of its sessions' MACs: made of the token, so that a token which is changed
	// or removed takes its sessions along.
	session []byte
}

func makeKeys(tokens []Token) ([]key, error) {
	names := map[string]bool{}
	keys := make([]key, 0, len(tokens))
	for _, t := range tokens {
		if t.Name == "" || t.Token.Reveal() == "" || names[t.Name] {
			return nil, fmt.Errorf("http: token %q: needs a name of its own and a token", t.Name)
		}
		names[t.Name] = true
		k := key{token: t, digest: sha256.Sum256([]byte(t.Token.Reveal()))}
		k.session = mac([]byte(t.Token.Reveal()), "tocsin session")
		keys = append(keys, k)
	}
	return keys, nil
}

// byToken returns the key of a token, nil if there is none. All are compared, always.
func (s *Server) byToken(token string) *key {
	digest := sha256.Sum256([]byte(token))
	var found *key
	for i := range s.keys {
		if subtle.ConstantTimeCompare(digest[:], s.keys[i].digest[:]) == 1 {
			found = &s.keys[i]
		}
	}
	return found
}

// admit returns the caller of a request if they may call a route.
func (s *Server) admit(r *http.Request, a access) (*Token, error) {
	k := s.caller(r, a)
	if k == nil {
		return nil, &problem{
			status: http.StatusUnauthorized, message: "no valid token",
			hint: "send the header Authorization: Bearer <token>, with a token from http.tokens in the configuration",
		}
	}
	if a == admin && !k.token.Admin {
		return nil, mayNot(&k.token, "use a token with admin: true")
	}
	if a == approver && !k.token.mayApprove() {
		return nil, mayNot(&k.token, "use a token with approves: true, or with admin: true")
	}
	return &k.token, nil
}

func mayNot(t *Token, hint string) error {
	return &problem{status: http.StatusForbidden, message: "token " + strconv.Quote(t.Name) + " may not do this", hint: hint}
}

func (s *Server) caller(r *http.Request, a access) *key {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return s.byToken(strings.TrimSpace(token))
	}
	// A cookie is sent by the browser whoever made the request: good for reading only.
	if safe := r.Method == http.MethodGet || r.Method == http.MethodHead; !safe || a == holder || a == approver {
		return nil
	}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	return s.bySession(cookie.Value, time.Now())
}

const (
	sessionCookie = "tocsin_session"
	// sessionLife is how long a login lasts, in machine time.
	sessionLife = 12 * time.Hour
)

// cookieValue makes a cookie's value: the token's name, when it ends, and a MAC over both (HMAC-SHA-256,
// RFC 2104). The token itself is not in it.
func (k *key) cookieValue(until time.Time) string {
	plain := base64.RawURLEncoding.EncodeToString([]byte(k.token.Name)) + "." + strconv.FormatInt(until.Unix(), 10)
	return plain + "." + base64.RawURLEncoding.EncodeToString(mac(k.session, plain))
}

// bySession returns the key that a cookie's value was made with, nil if it is none of ours or over.
func (s *Server) bySession(value string, now time.Time) *key {
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 {
		return nil
	}
	plain := value[:cut]
	given, err := base64.RawURLEncoding.DecodeString(value[cut+1:])
	if err != nil {
		return nil
	}
	for i := range s.keys {
		if hmac.Equal(given, mac(s.keys[i].session, plain)) && !over(plain, now) {
			return &s.keys[i]
		}
	}
	return nil
}

// over reports whether a session has ended. Its MAC has been checked, so its form is ours.
func over(plain string, now time.Time) bool {
	_, until, _ := strings.Cut(plain, ".")
	seconds, err := strconv.ParseInt(until, 10, 64)
	return err != nil || now.Unix() >= seconds
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
