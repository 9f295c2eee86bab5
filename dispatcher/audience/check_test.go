package audience_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func TestCheckNormalises(t *testing.T) {
	given := audience.Recipient{
		ID: " C-1 ", Name: "  Ana Popa\t", Locale: "RO_md",
		Addresses: audience.Addresses{
			{"SMS", " 069 123 456 "}, {"viber", ""}, {"email", "Ana@Example.com"}, {"telegram", "900"},
		},
		Preferences: []string{" Viber", "sms", "", "viber"},
		Consents:    []string{"SMS", "email", "sms"},
		Services:    []string{"Cards", "atm", "cards", " "},
		Regions:     []string{"CHISINAU"},
		Segments:    []string{" ", ""},
	}
	services := slices.Clone(given.Services)
	kept := given.Services
	want := audience.Recipient{
		ID: "C-1", Name: "Ana Popa", Locale: "ro-MD", Zone: "Europe/Chisinau",
		Addresses: audience.Addresses{
			{"email", "ana@example.com"}, {"sms", "+37369123456"}, {"telegram", "900"},
		},
		Preferences: []string{"viber", "sms"},
		Consents:    []string{"email", "sms"},
		Services:    []string{"atm", "cards"},
		Regions:     []string{"chisinau"},
	}
	c := newChecker(t)
	if faults := c.Check(&given); faults != nil {
		t.Fatalf("faults: %v", faults)
	}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("normal form (-want +got):\n%s", diff)
	}
	if !slices.Equal(kept, services) {
		t.Error("Check wrote to the slices it was given")
	}
	if faults := c.Check(&given); faults != nil || !cmp.Equal(want, given) {
		t.Errorf("Check is not idempotent: %v, %v", faults, given)
	}
}

func TestCheckDefaults(t *testing.T) {
	r := audience.Recipient{ID: "c-1"}
	if faults := newChecker(t).Check(&r); faults != nil {
		t.Fatalf("faults: %v", faults)
	}
	if want := (audience.Recipient{ID: "c-1", Locale: "ro", Zone: "Europe/Chisinau"}); !cmp.Equal(want, r) {
		t.Errorf("got %+v", r)
	}
}

func TestCheckLocales(t *testing.T) {
	for given, want := range map[string]string{
		"ru": "ru", "RU-md": "ru-MD", "mo": "ro-MD", "iw": "he", "zh-hant-TW": "zh-Hant-TW", "en_US": "en-US",
	} {
		r := audience.Recipient{ID: "c-1", Locale: given}
		if faults := newChecker(t).Check(&r); faults != nil || r.Locale != want {
			t.Errorf("%s: got %s, %v; want %s", given, r.Locale, faults, want)
		}
	}
}

