package statuspage

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func mustRecall(t testing.TB, s channels.Sender, m channels.Message, ack channels.Ack) {
	t.Helper()
	if err := s.(channels.Recaller).Recall(t.Context(), sentAs(m, ack)); err != nil {
		t.Fatalf("Recall: %v", err)
	}
}

func sentAs(m channels.Message, ack channels.Ack) channels.Sent {
	return channels.Sent{Ref: m.Ref, Address: m.Address, ProviderID: ack.ID}
}

// told is a site on whose page en all messages of the story are, but the last few.
func told(t testing.TB, without int) (s *sender, dir string, messages []channels.Message, acks []channels.Ack) {
	s, dir = site3(t)
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	messages = story("en")
	for _, m := range messages[:len(messages)-without] {
		acks = append(acks, mustSend(t, s, m))
	}
	return s, dir, messages, acks
}

// data are the files of a site without their times.
func data(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for path, f := range snapshot(t, dir) {
		all[path] = f.data
	}
	return all
}

// TestRecall: after a recall everything but the feeds' memory of it is as if the message had never come.
func TestRecall(t *testing.T) {
	s, dir, messages, acks := told(t, 0)
	mustRecall(t, s, messages[5], acks[5])
	_, never, _, _ := told(t, 1)
	got, want := data(t, dir), data(t, never)
	for path := range got {
		if _, there := want[path]; !there && path != "en/recalled.json" && !strings.HasPrefix(path, "en/cap/") {
			t.Errorf("%s is there, which would not be", path)
		}
	}
	for path, was := range want {
		if got[path] != was && !slices.Contains([]string{"en/atom.xml", "en/rss.xml", "en/cap.xml"}, path) {
			t.Errorf("%s is not as it would be", path)
		}
	}
	for path, now := range got {
		if strings.Contains(now, "Cause found") {
			t.Errorf("%s has the title", path)
		}
	}
	if got := read(t, dir, "en/status.json"); !strings.Contains(got, `"updated_at": "2026-11-22T15:50:00Z"`) {
		t.Errorf("status.json is not of the message before: %s", got)
	}
}

// TestRecallAll: with its last message an incident goes whole, and the links to it; the others stay.
func TestRecallAll(t *testing.T) {
	s, dir, messages, acks := told(t, 0)
	ro := story("ro")[3] // the same incident, in another language
	mustSend(t, s, ro)
	for _, n := range []int{3, 5, 4} {
		mustRecall(t, s, messages[n], acks[n])
	}
	all := data(t, dir)
	for path, now := range all {
		if strings.HasPrefix(path, "en/incidents/"+topic("c")) {
			t.Errorf("%s is still there", path)
		}
		if strings.Contains(now, "en/incidents/"+topic("c")) {
			t.Errorf("%s leads to the incident", path)
		}
	}
	if !strings.Contains(all["en/status.json"], `"state": "operational"`) || !strings.Contains(all["en/index.html"], "All systems work") {
		t.Error("the page doesn't say that all is well")
	}
	if !strings.Contains(all["en/index.html"], "It is over: transfers") || !strings.Contains(all["ro/index.html"], ro.Subject) {
		t.Error("something else has gone too")
	}
}

// TestRecallAgain: a recall that is repeated changes no file, in the same process or the next; nor does the start, or
// the message if it comes once more.
func TestRecallAgain(t *testing.T) {
	s, dir, messages, acks := told(t, 0)
	for n := range messages {
		mustRecall(t, s, messages[n], acks[n])
	}
	before := snapshot(t, dir)
	next := open(t, in(dir))
	next.now = func() time.Time { return day(24, 9, 0) }
	if err := next.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range messages {
		mustRecall(t, s, messages[n], acks[n])
		mustRecall(t, next, messages[n], acks[n])
		_, err := next.Send(t.Context(), messages[n])
		if e := channels.AsError(err); err == nil || e.Class != channels.Rejected || e.Code != "recalled" {
			t.Errorf("Send: %v, want it refused, since it was recalled", err)
		}
	}
	if after := snapshot(t, dir); !reflect.DeepEqual(before, after) {
		t.Error("files were written again")
	}
}

// endingSoon ends when it was asked n times whether it has.
type endingSoon struct {
	context.Context
	left int
}

