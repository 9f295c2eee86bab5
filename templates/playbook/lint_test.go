package playbook

import (
	"fmt"
	"testing"

	"github.com/tocsin-dev/tocsin/templates/lint"
)

// linted are what is found in a playbook's texts: status, rule and place.
func linted(t *testing.T, p *Playbook) map[string]lint.Finding {
	t.Helper()
	r, err := p.Texts()
	if err != nil {
		t.Fatal(err)
	}
	found, err := lint.Renderer(r, lint.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]lint.Finding{}
	for _, f := range found {
		all[fmt.Sprint(f.Status, " ", f.Rule, " ", f.Place)] = f
	}
	return all
}

// TestBuiltInLint: in the texts of the playbooks that come with the program nothing is found that is not in
// the usual ones, which package lint tests.
func TestBuiltInLint(t *testing.T) {
	s := loaded(t, nil)
	usual := linted(t, s.Get(Generic))
	for _, p := range s.All() {
		for what, f := range linted(t, p) {
			if _, ok := usual[what]; !ok {
				t.Errorf("%s: %s: %q %s", p.Name, what, f.Words, f.Reason)
			}
		}
	}
}
