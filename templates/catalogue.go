package templates

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/text/language"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Catalogue is what texts know of the organisation, and not of the update.
type Catalogue struct {
	// Organisation is its name as customers know it, by locale.
	Organisation incident.Text
	// Services and Regions are names by id and locale, in the nominative and as they stand inside a
	// sentence: "card payments", "Chișinău".
	Services map[string]incident.Text
	Regions  map[string]incident.Text
	// DefaultLocale is the language for recipients whose own has no texts.
	DefaultLocale string
	// Location is the time zone in which texts say times.
	Location *time.Location
	// StatusPage is where to read on when an update has no link of its own; optional.
	StatusPage string
}

// check finds what would make every text fail.
func (c *Catalogue) check(locales []string) error {
	var errs []error
	if c.Location == nil {
		errs = append(errs, errors.New("catalogue: no time zone"))
	}
	if len(c.Organisation) == 0 {
		errs = append(errs, errors.New("catalogue: no name of the organisation"))
	}
	if _, ok := match(c.DefaultLocale, locales); !ok {
		errs = append(errs, fmt.Errorf("catalogue: no texts for the default locale %q, only for %v", c.DefaultLocale, locales))
	}
	return errors.Join(errs...)
}

// match finds the texts for a locale among those there are: its own, or its language's. Locales are
// read as BCP 47 tags, and in any of their spellings: "ro_MD", "mo" and "ro-MD" are the same.
func match(locale string, locales []string) (text string, ok bool) {
	tag, err := language.Parse(locale)
	if err != nil {
		return "", false
	}
	base, _ := tag.Base()
	for _, want := range []string{tag.String(), base.String()} {
		for _, l := range locales {
			if l == want {
				return l, true
			}
		}
	}
	return "", false
}
