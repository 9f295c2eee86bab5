package app

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
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
