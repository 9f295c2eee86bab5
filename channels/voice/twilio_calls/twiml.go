package twiliocalls

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
)

// voice is how a language is read: Twilio's language and voice, which have to fit together.
type voice struct {
	Language string `yaml:"language"`
	Voice    string `yaml:"voice"`
}

// voices are those of the languages that Tocsin has texts in ("Text-to-Speech", Amazon Polly's standard
// voices).
func voices() map[string]voice {
	return map[string]voice{
		"en": {"en-US", "Polly.Joanna"},
		"ro": {"ro-RO", "Polly.Carmen"},
		"ru": {"ru-RU", "Polly.Tatyana"},
	}
}

// voiceFor is the voice of a locale: of the tag itself, else of one with less in it ("ro" for "ro-MD").
// A text is read in its own language or not at all.
func (c *config) voiceFor(locale string) (voice, bool) {
	own := voices()
	for tag := locale; tag != ""; tag = shorter(tag) {
		if v, known := c.Voices[tag]; known {
			return v, true
		}
		if v, known := own[tag]; known {
			return v, true
		}
	}
	return voice{}, false
}

// shorter drops the last part of a tag.
func shorter(tag string) string {
	return tag[:max(0, strings.LastIndexByte(tag, '-'))]
}

// maxTwiml is how long TwiML may be that is given with a call, in characters ("Call resource", request
// body parameters).
const maxTwiml = 4000

// twiml reads a text twice, after a second in which a phone gets to an ear, and with a pause between.
// Where it is too long for that, Say's own loop repeats it, without the pause.
func twiml(v voice, text string) (string, error) {
	twice := document(say(v, "", text), `<Pause length="2"/>`, say(v, "", text))
	if utf8.RuneCountInString(twice) <= maxTwiml {
		return twice, nil
	}
	looped := document(say(v, ` loop="2"`, text))
	if utf8.RuneCountInString(looped) <= maxTwiml {
		return looped, nil
	}
	return "", &channels.Error{Class: channels.Rejected, Code: "too_long", Err: errors.New("the text doesn't fit into 4,000 characters of TwiML")}
}

func document(verbs ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><Response><Pause length="1"/>` + strings.Join(verbs, "") + `</Response>`
}

func say(v voice, attributes, text string) string {
	return `<Say language="` + escape(v.Language) + `" voice="` + escape(v.Voice) + `"` + attributes + `>` + escape(text) + `</Say>`
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
	return b.String()
}
