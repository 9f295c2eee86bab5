package statuspage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// alerts are those that the page en lists in cap.xml, each held to the schema: what they say in short, by identifier.
func alerts(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, e := range parseXML(t, read(t, dir, "en/cap.xml")).all("entry") {
		id := strings.TrimPrefix(e.text("id"), "urn:uuid:")
		a := parseXML(t, read(t, dir, "en/cap/"+id+".xml"))
		checkCAP(t, a)
		if a.text("identifier") != id || e.text("title") == "" || e.text("summary") == "" {
			t.Errorf("entry %+v, want that of %s with a title and a summary", e, id)
		}
		var names []string
		for _, r := range strings.Fields(a.text("references")) {
			names = append(names, strings.Split(r, ",")[1])
		}
		all[id] = strings.TrimSpace(a.text("msgType") + " " + strings.Join(names, " "))
		if info := a.all("info"); len(info) == 1 {
			all[id] += ": " + info[0].text("headline")
		}
	}
	return all
}

// TestAlertsOfWhatWasRecalled follows the alerts of an outage whose end was told by mistake: it is said again, until
// that is recalled too.
func TestAlertsOfWhatWasRecalled(t *testing.T) {
	s, dir := site3(t)
	m := story("en")[:2]
	first, over := mustSend(t, s, m[0]), mustSend(t, s, m[1])
	s.now = func() time.Time { return day(20, 11, 0) }
	mustRecall(t, s, m[1], over)
	cancelled, again := recalled{ID: over.ID}.cancelID(), recalled{ID: over.ID}.againID()
	want := map[string]string{
		first.ID:  "Alert: " + m[0].Subject,
		cancelled: "Cancel " + over.ID,
		again:     "Update " + first.ID + " " + over.ID + ": " + m[0].Subject,
	}
	if diff := cmp.Diff(want, alerts(t, dir)); diff != "" {
		t.Errorf("after the end was recalled (want -, got +):\n%s", diff)
	}
	if sent := parseXML(t, read(t, dir, "en/cap/"+again+".xml")).text("sent"); sent != "2026-11-20T11:00:00+02:00" {
		t.Errorf("said again at %s, want when it was recalled", sent)
	}

	news := *m[1].News
	news.At = day(20, 10, 59) // it was given out before the recall was done, and came after it
	later := m[1]
	later.News = &news
	end := mustSend(t, s, later)
	want[end.ID] = "Cancel " + first.ID + " " + again + ": " + m[1].Subject
	if diff := cmp.Diff(want, alerts(t, dir)); diff != "" {
		t.Errorf("after its real end (want -, got +):\n%s", diff)
	}

	s.now = func() time.Time { return day(20, 13, 0) }
	mustRecall(t, s, m[0], first)
	delete(want, first.ID)
	delete(want, again)
	feed := read(t, dir, "en/cap.xml")
	for _, id := range []string{first.ID, again, over.ID} {
		if !strings.Contains(feed, `ref="urn:uuid:`+id+`"`) {
			t.Errorf("cap.xml doesn't say that %s is gone:\n%s", id, feed)
		}
	}
	want[recalled{ID: first.ID}.cancelID()] = "Cancel " + first.ID + " " + again
	if diff := cmp.Diff(want, alerts(t, dir)); diff != "" {
		t.Errorf("after what was said again was recalled too (want -, got +):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "en", "cap", again+".xml")); err == nil {
		t.Error("what was said again is still there")
	}
}

// TestSaidAgainTwice: two ends recalled within a second; what is said again last is what stands.
func TestSaidAgainTwice(t *testing.T) {
	s, dir := site3(t)
	m := story("en")[:2]
	first := mustSend(t, s, m[0])
	var over [2]string
	for n := range over {
		news := *m[1].News
		news.At = day(20, 11+n, 0)
		end := m[1]
		end.News = &news
		ack := mustSend(t, s, end)
		mustRecall(t, s, end, ack)
		over[n] = ack.ID
	}
	again := recalled{ID: over[0]}.againID()
	want := "Update " + again + " " + first.ID + " " + over[1] + ": " + m[0].Subject
	if got := alerts(t, dir)[recalled{ID: over[1]}.againID()]; got != want {
		t.Errorf("said again the second time is %q, want %q", got, want)
	}
}

// TestNothingIsSaidAgain where what was recalled had ended nothing, or what it had ended is over.
func TestNothingIsSaidAgain(t *testing.T) {
	m := story("en")
	postmortem := m[1]
	news := *postmortem.News
	news.Status, news.At = "postmortem", day(21, 9, 0)
	postmortem.News = &news
	for name, c := range map[string]struct {
		said []channels.Message
		n    int
	}{
		"the first":                 {m[:1], 0},
		"the first of two":          {m[:2], 0},
		"a correction in the midst": {m[3:6], 1},
		"what comes after the end":  {[]channels.Message{m[0], m[1], postmortem}, 2},
	} {
		s, dir := site3(t)
		var acks []channels.Ack
		for _, one := range c.said {
			acks = append(acks, mustSend(t, s, one))
		}
		before := len(alerts(t, dir))
		mustRecall(t, s, c.said[c.n], acks[c.n])
		after := alerts(t, dir)
		id := recalled{ID: acks[c.n].ID}.cancelID()
		if len(after) != before || after[id] != "Cancel "+acks[c.n].ID {
			t.Errorf("%s: %v, want a Cancel in place of the alert", name, after)
		}
	}
}

// TestRecallInAnExercise: the alerts of what was recalled say that it is one.
func TestRecallInAnExercise(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	s := open(t, in(dir)+"exercise: true\n")
	m := story("en")[:2]
	mustSend(t, s, m[0])
	ack := mustSend(t, s, m[1])
	mustRecall(t, s, m[1], ack)
	for id := range alerts(t, dir) {
		a := parseXML(t, read(t, dir, "en/cap/"+id+".xml"))
		if a.text("status") != "Exercise" || !strings.HasPrefix(a.text("note"), english().Exercise) {
			t.Errorf("%s is %s with the note %q", id, a.text("status"), a.text("note"))
		}
	}
}

// TestFeedsTellRecalls: an Atom feed says what is gone (RFC 6721, section 3), and its time doesn't go back.
func TestFeedsTellRecalls(t *testing.T) {
	s, dir, messages, acks := told(t, 0)
	mustRecall(t, s, messages[5], acks[5])
	for _, name := range []string{"en/atom.xml", "en/cap.xml"} {
		feed := parseXML(t, read(t, dir, name))
		gone := feed.all("deleted-entry")
		if len(gone) != 1 || gone[0].XMLName.Space != "http://purl.org/atompub/tombstones/1.0" ||
			gone[0].attr("ref") != "urn:uuid:"+acks[5].ID || gone[0].attr("when") != "2026-11-23T07:00:00Z" {
			t.Errorf("%s: deleted entries %+v", name, gone)
		}
		if got := feed.text("updated"); got != "2026-11-23T07:00:00Z" {
			t.Errorf("%s is of %s, want when it was recalled", name, got)
		}
	}
	for _, name := range []string{"en/rss.xml", "en/feed.json"} {
		if strings.Contains(read(t, dir, name), acks[5].ID) {
			t.Errorf("%s still has the message", name)
		}
	}
}
