package sim

import (
	"context"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func newTestServer(t testing.TB, c sandbox.Conduct) (*sandbox.Desk, func(method string, members ...string) string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "livejournal", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	h := Simulator().HTTP(d)
	return d, func(method string, members ...string) string {
		t.Helper()
		body := "<?xml version=\"1.0\"?><methodCall><methodName>LJ.XMLRPC." + method + "</methodName><params><param><value><struct>" +
			strings.Join(members, "") + "</struct></value></param></params></methodCall>"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/interface/xmlrpc", strings.NewReader(body)))
		return w.Body.String()
	}
}

func str(name, value string) string { return field(name, "<string>"+value+"</string>") }

func num(name string, value int) string { return field(name, fmt.Sprintf("<int>%d</int>", value)) }

var challengeForm = regexp.MustCompile(`<name>challenge</name><value><string>([^<]+)<`)

// as are the members by which a user proves who they are, with a challenge of their own.
func as(call func(string, ...string) string, user, password string) string {
	c := challengeForm.FindStringSubmatch(call("getchallenge"))[1]
	return str("username", user) + str("auth_method", "challenge") + str("auth_challenge", c) +
		str("auth_response", sum(c+sum(password))) + num("ver", 1)
}

func entryOf(event string) string {
	return str("event", event) + str("subject", "Test") + str("lineendings", "pc") + str("security", "public") +
		num("year", 2002) + num("mon", 7) + num("day", 13) + num("hour", 20) + num("min", 35)
}

// TestDocumentedEntry has the members of the example at
// https://www.livejournal.com/doc/server/ljp.csp.xml-rpc.postevent.html, with a challenge.
func TestDocumentedEntry(t *testing.T) {
	d, call := newTestServer(t, sandbox.Conduct{})
	first := call("postevent", as(call, Journal, Password), entryOf("This is a test post"))
	again := call("postevent", as(call, Journal, Password), entryOf("This is a test post"))
	other := call("postevent", as(call, Journal, Password), str("usejournal", Community), entryOf("Плата"))
	if !strings.Contains(first, "<name>itemid</name><value><int>1<") || again != first || !strings.Contains(other, "<int>2<") {
		t.Errorf("entries\n%s\n%s\n%s", first, again, other)
	}
	if n := d.Total(); n.Accepted != 2 || n.Delivered != 2 || n.Repeats != 0 {
		t.Errorf("counted %+v, want two", n)
	}
	list := call("getevents", as(call, Journal, Password), str("usejournal", Community), str("selecttype", "lastn"), num("howmany", 50))
	if !strings.Contains(list, "<base64>0J/Qu9Cw0YLQsA==</base64>") || !strings.Contains(list, "2002-07-13 20:35:00") || strings.Contains(list, "test post") {
		t.Errorf("the community's entries: %s", list)
	}
	one := call("getevents", as(call, Journal, Password), str("selecttype", "one"), num("itemid", 1))
	if strings.Count(one, "<name>itemid</name>") != 1 {
		t.Errorf("one entry: %s", one)
	}
	if in := call("login", as(call, Journal, Password)); !strings.Contains(in, "userid") {
		t.Errorf("log-in: %s", in)
	}
}

func TestFaults(t *testing.T) {
	d, call := newTestServer(t, sandbox.Conduct{})
	ok := func() string { return as(call, Journal, Password) }
	used := ok()
	call("login", used)
	for name, c := range map[string]struct {
		method, members string
		code            int
	}{
		"wrong password":   {"postevent", as(call, Journal, "x") + entryOf("a"), 101},
		"used challenge":   {"postevent", used + entryOf("a"), 101},
		"no method":        {"fly", ok(), 201},
		"unknown member":   {"postevent", ok() + entryOf("a") + str("text", "a"), 203},
		"no text":          {"postevent", ok() + entryOf(" "), 200},
		"no such day":      {"postevent", ok() + strings.Replace(entryOf("a"), "<int>13<", "<int>32<", 1), 153},
		"too large":        {"postevent", ok() + entryOf(strings.Repeat("a", 65536)), 409},
		"for friends":      {"postevent", ok() + strings.Replace(entryOf("a"), "public", "private", 1), 203},
		"too many entries": {"getevents", ok() + str("selecttype", "lastn") + num("howmany", 51), 203},
		"a member twice":   {"postevent", ok() + entryOf("a") + entryOf("b"), 201},
	} {
		if got := call(c.method, c.members); !strings.Contains(got, fmt.Sprintf("<name>faultCode</name><value><int>%d<", c.code)) {
			t.Errorf("%s: %s, want %d", name, got, c.code)
		}
	}
	if n := d.Total().Accepted; n != 0 {
		t.Errorf("%d accepted", n)
	}
}

func TestModes(t *testing.T) {
	d, call := newTestServer(t, sandbox.Conduct{Mode: sandbox.RateLimited})
	if got := call("getchallenge"); !strings.Contains(got, "<int>406<") {
		t.Errorf("too fast: %s", got)
	}
	d.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	if got := call("getchallenge"); !strings.Contains(got, "Unavailable") {
		t.Errorf("out of order: %s", got)
	}
}
