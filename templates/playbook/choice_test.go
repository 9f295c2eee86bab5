package playbook

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// update is one about cards, and about what else is said.
func update(change func(*incident.Update)) *incident.Update {
	now := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	u := &incident.Update{Time: now, Data: incident.Data{
		Kind: incident.Outage, Status: incident.Identified, Impact: incident.Major, Affects: incident.Audience{Services: []string{"cards"}},
		StartedAt: now.Add(-time.Hour), Summary: typicalSummary(),
	}}
	if change != nil {
		change(u)
	}
	return u
}

func TestChoose(t *testing.T) {
	s := loaded(t, map[string]string{
		"cards/playbook.yaml":          "for: {services: [cards]}",
		"cards-critical/playbook.yaml": "for: {services: [cards], impacts: [critical]}",
		"atm/playbook.yaml":            "for: {services: [atm]}",
		"north/playbook.yaml":          "for: {regions: [balti]}",
		"critical/playbook.yaml":       "for: {impacts: [critical], statuses: [identified], kinds: [outage]}",
		"works/playbook.yaml":          "for: {kinds: [maintenance]}",
		"quiet/playbook.yaml":          "description: for nobody by itself",
	})
	services := func(ids ...string) func(*incident.Update) {
		return func(u *incident.Update) { u.Affects.Services = ids }
	}
	for _, tt := range []struct {
		name   string
		change func(*incident.Update)
		want   string
	}{
		{"by service", nil, "cards"},
		{"by service and impact", func(u *incident.Update) { u.Impact = incident.Critical }, "cards-critical"},
		{"the service named first", services("atm", "cards"), "atm"},
		{"the service named first, the other way", services("transfers", "cards", "atm"), "cards"},
		{"a service rather than a region", func(u *incident.Update) { u.Affects.Regions = []string{"balti"} }, "cards"},
		{"by region", func(u *incident.Update) {
			u.Affects, u.Impact = incident.Audience{Services: []string{"loans"}, Regions: []string{"balti"}}, incident.Critical
		}, "north"},
		{"all services are not one", func(u *incident.Update) { u.Affects = incident.Audience{}; u.Impact = incident.Critical }, "critical"},
		{"by kind", func(u *incident.Update) { u.Affects = incident.Audience{}; u.Kind = incident.Maintenance }, "works"},
		{"by none", services("loans"), "generic"},
		{"by its name", func(u *incident.Update) { u.Playbook = "quiet" }, "quiet"},
		{"by a built-in name", func(u *incident.Update) { u.Playbook = "security" }, "security"},
	} {
		if got := s.Choose(update(tt.change)); got == nil || got.Name != tt.want {
			t.Errorf("%s: chose %+v, want %s", tt.name, got, tt.want)
		}
	}
	var order []string
	for _, p := range s.InOrder() {
		order = append(order, p.Name)
	}
	if got := strings.Join(order[:7], " "); got != "cards-critical atm cards north critical works generic" {
		t.Errorf("in order: %s", got)
	}
}

// inherited are three playbooks on top of each other.
func inherited() map[string]string {
	return map[string]string{
		"generic/playbook.yaml": `
approval: [{for: {statuses: [resolved]}, people: 0}]
cadence: {holding: 3}
compensation: [{id: fees, value: "fee:0", text: {en: No fees, ro: Fără comisioane, ru: Без комиссий}}]`,
		"house/playbook.yaml": `
cascade:
  - {for: {impacts: [critical]}, steps: [{channel: sms, wait: 2m, proof: read}, {channel: next}]}
approval: [{for: {impacts: [critical]}, people: 2, time_out: 1h, then: drop}]
cadence:
  first_notice: {critical: 10m}
  every: [{for: {statuses: [identified]}, within: 45m}]
  notices: [1h, 3d]
bounds: {last_within: 1h, segments: 10}
accounts: {mastodon: [bank]}`,
		"cards/playbook.yaml": `
base: house
for: {services: [cards]}
cascade:
  - {for: {statuses: [postmortem]}, steps: [{channel: email}]}
  - {for: {statuses: [resolved]}, steps: []}
cadence: {remind: 5m, holding: 0}
bounds: {segments: 20}
compensation:
  - {id: fees, value: "fee:1", text: {en: Half the fees, ro: Jumătate din comisioane, ru: Половина комиссий}}
  - {id: gift, text: {en: A gift, ro: Un cadou}}
accounts: {mastodon: [], x: [bank]}`,
	}
}

