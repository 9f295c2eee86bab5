package notification

import (
	"math"
	"strings"
	"testing"
)

func TestLeaveTokens(t *testing.T) {
	s := NewSigner([]byte("key"))
	for _, id := range []ID{{Notification: 1}, {Notification: 7, Step: 2}, {Notification: math.MaxInt64, Step: 255}} {
		token := s.LeaveToken(id)
		if got, err := s.VerifyLeave(token); err != nil || got != id {
			t.Errorf("%s: %+v, %v; want %+v", token, got, err, id)
		}
		if len(token) > 40 || strings.Trim(token, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("token %q", token)
		}
		again := id
		again.Try = 3
		if s.LeaveToken(again) != token {
			t.Error("another try has another token")
		}
		for _, bad := range []string{"", "-", strings.ToUpper(token), token + "a", "0" + token, "+" + token, token[1:], s.Ref(id), NewSigner([]byte("other")).LeaveToken(id)} {
			if bad == token {
				continue
			}
			if _, err := s.VerifyLeave(bad); err == nil {
				t.Errorf("%q was taken", bad)
			}
		}
		if _, err := s.Verify(token); err == nil {
			t.Error("a token was taken for a reference")
		}
	}
}

func FuzzVerifyLeave(f *testing.F) {
	s := NewSigner([]byte("key"))
	f.Add(s.LeaveToken(ID{Notification: 7, Step: 1}))
	f.Add("1-1-aaaaaaaaaaaaaaaa")
	f.Add("--")
	f.Fuzz(func(t *testing.T, token string) {
		if id, err := s.VerifyLeave(token); err == nil && s.LeaveToken(id) != token {
			t.Errorf("%q names %+v, which goes by another", token, id)
		}
	})
}
