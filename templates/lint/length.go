package lint

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
	"github.com/tocsin-dev/tocsin/channels/social"
	"github.com/tocsin-dev/tocsin/templates"
)

// of lists the texts of a kind.
func (m *message) of(kind channels.Kind) []*rendition {
	var all []*rendition
	for _, r := range m.texts {
		if r.Kind == kind {
			all = append(all, r)
		}
	}
	return all
}

func smsLength(m *message) []hit {
	var hits []hit
	for _, r := range m.of(channels.SMS) {
		text := templates.Fullest(&r.Content)
		if n, alphabet := sms.Segments(text); n > m.settings.SMSSegments {
			hits = append(hits, r.hit(fmt.Sprintf("has %d segments (%d characters in %s): at most %d; %s",
				n, utf8.RuneCountInString(text), alphabet, m.settings.SMSSegments, m.shorten(r.Locale))))
		}
	}
	return hits
}

// shorten says what the author can do about a text that is too long.
func (m *message) shorten(locale string) string {
	if p := m.field("short", locale); p != nil {
		return fmt.Sprintf("%s has %d characters", p.place, utf8.RuneCountInString(p.text))
	}
	return "give it a summary of its own in short." + locale
}

// fewStrangers is how many characters may be what keeps a text out of the GSM alphabet. Where there are
// more, the text is in another script.
const fewStrangers = 3

func smsAlphabet(m *message) []hit {
	var hits []hit
	for _, r := range m.of(channels.SMS) {
		text := r.text().text
		n, alphabet := sms.Segments(text)
		if alphabet == sms.GSM7 {
			continue
		}
		plain, strangers := withoutStrangers(text)
		if fewer, _ := sms.Segments(plain); len(strangers) <= fewStrangers && fewer < n {
			h := r.hit(fmt.Sprintf("is not in the GSM alphabet and makes it %d segments instead of %d", n, fewer))
			h.words = strings.Join(strangers, "")
			hits = append(hits, h)
		}
	}
	return hits
}

// withoutStrangers takes the characters out that the GSM alphabet doesn't have.
func withoutStrangers(text string) (plain string, strangers []string) {
	var kept []rune
	for _, r := range text {
		if _, alphabet := sms.Segments(string(r)); alphabet == sms.GSM7 {
			kept = append(kept, r)
			continue
		}
		strangers = append(strangers, string(r))
	}
	return string(kept), strangers
}

func smsCost(m *message) []hit {
	s := m.settings
	if s.SMSPrice <= 0 || s.SegmentPrice <= 0 {
		return nil
	}
	var hits []hit
	for _, r := range m.of(channels.SMS) {
		n, _ := sms.Segments(templates.Fullest(&r.Content))
		if cost := float64(n) * s.SegmentPrice; cost > s.SMSPrice {
			hits = append(hits, r.hit(fmt.Sprintf("costs %.4g for each recipient (%s at %.4g): at most %.4g",
				cost, list(n, "segment", "segments"), s.SegmentPrice, s.SMSPrice)))
		}
	}
	return hits
}

func postLength(m *message) []hit {
	var hits []hit
	for _, r := range m.of(channels.Social) {
		if n := social.X().Length(r.text().text); n > m.settings.PostLength {
			hits = append(hits, r.hit(fmt.Sprintf("is %d long as X counts: at most %d; %s", n, m.settings.PostLength, m.shorten(r.Locale))))
		}
	}
	return hits
}

func messageLength(m *message) []hit {
	var hits []hit
	for _, r := range m.of(channels.Messenger) {
		if n := utf8.RuneCountInString(templates.Fullest(&r.Content)); n > m.settings.MessageLength {
			hits = append(hits, r.hit(fmt.Sprintf("has %d characters: at most %d", n, m.settings.MessageLength)))
		}
	}
	return hits
}
