package playbook

import (
	"fmt"
	"strings"
	"testing"
)

// TestFaults: each by its file and line, whether found when the playbooks are loaded or by the check alone.
func TestFaults(t *testing.T) {
	const sms = `{{define "resolved"}}{{.Brief}}{{end}}`
	one := func(yaml string) map[string]string { return map[string]string{"a/playbook.yaml": yaml} }
	chain := map[string]string{"p0/playbook.yaml": ""}
	for i := 1; i < 10; i++ {
		chain[fmt.Sprintf("p%d/playbook.yaml", i)] = fmt.Sprintf("base: p%d", i-1)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"unknown key", one("description: x\naproval: []"), "playbooks/a/playbook.yaml:2: unknown key aproval; known here: accounts, approval"},
		{"unknown key below", one("approval:\n  - people: 1\n    peple: 2"), "playbooks/a/playbook.yaml:3: unknown key approval[0].peple"},
		{"unknown key behind an alias", one("cascade:\n  - &a {steps: [], x: 1}\n  - *a"), "playbooks/a/playbook.yaml:2: unknown key cascade[1].x"},
		{"no YAML", one("a: ["), "playbooks/a/playbook.yaml: yaml:"},
		{"wrong type", one("approval: yes"), "playbooks/a/playbook.yaml:1: cannot unmarshal"},
		{"another name", one("name: b"), `playbooks/a/playbook.yaml:1: name: "b" must be that of its folder, "a"`},
		{"bad folder", map[string]string{"A b/playbook.yaml": ""}, "playbooks/A b: a playbook's name is"},
		{"no file", map[string]string{"a/en/sms.tmpl": sms}, "playbooks/a: has no playbook.yaml"},
		{"wrong folder", map[string]string{"playbook.yaml": ""}, "playbooks/playbook.yaml: belongs into a folder of its own"},
		{"kind", one("for: {kinds: [outtage]}"), `playbook.yaml:1: for.kinds[0]: "outtage" must be one of outage, maintenance`},
		{"impact", one("for:\n  impacts:\n    - major\n    - huge"), `playbook.yaml:4: for.impacts[1]: "huge" must be one of minor, major, critical`},
		{"status", one("for: {statuses: [done]}"), `for.statuses[0]: "done" must be one of investigating`},
		{"automatic", one("cascade: [{for: {automatic: [robot]}, steps: []}]"), `cascade[0].for.automatic[0]: "robot" must be one of holding, reminder`},
		{"no update", one("for: {kinds: [outage], statuses: [scheduled]}"), "for: is for no update"},
		{"generic is for all", map[string]string{"generic/playbook.yaml": "for: {kinds: [outage]}"}, "playbooks/generic/playbook.yaml:1: for: generic is for what no other"},
		{"no steps", one("cascade:\n- for: {kinds: [outage]}"), "playbook.yaml:2: cascade[0]: needs steps"},
		{"proof", one("cascade: [{steps: [{channel: sms, proof: perhaps}]}]"), `cascade[0].steps[0]: proof: "perhaps" must be accepted, delivered or read`},
		{"wait", one("cascade: [{steps: [{channel: sms, wait: -1m}]}]"), "cascade[0].steps[0]: wait: must not be negative"},
		{"no channel", one("cascade: [{steps: [{wait: 1m}]}]"), "cascade[0].steps[0].channel: is empty"},
		{"bad channel", one(`cascade: [{steps: [{channel: "sms,email"}]}]`), `"sms,email" can't be the name of a channel`},
		{"unknown channel", one("cascade: [{steps: [{channel: fax}]}]"), `cascade[0].steps[0].channel: "fax" is not configured, nor one of preferred, next`},
		{"people", one("approval: [{people: 3}]"), "approval[0].people: 3 must be 0, 1 or 2"},
		{"then", one("approval: [{people: 1, time_out: 1h, then: wait}]"), `approval[0].then: "wait" must be send or drop`},
		{"no then", one("approval: [{people: 1, time_out: 1h}]"), "approval[0]: needs then beside time_out"},
		{"no time-out", one("approval: [{people: 1, then: drop}]"), "approval[0]: needs time_out beside then"},
		{"time-out of nobody", one("approval: [{people: 0, time_out: 1h, then: drop}]"), "approval[0].time_out: is for rules that ask people"},
		{"span", one("cadence:\n  remind: soon"), `playbook.yaml:2: "soon" is not a time`},
		{"first notice", one("cadence: {first_notice: {all: 1h}}"), "cadence.first_notice.all: must be one of minor"},
		{"holding", one("cadence: {holding: 100}"), "cadence.holding: 100 must be 0 to 20"},
		{"notice", one("cadence: {notices: [1h, 0s]}"), "cadence.notices[1]: must be longer than 0"},
		{"notice twice", one("cadence: {notices: [1h, 60m]}"), "cadence.notices[1]: 1h is there twice"},
		{"bound", one("bounds: {segments: -1}"), "bounds.segments: must not be negative"},
		{"option", one("compensation: [{id: Fee, text: {en: x}}]"), `compensation[0].id: "Fee" must be`},
		{"option twice", one("compensation: [{id: a, text: {en: x}}, {id: a, text: {en: x}}]"), `compensation[1].id: "a" is there twice`},
		{"option without words", one("compensation: [{id: a}]"), "compensation[0]: needs text"},
		{"option in one language", one("compensation: [{id: a, text: {en: x, ro: y}}]"), `compensation "a": text: nothing in ru`},
		{"unknown base", one("description: x\nbase: datacenter"), `playbooks/a/playbook.yaml:2: base: "datacenter" is no playbook; there are a, datacentre, degraded`},
		{"its own base", one("base: a"), `base: "a" is no playbook`},
		{"bad base", one("base: ../b"), `base: "../b" can't be the name`},
		{"a circle", map[string]string{"a/playbook.yaml": "base: b", "b/playbook.yaml": "base: c", "c/playbook.yaml": "base: b"}, "base: goes in a circle: b builds on c builds on b"},
		{"a circle through the built-in", map[string]string{"generic/playbook.yaml": "base: migration"}, "base: goes in a circle: generic builds on migration builds on generic"},
		{"too deep", chain, "more than 8 playbooks build on one another"},
		{"unknown service", one("for: {services: [cards, card]}"), `for.services[1]: "card" is no service of the catalogue`},
		{"unknown region", one("for: {regions: [nord]}"), `for.regions[0]: "nord" is no region of the catalogue`},
		{"account's channel", one("accounts: {twitter: [bank]}"), "accounts.twitter: is no channel that is configured"},
		{"account", one("accounts: {mastodon: [bnak]}"), `accounts.mastodon[0]: "bnak" is no account of the channel; configured are bank, bank_ru`},
		{"a rule behind one for all", one("approval: [{people: 1}, {for: {impacts: [minor]}, people: 0}]"), "approval[1]: is never tried: approval[0] is for all updates"},
		{"a tie", map[string]string{"a/playbook.yaml": "for: {services: [cards, atm]}", "b/playbook.yaml": "for: {services: [atm]}"},
			"playbooks/b/playbook.yaml: for: says as much as that of a, and both are for outage, minor, investigating, service atm"},
		{"never chosen", map[string]string{"a/playbook.yaml": "for: {kinds: [outage]}", "b/playbook.yaml": "for: {impacts: [minor, major, critical]}"},
			"playbooks/a/playbook.yaml: for: never chooses it: for each of its updates there is one that says more, such as b"},
		{"a text in one language", map[string]string{"a/playbook.yaml": "", "a/en/sms.tmpl": sms, "a/ro/sms.tmpl": sms}, `playbooks/a/ru/sms.tmpl: says nothing of its own for "resolved", which is in en, ro`},
		{"a text that fails", map[string]string{"a/playbook.yaml": "", "a/en/sms.tmpl": `{{define "resolved"}}{{.Breef}}{{end}}`}, `playbooks/a: sms text "resolved" in en: template: en/sms.tmpl:1:23`},
		{"a text that can't be read", map[string]string{"a/playbook.yaml": "", "a/en/sms.tmpl": `{{define "resolved"}}`}, "playbooks/a: template: en/sms.tmpl:1"},
		{"a file that is none", map[string]string{"a/playbook.yaml": "", "a/en/sms.txt": "x"}, "playbooks/a: en/sms.txt replaces no text"},
		{"a text that is too long", map[string]string{"a/playbook.yaml": "", "a/en/sms.tmpl": `{{define "resolved"}}` + strings.Repeat("{{.Brief}} ", 12) + `{{end}}`,
			"a/ro/sms.tmpl": sms, "a/ru/sms.tmpl": sms}, `playbooks/a: en: SMS text of a typical update for "resolved" has 3 segments of GSM-7, at most 2: let it leave more out (may)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults, err := Check(bank(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.ToLower(faults.Error()), strings.ToLower(tt.want)) {
				t.Errorf("found\n%s\nwant %s", faults.Error(), tt.want)
			}
		})
	}
}

// TestFaultsAllAtOnce, so that the person who mends them comes once.
func TestFaultsAllAtOnce(t *testing.T) {
	faults, err := Check(bank(t, map[string]string{
		"a/playbook.yaml": "nme: a\nfor: {kinds: [x]}\napproval: [{people: 9}]\ncadence: {remind: x, holding: -1}",
		"b/playbook.yaml": "base: c",
		"c/playbook.yaml": "for: {services: [card]}", "c/ru/sms.tmpl": `{{define "resolved"}}{{.Brief}}{{end}}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(faults) != 8 {
		t.Errorf("%d faults, want 8:\n%s", len(faults), faults.Error())
	}
	if _, err := Load(bank(t, map[string]string{"c/playbook.yaml": "for: {services: [card]}"})); err != nil {
		t.Errorf("a name that the configuration doesn't know keeps the playbooks from being used: %v", err)
	}
}

func TestFaultsOfASet(t *testing.T) {
	_, err := Load(bank(t, map[string]string{"a/playbook.yaml": "x: 1", "b/playbook.yaml": "base: a"}))
	faults, ok := err.(Faults)
	if !ok || len(faults) != 1 { // that b has no base has been said
		t.Errorf("%v", err)
	}
	o := bank(t, nil)
	o.Catalogue.Organisation = nil
	if _, err := Load(o); err == nil || !strings.Contains(err.Error(), "no name of the organisation") {
		t.Errorf("a catalogue that can't be used: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, yaml := range inherited() {
		f.Add(yaml)
	}
	f.Add("for: &a [*a]")
	f.Add("cadence: {every: [{within: 1d12h}]}\n<<: {x: 1}")
	f.Add("compensation: [{id: a, text: {en: [x]}}]\naccounts: {x: }")
	f.Fuzz(func(t *testing.T, yaml string) {
		got, _, faults := parseFile("p.yaml", "p", []byte(yaml))
		for _, fault := range faults {
			if !strings.HasPrefix(fault.Place, "p.yaml") || fault.Problem == "" {
				t.Errorf("fault %+v", fault)
			}
		}
		if len(faults) > 0 {
			return
		}
		p := got.onto("p", nil)
		for _, impact := range impacts() {
			u := update(nil)
			u.Impact = impact
			if terms := p.Resolve(u); terms.Approval.People < 0 || terms.Approval.People > 2 || terms.Cadence.Holding > MaxHolding {
				t.Errorf("terms %+v", terms)
			}
		}
	})
}
