package facebook

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
	return &sender{webhook: a.Webhook(), pageID: testPage}
}

func signed(body []byte, secret string) channels.Callback {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	header := http.Header{}
	header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return channels.Callback{Method: http.MethodPost, Header: header, Body: body}
}

// TestCallbacks reads the callbacks in testdata, which follow the examples of Meta's pages "Webhook Events
// Reference" for messages, postbacks, deliveries, reads and echoes.
func TestCallbacks(t *testing.T) {
	delivered := func(id string, at int64) channels.Receipt {
		r := channels.Receipt{ProviderID: id, State: channels.ReceiptDelivered, Code: "delivered"}
		if at != 0 {
			r.At = time.UnixMilli(at).UTC()
		}
		return r
	}
	said := func(text string) channels.Heard {
		return channels.Heard{Inbound: []channels.Inbound{{Address: "25381719828140932", Text: text}}}
	}
	want := map[string]channels.Heard{
		"delivered": {Receipts: []channels.Receipt{delivered("mid.1458668856218:ed81099e15d3f4f233", 1458668856253)}},
		"message":   said("STOP"),
		"postback":  said("Stop these"),
		"batch": {Receipts: []channels.Receipt{
			delivered("m_1", 1458668856300), delivered("m_2", 1458668856300), delivered("m_3", 0),
		}},
		"watermark": {}, "read": {}, "picture": {}, "echo": {}, "instagram": {},
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
		heard, err := parse([]byte(body), testPage)
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
			if r.ProviderID == "" || r.State == "" || r.Code == "" {
				t.Errorf("receipt %+v", r)
			}
		}
		for _, in := range heard.Inbound {
			if in.Address == "" || in.Text == "" {
				t.Errorf("inbound %+v", in)
			}
		}
	})
}