func TestCheckFaults(t *testing.T) {
	many := make([]string, audience.MaxList+1)
	for name, tt := range map[string]struct {
		spoil func(*audience.Recipient)
		want  audience.Fault
	}{
		"no id":            {func(r *audience.Recipient) { r.ID = " " }, audience.Fault{Field: "id", Reason: "is missing"}},
		"long id":          {func(r *audience.Recipient) { r.ID = strings.Repeat("ș", 129) }, audience.Fault{Field: "id", Reason: "is too long"}},
		"control in id":    {func(r *audience.Recipient) { r.ID = "c\x001" }, audience.Fault{Field: "id", Reason: "holds control characters"}},
		"id not UTF-8":     {func(r *audience.Recipient) { r.ID = "c\xff" }, audience.Fault{Field: "id", Reason: "is not UTF-8"}},
		"account id":       {func(r *audience.Recipient) { r.ID = "account:x" }, audience.Fault{Field: "id", Reason: "begins with account:, which is reserved"}},
		"Account id":       {func(r *audience.Recipient) { r.ID = "Account:x" }, audience.Fault{Field: "id", Reason: "begins with account:, which is reserved"}},
		"long name":        {func(r *audience.Recipient) { r.Name = strings.Repeat("a", 201) }, audience.Fault{Field: "name", Reason: "is too long"}},
		"newline in name":  {func(r *audience.Recipient) { r.Name = "a\nb" }, audience.Fault{Field: "name", Reason: "holds control characters"}},
		"reordered name":   {func(r *audience.Recipient) { r.Name = "a\u202eb" }, audience.Fault{Field: "name", Reason: "holds control characters"}},
		"line separator":   {func(r *audience.Recipient) { r.Name = "a\u2028b" }, audience.Fault{Field: "name", Reason: "holds control characters"}},
		"locale":           {func(r *audience.Recipient) { r.Locale = "romanian!" }, audience.Fault{Field: "locale", Reason: "is not a BCP 47 language tag"}},
		"no language":      {func(r *audience.Recipient) { r.Locale = "und-MD" }, audience.Fault{Field: "locale", Reason: "is not a BCP 47 language tag"}},
		"unknown language": {func(r *audience.Recipient) { r.Locale = "qq" }, audience.Fault{Field: "locale", Reason: "is not a BCP 47 language tag"}},
		"long locale":      {func(r *audience.Recipient) { r.Locale = "ro-x" + strings.Repeat("-abcdefgh", 7) }, audience.Fault{Field: "locale", Reason: "is not a BCP 47 language tag"}},
		"zone":             {func(r *audience.Recipient) { r.Zone = "Europe/Atlantis" }, audience.Fault{Field: "zone", Reason: "is not an IANA time zone"}},
		"local zone":       {func(r *audience.Recipient) { r.Zone = "Local" }, audience.Fault{Field: "zone", Reason: "is not an IANA time zone"}},
		"zone is a path":   {func(r *audience.Recipient) { r.Zone = "../etc/passwd" }, audience.Fault{Field: "zone", Reason: "is not an IANA time zone"}},
		"unknown channel":  {address("fax", "1"), audience.Fault{Field: "addresses", Reason: "names an unknown channel"}},
		"phone":            {address("sms", "12"), audience.Fault{Field: "addresses.sms", Reason: "is not a phone number that exists in its country's plan"}},
		"telling error":    {address("email", "anapopa"), audience.Fault{Field: "addresses.email", Reason: "is not a mailbox: …"}},
		"long address":     {address("telegram", strings.Repeat("1", 1601)), audience.Fault{Field: "addresses.telegram", Reason: "is too long"}},
		"control":          {address("telegram", "1\x7f2"), audience.Fault{Field: "addresses.telegram", Reason: "holds control characters"}},
		"channel twice": {func(r *audience.Recipient) {
			r.Addresses = audience.Addresses{{"telegram", "1"}, {"Telegram", "2"}}
		}, audience.Fault{Field: "addresses.telegram", Reason: "is given twice"}},
		"preference":         {func(r *audience.Recipient) { r.Preferences = []string{"sms", "fax", "telex"} }, audience.Fault{Field: "preferences", Reason: "names an unknown channel"}},
		"consent":            {func(r *audience.Recipient) { r.Consents = []string{"fax"} }, audience.Fault{Field: "consents", Reason: "names an unknown channel"}},
		"service":            {func(r *audience.Recipient) { r.Services = []string{"online banking"} }, audience.Fault{Field: "services", Reason: "holds a code of other characters than a-z 0-9 . _ -"}},
		"region":             {func(r *audience.Recipient) { r.Regions = []string{"chișinău"} }, audience.Fault{Field: "regions", Reason: "holds a code of other characters than a-z 0-9 . _ -"}},
		"segment":            {func(r *audience.Recipient) { r.Segments = []string{strings.Repeat("a", 65)} }, audience.Fault{Field: "segments", Reason: "holds a code of other characters than a-z 0-9 . _ -"}},
		"value's name":       {value("the branch", "x"), audience.Fault{Field: "values", Reason: "has a name of other characters than a-z and _, or of more than 32"}},
		"value name":         {value("name", "Ana"), audience.Fault{Field: "values.name", Reason: "is a field of its own: name"}},
		"long value":         {value("branch", strings.Repeat("ș", 101)), audience.Fault{Field: "values.branch", Reason: "is too long"}},
		"control in a value": {value("branch", "a\tb"), audience.Fault{Field: "values.branch", Reason: "holds control characters"}},
		"many values": {func(r *audience.Recipient) {
			r.Values = map[string]string{}
			for i := range 17 {
				r.Values[strings.Repeat("v", i+1)] = "x"
			}
		}, audience.Fault{Field: "values", Reason: "is too long"}},
		"long list": {func(r *audience.Recipient) { r.Services = many }, audience.Fault{Field: "services", Reason: "is too long"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := audience.Recipient{ID: "c-1", Locale: "ro"}
			tt.spoil(&r)
			if diff := cmp.Diff([]audience.Fault{tt.want}, newChecker(t).Check(&r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func value(name, value string) func(*audience.Recipient) {
	return func(r *audience.Recipient) { r.Values = map[string]string{name: value} }
}

func TestCheckValues(t *testing.T) {
	given := map[string]string{"branch": " Main Street 1 ", "atm": " ", "The Rest": ""}
	r := audience.Recipient{ID: "c-1", Locale: "ro", Values: given}
	if faults := newChecker(t).Check(&r); faults != nil {
		t.Error(faults)
	}
	if diff := cmp.Diff(map[string]string{"branch": "Main Street 1"}, r.Values); diff != "" || len(given) != 3 {
		t.Errorf("%s, given %v", diff, given)
	}
}

func address(channel, address string) func(*audience.Recipient) {
	return func(r *audience.Recipient) { r.Addresses = audience.Addresses{{channel, address}} }
}

func TestCheckRefusesUselessNormalForm(t *testing.T) {
	rules := rules()
	rules.Channels["x"] = func(string) (string, error) { return "a\nb", nil }
	c, err := audience.NewChecker(rules)
	if err != nil {
		t.Fatal(err)
	}
	r := audience.Recipient{ID: "c-1", Addresses: audience.Addresses{{"x", "a"}}}
	want := []audience.Fault{{Field: "addresses.x", Reason: "has no usable normal form"}}
	if diff := cmp.Diff(want, c.Check(&r)); diff != "" {
		t.Error(diff)
	}
}

func TestCheckNamesEveryFault(t *testing.T) {
	r := audience.Recipient{Locale: "!", Zone: "!", Consents: []string{"!"}}
	var fields []string
	for _, f := range newChecker(t).Check(&r) {
		fields = append(fields, f.Field)
	}
	if diff := cmp.Diff([]string{"id", "locale", "zone", "consents"}, fields); diff != "" {
		t.Error(diff)
	}
}

func TestNewCheckerRefusesWrongRules(t *testing.T) {
	for want, spoil := range map[string]func(*audience.Rules){
		"default locale": func(r *audience.Rules) { r.Locale = "" },
		"default zone":   func(r *audience.Rules) { r.Zone = "Mars/Olympus" },
		"channel":        func(r *audience.Rules) { r.Channels["S M S"] = nil },
	} {
		rules := rules()
		spoil(&rules)
		if _, err := audience.NewChecker(rules); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("want an error about the %s, got %v", want, err)
		}
	}
}

func TestCheckerIsSafeForConcurrentUse(t *testing.T) {
	c := newChecker(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for r := range audience.Generate(200, 1, audience.DefaultMix()) {
				r.Locale, r.Zone = "EN", "Europe/Bucharest"
				if faults := c.Check(&r); faults != nil || r.Locale != "en" {
					t.Errorf("%s: %v", r.ID, faults)
				}
			}
		})
	}
	wg.Wait()
}
