package kannel

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// called is a call of an attempt's callback with a query.
func called(t testing.TB, ref, query string) channels.Callback {
	t.Helper()
	u, err := url.Parse("https://t.example/v1/receipts/sms/kannel/" + ref + "?" + query)
	if err != nil {
		t.Fatal(err)
	}
	return channels.Callback{Method: http.MethodGet, URL: u, Ref: ref}
}

// TestGoldenReceipts reads what Kannel 1.4.5 called, a line each: state, code, id, query.
func TestGoldenReceipts(t *testing.T) {
	f, err := os.Open("testdata/receipts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &sender{}
	lines := 0
	for in := bufio.NewScanner(f); in.Scan(); lines++ {
		fields := strings.Split(in.Text(), "\t")
		want := []channels.Receipt{{Ref: "r", State: channels.ReceiptState(fields[0]), Code: fields[1], ProviderID: fields[2]}}
		heard, err := s.ParseCallback(called(t, "r", fields[3]))
		if diff := cmp.Diff(want, heard.Receipts); err != nil || diff != "" {
			t.Errorf("%s: error %v, receipts (-want +got):\n%s", fields[3], err, diff)
		}
	}
	if lines < 5 {
		t.Errorf("%d receipts in testdata", lines)
	}
}

// TestDetailsKeepTheTextOut: an SMPP receipt begins with the message's own text.
func TestDetailsKeepTheTextOut(t *testing.T) {
	for answer, want := range map[string]string{
		"id:7 sub:001 dlvrd:000 stat:UNDELIV err:011 text:Secret of +37369000100": " UNDELIV 011",
		"stat:" + strings.Repeat("A", 11) + " err:1234567":                        "",
		"NACK/0x0000000b/Invalid Destination Address":                             " 0x0000000b",
		"NACK/1045/whatever": " 1045",
		"said NACK/1045":     "",
		"stat:undeliv":       "",
		"Плата по картам":    "",
	} {
		if got := detail(answer); got != want {
			t.Errorf("detail(%q) = %q, want %q", answer, got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	s := &sender{config: Config{CallbackSecret: "s"}}
	key := sms.CallbackKey("s").Of("r")
	if _, err := s.ParseCallback(called(t, "r", "type=1&key="+key)); err != nil {
		t.Errorf("the right key: %v", err)
	}
	for name, c := range map[string]channels.Callback{
		"no key":          called(t, "r", "type=1"),
		"another's key":   called(t, "q", "type=1&key="+key),
		"no attempt":      called(t, "", "type=1&key="+key),
		"an attempt's no": called(t, "", "type=1"),
	} {
		if _, err := s.ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
			t.Errorf("%s: error %v, want class auth", name, err)
		}
	}
	open := &sender{}
	if _, err := open.ParseCallback(called(t, "r", "type=1")); err != nil {
		t.Errorf("without a secret: %v", err)
	}
	if _, err := open.ParseCallback(called(t, "", "type=1")); err == nil || channels.AsError(err).Class != channels.Auth {
		t.Errorf("without a secret and an attempt: %v, want class auth", err)
	}
}

func TestUnreadableReports(t *testing.T) {
	for _, query := range []string{"", "type=", "type=%25d", "type=3", "type=32", "type=-1", "type=1.0", "answer=x"} {
		heard, err := (&sender{}).ParseCallback(called(t, "r", query))
		if err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("%s: %+v, error %v; want class rejected", query, heard, err)
		}
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add("type=1&answer=id%3A1+stat%3ADELIVRD&id=1", "r")
	f.Add("type=16&answer=NACK%2F0x0000000b%2FInvalid&id=", "r")
	f.Add("type=%zz;&&=", "")
	open, closed := &sender{}, &sender{config: Config{CallbackSecret: "s"}}
	f.Fuzz(func(t *testing.T, query, ref string) {
		c := channels.Callback{Method: http.MethodGet, URL: &url.URL{Path: "/" + ref, RawQuery: query}, Ref: ref}
		heard, err := open.ParseCallback(c)
		if err != nil && len(heard.Receipts) > 0 || err == nil && len(heard.Receipts) != 1 {
			t.Errorf("%d receipts, error %v", len(heard.Receipts), err)
		}
		for _, r := range heard.Receipts {
			if r.Ref != ref || r.State == "" || len(r.Code) > 48 || len(r.ProviderID) > maxID {
				t.Errorf("receipt %+v", r)
			}
		}
		if _, err := closed.ParseCallback(c); err == nil && c.URL.Query().Get(paramKey) != sms.CallbackKey("s").Of(ref) {
			t.Error("a call without the key was taken")
		}
	})
}
