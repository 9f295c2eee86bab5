package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms/gateway/sim"
)

// describing is a gateway with a description of its receipts, proved by a header.
func describing(t testing.TB, receipts string) *sender {
	t.Helper()
	return mustNew(t, "request: {url: \"https://h/{text}?{ref}{callback}\"}\nreceipts:\n  state: "+receipts+
		"\n  states: {accepted: [sent], delivered: [ok], read: [seen], failed: [no, late]}\n  proof: {header: {name: X-Secret, value: hush}}\n")
}

// calling is a call with the secret.
func calling(t testing.TB, ref, query, body string) channels.Callback {
	t.Helper()
	u, err := url.Parse("https://t.example/r/" + ref + "?" + query)
	if err != nil {
		t.Fatal(err)
	}
	return channels.Callback{Method: http.MethodPost, URL: u, Ref: ref, Body: []byte(body), Header: http.Header{"X-Secret": {"hush"}}}
}

func TestReceipts(t *testing.T) {
	one := describing(t, "/s\n  from: json\n  ref: /r\n  id: /i\n  code: /c")
	list := describing(t, "/s\n  from: json\n  list: /all\n  id: /i")
	form := describing(t, "s\n  from: form\n  id: i\n  code: c")
	query := describing(t, "s\n  from: query\n  id: i")
	receipt := func(ref, id string, state channels.ReceiptState, code string) channels.Receipt {
		return channels.Receipt{Ref: ref, ProviderID: id, State: state, Code: code}
	}
	for name, tt := range map[string]struct {
		s                *sender
		ref, query, body string
		want             []channels.Receipt // nil for an error
	}{
		"by our reference":        {one, "", "", `{"s":"ok","r":"ours","i":7}`, []channels.Receipt{receipt("ours", "7", channels.ReceiptDelivered, "ok")}},
		"by the URL":              {one, "url", "", `{"s":"seen"}`, []channels.Receipt{receipt("url", "", channels.ReceiptRead, "seen")}},
		"with a reason":           {one, "", "", `{"s":"no","i":"7","c":42}`, []channels.Receipt{receipt("", "7", channels.ReceiptFailed, "no 42")}},
		"with a secret reason":    {one, "", "", `{"s":"no","i":"7","c":"37369000100"}`, []channels.Receipt{receipt("", "7", channels.ReceiptFailed, "no unlisted")}},
		"a reason for success":    {one, "", "", `{"s":"ok","i":"7","c":"0"}`, []channels.Receipt{receipt("", "7", channels.ReceiptDelivered, "ok")}},
		"several":                 {list, "", "", `{"all":[{"s":"ok","i":1},{"s":"sent","i":2}]}`, []channels.Receipt{receipt("", "1", channels.ReceiptDelivered, "ok"), receipt("", "2", channels.ReceiptAccepted, "sent")}},
		"several, one strange":    {list, "", "", `{"all":[{"s":"pondered","i":1},{"s":"late","i":2},{"s":"ok"}]}`, []channels.Receipt{receipt("", "2", channels.ReceiptFailed, "late")}},
		"none":                    {list, "", "", `{"all":[]}`, []channels.Receipt{}},
		"in a form":               {form, "", "", `s=no&i=7&c=E1`, []channels.Receipt{receipt("", "7", channels.ReceiptFailed, "no E1")}},
		"in the query":            {query, "", "s=ok&i=7", `s=no`, []channels.Receipt{receipt("", "7", channels.ReceiptDelivered, "ok")}},
		"all strange":             {list, "", "", `{"all":[{"s":"pondered","i":1}]}`, nil},
		"no list":                 {list, "", "", `{"all":{}}`, nil},
		"no message":              {one, "", "", `{"s":"ok"}`, nil},
		"no state":                {one, "url", "", `{}`, nil},
		"no JSON":                 {one, "url", "", `s=ok`, nil},
		"no form":                 {form, "url", "", `s=%zz`, nil},
		"a state in another case": {one, "url", "", `{"s":"OK"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			heard, err := tt.s.ParseCallback(calling(t, tt.ref, tt.query, tt.body))
			if tt.want == nil {
				if err == nil || channels.AsError(err).Class != channels.Rejected {
					t.Errorf("receipts %+v, error %v; want class rejected", heard.Receipts, err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, append([]channels.Receipt{}, heard.Receipts...)); err != nil || diff != "" {
				t.Errorf("error %v, receipts (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestOneMessage: a report can't be brought to another attempt's URL.
func TestOneMessage(t *testing.T) {
	s := describing(t, "/s\n  from: json\n  ref: /r")
	if _, err := s.ParseCallback(calling(t, "ours", "", `{"s":"ok","r":"ours"}`)); err != nil {
		t.Error(err)
	}
	if _, err := s.ParseCallback(calling(t, "other", "", `{"s":"ok","r":"ours"}`)); err == nil || channels.AsError(err).Class != channels.Auth {
		t.Errorf("error %v, want class auth", err)
	}
}

func TestSharedHeader(t *testing.T) {
	s := describing(t, "s\n  from: query")
	c := calling(t, "r", "s=ok", "")
	if _, err := s.ParseCallback(c); err != nil {
		t.Error(err)
	}
	for _, given := range []string{"", "hus", "HUSH", "hushh"} {
		c.Header.Set("X-Secret", given)
		if _, err := s.ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
			t.Errorf("%q: error %v, want class auth", given, err)
		}
	}
	none := mustNew(t, "request: {url: \"https://h/{text}\"}\n")
	if _, err := none.ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
		t.Errorf("where no receipts are described: %v, want class auth", err)
	}
}

// hmacOf is the test of one description of signatures.
func hmacOf(t *testing.T, description string) func(channels.Callback) bool {
	t.Helper()
	s := mustNew(t, "request: {url: \"https://h/{callback}\"}\nreceipts:\n  from: query\n  state: s\n  states: {delivered: [ok], failed: [no]}\n  proof: {hmac: "+description+"}\n")
	return s.receipts.proves
}

// TestSignatures has values computed with: printf '{}' | openssl dgst -sha256 -hmac k, and so on.
func TestSignatures(t *testing.T) {
	for description, signature := range map[string]string{
		"{secret: k, header: X-S}":                                 "add853b103fbcc936a194f9eb15e29c4ff08af6e47d5d1bca4f20218e31e4fff",
		"{secret: k, header: X-S, prefix: \"sha256=\"}":            "sha256=add853b103fbcc936a194f9eb15e29c4ff08af6e47d5d1bca4f20218e31e4fff",
		"{secret: k, header: X-S, hash: sha1, encoding: base64}":   "zV24rYCl921Uzm2HnI4cDhycjcw=",
		"{secret: k, header: X-S, hash: sha512, encoding: base64}": "qlZtBZGH4J+eBVcDOlVXSCpSpK6imu56UC8TAclFhJsEBBtBUdqF1V9FJ2zEsDnIELBzS1AevXN6aJpZw51XSQ==",
	} {
		proves := hmacOf(t, description)
		c := channels.Callback{Body: []byte("{}"), Header: http.Header{"X-S": {signature}}}
		if !proves(c) {
			t.Errorf("%s: %s is refused", description, signature)
		}
		c.Body = []byte("{} ")
		if proves(c) {
			t.Errorf("%s: another body is taken", description)
		}
		c.Header.Set("X-S", strings.TrimPrefix(signature, "sha256=")+"00")
		if proves(c) {
			t.Errorf("%s: a longer signature is taken", description)
		}
	}
}

// TestReplays: an old call is refused, however well it is signed, and so is one of the future.
func TestReplays(t *testing.T) {
	proves := hmacOf(t, "{secret: "+sim.SigningKey+", header: X-S, timestamp: X-T, window: 1m}")
	for after, want := range map[time.Duration]bool{0: true, -50 * time.Second: true, -70 * time.Second: false, 70 * time.Second: false} {
		at := fmt.Sprint(time.Now().Add(after).Unix())
		c := channels.Callback{Body: []byte("{}"), Header: http.Header{"X-S": {sim.Sign(at, []byte("{}"))}, "X-T": {at}}}
		if got := proves(c); got != want {
			t.Errorf("a call of %v is taken: %v", after, got)
		}
	}
	c := channels.Callback{Header: http.Header{"X-S": {sim.Sign("", nil)}}}
	if proves(c) {
		t.Error("a call without a time is taken")
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add(`{"s":"ok","r":"ours","i":7}`, "")
	f.Add(`{"all":[{"s":"ok","i":1}]}`, "s=ok&i=1")
	f.Add(`s=ok&i=%`, "")
	all := []*sender{
		describing(f, "/s\n  from: json\n  ref: /r\n  id: /i"), describing(f, "/s\n  from: json\n  list: /all\n  id: /i"),
		describing(f, "s\n  from: form\n  id: i"), describing(f, "s\n  from: query\n  id: i"),
	}
	f.Fuzz(func(t *testing.T, body, query string) {
		c := channels.Callback{Method: http.MethodPost, URL: &url.URL{RawQuery: query}, Body: []byte(body), Header: http.Header{"X-Secret": {"hush"}}}
		for _, s := range all {
			heard, err := s.ParseCallback(c)
			if err != nil && (len(heard.Receipts) > 0 || channels.AsError(err).Class != channels.Rejected) {
				t.Errorf("%d receipts and the error %v", len(heard.Receipts), err)
			}
			for _, r := range heard.Receipts {
				if (r.Ref == "" && r.ProviderID == "") || r.State == "" || r.Code == "" {
					t.Errorf("receipt %+v", r)
				}
			}
		}
	})
}
