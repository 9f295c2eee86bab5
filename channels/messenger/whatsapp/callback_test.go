package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
)

func testParser(t testing.TB) *sender {
	t.Helper()
	a := meta.Account{AppSecret: "test-secret", VerifyToken: "test-verify"}
	return &sender{webhook: a.Webhook(), number: testNumber}
}

func signed(body []byte, secret string) channels.Callback {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	header := http.Header{}
	header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return channels.Callback{Method: http.MethodPost, Header: header, Body: body}
}

// TestCallbacks reads the callbacks in testdata: all but the batch follow the examples of Meta's page
// "messages webhook reference".
func TestCallbacks(t *testing.T) {
	const id = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3MTE5MjVBOTE3MDk5QUVFM0YA"
	at := time.Date(2025, 6, 18, 16, 22, 53, 0, time.UTC)
	one := func(state channels.ReceiptState, code string) channels.Heard {
		return channels.Heard{Receipts: []channels.Receipt{{Ref: "a-1", ProviderID: id, State: state, Code: code, At: at}}}
	}
	dead := func(h channels.Heard) channels.Heard {
		h.Receipts[0].Dead = true
		return h
	}
	said := func(text string) channels.Heard {
		return channels.Heard{Inbound: []channels.Inbound{{Address: "+16505551234", Text: text}}}
	}
	want := map[string]channels.Heard{
		"sent":      one(channels.ReceiptAccepted, "sent"),
		"delivered": one(channels.ReceiptDelivered, "delivered"),
		"read":      one(channels.ReceiptRead, "read"),
		"failed":    dead(one(channels.ReceiptFailed, "131026")),
		"window":    one(channels.ReceiptFailed, "131047"),
		"deleted":   {},
		"others":    {},
		"error":     {},
		"message":   said("STOP"),
		"button":    said("Unsubscribe"),
		"reaction":  {},
		"batch": {Receipts: []channels.Receipt{
			{Ref: "a-1", ProviderID: "wamid.1", State: channels.ReceiptDelivered, Code: "delivered", At: at},
			{Ref: "a-2", ProviderID: "wamid.2", State: channels.ReceiptRead, Code: "read", At: at},
			{Ref: "a-4", ProviderID: "wamid.4", State: channels.ReceiptFailed, Code: "failed"},
		}},
	}
	s := testParser(t)
	for _, file := range callbackFiles(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "callback_"), ".json")
		expected, known := want[name]
		if !known {
			t.Errorf("nothing says what is to be read in %s", file)
		}
		heard, err := s.ParseCallback(signed(testdata(t, file), "test-secret"))
		if diff := cmp.Diff(expected, heard); err != nil || diff != "" {
			t.Errorf("%s: error %v, heard (-want +got):\n%s", name, err, diff)
		}
	}
}

func callbackFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/callback_*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no callbacks in testdata: %v", err)
	}
	files := make([]string, len(paths))
	for i, p := range paths {
		files[i] = filepath.Base(p)
	}
	return files
}

func TestHandshake(t *testing.T) {
	u, err := url.Parse("https://hooks.example.com/x?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=test-verify")
	if err != nil {
		t.Fatal(err)
	}
	heard, err := testParser(t).ParseCallback(channels.Callback{Method: http.MethodGet, URL: u})
	if diff := cmp.Diff(channels.Heard{Answer: "1158201444"}, heard); err != nil || diff != "" {
		t.Errorf("error %v, heard (-want +got):\n%s", err, diff)
	}
}

func TestUnreadableCallbacks(t *testing.T) {
	for _, body := range []string{``, `{`, `[]`, `{}`, `null`, `{"object":""}`, `{"object":1}`, `{"object":"x","entry":{}}`} {
		heard, err := parse([]byte(body), testNumber)
		if err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("%s: %+v, error %v; want class rejected", body, heard, err)
		}
	}
}

func FuzzParseCallback(f *testing.F) {
	for _, file := range callbackFiles(f) {
		f.Add(testdata(f, file))
	}
	s := testParser(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := s.ParseCallback(signed(body, "other")); err == nil {
			t.Fatal("a callback signed with another secret was taken")
		}
		heard, err := s.ParseCallback(signed(body, "test-secret"))
		if err != nil && (channels.AsError(err).Class != channels.Rejected || len(heard.Receipts)+len(heard.Inbound) > 0) {
			t.Errorf("error %v with %+v", err, heard)
		}
		for _, r := range heard.Receipts {
			if r.Ref == "" || r.State == "" || r.Code == "" {
				t.Errorf("receipt %+v", r)
			}
		}
		for _, in := range heard.Inbound {
			if len(in.Address) < 2 {
				t.Errorf("inbound from %q", in.Address)
			}
		}
	})
}
