package statuspage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestBadConfig: what is wrong with a configuration is named by its key.
func TestBadConfig(t *testing.T) {
	const good = "directory: /d\nurl: https://s.example\npages: [{name: a, locale: en, title: T, area: A}]\n"
	if _, err := tryOpen(good); err != nil {
		t.Fatal(err)
	}
	for key, config := range map[string]string{
		"nonsense":      good + "nonsense: 1\n",
		"directory: m":  strings.Replace(good, "directory: /d", "", 1),
		"directory: \"": strings.Replace(good, "/d", "site", 1),
		"url":           strings.Replace(good, "https://s.example", "s.example", 1),
		"url: ":         strings.Replace(good, "https://s.example", "https://s.example/?a", 1),
		"zone":          good + "zone: Europe/Chisinow\n",
		"zone: ":        good + "zone: ''\n",
		"history_days":  good + "history_days: 0\n",
		"sender":        good + "sender: a b\n",
		"pages: m":      "directory: /d\nurl: https://s.example\n",
		"pages: name":   strings.Replace(good, "name: a", "name: ../a", 1),
		"pages: local":  strings.Replace(good, "locale: en", "locale: tlh", 1),
		"no title":      strings.Replace(good, "title: T", "title: ''", 1),
		"no area":       strings.Replace(good, "area: A", "area: ''", 1),
		"each name on":  strings.Replace(good, "pages: [", "pages: [{name: a, locale: ro, title: T, area: A}, ", 1),
	} {
		if _, err := tryOpen(config); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v, want one that says %q", err, key)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	if got, err := checkAddress("RO"); err != nil || got != "ro" {
		t.Errorf("RO: %q, %v", got, err)
	}
	for _, bad := range []string{"", "..", "a/b", "-a", "a.b", strings.Repeat("a", 33), "română"} {
		if _, err := checkAddress(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestRefused is what Send says of messages that it can't publish.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "not", "mounted")
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		dir    string
		change func(*channels.Message)
		class  channels.Class
		code   string
	}{
		"another page":  {t.Context(), dir, func(m *channels.Message) { m.Address = "de" }, channels.InvalidAddress, "no_such_page"},
		"a path":        {t.Context(), dir, func(m *channels.Message) { m.Address = "../en" }, channels.InvalidAddress, "no_such_page"},
		"no facts":      {t.Context(), dir, func(m *channels.Message) { m.News = nil }, channels.Rejected, "incomplete"},
		"no topic":      {t.Context(), dir, func(m *channels.Message) { m.Topic = "../../x" }, channels.Rejected, "incomplete"},
		"no title":      {t.Context(), dir, func(m *channels.Message) { m.Subject = "" }, channels.Rejected, "incomplete"},
		"not mounted":   {t.Context(), none, func(*channels.Message) {}, channels.Unavailable, "no_directory"},
		"a file":        {t.Context(), filepath.Join(dir, "file"), func(*channels.Message) {}, channels.Unavailable, "files"},
		"no time":       {over, dir, func(*channels.Message) {}, channels.Unavailable, "cancelled"},
		"a second page": {t.Context(), dir, func(m *channels.Message) { m.Address = "en/incidents" }, channels.InvalidAddress, "no_such_page"},
	} {
		m := story("en")[3]
		c.change(&m)
		_, err := open(t, in(c.dir)).Send(c.ctx, m)
		e, ok := err.(*channels.Error)
		if !ok || e.Class != c.class || e.Code != c.code {
			t.Errorf("%s: %v, want %v (%s)", name, err, c.class, c.code)
		}
		if err != nil && (strings.Contains(err.Error(), "/"+m.Address) || strings.Contains(err.Error(), m.Text)) {
			t.Errorf("%s: error %q gives the message away", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "en")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	path := func(err error) error { return &fs.PathError{Op: "open", Path: "/d/en/index.html", Err: err} }
	for _, c := range []struct {
		err   error
		class channels.Class
		code  string
	}{
		{path(syscall.EACCES), channels.Auth, "permission"},
		{path(syscall.EROFS), channels.Unavailable, "files"},
		{path(syscall.ENOSPC), channels.Unavailable, "full"},
		{path(syscall.ENOENT), channels.Unavailable, "no_directory"},
		{&os.LinkError{Op: "rename", Old: "/d/en/a", New: "/d/en/b", Err: syscall.EDQUOT}, channels.Unavailable, "full"},
		{fmt.Errorf("laying: %w", context.DeadlineExceeded), channels.Unavailable, "cancelled"},
	} {
		e := refusal(c.err)
		if e.Class != c.class || e.Code != c.code || strings.Contains(e.Error(), "/en/") {
			t.Errorf("%v: %v, want %v (%s) without the path", c.err, e, c.class, c.code)
		}
	}
}

// TestWords: every language has every word.
func TestWords(t *testing.T) {
	for _, locale := range []string{"en", "ro-MD", "ru"} {
		w, ok := wordsOf(locale)
		if !ok {
			t.Fatalf("no words in %s", locale)
		}
		v := reflect.ValueOf(*w)
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.String:
				if f.String() == "" {
					t.Errorf("%s: %s is missing", locale, v.Type().Field(i).Name)
				}
			case reflect.Map:
				if want := reflect.ValueOf(*english()).Field(i).Len(); f.Len() != want {
					t.Errorf("%s: %d of %s, want %d", locale, f.Len(), v.Type().Field(i).Name, want)
				}
			}
		}
		for _, status := range []string{"investigating", "identified", "monitoring", "resolved", "scheduled", "in_progress", "verifying", "completed", "cancelled", "postmortem", "correction"} {
			if w.Statuses[status] == "" {
				t.Errorf("%s: no word for %s", locale, status)
			}
		}
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{english().moment(day(22, 18, 5)), "22 November 2026, 18:05"},
		{romanian().moment(day(22, 18, 5)), "22 noiembrie 2026, 18:05"},
		{russian().span(day(28, 1, 0), day(28, 5, 0)), "28 ноября 2026, 01:00 – 05:00"},
		{english().span(day(28, 23, 0), day(29, 5, 0)), "28 November 2026, 23:00 – 29 November 2026, 05:00"},
		{english().lasted(95 * time.Minute), "1\u00a0h 35\u00a0min"},
		{russian().lasted(49*time.Hour + time.Second), "2\u00a0д 1\u00a0ч"},
		{english().lasted(time.Second), "1\u00a0min"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// FuzzParseIncident: data that are taken are taken again as they are written.
func FuzzParseIncident(f *testing.F) {
	s := open(f, example)
	v := s.site.view(s.site.pages[0], map[string]memory{"ro": {incidents: remembered(story("ro")...)}}, s.now(), "")
	for _, i := range v.all {
		raw, err := indented(v.dataOf(i))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"id":"`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		i, ok := parseIncident(raw)
		if !ok {
			return
		}
		once, err := indented(v.dataOf(i))
		if err != nil {
			return // a time beyond the year 9999
		}
		again, ok := parseIncident(once)
		if !ok || !reflect.DeepEqual(i, again) {
			t.Errorf("%s is read back as another incident", once)
		}
	})
}
