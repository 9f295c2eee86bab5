package twilio

import (
	"cmp"
	"fmt"

	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

// maxTemplate is how long a template's text may be with its variables filled in
// (https://www.twilio.com/docs/api/errors/63021).
const maxTemplate = 1024

// Template is a content template with one variable, into which our text goes.
type Template struct {
	ContentSID string `yaml:"content_sid"`
	// Variable is the variable's name; "1" if it is not given.
	Variable string `yaml:"variable"`
	// MaxText is how long a text may be: 1024 less what the template itself says.
	MaxText int `yaml:"max_text"`
}

// Templates are the templates by the locale of their texts.
type Templates map[string]Template

// check says what is wrong with the templates, and fills in what may be left out.
func (ts Templates) check() error {
	for locale, t := range ts {
		switch {
		case !twilio.IsSID("HX", t.ContentSID):
			return fmt.Errorf("templates: %s: content_sid: want HX and 32 hexadecimal digits", locale)
		case t.MaxText < 0 || t.MaxText > maxTemplate:
			return fmt.Errorf("templates: %s: max_text: want up to %d", locale, maxTemplate)
		}
		t.Variable, t.MaxText = cmp.Or(t.Variable, "1"), cmp.Or(t.MaxText, maxTemplate)
		ts[locale] = t
	}
	return nil
}
