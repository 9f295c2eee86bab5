package statuspage

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// There is no provider and no simulator, so of the conformance suite only the part about the Spec
// applies; what Send promises is checked below.
func TestSpec(t *testing.T) { channeltest.Spec(t, Spec()) }

// open makes a Sender whose clock stands on the story's last day.
func open(t testing.TB, config string) *sender {
	t.Helper()
	s, err := tryOpen(config)
	if err != nil {
		t.Fatal(err)
	}
	one := s.(*sender)
	one.now = func() time.Time { return day(23, 9, 0) }
	return one
}

func tryOpen(config string) (channels.Sender, error) {
	return Spec().New(func(into any) error {
		dec := yaml.NewDecoder(strings.NewReader(config))
		dec.KnownFields(true)
		return dec.Decode(into)
	}, channels.Env{HTTP: &http.Client{}, UserAgent: "test/1"})
}

// in is the example's configuration with a directory of its own.
func in(dir string) string { return strings.Replace(example, "/var/www/status", dir, 1) }

func site3(t testing.TB) (*sender, string) {
	dir := filepath.Join(t.TempDir(), "site [1]*")
	return open(t, in(dir)), dir
}

func mustSend(t testing.TB, s channels.Sender, m channels.Message) channels.Ack {
	t.Helper()
	ack, err := s.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	return ack
}

func read(t testing.TB, dir, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPageBeforeAnyNews: there is a page, which says that all is well, in every language.
func TestPageBeforeAnyNews(t *testing.T) {
	s, dir := site3(t)
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"index.html": "Toate sistemele funcționează", "ru/index.html": "Все системы работают", "en/index.html": "All systems work",
		"en/status.json": `"state": "operational"`, "en/atom.xml": "<updated>1970-01-01T00:00:00Z</updated>",
	} {
		if got := read(t, dir, path); !strings.Contains(got, want) {
			t.Errorf("%s doesn't say %q:\n%s", path, want, got)
		}
	}
}

func TestSend(t *testing.T) {
	s, dir := site3(t)
	m := story("en")[0]
	ack := mustSend(t, s, m)
	if ack.Proof != channels.Delivered || ack.ID == "" {
		t.Errorf("Ack %+v, want an id, and delivered", ack)
	}
	for _, path := range []string{"en/index.html", "en/incidents/" + m.Topic + ".html", "en/atom.xml", "en/rss.xml", "en/feed.json", "en/status.json", "en/cap.xml", "en/cap/" + ack.ID + ".xml"} {
		if got := read(t, dir, path); !strings.Contains(got, m.Subject) {
			t.Errorf("%s doesn't have the title", path)
		}
	}
	if strings.Contains(read(t, dir, "ro/index.html"), m.Subject) {
		t.Error("the message is on another page too")
	}
	for path, raw := range snapshot(t, dir) {
		if strings.Contains(raw.data, m.Ref) {
			t.Errorf("%s gives the attempt's reference away", path)
		}
	}
}

// TestRepeat: the same message again changes no file, in the same process or the next.
func TestRepeat(t *testing.T) {
	s, dir := site3(t)
	messages := story("en")
	for _, m := range messages {
		mustSend(t, s, m)
	}
	before := snapshot(t, dir)
	first := mustSend(t, s, messages[0])
	again := mustSend(t, open(t, in(dir)), messages[0])
	if first.ID != again.ID {
		t.Errorf("Ack.ID = %q, then %q for the same message", first.ID, again.ID)
	}
	for path, now := range snapshot(t, dir) {
		if before[path] != now {
			t.Errorf("%s was written again", path)
		}
	}
}

// TestNextProcessGoesOn: what one process published, another adds to.
func TestNextProcessGoesOn(t *testing.T) {
	s, dir := site3(t)
	messages := story("ro")
	mustSend(t, s, messages[3])
	mustSend(t, open(t, in(dir)), messages[4])
	i, ok := parseIncident([]byte(read(t, dir, "ro/incidents/"+messages[4].Topic+".json")))
	if !ok || len(i.updates) != 2 {
		t.Errorf("the incident has %d messages, want 2", len(i.updates))
	}
}

// TestCrash: a process was killed between the data and the page; the next start puts it right.
func TestCrash(t *testing.T) {
	s, dir := site3(t)
	for _, m := range story("en") {
		mustSend(t, s, m)
	}
	whole := snapshot(t, dir)
	for _, path := range []string{"index.html", "en/index.html", "en/atom.xml", "en/status.json"} {
		if err := os.Remove(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, "en", ".index.html.123"+unfinished)
	if err := os.WriteFile(left, []byte("<!doc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, in(dir)).Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	mended := snapshot(t, dir)
	for path, f := range whole {
		if mended[path].data != f.data {
			t.Errorf("%s is not as it was", path)
		}
	}
	if len(mended) != len(whole) {
		t.Errorf("%d files, want the %d there were: nothing half-written stays", len(mended), len(whole))
	}
}

// TestBrokenData: data that can't be read are set aside and told of, and keep nothing from being said.
func TestBrokenData(t *testing.T) {
	s, dir := site3(t)
	messages := story("en")
	mustSend(t, s, messages[0])
	path := filepath.Join(dir, "en", "incidents", messages[0].Topic+".json")
	if err := os.WriteFile(path, []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, messages[3])
	if got := read(t, dir, "en/incidents/"+messages[0].Topic+".json"+setAside); got != `{"id":` {
		t.Errorf("set aside is %q", got)
	}
	if err := s.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), setAside) {
		t.Errorf("Prepare: %v, want it told", err)
	}
}

// TestForeignFilesStay: what others put into the directory is theirs.
func TestForeignFilesStay(t *testing.T) {
	s, dir := site3(t)
	if err := os.MkdirAll(filepath.Join(dir, "en"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"robots.txt", "en/note.html", ".htaccess"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, story("en")[0])
	for _, path := range []string{"robots.txt", "en/note.html", ".htaccess"} {
		if got := read(t, dir, path); got != "theirs" {
			t.Errorf("%s is %q", path, got)
		}
	}
}

func TestConcurrently(t *testing.T) {
	s, dir := site3(t)
	const n = 24
	var wg sync.WaitGroup
	for i := range n {
		m := story("ru")[3]
		m.Subject = fmt.Sprintf("Message %d", i)
		wg.Go(func() {
			if _, err := s.Send(context.Background(), m); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	wg.Wait()
	if got := strings.Count(read(t, dir, "ru/atom.xml"), "<entry"); got != n {
		t.Errorf("%d messages in the feed, want %d", got, n)
	}
}

// TestProbe: the site is served as it was written, as it was once, or not at all.
func TestProbe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	served := dir
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.FileServer(http.Dir(served)).ServeHTTP(w, r)
	}))
	defer server.Close()
	s := open(t, strings.Replace(in(dir), "https://status.meridian.example", server.URL, 1))
	expect := func(code string) {
		t.Helper()
		err := s.Probe(t.Context())
		if code == "" && err != nil || code != "" && (err == nil || channels.AsError(err).Code != code) {
			t.Errorf("Probe: %v, want code %q", err, code)
		}
	}
	expect("no_directory")
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("")
	served = t.TempDir()
	expect("404")
	if err := os.CopyFS(served, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, story("en")[0])
	expect("stale")
	served = dir
	expect("")
}

// written is a file as it stands, and when it was written.
type written struct {
	data string
	at   time.Time
}

func snapshot(t testing.TB, dir string) map[string]written {
	t.Helper()
	all := map[string]written{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = written{string(raw), info.ModTime()}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