func (c *endingSoon) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestRecallCrash: wherever a recall is cut short, one more ends as if it had not been; and so does the next start, if
// it was remembered that there was one.
func TestRecallCrash(t *testing.T) {
	base, dir, messages, acks := told(t, 0)
	mustRecall(t, base, messages[1], acks[1])
	before := data(t, dir)
	copied := func() (*sender, string) {
		to := filepath.Join(t.TempDir(), "site")
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		return open(t, in(to)), to
	}
	s, whole := copied()
	mustRecall(t, s, messages[0], acks[0]) // the incident's last
	want := data(t, whole)
	for n := 0; ; n++ {
		cut, to := copied()
		err := cut.Recall(&endingSoon{t.Context(), n}, sentAs(messages[0], acks[0]))
		if err == nil {
			if n < 20 {
				t.Errorf("cut short in %d places only", n)
			}
			return
		}
		if e := channels.AsError(err); e.Class != channels.Unavailable {
			t.Fatalf("cut short: %v, want class unavailable", err)
		}
		started := want
		if _, err := os.Stat(filepath.Join(to, "en", recalledName)); err != nil || !strings.Contains(read(t, to, "en/"+recalledName), `"id": "`+acks[0].ID) {
			started = before
		}
		if err := open(t, in(to)).Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := data(t, to); !reflect.DeepEqual(got, started) {
			t.Errorf("cut short at %d: the next start doesn't put it right:\n%s", n, cmp.Diff(started, got))
		}
		mustRecall(t, open(t, in(to)), messages[0], acks[0])
		if got := data(t, to); !reflect.DeepEqual(got, want) {
			t.Errorf("cut short at %d: another recall doesn't put it right:\n%s", n, cmp.Diff(want, got))
		}
	}
}

// TestRecallRefused is what Recall says of what it can't take back, and of what isn't there.
func TestRecallRefused(t *testing.T) {
	s, dir, messages, acks := told(t, 0)
	good := sentAs(messages[0], acks[0])
	over, cancel := context.WithCancel(t.Context())
	cancel()
	before := snapshot(t, dir)
	for name, c := range map[string]struct {
		s      *sender
		ctx    context.Context
		change func(*channels.Sent)
		class  channels.Class
		code   string // "" for what isn't there
	}{
		"another page":      {s, t.Context(), func(m *channels.Sent) { m.Address = "de" }, channels.InvalidAddress, "no_such_page"},
		"a path":            {s, t.Context(), func(m *channels.Sent) { m.Address = "../en" }, channels.InvalidAddress, "no_such_page"},
		"no id":             {s, t.Context(), func(m *channels.Sent) { m.ProviderID = "no such message/é|1" }, channels.Rejected, "id"},
		"a path for an id":  {s, t.Context(), func(m *channels.Sent) { m.ProviderID = "../index" }, channels.Rejected, "id"},
		"no time":           {s, over, func(*channels.Sent) {}, channels.Unavailable, "cancelled"},
		"not mounted":       {open(t, in(filepath.Join(t.TempDir(), "not", "mounted"))), t.Context(), func(*channels.Sent) {}, channels.Unavailable, "no_directory"},
		"an empty folder":   {open(t, in(t.TempDir())), t.Context(), func(*channels.Sent) {}, channels.Unavailable, "no_directory"},
		"another page's":    {s, t.Context(), func(m *channels.Sent) { m.Address = "ro" }, 0, ""},
		"what nobody knows": {s, t.Context(), func(m *channels.Sent) { m.ProviderID = idOf("x") }, 0, ""},
	} {
		m := good
		c.change(&m)
		err := c.s.Recall(c.ctx, m)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v, want it said that it isn't there", name, err)
			}
			continue
		}
		e, ok := err.(*channels.Error)
		if !ok || e.Class != c.class || e.Code != c.code || strings.Contains(err.Error(), "/"+m.Address) {
			t.Errorf("%s: %v, want %v (%s) without the path", name, err, c.class, c.code)
		}
	}
	if after := snapshot(t, dir); !reflect.DeepEqual(before, after) {
		t.Error("something was written")
	}
}

