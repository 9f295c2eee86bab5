package livejournal

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

func recall(s channels.Sender, address, id string) error {
	return s.(channels.Recaller).Recall(context.Background(), channels.Sent{Ref: "a-1", Address: address, ProviderID: id})
}

// events is an answer to getevents with one entry, or none.
func events(entries string) string {
	return result("<struct>" + field("events", "<array><data>"+entries+"</data></array>") + "</struct>")
}

// TestRecallRequests compares deletions in one's own journal and in a community as they go over the wire.
// Only a community is looked for first.
func TestRecallRequests(t *testing.T) {
	for address, methods := range map[string]string{"bank": "editevent", "town": "getevents editevent"} {
		want, err := os.ReadFile("testdata/delete_" + address + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		var called []string
		s := newTestSender(t, func(call string) string {
			if strings.Contains(call, "LJ.XMLRPC.getevents") {
				called = append(called, "getevents")
				return events(entryOf(42, "2026-11-22 10:00:00", "a"))
			}
			called = append(called, "editevent")
			if d := cmp.Diff(string(want), call); d != "" {
				t.Errorf("%s (-want +got):\n%s", address, d)
			}
			return result("<struct>" + field("itemid", "<int>42</int>") + field("anum", "<int>7</int>") + "</struct>")
		})
		if err := recall(s, address, address+"/42"); err != nil || strings.Join(called, " ") != methods {
			t.Errorf("%s: %v after %v, want %s", address, err, called, methods)
		}
	}
}

const gone channels.Class = 99

// recalls are answers to a deletion in one's own journal, by the codes of the site's editevent.
var recalls = map[string]struct {
	body  string
	class channels.Class
	code  string
}{
	"gone":           {faulty("<int>302</int>"), gone, ""},
	"made private":   {faulty("<int>321</int>"), gone, ""},
	"no journal":     {faulty("<int>206</int>"), channels.InvalidAddress, "206"},
	"no access":      {faulty("<int>300</int>"), channels.InvalidAddress, "300"},
	"closed journal": {faulty("<int>307</int>"), channels.InvalidAddress, "307"},
	"not ours":       {faulty("<int>304</int>"), channels.Rejected, "304"},
	"password":       {faulty("<int>101</int>"), channels.Auth, "101"},
	"challenge":      {faulty("<int>105</int>"), channels.Unavailable, "105"},
	"read-only":      {faulty("<int>306</int>"), channels.Unavailable, "306"},
	"too fast":       {faulty("<int>406</int>"), channels.RateLimited, "406"},
	"database":       {faulty("<int>501</int>"), channels.Unknown, "501"},
	"no XML":         {"<html>", channels.Unknown, "200 unreadable"},
	"no number":      {result("<struct></struct>"), channels.Unknown, "no_itemid"},
	"another number": {result("<struct>" + field("itemid", "<int>43</int>") + "</struct>"), channels.Unknown, "no_itemid"},
}

func TestRecallAnswers(t *testing.T) {
	for what, c := range recalls {
		err := recall(newTestSender(t, func(string) string { return c.body }), "bank", "bank/42")
		if (err == nil) != (c.class == gone) {
			t.Errorf("%s: %v", what, err)
		}
		if e := channels.AsError(err); err != nil && (e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "Card")) {
			t.Errorf("%s: %v, want %v (%s)", what, err, c.class, c.code)
		}
	}
}

// TestRecallFromNoCommunity: where a community can't be asked nothing is deleted, since that could be in the
// poster's own journal. One that can be asked decides itself whether an entry is there.
func TestRecallFromNoCommunity(t *testing.T) {
	for answer, want := range map[string]struct {
		class   channels.Class
		deletes bool
	}{
		faulty("<int>206</int>"): {channels.InvalidAddress, false},
		faulty("<int>307</int>"): {channels.InvalidAddress, false},
		faulty("<int>101</int>"): {channels.Auth, false},
		"<html>":                 {channels.Unknown, false},
		events(""):               {gone, true},
	} {
		deletes := false
		s := newTestSender(t, func(call string) string {
			if strings.Contains(call, "LJ.XMLRPC.getevents") {
				return answer
			}
			deletes = true
			return faulty("<int>302</int>")
		})
		err := recall(s, "town", "town/42")
		if deletes != want.deletes || (err == nil) != (want.class == gone) || err != nil && channels.AsError(err).Class != want.class {
			t.Errorf("%s: %v, deletion asked for: %v", answer, err, deletes)
		}
	}
}

// TestRecallBehindAWebServer: its status isn't the site's code, even where the numbers are the same.
func TestRecallBehindAWebServer(t *testing.T) {
	for status, want := range map[int]channels.Class{302: channels.Unavailable, 307: channels.Unavailable, 404: channels.Rejected, 206: channels.Unknown} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if call, _ := io.ReadAll(r.Body); strings.Contains(string(call), "LJ.XMLRPC.getchallenge") {
				_, _ = io.WriteString(w, result("<struct>"+field("challenge", "c0:1")+"</struct>"))
				return
			}
			w.WriteHeader(status)
		}))
		s, err := newSender(func(into any) error {
			c := into.(*Config)
			c.BaseURL, c.Accounts = server.URL, map[string]Account{"bank": {Password: "pass-word"}}
			return nil
		}, channels.Env{HTTP: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		err = recall(s, "bank", "bank/42")
		if e := channels.AsError(err); err == nil || e.Class != want {
			t.Errorf("status %d: %v, want %v", status, err, want)
		}
		server.Close()
	}
}

func TestRecallsThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(call string) string { t.Errorf("called with %s", call); return "" })
	for _, c := range []struct {
		address, id string
		class       channels.Class
	}{
		{"bank", "bank", channels.Rejected},
		{"bank", "bank/", channels.Rejected},
		{"bank", "bank/-1", channels.Rejected},
		{"bank", "bank/0", channels.Rejected},
		{"bank", "bank/1/2", channels.Rejected},
		{"bank", "town/42", channels.Rejected},
		{"other", "other/42", channels.InvalidAddress},
	} {
		err := recall(s, c.address, c.id)
		if e := channels.AsError(err); err == nil || e.Class != c.class {
			t.Errorf("%s: %v, want %v", c.id, err, c.class)
		}
	}
}
