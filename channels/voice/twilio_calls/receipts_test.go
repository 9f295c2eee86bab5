package twiliocalls

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio signs with HMAC-SHA1
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// signed makes a callback with the signature that Twilio would give it ("Secure webhooks").
func signed(t testing.TB, ref, body string) channels.Callback {
	t.Helper()
	u, err := url.Parse("https://tocsin.example/receipts/twilio_voice/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	form, _ := url.ParseQuery(body)
	text := u.String()
	for _, name := range slices.Sorted(maps.Keys(form)) {
		text += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(testToken))
	mac.Write([]byte(text))
	return channels.Callback{Method: http.MethodPost, URL: u, Ref: ref, Body: []byte(body),
		Header: http.Header{"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}}
}

// TestGoldenReceipts reads the callbacks in testdata, a line each: state and code without machine
// detection, state and code with it, body.
func TestGoldenReceipts(t *testing.T) {
	f, err := os.Open("testdata/receipts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := testConfig()
	plain := newTestSender(t, c)
	c.DetectMachines = true
	detecting := newTestSender(t, c)
	lines := 0
	for in := bufio.NewScanner(f); in.Scan(); lines++ {
		fields := strings.Split(in.Text(), "\t")
		for i, s := range []*sender{plain, detecting} {
			want := []channels.Receipt{{Ref: "r", ProviderID: "CA1", State: channels.ReceiptState(fields[2*i]), Code: fields[2*i+1],
				At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
			heard, err := s.ParseCallback(signed(t, "r", fields[4]))
			if diff := cmp.Diff(want, heard.Receipts); err != nil || diff != "" {
				t.Errorf("%s: error %v, receipts (-want +got):\n%s", fields[4], err, diff)
			}
		}
	}
	if lines < 10 {
		t.Errorf("%d receipts in testdata", lines)
	}
}

func TestOtherCallbacks(t *testing.T) {
	s := newTestSender(t, testConfig())
	for body, code := range map[string]string{
		"": "", "CallSid=CA1": "", "CallSid=CA1&CallStatus=ringing&Direction=inbound": "",
		"CallSid=CA1&CallStatus=teleported": "status", "CallStatus=completed": "body",
	} {
		heard, err := s.ParseCallback(signed(t, "r", body))
		if len(heard.Receipts) > 0 || (err == nil) != (code == "") || (err != nil && channels.AsError(err).Code != code) {
			t.Errorf("%s: %+v, error %v; want %q", body, heard, err, code)
		}
	}
	c := signed(t, "r", "CallSid=CA1&CallStatus=completed")
	c.URL.Path += "1"
	if _, err := s.ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
		t.Errorf("another URL: %v, want class auth", err)
	}
}

func TestTimes(t *testing.T) {
	for given, want := range map[string]bool{"Sun, 01 Mar 2026 12:00:00 +0000": true, "": false, "now": false, "Thu, 01 Jan 1970 00:00:00 +0000": false} {
		if got := timeOf(url.Values{"Timestamp": {given}}); got.IsZero() == want {
			t.Errorf("%q is %v", given, got)
		}
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add("CallSid=CA1&CallStatus=completed&AnsweredBy=human", true)
	f.Add("CallSid=CA1&CallStatus=failed&SipResponseCode=404", false)
	f.Add("%zz;=&&=\x00", true)
	c := testConfig()
	c.DetectMachines = true
	s := newTestSender(f, c)
	f.Fuzz(func(t *testing.T, body string, genuine bool) {
		call := signed(t, "r", body)
		if !genuine {
			call.Header.Set("X-Twilio-Signature", "")
		}
		heard, err := s.ParseCallback(call)
		if (err != nil && len(heard.Receipts) > 0) || (!genuine && err == nil) {
			t.Errorf("%d receipts and the error %v", len(heard.Receipts), err)
		}
		for _, r := range heard.Receipts {
			if r.Ref != "r" || r.ProviderID == "" || r.State == "" || r.Code == "" || len(r.Code) > 48 {
				t.Errorf("receipt %+v", r)
			}
		}
	})
}
