package audience_test

import (
	"fmt"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// dimension is one row of the table in Selector's documentation.
type dimension struct {
	says, has []string
	match     bool
}

func dimensions(a, b, c string) []dimension {
	return []dimension{
		{nil, nil, true},
		{nil, []string{a}, true},
		{[]string{a}, nil, true},
		{[]string{a, b}, []string{c, b}, true},
		{[]string{a}, []string{a}, true},
		{[]string{a}, []string{b, c}, false},
		{[]string{a, c}, []string{b}, false},
		{[]string{a}, []string{a + "x"}, false},
	}
}

// Every combination of the table's rows over services, regions and segments.
func TestSelectorTable(t *testing.T) {
	for _, svc := range dimensions("cards", "atm", "website") {
		for _, reg := range dimensions("balti", "cahul", "orhei") {
			for _, seg := range dimensions("retail", "business", "premium") {
				s := audience.NewSelector(incident.Audience{Services: svc.says, Regions: reg.says, Segments: seg.says})
				r := audience.Recipient{ID: "c-1", Services: svc.has, Regions: reg.has, Segments: seg.has}
				want := svc.match && reg.match && seg.match
				if got := s.Matches(&r); got != want {
					t.Errorf("services %v, regions %v, segments %v: got %v", svc, reg, seg, got)
				}
			}
		}
	}
}

func TestSelectorListed(t *testing.T) {
	elsewhere := audience.Recipient{ID: "c-1", Services: []string{"atm"}, Regions: []string{"cahul"}}
	affected := audience.Recipient{ID: "c-2", Services: []string{"cards"}, Regions: []string{"balti"}}
	s := audience.NewSelector(incident.Audience{
		Services: []string{"cards"}, Regions: []string{"balti"}, Recipients: []string{" c-1", "C-2"},
	})
	if !s.Matches(&elsewhere) {
		t.Error("a listed recipient must match whatever else the update says")
	}
	if s.Matches(&affected) {
		t.Error("with a list only its recipients match, and ids compare exactly")
	}
}

func TestSelectorLowersItsCodes(t *testing.T) {
	s := audience.NewSelector(incident.Audience{Services: []string{" Cards "}, Regions: []string{"BALTI"}})
	if !s.Matches(&audience.Recipient{Services: []string{"cards"}, Regions: []string{"balti"}}) {
		t.Error("the update's codes are not lowered")
	}
}

func TestSelectorAllocatesNothing(t *testing.T) {
	s, r := selectorAndRecipient()
	if n := testing.AllocsPerRun(100, func() { s.Matches(r) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func BenchmarkSelectorMatches(b *testing.B) {
	s, r := selectorAndRecipient()
	b.ReportAllocs()
	for b.Loop() {
		s.Matches(r)
	}
}

func BenchmarkSelectorListed(b *testing.B) {
	var a incident.Audience
	for i := range 100_000 {
		a.Recipients = append(a.Recipients, fmt.Sprintf("c-%d", i))
	}
	s, r := audience.NewSelector(a), &audience.Recipient{ID: "c-77777"}
	b.ReportAllocs()
	for b.Loop() {
		s.Matches(r)
	}
}

func selectorAndRecipient() (*audience.Selector, *audience.Recipient) {
	s := audience.NewSelector(incident.Audience{
		Services: []string{"cards", "atm"}, Regions: []string{"chisinau", "balti"}, Segments: []string{"retail"},
	})
	return s, &audience.Recipient{
		ID: "c-1", Services: []string{"transfers", "website", "atm"}, Regions: []string{"balti"}, Segments: []string{"retail"},
	}
}
