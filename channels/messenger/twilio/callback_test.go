package twilio

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio signs with HMAC-SHA1
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const hook = "https://hooks.example.com/v1/receipts/whatsapp/twilio_whatsapp/a-1"

// called is a callback with the signature that Twilio would give it.
func called(t testing.TB, body string) channels.Callback {
	t.Helper()
	u, err := url.Parse(hook)
	if err != nil {
		t.Fatal(err)
	}
	fields, _ := url.ParseQuery(body)
	text := hook
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text += name + fields.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(testToken))
	mac.Write([]byte(text))
	return channels.Callback{
		Method: http.MethodPost, URL: u, Ref: "a-1", Body: []byte(body),
		Header: http.Header{"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}},
	}
}

func callbacks(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/callback_*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no callbacks in testdata: %v", err)
	}
	all := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(p), "callback_"), ".txt")] = string(b)
	}
	return all
}

func TestCallbacks(t *testing.T) {
	status := func(state channels.ReceiptState, code string) channels.Heard {
		return channels.Heard{Receipts: []channels.Receipt{{Ref: "a-1", ProviderID: "SM1", State: state, Code: code}}}
	}
	dead := func(h channels.Heard) channels.Heard {
		h.Receipts[0].Dead = true
		return h
	}
	said := func(text string, w channels.Wish) channels.Heard {
		return channels.Heard{Inbound: []channels.Inbound{{Address: "+16505551234", Text: text, Wish: w}}}
	}
	want := map[string]channels.Heard{
		"queued":      status(channels.ReceiptAccepted, "queued"),
		"sent":        status(channels.ReceiptAccepted, "sent"),
		"delivered":   status(channels.ReceiptDelivered, "delivered"),
		"read":        status(channels.ReceiptRead, "read"),
		"undelivered": status(channels.ReceiptFailed, "63016"),
		"unknown":     dead(status(channels.ReceiptFailed, "63024")),
		"message":     said("How long?", channels.NoWish),
		"stop":        said("STOP", channels.OptOut),
		"button":      said("Unsubscribe", channels.NoWish),
		"picture":     {}, "sms": {},
	}
	s := mustSender(t, "whatsapp", withTemplate, nil)
	for name, body := range callbacks(t) {
		expected, known := want[name]
		heard, err := s.ParseCallback(called(t, body))
		if diff := cmp.Diff(expected, heard); err != nil || diff != "" || !known {
			t.Errorf("%s: error %v, heard (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestUnreadableCallbacks(t *testing.T) {
	s := mustSender(t, "whatsapp", withTemplate, nil)
	for body, code := range map[string]string{
		"MessageSid=SM1&MessageStatus=teleported": "status", "MessageStatus=read": "body",
	} {
		if heard, err := s.ParseCallback(called(t, body)); channels.AsError(err).Class != channels.Rejected || channels.AsError(err).Code != code {
			t.Errorf("%s: %+v, error %v; want rejected (%s)", body, heard, err, code)
		}
	}
	forged := called(t, "MessageSid=SM1&MessageStatus=read")
	forged.Ref, forged.URL = "a-2", &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/v1/receipts/whatsapp/twilio_whatsapp/a-2"}
	if _, err := s.ParseCallback(forged); channels.AsError(err).Class != channels.Auth {
		t.Errorf("a receipt for another attempt: error %v, want class auth", err)
	}
}

func FuzzParseCallback(f *testing.F) {
	for _, body := range callbacks(f) {
		f.Add(body)
	}
	s := mustSender(f, "whatsapp", withTemplate, nil)
	f.Fuzz(func(t *testing.T, body string) {
		heard, err := s.ParseCallback(called(t, body))
		if err != nil && (channels.AsError(err).Class != channels.Rejected && channels.AsError(err).Class != channels.Auth || len(heard.Receipts)+len(heard.Inbound) > 0) {
			t.Errorf("error %v with %+v", err, heard)
		}
		for _, r := range heard.Receipts {
			if r.Ref != "a-1" || r.ProviderID == "" || r.State == "" || r.Code == "" {
				t.Errorf("receipt %+v", r)
			}
		}
		for _, in := range heard.Inbound {
			if in.Address == "" || (in.Text == "" && in.Wish == channels.NoWish) {
				t.Errorf("inbound %+v", in)
			}
		}
	})
}
