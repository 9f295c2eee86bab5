package playbook

import (
	"os"
	"regexp"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestWrite: a new playbook is good as it stands, says what its base says, and its comments say the truth:
// without their marks they are good too.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	o := bank(t, nil)
	files, err := Write(dir, "cards", loaded(t, nil).Get("datacentre"), o)
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	o.Own, o.Place = os.DirFS(dir), dir
	if faults, err := Check(o); err != nil || len(faults) > 0 {
		t.Fatalf("%v\n%s", err, faults.Error())
	}
	s, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	u := update(nil)
	said := map[string]string{}
	for _, name := range []string{"cards", "datacentre"} {
		u.Playbook = name
		p, faults := s.Prepare(*u)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		c, err := p.Render(channels.SMS, "ru")
		if err != nil {
			t.Fatal(err)
		}
		said[name] = c.Text.Sample()
	}
	if said["cards"] != said["datacentre"] {
		t.Errorf("it says %q, and its base %q", said["cards"], said["datacentre"])
	}
	uncomment(t, files)
	if s, err = Load(o); err != nil || len(s.Get("cards").Cascade) == 0 || s.Get("cards").option("no-fees") == nil || s.Get("cards").For.rank() == 0 {
		t.Errorf("what the comments propose was not read: %v, %+v", err, s.Get("cards"))
	}
	if faults, err := Check(o); err != nil || len(faults) > 0 {
		t.Errorf("what the comments propose: %v\n%s", err, faults.Error())
	}
	if _, err := Write(dir, "cards", s.Get("generic"), o); err == nil {
		t.Error("wrote over a playbook that is there")
	}
	if _, err := Write(dir, "../cards2", s.Get("generic"), o); err == nil {
		t.Error("wrote outside of the folder")
	}
}

// uncomment takes away the marks of the comments that propose something.
func uncomment(t *testing.T, files []string) {
	t.Helper()
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`(?m)^#  `).ReplaceAllString(string(raw), "  ")
		text = regexp.MustCompile(`(?s)^\{\{/\*.*?\n\n|\n\nNothing in this comment.*`).ReplaceAllString(text, "\n")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