// TestRecallOfBrokenData: a message whose incident's data were set aside is still on its page, and so is not gone.
func TestRecallOfBrokenData(t *testing.T) {
	s, dir, messages, acks := told(t, 0)
	path := filepath.Join(dir, "en", "incidents", messages[0].Topic+".json")
	if err := os.WriteFile(path, []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.Recall(t.Context(), sentAs(messages[0], acks[0]))
	if err == nil || channels.AsError(err).Class != channels.Unavailable || !strings.Contains(err.Error(), "mend") {
		t.Errorf("Recall: %v, want class unavailable", err)
	}
}

// TestBrokenMemoryOfRecalls: a memory that can't be read is set aside and told of, and keeps nothing from being said.
func TestBrokenMemoryOfRecalls(t *testing.T) {
	s, dir, messages, acks := told(t, 1)
	mustRecall(t, s, messages[0], acks[0])
	for _, bad := range []string{`{"recalled":`, `{"recalled":[{"id":"../x"}]}`, `{}`} {
		if err := os.WriteFile(filepath.Join(dir, "en", recalledName), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		mustSend(t, s, messages[5])
		if got := read(t, dir, "en/"+recalledName+setAside); got != bad {
			t.Errorf("set aside is %q, want %q", got, bad)
		}
		if err := s.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), recalledName+setAside) {
			t.Errorf("Prepare: %v, want it told", err)
		}
	}
	if got := read(t, dir, "en/index.html"); strings.Contains(got, messages[0].Subject) {
		t.Error("what was recalled is back")
	}
}

// TestReaderCountsRecalls: somebody who knows of the page only what is written about it finds what was recalled too,
// and notices what is amiss with it.
func TestReaderCountsRecalls(t *testing.T) {
	reader, dir, messages := read3(t)
	s := open(t, configOf(t, reader, dir))
	page := reader.Accounts[0]
	var first channels.Ack
	for n, m := range story(page) {
		m.Address = page
		if ack := mustSend(t, s, m); n < 3 { // it is there, so this only asks for its id
			mustRecall(t, s, m, ack)
			first = ack
		}
	}
	got, err := reader.Count(dir)
	if want := (sandbox.Tally{Accepted: messages, Delivered: messages, Recalled: 3}); got != want || err != nil {
		t.Fatalf("read %+v, %v, want %+v", got, err, want)
	}
	alert := filepath.Join(dir, page, alertPath(first.ID))
	if err := os.WriteFile(alert, []byte("<alert/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Count(dir); err == nil || !strings.Contains(err.Error(), "still has an alert") {
		t.Errorf("an alert that stays: %v", err)
	}
	if err := os.Remove(alert); err != nil {
		t.Fatal(err)
	}
	html := filepath.Join(dir, page, "incidents", story(page)[2].Topic+".html") // all of it was recalled
	if err := os.WriteFile(html, []byte(`<li id="u-`+first.ID+`">`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Count(dir); err == nil || !strings.Contains(err.Error(), ".html has "+first.ID) {
		t.Errorf("an incident's page that stays: %v", err)
	}
	if err := os.Remove(html); err != nil {
		t.Fatal(err)
	}
	cancel := filepath.Join(dir, page, alertPath(recalled{ID: first.ID}.cancelID()))
	raw := strings.Replace(read(t, dir, page+"/"+alertPath(recalled{ID: first.ID}.cancelID())), "Cancel", "Update", 1)
	if err := os.WriteFile(cancel, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Count(dir); err == nil || !strings.Contains(err.Error(), "no Cancel") {
		t.Errorf("a Cancel that is none: %v", err)
	}
}

// FuzzParseRecalled: what is taken is taken again as it is written.
func FuzzParseRecalled(f *testing.F) {
	f.Add([]byte(`{"recalled":[{"id":"e945e66e-f899-8b05-be9c-842bc394dca7","incident":"` + topic("c") + `","at":"2026-11-22T16:05:00Z","recalled_at":"2026-11-23T07:00:00Z"}]}`))
	f.Add([]byte(`{"recalled":[]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, ok := parseRecalled(raw)
		if !ok {
			return
		}
		once, err := indented(map[string]any{"recalled": all})
		if err != nil {
			return // a time beyond the year 9999
		}
		if again, ok := parseRecalled(once); !ok || !reflect.DeepEqual(all, again) {
			t.Errorf("%s is read back as something else", once)
		}
	})
}
