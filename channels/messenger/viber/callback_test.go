package viber

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// at is the timestamp of all examples.
var at = time.Date(2016, 3, 12, 6, 29, 57, 627e6, time.UTC)

// TestDocumentedCallbacks reads the callbacks in testdata: all but client_status are the examples of
// https://developers.viber.com/docs/api/rest-bot-api/#callbacks.
func TestDocumentedCallbacks(t *testing.T) {
	receipt := func(state channels.ReceiptState, code string) []channels.Receipt {
		return []channels.Receipt{{ProviderID: messageID(4912661846655238145, "01234567890A="), State: state, Code: code, At: at}}
	}
	said := map[string]channels.Inbound{
		"subscribed":   {Address: "01234567890A=", Wish: channels.OptIn},
		"unsubscribed": {Address: "01234567890A=", Wish: channels.OptOut},
		"message":      {Address: "01234567890A=", Text: "a message to the service"},
	}
	want := map[string][]channels.Receipt{
		"delivered":            receipt(channels.ReceiptDelivered, "delivered"),
		"seen":                 receipt(channels.ReceiptRead, "seen"),
		"failed":               receipt(channels.ReceiptFailed, "failed_failure_description"),
		"webhook":              nil,
		"subscribed":           nil,
		"unsubscribed":         nil,
		"conversation_started": nil,
		"message":              nil,
		"client_status":        nil,
	}
	s := &sender{token: "test-token"}
	for _, file := range callbackFiles(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "callback_"), ".json")
		t.Run(name, func(t *testing.T) {
			expected, known := want[name]
			if !known {
				t.Fatal("nothing says what is to be read in it")
			}
			heard, err := s.ParseCallback(signed(testdata(t, file), "test-token"))
			all := channels.Heard{Receipts: expected}
			if in, spoke := said[name]; spoke {
				all.Inbound = []channels.Inbound{in}
			}
			if diff := cmp.Diff(all, heard); err != nil || diff != "" {
				t.Errorf("error %v, heard (-want +got):\n%s", err, diff)
			}
		})
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

func signed(body []byte, token string) channels.Callback {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(body)
	header := http.Header{}
	header.Set("X-Viber-Content-Signature", hex.EncodeToString(mac.Sum(nil)))
	return channels.Callback{Method: http.MethodPost, Header: header, Body: body}
}

func TestSignature(t *testing.T) {
	s := &sender{token: "test-token"}
	body := testdata(t, "callback_delivered.json")
	upper := signed(body, "test-token")
	upper.Header.Set("X-Viber-Content-Signature", strings.ToUpper(upper.Header.Get("X-Viber-Content-Signature")))
	if _, err := s.ParseCallback(upper); err != nil {
		t.Errorf("a signature in upper case: %v", err)
	}
	other := signed(body, "test-token")
	other.Body = []byte(strings.Replace(string(body), "4912661846655238145", "4912661846655238146", 1))
	for name, c := range map[string]channels.Callback{
		"another token": signed(body, "other-token"),
		"another body":  other,
		"no header":     {Header: http.Header{}, Body: body},
		"no hex":        {Header: http.Header{"X-Viber-Content-Signature": {"zz"}}, Body: body},
	} {
		if _, err := s.ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
			t.Errorf("%s: error %v, want class auth", name, err)
		}
	}
}

// TestSignatureExample is computed with: printf '{}' | openssl dgst -sha256 -hmac test-token.
func TestSignatureExample(t *testing.T) {
	s := &sender{token: "test-token"}
	c := channels.Callback{Body: []byte("{}"), Header: http.Header{"X-Viber-Content-Signature": {
		"870f464081de826a9e5601282bba8836f1596f935155e01bc7337b9dc03203d7"}}}
	if !s.signed(c) {
		t.Error("not recognised")
	}
}

func TestUnreadableCallbacks(t *testing.T) {
	for _, body := range []string{
		``, `{`, `[]`, `{}`, `{"event":""}`, `{"event":"delivered"}`, `{"event":"seen","message_token":0}`,
		`{"event":"seen","message_token":1}`, `{"event":"failed","message_token":-1}`, `{"event":"delivered","message_token":4.9e18}`, `{"event":1}`,
		`{"event":"unsubscribed"}`, `{"event":"subscribed","user_id":"1"}`, `{"event":"message","message":{"text":"x"}}`, `{"event":"message","sender":1}`,
	} {
		heard, err := parseEvent([]byte(body))
		if err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("%s: %+v, error %v; want class rejected", body, heard, err)
		}
	}
}

// TestNothingSaid: pictures and the like are no words.
func TestNothingSaid(t *testing.T) {
	heard, err := parseEvent([]byte(`{"event":"message","sender":{"id":"1"},"message":{"type":"picture","media":"http://x"}}`))
	if err != nil || len(heard.Inbound) != 0 {
		t.Errorf("%+v, error %v; want nothing", heard, err)
	}
}

func TestUntrustedTime(t *testing.T) {
	for _, timestamp := range []string{"0", "-5", "4987034606158369000"} {
		heard, err := parseEvent([]byte(`{"event":"seen","message_token":1,"user_id":"u","timestamp":` + timestamp + `}`))
		if err != nil || len(heard.Receipts) != 1 || !heard.Receipts[0].At.IsZero() {
			t.Errorf("timestamp %s: %+v, error %v; want one receipt without a time", timestamp, heard, err)
		}
	}
}

func TestFailureCode(t *testing.T) {
	for desc, want := range map[string]string{
		"":                          "failed",
		"Media not supported":       "failed_media_not_supported",
		"to +37369123456 a1 b ţa":   "failed_to_b",
		strings.Repeat("word ", 50): "failed" + strings.Repeat("_word", 8),
	} {
		if got := failureCode(desc); got != want {
			t.Errorf("failureCode(%q) = %q, want %q", desc, got, want)
		}
	}
}

func FuzzParseCallback(f *testing.F) {
	for _, file := range callbackFiles(f) {
		f.Add(testdata(f, file))
	}
	s := &sender{token: "test-token"}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := s.ParseCallback(signed(body, "")); err == nil {
			t.Fatal("a callback signed with nothing was taken")
		}
		heard, err := s.ParseCallback(signed(body, "test-token"))
		if err != nil {
			if e := channels.AsError(err); e.Class != channels.Rejected || len(heard.Receipts)+len(heard.Inbound) > 0 {
				t.Errorf("error %v with %+v", err, heard)
			}
			return
		}
		for _, in := range heard.Inbound {
			if in.Address == "" || (in.Wish == channels.NoWish && in.Text == "") {
				t.Errorf("inbound %+v", in)
			}
		}
		for _, r := range heard.Receipts {
			if r.ProviderID == "" || r.State == "" || len(r.Code) > maxCode {
				t.Errorf("receipt %+v", r)
			}
		}
	})
}
