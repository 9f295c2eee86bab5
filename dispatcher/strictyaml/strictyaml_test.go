package strictyaml

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type shop struct {
	Name  string            `yaml:"name"`
	Open  bool              `yaml:"open"`
	Shelf []item            `yaml:"shelf"`
	By    map[string]item   `yaml:"by"`
	Notes map[string]string `yaml:"notes"`
}

type item struct {
	Count int `yaml:"count"`
}

func TestDecode(t *testing.T) {
	env := func(name string) (string, bool) { return "set", name == "SET" }
	for _, tt := range []struct{ name, yaml, want string }{
		{"nothing", "", ""},
		{"all of it", "name: ${SET}\nopen: true\nshelf: [{count: 1}]\nby: {a: {count: 2}}\nnotes: {any: thing}", ""},
		{"everything at once", "nam: x\nopen: perhaps\nshelf:\n  - {cuont: 1}\nname: ${UNSET}",
			"f.yaml:5: environment variable UNSET is not set\nf.yaml:1: unknown key nam; known here: by, name, notes, open, shelf\n" +
				"f.yaml:4: unknown key shelf[0].cuont; known here: count\nf.yaml:2: cannot unmarshal !!str `perhaps` into bool"},
		{"below a map", "by: {a: {x: 1}}", "f.yaml:1: unknown key by.a.x; known here: count"},
		{"behind an alias", "shelf: [&a {x: 1}, *a]", "f.yaml:1: unknown key shelf[0].x; known here: count\nf.yaml:1: unknown key shelf[1].x; known here: count"},
		{"not YAML", "a: [", "f.yaml: yaml: line 1: did not find expected node content"},
	} {
		var s shop
		said := ""
		if err := Decode("f.yaml", []byte(tt.yaml), env, &s); err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(tt.want, said); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestLine(t *testing.T) {
	d, err := Parse("f.yaml", []byte("name: x\nshelf:\n  - count: 1\n  - &a\n    count: 2\n  - *a\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		keys []any
		want int
	}{
		{nil, 1}, {[]any{"name"}, 1}, {[]any{"shelf", 0, "count"}, 3}, {[]any{"shelf", 1, "count"}, 5}, {[]any{"shelf", 2, "count"}, 5},
		{[]any{"shelf", 9, "count"}, 3}, {[]any{"absent", 1}, 1}, {[]any{"shelf", 0, "absent", "x"}, 3},
	} {
		if got := d.Line(tt.keys...); got != tt.want {
			t.Errorf("%v is on line %d, want %d", tt.keys, got, tt.want)
		}
	}
	if d, err := Parse("f.yaml", nil, nil); err != nil || d.Line("a") != 1 {
		t.Errorf("an empty file: line %d, %v", d.Line("a"), err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("name: x\nshelf: [&a {count: 1}, *a]")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, yaml string) {
		var s shop
		if err := Decode("f.yaml", []byte(yaml), nil, &s); err != nil && !strings.HasPrefix(err.Error(), "f.yaml") {
			t.Errorf("no place: %v", err)
		}
	})
}
