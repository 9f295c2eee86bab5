package notification

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

func TestExpand(t *testing.T) {
	greeting := Segments{{Literal: "Dear "}, {Placeholder: "name", Default: "customer"}, {Literal: ", hello"}}
	for _, tt := range []struct {
		name     string
		segments Segments
		values   map[string]string
		want     string
	}{
		{"nothing", nil, nil, ""},
		{"literal", Literal("a <b> {name}"), map[string]string{"name": "x"}, "a <b> {name}"},
		{"value", greeting, map[string]string{"name": "Ana"}, "Dear Ana, hello"},
		{"default", greeting, nil, "Dear customer, hello"},
		{"empty value", greeting, map[string]string{"name": ""}, "Dear customer, hello"},
		{"value is no template", greeting, map[string]string{"name": "{{name}} <i>"}, "Dear {{name}} <i>, hello"},
		{"html", Segments{{Placeholder: "name", HTML: true}}, map[string]string{"name": `<a href="x">'&`}, "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"},
		{"html default", Segments{{Placeholder: "name", Default: "a&b", HTML: true}}, nil, "a&amp;b"},
	} {
		got, err := tt.segments.Expand(tt.values)
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestExpandLeavesNoHole(t *testing.T) {
	got, err := Segments{{Literal: "Your code is "}, {Placeholder: "code"}}.Expand(map[string]string{"name": "Ana"})
	if err == nil || got != "" || !strings.Contains(err.Error(), `"code"`) {
		t.Errorf("without the value: %q, %v; want an error that names it", got, err)
	}
	if strings.Contains(err.Error(), "Ana") {
		t.Errorf("error %v shows a value", err)
	}
}

func TestSample(t *testing.T) {
	s := Segments{{Literal: "a "}, {Placeholder: "name", Default: "customer"}, {Literal: " "}, {Placeholder: "code"}}
	if got := s.Sample(); got != "a customer code" {
		t.Errorf("sample %q", got)
	}
}

func TestPersonal(t *testing.T) {
	place := Segments{{Placeholder: "name"}}
	for _, tt := range []struct {
		content Content
		want    bool
	}{
		{Content{}, false},
		{Content{Subject: Literal("a"), Text: Literal("b"), HTML: Literal("c")}, false},
		{Content{Subject: place}, true},
		{Content{Text: append(Literal("a"), place...)}, true},
		{Content{HTML: place}, true},
	} {
		if got := tt.content.Personal(); got != tt.want {
			t.Errorf("Personal of %+v = %v", tt.content, got)
		}
	}
}

func TestContentJSONRoundTrip(t *testing.T) {
	want := Content{
		Subject: Literal("s"),
		Text:    Segments{{Literal: "a\n"}, {Placeholder: "name", Default: "d", HTML: true}},
		HTML:    Literal("<p>"),
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Content
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s reads as %+v, %v", b, got, err)
	}
}

func TestPriorityOf(t *testing.T) {
	for _, tt := range []struct {
		status incident.Status
		impact incident.Impact
		want   Priority
	}{
		{incident.Investigating, incident.Major, Urgent},
		{incident.Resolved, incident.Critical, Urgent},
		{incident.Correction, incident.Major, Urgent},
		{incident.InProgress, incident.Major, Urgent},
		{incident.Scheduled, incident.Critical, Normal},
		{incident.Postmortem, incident.Critical, Normal},
		{incident.Investigating, incident.Minor, Normal},
	} {
		if got := PriorityOf(tt.status, tt.impact); got != tt.want {
			t.Errorf("PriorityOf(%s, %s) = %s, want %s", tt.status, tt.impact, got, tt.want)
		}
	}
	if ps := Priorities(); len(ps) != 2 || ps[0] != Urgent {
		t.Errorf("priorities %v, want the most urgent first", ps)
	}
}

func TestLastStep(t *testing.T) {
	n := Notification{Steps: Steps("email", "sms")}
	if n.LastStep() {
		t.Error("the first of two steps is the last")
	}
	if n.Attempt.Step = 1; !n.LastStep() {
		t.Error("the second of two steps isn't the last")
	}
}

// BenchmarkExpand expands a text that says times for recipients of the usual zone, who have no values: as
// it is, and as the lane has it for them.
func BenchmarkExpand(b *testing.B) {
	text := Segments{
		{Literal: "Banca Nord: Cards do not always work. We have found the cause and are fixing it. Sorry, we did not finish "},
		{Placeholder: "time.1", Default: "by 18:00"}, {Literal: ". Probably back "}, {Placeholder: "time.2", Default: "by 19:30"},
		{Literal: ". Please carry some cash for now. Next update "}, {Placeholder: "time.3", Default: "by 18:45"}, {Literal: ". https://stare.bancanord.md"},
	}
	c := Content{Text: text}
	for name, text := range map[string]Segments{"as it is": c.Text, "usual": c.Usual().Text} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := text.Expand(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestUsual(t *testing.T) {
	c := Content{
		Subject: Segments{{Literal: "At "}, {Placeholder: "time.1", Default: "18:00"}},
		Text:    Segments{{Placeholder: "name", Default: "customer"}, {Placeholder: "x", Optional: true, Before: " near ", After: "!"}},
		HTML:    Segments{{Literal: "<p>"}, {Placeholder: "time.1", Default: "<18:00>", HTML: true}, {Literal: "</p>"}},
	}
	want := Content{Subject: Literal("At 18:00"), Text: Literal("customer"), HTML: Literal("<p>&lt;18:00&gt;</p>")}
	if diff := cmp.Diff(want, *c.Usual()); diff != "" || !c.Personal() {
		t.Error(diff)
	}
	c.Text = Segments{{Placeholder: "name"}}
	if c.Usual() != &c {
		t.Error("a content that needs a value has a usual form")
	}
}

func TestExpandOptional(t *testing.T) {
	s := Segments{{Literal: "Use cash."}, {Placeholder: "where", Optional: true, Before: "\n<p>", After: "</p>", HTML: true}}
	for value, want := range map[string]string{"": "Use cash.", "A & B": "Use cash.\n<p>A &amp; B</p>"} {
		if got, err := s.Expand(map[string]string{"where": value}); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if got := s.Sample(); got != "Use cash." {
		t.Errorf("sample %q", got)
	}
}
