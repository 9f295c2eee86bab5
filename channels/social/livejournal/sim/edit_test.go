package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// TestDeletion deletes the last of two entries of a community, as
// https://www.livejournal.com/doc/server/ljp.csp.xml-rpc.editevent.html has it.
func TestDeletion(t *testing.T) {
	d, call := newTestServer(t, sandbox.Conduct{})
	in := func() string { return as(call, Journal, Password) + str("usejournal", Community) }
	call("postevent", in(), entryOf("first"))
	call("postevent", in(), entryOf("second"))
	remove := func() string { return call("editevent", in(), num("itemid", 2), str("event", "")) }
	if got := remove(); !strings.Contains(got, "<name>itemid</name><value><int>2<") || !strings.Contains(got, "<name>anum</name>") {
		t.Errorf("deletion: %s", got)
	}
	if got := remove(); !strings.Contains(got, "<int>302<") {
		t.Errorf("deletion of what is gone: %s", got)
	}
	list := call("getevents", in(), str("selecttype", "lastn"), num("howmany", 50))
	one := call("getevents", in(), str("selecttype", "one"), num("itemid", 2))
	if strings.Contains(list, "second") || !strings.Contains(list, "first") || strings.Contains(one, "itemid") {
		t.Errorf("the community's entries: %s\nthe one that is gone: %s", list, one)
	}
	if again := call("postevent", in(), entryOf("second")); !strings.Contains(again, "<name>itemid</name><value><int>3<") {
		t.Errorf("the text of what is gone: %s", again)
	}
	if n := d.Total(); n.Accepted != 3 || n.Recalled != 1 {
		t.Errorf("counted %+v", n)
	}
}

func TestDeletionRefused(t *testing.T) {
	d, call := newTestServer(t, sandbox.Conduct{})
	call("postevent", as(call, Journal, Password), str("usejournal", Community), entryOf("a"))
	in := str("usejournal", Community)
	for name, c := range map[string]struct {
		user, password, members string
		code                    int
	}{
		"wrong password":  {Journal, "x", in + num("itemid", 1) + str("event", ""), 101},
		"another's entry": {JournalRU, Password, in + num("itemid", 1) + str("event", ""), 304},
		"another journal": {Journal, Password, num("itemid", 1) + str("event", ""), 302},
		"no entry":        {Journal, Password, in + num("itemid", 2) + str("event", ""), 302},
		"no number":       {Journal, Password, in + str("event", ""), 203},
		"no event":        {Journal, Password, in + num("itemid", 1), 203},
		"another text":    {Journal, Password, in + num("itemid", 1) + str("event", "b"), 203},
		"unknown member":  {Journal, Password, in + num("itemid", 1) + str("event", "") + num("howmany", 1), 203},
	} {
		if got := call("editevent", as(call, c.user, c.password), c.members); !strings.Contains(got, fmt.Sprintf("<name>faultCode</name><value><int>%d<", c.code)) {
			t.Errorf("%s: %s, want %d", name, got, c.code)
		}
	}
	if got := call("editevent", as(call, Community, Password), num("itemid", 1), str("event", "")); strings.Contains(got, "fault") {
		t.Errorf("deletion by the journal itself: %s", got)
	}
	if n := d.Total(); n.Recalled != 1 {
		t.Errorf("counted %+v", n)
	}
}
