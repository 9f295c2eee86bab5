package notification

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// table writes every cell of the transition table.
func table() string {
	var b strings.Builder
	for _, s := range States() {
		for _, k := range EventKinds() {
			t := Next(s, k)
			fmt.Fprintf(&b, "%-10s %-18s -> %-10s %s\n", s, k, t.To, t.Then)
		}
	}
	return b.String()
}

func TestTable(t *testing.T) {
	path := filepath.Join("testdata", "transitions.golden")
	got := table()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wants, gots := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		w, g := "", ""
		if i < len(wants) {
			w = wants[i]
		}
		if i < len(gots) {
			g = gots[i]
		}
		if w != g {
			t.Errorf("cell %d:\n  is     %s\n  golden %s", i+1, g, w)
		}
	}
}

func TestNoStateFallsBackToAWeakerProof(t *testing.T) {
	for _, s := range States() {
		for _, k := range EventKinds() {
			n := Next(s, k)
			if s.Proof() <= n.To.Proof() {
				continue
			}
			// Acceptance alone may turn out to have been for nothing.
			if s != Accepted || (n.To != Failed && n.To != Expired) {
				t.Errorf("%v becomes %v by %v", s, n.To, k)
			}
		}
	}
}

func TestRepeatsAreHarmless(t *testing.T) {
	for _, s := range States() {
		for _, k := range EventKinds() {
			first := Next(s, k)
			second := Next(first.To, k)
			if second.To != first.To {
				t.Errorf("%v in %v: %v, and again: %v", k, s, first.To, second.To)
			}
			if first.To != s && second.Then == Advance && first.Then == Advance {
				t.Errorf("%v twice in %v goes on twice", k, s)
			}
		}
	}
}

func TestNothingMovesWhatWasNeverTried(t *testing.T) {
	for _, k := range EventKinds() {
		if n := Next(NoAttempt, k); n.To != NoAttempt || n.Then != Ignore {
			t.Errorf("%v makes %+v of an attempt that was never made", k, n)
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	name := func(s string) {
		if s == "" || seen[s] {
			t.Errorf("name %q is empty or there twice", s)
		}
		seen[s] = true
	}
	for _, s := range States() {
		name(s.String())
	}
	for _, k := range EventKinds() {
		name(k.String())
	}
	for c := Ignore; c <= Stopped; c++ {
		name(c.String())
	}
	for o := Open; o <= Superseded; o++ {
		name(o.String())
	}
	for r := NotRecalled; r <= Recalled; r++ {
		name(r.String())
	}
	if len(States()) != int(Unknown)+1 || len(EventKinds()) != int(ReceiptKept)+1 {
		t.Error("a state or an event has no name")
	}
}
