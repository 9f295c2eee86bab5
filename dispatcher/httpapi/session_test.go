package httpapi

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func serverWith(t testing.TB, tokens ...Token) *Server {
	t.Helper()
	keys, err := makeKeys(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{keys: keys}
}

func TestSessionEnds(t *testing.T) {
	now := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	token := Token{Name: "ops.main", Token: "a-token", Admin: true}
	s := serverWith(t, Token{Name: "other", Token: "another-token"}, token)
	value := s.keys[1].cookieValue(now.Add(sessionLife))
	for _, tt := range []struct {
		what   string
		server *Server
		at     time.Time
		good   bool
	}{
		{"at once", s, now, true},
		{"in its last second", s, now.Add(sessionLife - time.Second), true},
		{"when it is over", s, now.Add(sessionLife), false},
		{"after a restart", serverWith(t, token), now, true},
		{"after the token was changed", serverWith(t, Token{Name: token.Name, Token: channels.Secret("a-new-token")}), now, false},
	} {
		k := tt.server.bySession(value, tt.at)
		if (k != nil) != tt.good || (k != nil && k.token.Name != token.Name) {
			t.Errorf("%s: %+v", tt.what, k)
		}
	}
}

// FuzzSession: nobody gets in with a cookie that was not made here.
func FuzzSession(f *testing.F) {
	now := time.Unix(1_777_900_000, 0)
	s := serverWith(f, Token{Name: "ops", Token: "a-token"})
	good := s.keys[0].cookieValue(now.Add(time.Hour))
	f.Add(good)
	f.Add(good[1:])
	f.Add("b3Bz.99999999999.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, value string) {
		if k := s.bySession(value, now); k != nil && value != good {
			// Base64 leaves some bits of its last character unused.
			if len(value) != len(good) || value[:len(good)-1] != good[:len(good)-1] {
				t.Errorf("%q lets in", value)
			}
		}
	})
}
