package httpapi

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type seenEvent struct{ Name, Data string }

func collectEvents(text string) (all []seenEvent, err error) {
	err = readEvents(strings.NewReader(text), func(name string, data []byte) error {
		all = append(all, seenEvent{name, string(data)})
		return nil
	})
	return all, err
}

func TestReadEvents(t *testing.T) {
	text := ": hello\n\nevent: a\ndata: 1\ndata:2\n\ndata: x: y\n\nevent: empty\n\nid: 7\nretry: 5\nevent: b\ndata\n\nevent: cut\ndata: off\n"
	got, err := collectEvents(text)
	want := []seenEvent{{"a", "1\n2"}, {"", "x: y"}, {"b", ""}}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v\n%s", err, diff)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("event: a\ndata: 1\n\n")
	f.Add(":\n\n\r\ndata")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := collectEvents(text); err == nil {
			t.Error("a stream ended without an error")
		}
	})
}

// FuzzImportLine: whatever a server answers, the client neither panics nor takes a stopped import
// for a good one.
func FuzzImportLine(f *testing.F) {
	f.Add(`{"progress":{"bytes":1,"lines":2}}`)
	f.Add(`{"reject":{"line":3}}`)
	f.Add(`{"summary":{"lines":1},"error":"stopped"}`)
	f.Fuzz(func(t *testing.T, text string) {
		in := importReader{progress: func(int64, int) {}, rejects: io.Discard}
		if in.line([]byte(text)) != nil {
			return
		}
		if _, err := in.end(nil); err == nil && (!in.ended || in.stopped != "") {
			t.Errorf("%q: a good end", text)
		}
	})
}

// FuzzCalledURL: the URL that signatures are checked against ends in what was asked for, and begins
// with what is configured.
func FuzzCalledURL(f *testing.F) {
	f.Add("/v1/receipts/sms/acme/a%2Fb?x=1&x=2")
	f.Add("/v1/receipts/sms/acme?")
	f.Add("/v1//%00?%")
	base, err := publicBase("https://hooks.example.org/a%20b/")
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{base: base}
	f.Fuzz(func(t *testing.T, asked string) {
		u, err := url.ParseRequestURI(asked)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") {
			return
		}
		want := "https://hooks.example.org/a%20b" + u.EscapedPath()
		if u.RawQuery != "" || u.ForceQuery {
			want += "?" + u.RawQuery
		}
		if got := s.calledURL(u).String(); got != want {
			t.Errorf("%q: %q, want %q", asked, got, want)
		}
	})
}

func FuzzClaimedTeam(f *testing.F) {
	f.Add([]byte(`{"data":{"team":"cards"}}`))
	f.Add([]byte(`{"team":"a.b"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if team := claimedTeam(body); strings.ContainsAny(team, ".*> \t\r\n") || team == "" {
			t.Errorf("%q can't be part of a subject", team)
		}
	})
}
