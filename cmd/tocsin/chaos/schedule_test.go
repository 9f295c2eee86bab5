package chaos

import (
	"reflect"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// menus are those of both set-ups.
func menus() map[Setup][]menu {
	providers := []string{"twilio", "smtp", "viber"}
	return map[Setup][]menu{
		Cluster:  clusterMenu([]string{"engine-1", "engine-2", "lane-1", "lane-2", "http-1"}, []string{"engine-1", "engine-2", "http-1"}, []string{"nats-1", "nats-2", "nats-3"}, providers),
		Embedded: embeddedMenu(serverName, providers),
	}
}

// TestSchedule: the same seed makes the same faults, enough of them and of every kind, and none while
// the target, or what may have one at a time, still has another.
func TestSchedule(t *testing.T) {
	for setup, all := range menus() {
		faults := schedule(1, 10*time.Minute, all)
		if again := schedule(1, 10*time.Minute, all); !reflect.DeepEqual(again, faults) {
			t.Errorf("%s: the same seed makes other faults", setup)
		}
		if other := schedule(2, 10*time.Minute, all); reflect.DeepEqual(other, faults) {
			t.Errorf("%s: another seed makes the same faults", setup)
		}
		if len(faults) < 100 {
			t.Errorf("%s: %d faults in ten minutes, want 100 at least", setup, len(faults))
		}
		kinds, until := map[Kind]bool{}, map[string]time.Duration{}
		groups := map[Kind]string{}
		for _, m := range all {
			groups[m.kind] = m.group
		}
		for _, f := range faults {
			kinds[f.Kind] = true
			for _, what := range []string{f.Target, groups[f.Kind]} {
				if what != "" && until[what] > f.At {
					t.Errorf("%s: %v at %v, while %s has a fault until %v", setup, f, f.At, what, until[what])
				}
				until[what] = f.At + f.For
			}
		}
		if len(kinds) != len(all) {
			t.Errorf("%s: %d kinds of fault in ten minutes, of %d", setup, len(kinds), len(all))
		}
	}
}

// TestStories: the same seed tells the same stories; marks are told apart, and what is paused is resumed.
func TestStories(t *testing.T) {
	tell := func(seed uint64) []story {
		return stories(seed, 10*time.Minute, 5*time.Second, []string{"sms", "viber"})
	}
	all := tell(1)
	if !reflect.DeepEqual(tell(1), all) || reflect.DeepEqual(tell(2), all) {
		t.Error("stories don't depend on the seed, and on it alone")
	}
	verbs, ids := map[ledger.Verb]int{}, map[string]bool{}
	merged, corrections := 0, 0
	for _, s := range all {
		for _, st := range s.Steps {
			if st.Order != nil {
				verbs[st.Order.Verb]++
				continue
			}
			u := st.Update
			if ids[u.EventID] || marks.FindString(u.Summary["ru"]) != u.EventID {
				t.Errorf("update %s is there twice, or its text has not its mark: %q", u.EventID, u.Summary["ru"])
			}
			ids[u.EventID] = true
			if u.MergedInto != "" {
				merged++
			}
			if u.Corrects != "" {
				corrections++
			}
		}
	}
	if verbs[ledger.Pause] != verbs[ledger.Resume] || verbs[ledger.Pause] == 0 || verbs[ledger.Cancel] == 0 || verbs[ledger.Move] == 0 || verbs[ledger.Recall] == 0 {
		t.Errorf("orders: %v, want some of each, and as many resumed as paused", verbs)
	}
	if merged == 0 || corrections == 0 {
		t.Errorf("%d merged incidents and %d corrections, want some", merged, corrections)
	}
}
