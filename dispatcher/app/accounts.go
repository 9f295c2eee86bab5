package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Token lets a caller use the API: an account. One with a team may publish that team's updates and read; an
// admin may do everything.
type Token struct {
	Name  string          `yaml:"name"`
	Token channels.Secret `yaml:"token"`
	Team  string          `yaml:"team"`
	Admin bool            `yaml:"admin"`
	// Approves lets it approve held updates, of its team if it has one. Person is whose account it is, and
	// nobody else's; several accounts of one person are one approver.
	Approves bool   `yaml:"approves"`
	Person   string `yaml:"person"`
}

// check says what can't be meant.
func (t *Token) check() error {
	switch {
	case len(t.Token) < minSecret || t.Name == "":
		return fmt.Errorf("needs a name and a token of at least %d characters", minSecret)
	case t.Approves && t.Person == "":
		return errors.New("approves: needs a person: the name of the one whose account it is")
	case t.Person != "" && !t.Approves && !t.Admin:
		return errors.New("person: is for accounts that approve: add approves: true")
	case strings.ContainsFunc(t.Person, unicode.IsControl) || strings.TrimSpace(t.Person) != t.Person || utf8.RuneCountInString(t.Person) > maxPerson:
		return fmt.Errorf("person: %q must be a name of up to %d characters, on one line", t.Person, maxPerson)
	}
	return nil
}

const maxPerson = 200

// approvers is how many different people may approve an update: of the team with the most of them, since who may
// for any team may for each.
func (h *HTTP) approvers() int {
	most := 0
	for i := range h.Tokens {
		most = max(most, h.approversOf(h.Tokens[i].Team))
	}
	return most
}

func (h *HTTP) approversOf(team string) int {
	var people []ledger.ApprovalSaid
	for _, t := range h.Tokens {
		one := ledger.ApprovalSaid{By: t.Person, Account: t.Name}
		if t.Person != "" && (t.Team == "" || t.Admin || t.Team == team) && !slices.ContainsFunc(people, func(o ledger.ApprovalSaid) bool { return o.SamePerson(&one) }) {
			people = append(people, one)
		}
	}
	return len(people)
}

// TooFewApprovers says which playbooks ask for more people than have accounts to approve with.
func (c *Config) TooFewApprovers() ([]string, error) {
	set, err := c.LoadPlaybooks()
	if err != nil {
		return nil, err
	}
	var all []string
	there := c.HTTP.approvers()
	for _, p := range set.InOrder() {
		for _, r := range p.Approval {
			if r.People > max(1, there) { // for one, this machine's token will do
				all = append(all, fmt.Sprintf("playbook %s asks for %d people to approve, and %d have accounts that may: its updates can't be let go but by breaking the glass, or time",
					p.Name, r.People, there))
				break
			}
		}
	}
	return all, nil
}

// approvers looks whether as many people may approve as playbooks ask for.
func (x *checkup) approvers() []doctor.Finding {
	all, err := x.Config.TooFewApprovers()
	if err != nil {
		return doctor.Found(doctor.Unchecked, "see the findings about playbooks", "playbooks could not be read")
	}
	var found []doctor.Finding
	for _, text := range all {
		found = append(found, doctor.Finding{Level: doctor.Fault, Text: text, Mend: "give each of them a token of their own: http.tokens, with approves: true and a person"})
	}
	if found == nil {
		return doctor.Found(doctor.OK, "", "%d people have accounts of their own, and no playbook asks for more", x.Config.HTTP.approvers())
	}
	return found
}
