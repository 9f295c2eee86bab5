package webpush

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	for name, given := range map[string]string{
		"as it is":     rfcSubscription,
		"with spaces":  " " + strings.ReplaceAll(strings.ReplaceAll(rfcSubscription, ",", " , "), ":{", " : {\n") + "\n",
		"of a browser": strings.Replace(rfcSubscription, `,"keys"`, `,"expirationTime":null,"keys"`, 1),
		"in base64url": base64.RawURLEncoding.EncodeToString([]byte(rfcSubscription)),
		"in base64":    base64.StdEncoding.EncodeToString([]byte(rfcSubscription)),
		"padded":       strings.Replace(rfcSubscription, `SIgg"`, `SIgg=="`, 1),
		"standard keys": strings.Replace(rfcSubscription, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
			"BCVxsr7N/eNgVRqvHtD0zTZsEc6+VV+JvLexhqUzORcxaOzi6+AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4=", 1),
	} {
		if got, err := CheckAddress(given); err != nil || got != rfcSubscription {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
	ampersand := strings.Replace(rfcSubscription, "/push/", `/w/?a=<1>&token=A%2fB`, 1)
	if got, err := CheckAddress(ampersand); err != nil || got != ampersand {
		t.Errorf("with a query: %q, error %v", got, err)
	}
}

func TestCheckAddressRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"plain http":       {"https:", "http:"},
		"no endpoint":      {"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", ""},
		"long endpoint":    {"/push/", "/" + strings.Repeat("p", 1024) + "/"},
		"credentials":      {"push.example", "user:secret@push.example"},
		"no point":         {"BCVx", "BCVy"},
		"compressed point": {"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "AiVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"},
		"no base64 key":    {"BCVx", "B!Vx"},
		"short auth":       {"BTBZ", ""},
		"no auth":          {`,"auth":"BTBZMqHH6r4Tts7J_aSIgg"`, ""},
		"no JSON":          {"}}", "}"},
	} {
		given := strings.Replace(rfcSubscription, change[0], change[1], 1)
		if got, err := CheckAddress(given); err == nil || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: %q, error %v; want one that doesn't quote it", name, got, err)
		}
	}
	for _, given := range []string{"", "null", "[]", "+37369123456", "bnVsbA"} {
		if got, err := CheckAddress(given); err == nil {
			t.Errorf("%q is taken as %q", given, got)
		}
	}
}

func TestOrigin(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://Push.Example.net/p/1":      "https://push.example.net",
		"https://push.example.net:443/p/1":  "https://push.example.net",
		"https://push.example.net:8443/p/1": "https://push.example.net:8443",
	} {
		sub, err := parseSubscription(strings.Replace(rfcSubscription, "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", endpoint, 1))
		if err != nil || sub.origin() != want {
			t.Errorf("%s: origin %q, error %v; want %q", endpoint, sub.origin(), err, want)
		}
	}
}

// FuzzCheckAddress checks that what is taken can be sent to, and has one normal form.
func FuzzCheckAddress(f *testing.F) {
	f.Add(rfcSubscription)
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(rfcSubscription)))
	f.Add(`{"endpoint":"https://a/?&<>\u2028","keys":{}}`)
	f.Fuzz(func(t *testing.T, s string) {
		normal, err := CheckAddress(s)
		if err != nil {
			return
		}
		if again, err := CheckAddress(normal); err != nil || again != normal {
			t.Fatalf("%q becomes %q, then %q, %v", s, normal, again, err)
		}
		if sub, err := parseSubscription(normal); err != nil || !strings.HasPrefix(sub.origin(), "https://") {
			t.Fatalf("%q can't be sent to: %v", normal, err)
		}
	})
}
