package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// tokenLasts is for how many requests an access token is taken.
const tokenLasts = 20

type user struct{ handle, did string }

func userOf(handle string) user {
	sum := sha256.Sum256([]byte(handle))
	return user{handle, "did:plc:" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))}
}

// sessions are the tokens that were given.
type sessions struct {
	mu      sync.Mutex
	given   int
	access  map[string]*grant
	refresh map[string]user
}

type grant struct {
	user
	left int
}

func newSessions() *sessions {
	return &sessions{access: map[string]*grant{}, refresh: map[string]user{}}
}

// open makes a session.
func (s *sessions) open(u user) (access, refresh string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	access, refresh = "access-"+strconv.Itoa(s.given)+"-"+u.handle, "refresh-"+strconv.Itoa(s.given)+"-"+u.handle
	s.access[access], s.refresh[refresh] = &grant{u, tokenLasts}, u
	return access, refresh
}

// use takes an access token: known is whether it was ever given, expired whether it is over.
func (s *sessions) use(token string) (u user, known, expired bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.access[token]
	if g == nil {
		return user{}, false, false
	}
	g.left--
	return g.user, true, g.left < 0
}

// renew takes a refresh token, once.
func (s *sessions) renew(token string) (u user, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok = s.refresh[token]
	delete(s.refresh, token)
	return u, ok
}

func (s *server) create(w http.ResponseWriter, body []byte) {
	var in struct {
		Identifier      string `json:"identifier"`
		Password        string `json:"password"`
		AuthFactorToken string `json:"authFactorToken"`
		AllowTakendown  bool   `json:"allowTakendown"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	switch {
	case dec.Decode(&in) != nil || in.Identifier == "" || in.Password == "":
		refuse(w, http.StatusBadRequest, "InvalidRequest", "Input must have the property \"identifier\"")
	case in.Password != Password || !strings.Contains(in.Identifier, "."):
		refuse(w, http.StatusUnauthorized, "AuthenticationRequired", "Invalid identifier or password")
	default:
		s.session(w, userOf(in.Identifier))
	}
}

func (s *server) refresh(w http.ResponseWriter, r *http.Request) {
	u, ok := s.sessions.renew(bearer(r))
	if !ok {
		refuse(w, http.StatusBadRequest, "ExpiredToken", "Token has been revoked")
		return
	}
	s.session(w, u)
}

func (s *server) session(w http.ResponseWriter, u user) {
	access, refresh := s.sessions.open(u)
	write(w, http.StatusOK, map[string]any{
		"accessJwt": access, "refreshJwt": refresh, "handle": u.handle, "did": u.did, "active": true,
	})
}

// asUser calls f for whom a request's token was given to.
func (s *server) asUser(w http.ResponseWriter, r *http.Request, f func(user)) {
	u, known, expired := s.sessions.use(bearer(r))
	switch {
	case bearer(r) == "":
		refuse(w, http.StatusUnauthorized, "AuthMissing", "Authentication Required")
	case !known:
		refuse(w, http.StatusBadRequest, "InvalidToken", "Token could not be verified")
	case expired:
		refuse(w, http.StatusBadRequest, "ExpiredToken", "Token has expired")
	default:
		f(u)
	}
}

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}
