package playbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// When says for which updates a rule of a playbook is; an empty list is for all.
type When struct {
	Kinds    []incident.Kind   `yaml:"kinds"`
	Impacts  []incident.Impact `yaml:"impacts"`
	Statuses []incident.Status `yaml:"statuses"`
	// Automatic are what Tocsin says by itself.
	Automatic []incident.Automatic `yaml:"automatic"`
}

func (w *When) fits(u *incident.Update) bool {
	return fits(w.Kinds, u.Kind) && fits(w.Impacts, u.Impact) && fits(w.Statuses, u.Status) && fits(w.Automatic, u.Automatic)
}

func fits[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func (w *When) always() bool {
	return len(w.Kinds)+len(w.Impacts)+len(w.Statuses)+len(w.Automatic) == 0
}

// For says for which updates a playbook is chosen: those that affect one of the services, in one of the
// regions, and so on; an empty list is for all. A playbook that says nothing is for updates that name it.
type For struct {
	Services []string          `yaml:"services"`
	Regions  []string          `yaml:"regions"`
	Kinds    []incident.Kind   `yaml:"kinds"`
	Impacts  []incident.Impact `yaml:"impacts"`
	Statuses []incident.Status `yaml:"statuses"`
}

// rank says how much it says. Services count most, then regions, impacts, statuses, kinds: any number of
// lesser ones is less than one greater. 0 is nothing.
func (f *For) rank() int {
	rank := 0
	for _, given := range []bool{len(f.Services) > 0, len(f.Regions) > 0, len(f.Impacts) > 0, len(f.Statuses) > 0, len(f.Kinds) > 0} {
		rank *= 2
		if given {
			rank++
		}
	}
	return rank
}

// fits reports whether the playbook may be chosen for an update. One that affects everything names no
// service, and so fits none that does.
func (f *For) fits(u *incident.Update) bool {
	return f.rank() > 0 && fits(f.Kinds, u.Kind) && fits(f.Impacts, u.Impact) && fits(f.Statuses, u.Status) &&
		meets(f.Services, u.Affects.Services) && meets(f.Regions, u.Affects.Regions)
}

func meets(list, of []string) bool {
	return len(list) == 0 || slices.ContainsFunc(of, func(v string) bool { return slices.Contains(list, v) })
}

// first returns at which place an update names one of a list; after all where the list is empty.
func first(list, of []string) int {
	for i, v := range of {
		if slices.Contains(list, v) {
			return i
		}
	}
	return len(of)
}

// String says for which updates it is: "services cards, atm; impacts critical", or "updates that name it".
func (f For) String() string {
	var parts []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			parts = append(parts, what+" "+strings.Join(values, ", "))
		}
	}
	add("services", f.Services)
	add("regions", f.Regions)
	add("impacts", texts(f.Impacts))
	add("statuses", texts(f.Statuses))
	add("kinds", texts(f.Kinds))
	if len(parts) == 0 {
		return "updates that name it"
	}
	return strings.Join(parts, "; ")
}

func texts[T ~string](list []T) []string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = string(v)
	}
	return all
}

// oneOf says what a value should have been.
func oneOf[T ~string](known []T) string {
	return fmt.Sprintf("one of %s", strings.Join(texts(known), ", "))
}

func kinds() []incident.Kind { return []incident.Kind{incident.Outage, incident.Maintenance} }

func impacts() []incident.Impact {
	return []incident.Impact{incident.Minor, incident.Major, incident.Critical}
}

func automatics() []incident.Automatic {
	return []incident.Automatic{incident.Holding, incident.Reminder}
}
