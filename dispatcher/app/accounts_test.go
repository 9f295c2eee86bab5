package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAccounts(t *testing.T) {
	const secret = "a-secret-of-a-length"
	for _, tt := range []struct {
		token Token
		want  string
	}{
		{Token{Name: "ana", Token: secret, Approves: true, Person: "Ana Rusu"}, ""},
		{Token{Name: "ops", Token: secret, Admin: true, Person: "Ana Rusu"}, ""},
		{Token{Name: "ops", Token: secret, Admin: true}, ""},
		{Token{Name: "ana", Token: "short"}, "at least 12 characters"},
		{Token{Token: secret}, "needs a name"},
		{Token{Name: "ana", Token: secret, Approves: true}, "needs a person"},
		{Token{Name: "ana", Token: secret, Person: "Ana Rusu"}, "add approves: true"},
		{Token{Name: "ana", Token: secret, Approves: true, Person: " Ana"}, "on one line"},
		{Token{Name: "ana", Token: secret, Approves: true, Person: "Ana\nRusu"}, "on one line"},
		{Token{Name: "ana", Token: secret, Approves: true, Person: strings.Repeat("a", 201)}, "up to 200"},
	} {
		err := tt.token.check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.token, err, tt.want)
		}
	}
}

// TestTooFewApprovers: a playbook that nobody could satisfy is found in peacetime.
func TestTooFewApprovers(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "playbook.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("crisis", "name: crisis\nfor: {impacts: [critical]}\napproval:\n  - {people: 2}\n")
	token := func(name, person, team string) Token {
		return Token{Name: name, Person: person, Team: team, Approves: true}
	}
	for name, tt := range map[string]struct {
		tokens []Token
		few    bool
	}{
		"nobody":                   {nil, true},
		"one person twice":         {[]Token{token("a", "Ana Rusu", ""), token("b", "ana rusu", "")}, true},
		"two":                      {[]Token{token("a", "Ana Rusu", ""), token("b", "Ion Ceban", "")}, false},
		"two of different teams":   {[]Token{token("a", "Ana Rusu", "cards"), token("b", "Ion Ceban", "loans")}, true},
		"one of any, one of one":   {[]Token{token("a", "Ana Rusu", ""), token("b", "Ion Ceban", "loans")}, false},
		"an admin who is nobody":   {[]Token{token("a", "Ana Rusu", ""), {Name: "ops", Admin: true}}, true},
		"an admin who is somebody": {[]Token{token("a", "Ana Rusu", "cards"), {Name: "ops", Admin: true, Person: "Ion Ceban"}}, false},
	} {
		c := Defaults()
		c.Playbooks, c.HTTP.Tokens = dir, tt.tokens
		all, err := c.TooFewApprovers()
		if err != nil || (len(all) == 1) != tt.few || len(all) > 1 {
			t.Errorf("%s: %q, %v; want too few: %v", name, all, err, tt.few)
		}
		if tt.few && !strings.HasPrefix(all[0], "playbook crisis asks for 2 people to approve") {
			t.Errorf("%s: %q", name, all)
		}
	}
}
