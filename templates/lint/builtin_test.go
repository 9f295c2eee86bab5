package lint_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/lint"
)

// TestBuiltInTexts checks the texts that Tocsin comes with. Those of its playbooks are checked beside them.
func TestBuiltInTexts(t *testing.T) {
	s, err := lint.Samples()
	if err != nil {
		t.Fatal(err)
	}
	r, err := templates.New(templates.Options{Catalogue: s.Catalogue()})
	if err != nil {
		t.Fatal(err)
	}
	all, err := lint.Renderer(r, lint.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		t.Errorf("%+v", f)
	}
}
