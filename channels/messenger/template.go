package messenger

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/tocsin-dev/tocsin/channels"
)

// maxBody is how long a template's body may be with its parameters filled in ("Template components",
// body; error 132005).
const maxBody = 1024

// Template is an approved template of Meta's (WhatsApp, Messenger) whose body has one parameter, into which
// our text goes.
type Template struct {
	Name string `yaml:"name"`
	// Language is the language and locale code under which the template was approved: "en", "pt_BR".
	Language string `yaml:"language"`
	// Parameter is the parameter's name, "" where it is the positional {{1}}.
	Parameter string `yaml:"parameter"`
	// MaxText is how long a text may be: 1024 less what the template itself says.
	MaxText int `yaml:"max_text"`
}

var (
	templateName = regexp.MustCompile(`^[a-z0-9_]{1,512}$`)
	languageCode = regexp.MustCompile(`^[a-z]{2,3}(_[A-Za-z]{2,4})?$`)
)

// Templates are the templates by the locale of their texts.
type Templates map[string]Template

// Check says what is wrong with the templates, and fills in what may be left out.
func (ts Templates) Check() error {
	for locale, t := range ts {
		switch {
		case !templateName.MatchString(t.Name):
			return fmt.Errorf("templates: %s: name: want the name of an approved template, of a-z, 0-9 and _", locale)
		case !languageCode.MatchString(t.Language):
			return fmt.Errorf(`templates: %s: language: want the template's language code, as in "en" or "pt_BR"`, locale)
		case t.MaxText < 0 || t.MaxText > maxBody:
			return fmt.Errorf("templates: %s: max_text: want up to %d", locale, maxBody)
		case t.MaxText == 0:
			t.MaxText = maxBody
			ts[locale] = t
		}
	}
	return nil
}

// Component is a part of a template with its parameters.
type Component struct {
	Type       string      `json:"type"`
	Parameters []Parameter `json:"parameters"`
}

// Parameter is what goes into one place of a template.
type Parameter struct {
	Type string `json:"type"`
	Name string `json:"parameter_name,omitempty"`
	Text string `json:"text"`
}

// Fill chooses the template for a message and puts the message's text into it, on one line. Its error
// is an [*channels.Error] of class Rejected: there is no template for the locale, or no room for the
// text.
func (ts Templates) Fill(m channels.Message) (Template, []Component, error) {
	t, found := ForLocale(ts, m.Locale)
	if !found {
		return t, nil, &channels.Error{Class: channels.Rejected, Code: "no_template", Err: errors.New("no template for the locale " + m.Locale)}
	}
	text := OneLine(m.Text)
	if err := CheckLength(text, t.MaxText); err != nil {
		return t, nil, err
	}
	return t, []Component{{Type: "body", Parameters: []Parameter{{Type: "text", Name: t.Parameter, Text: text}}}}, nil
}
