package notification

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRefRoundTrip(t *testing.T) {
	s := NewSigner([]byte("key"))
	form := regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	for _, id := range []ID{{}, {1, 0, 0}, {36, 35, 36}, {math.MaxInt64, math.MaxUint8, math.MaxUint8}} {
		ref := s.Ref(id)
		if !form.MatchString(ref) {
			t.Errorf("reference %q of %+v has the wrong form", ref, id)
		}
		if got, err := s.Verify(ref); err != nil || got != id {
			t.Errorf("%q reads as %+v, %v; want %+v", ref, got, err, id)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		id := ID{rapid.Int64Min(0).Draw(t, "n"), rapid.Uint8().Draw(t, "step"), rapid.Uint8().Draw(t, "try")}
		if got, err := s.Verify(s.Ref(id)); err != nil || got != id {
			t.Fatalf("%+v came back as %+v, %v", id, got, err)
		}
	})
}

func TestRefIsStableAndItsOwn(t *testing.T) {
	s := NewSigner([]byte("key"))
	seen := map[string]ID{}
	for n := range int64(50) {
		for step := range uint8(3) {
			for try := range uint8(3) {
				id := ID{n, step, try}
				ref := s.Ref(id)
				if other, ok := seen[ref]; ok {
					t.Fatalf("%+v and %+v share %q", id, other, ref)
				}
				seen[ref] = id
				if s.Ref(id) != ref {
					t.Errorf("%+v has two references", id)
				}
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	s := NewSigner([]byte("key"))
	ref := s.Ref(ID{12345, 1, 2})
	mac := ref[strings.LastIndexByte(ref, '-'):]
	for name, bad := range map[string]string{
		"nothing":                 "",
		"no MAC":                  strings.TrimSuffix(ref, mac),
		"MAC alone":               mac,
		"MAC cut":                 ref[:len(ref)-1],
		"MAC longer":              ref + "a",
		"another attempt":         strings.Replace(ref, "9ix", "9iy", 1),
		"another step":            strings.Replace(ref, "-1-", "-2-", 1),
		"another key":             NewSigner([]byte("other")).Ref(ID{12345, 1, 2}),
		"upper case":              strings.ToUpper(ref),
		"spaces":                  " " + ref,
		"path":                    "../" + ref,
		"signed, but not 3 parts": signed(s, "9ix-1"),
		"signed, but no numbers":  signed(s, "a!-1-1"),
		"signed, step too large":  signed(s, "1-zz-1"),
		"signed, too many parts":  signed(s, "1-1-1-1"),
		"signed, other spelling":  signed(s, "09IX-01-2"),
	} {
		if id, err := s.Verify(bad); !errors.Is(err, ErrBadRef) || id != (ID{}) {
			t.Errorf("%s: %q reads as %+v, %v", name, bad, id, err)
		}
	}
	for i := range len(ref) { // every single character counts
		for _, c := range []byte("a0-z") {
			if bad := ref[:i] + string(c) + ref[i+1:]; bad != ref {
				if _, err := s.Verify(bad); !errors.Is(err, ErrBadRef) {
					t.Errorf("%q is taken for %q", bad, ref)
				}
			}
		}
	}
}

// signed signs anything, as only somebody with the key could.
func signed(s *Signer, what string) string {
	return what + "-" + refEncoding.EncodeToString(s.mac([]byte(what)))
}

func FuzzVerify(f *testing.F) {
	s := NewSigner([]byte("key"))
	f.Add(s.Ref(ID{12345, 1, 2}))
	f.Add("1-1-1-aaaaaaaaaaaaaaaa")
	f.Add("--\x00-")
	f.Fuzz(func(t *testing.T, ref string) {
		id, err := s.Verify(ref)
		if err == nil && s.Ref(id) != ref {
			t.Errorf("%q was taken for %+v, whose reference is %q", ref, id, s.Ref(id))
		}
	})
}