func TestResolve(t *testing.T) {
	s := loaded(t, inherited())
	minutes := func(n int) clock.Span { return clock.Span(time.Duration(n) * time.Minute) }
	cards := s.Get("cards")
	usual := Terms{
		Playbook: "cards", Hash: cards.Hash, Accounts: map[string][]string{"mastodon": {}, "x": {"bank"}}, Approval: Approval{People: 1},
		Cadence: Cadence{FirstNotice: minutes(60), Every: minutes(45), Remind: minutes(5), Notices: []clock.Span{minutes(3 * 24 * 60), minutes(60)}},
		Bounds:  Bounds{LastWithin: minutes(60), Segments: 20},
	}
	with := func(change func(*Terms)) Terms {
		t := usual
		change(&t)
		return t
	}
	for _, tt := range []struct {
		name   string
		update *incident.Update
		want   Terms
	}{
		{"as its base, and the built-in one, say", update(nil), usual},
		{"for an impact", update(func(u *incident.Update) { u.Impact = incident.Critical }), with(func(t *Terms) {
			t.Steps = Steps{{Channel: "sms", Wait: 2 * time.Minute, Proof: channels.Read}, {Channel: "next"}}
			t.Approval = Approval{People: 2, TimeOut: minutes(60), Then: DropIt}
			t.Cadence.FirstNotice = minutes(10)
		})},
		{"as configured, by its own word", update(func(u *incident.Update) { u.Impact, u.Status = incident.Critical, incident.Resolved }), with(func(t *Terms) {
			t.Approval = Approval{People: 2, TimeOut: minutes(60), Then: DropIt}
			t.Cadence.FirstNotice, t.Cadence.Every = minutes(10), minutes(60)
		})},
		{"by the team's generic", update(func(u *incident.Update) { u.Status, u.Compensate = incident.Resolved, []string{"gift", "fees"} }), with(func(t *Terms) {
			t.Approval, t.Cadence.Every = Approval{}, minutes(120)
			t.Compensation = []Option{{ID: "gift"}, {ID: "fees", Value: "fee:1"}}
		})},
		{"its own first", update(func(u *incident.Update) { u.Impact, u.Status = incident.Critical, incident.Postmortem }), with(func(t *Terms) {
			t.Steps, t.Approval = Steps(notification.Steps("email")), Approval{People: 2, TimeOut: minutes(60), Then: DropIt}
			t.Cadence.FirstNotice, t.Cadence.Every = minutes(10), minutes(60)
		})},
	} {
		if diff := cmp.Diff(tt.want, cards.Resolve(tt.update)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if diff := cmp.Diff(Bounds{LastWithin: minutes(60), Segments: 10}, s.Get("house").Resolve(update(nil)).Bounds); diff != "" {
		t.Errorf("the base has changed with what builds on it: %s", diff)
	}
}

// Whoever lets an update go that nobody needs to see is the one who said so.
func TestApprovedBy(t *testing.T) {
	s := loaded(t, inherited())
	for status, want := range map[incident.Status]string{incident.Resolved: "playbook generic", incident.Identified: "the configuration"} {
		p, faults := s.Prepare(*update(func(u *incident.Update) { u.Status = status }))
		if len(faults) > 0 || p.ApprovedBy != want {
			t.Errorf("%s: %q, %v; want %q", status, p.ApprovedBy, faults, want)
		}
	}
}

func TestPrepareCompensation(t *testing.T) {
	s := loaded(t, inherited())
	say := func(change func(*incident.Update), locale string) string {
		t.Helper()
		p, faults := s.Prepare(*update(change))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		c, err := p.Render(channels.Messenger, locale)
		if err != nil {
			t.Fatal(err)
		}
		return c.Text.Sample()
	}
	both := func(u *incident.Update) { u.Status, u.Compensate = incident.Resolved, []string{"fees", "gift"} }
	if said := say(both, "ro"); !strings.Contains(said, "Jumătate din comisioane. Un cadou.") {
		t.Errorf("in Romanian: %s", said)
	}
	if said := say(both, "ru"); strings.Contains(said, "Половина") {
		t.Errorf("half of what is given, in Russian: %s", said)
	}
	own := func(u *incident.Update) {
		both(u)
		u.Compensation = incident.Text{"en": "Come and see.", "ro": "Veniți.", "ru": "Приходите."}
	}
	if said := say(own, "en"); !strings.Contains(said, "Come and see.") || strings.Contains(said, "gift") {
		t.Errorf("the update's own words: %s", said)
	}
}

func TestPrepareFaults(t *testing.T) {
	s := loaded(t, inherited())
	for _, tt := range []struct {
		change func(*incident.Update)
		want   []incident.Fault
	}{
		{func(u *incident.Update) { u.Playbook = "cardz" }, []incident.Fault{{Path: "data.playbook",
			Problem: `"cardz" is no playbook; there are cards, datacentre, degraded, generic, house, messenger-down, migration, security`}}},
		{func(u *incident.Update) { u.Compensate = []string{"fees", "fee"} }, []incident.Fault{{Path: "data.compensate[1]",
			Problem: `"fee" is no option of the playbook cards: it has fees, gift`}}},
	} {
		if _, got := s.Prepare(*update(tt.change)); !cmp.Equal(tt.want, got) {
			t.Error(cmp.Diff(tt.want, got))
		}
	}
}

// A playbook's texts are those of its bases but for its own, in each language.
func TestTextsInLayers(t *testing.T) {
	s := loaded(t, map[string]string{
		"house/playbook.yaml": "", "house/en/sms.tmpl": `{{define "resolved"}}House: {{template "sign" .}}{{end}}{{define "sign"}}yours{{end}}`,
		"cards/playbook.yaml": "base: house", "cards/en/sms.tmpl": `{{define "sign"}}your cards{{end}}`, "cards/ro-MD/sms.tmpl": `{{define "resolved"}}Moldova{{end}}`,
		"datacentre/playbook.yaml": "base: datacentre\n", "datacentre/en/sms.tmpl": `{{define "identified"}}Ours{{end}}`,
	})
	for _, tt := range []struct {
		playbook, locale string
		status           incident.Status
		want             string
	}{
		{"house", "en", incident.Resolved, "House: yours"},
		{"cards", "en", incident.Resolved, "House: your cards"},
		{"cards", "ro-MD", incident.Resolved, "Moldova"},
		{"datacentre", "en", incident.Identified, "Ours"},
	} {
		p, faults := s.Prepare(*update(func(u *incident.Update) { u.Playbook, u.Status = tt.playbook, tt.status }))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if c, err := p.Render(channels.SMS, tt.locale); err != nil || c.Text.Sample() != tt.want {
			t.Errorf("%s in %s: %q, %v; want %q", tt.playbook, tt.locale, c.Text.Sample(), err, tt.want)
		}
		if locales := strings.Join(p.Locales, " "); locales != "ro en ru" && (tt.playbook != "cards" || locales != "ro en ro-MD ru") {
			t.Errorf("%s is told in %s", tt.playbook, locales)
		}
	}
	if p := s.Get("datacentre"); p.BuiltIn() || p.holding != 2 {
		t.Errorf("the team's datacentre does not stand on the built-in one: %+v", p)
	}
}

// A playbook's hash changes with its files and with those of its bases, and with nothing else.
func TestHash(t *testing.T) {
	files := inherited()
	before := loaded(t, files)
	files["README.md"], files["cards/notes.md"], files[".git/config"] = "x", "x", "x"
	if after := loaded(t, files); after.Hash != before.Hash || after.Get("cards").Hash != before.Get("cards").Hash {
		t.Error("what nobody is told by changes the hash")
	}
	files["house/ro/sms.tmpl"] = `{{define "resolved"}}{{.Brief}}{{end}}`
	after := loaded(t, files)
	if after.Hash == before.Hash || after.Get("cards").Hash == before.Get("cards").Hash || after.Get("generic").Hash != before.Get("generic").Hash {
		t.Error("a text of the base changes the hashes of others, or not of what builds on it")
	}
}
