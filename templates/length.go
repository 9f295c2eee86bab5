package templates

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
	"github.com/tocsin-dev/tocsin/channels/social"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// How long texts may be. They are bounds of good sense as much as of networks: a provider that takes
// less cuts the text, and one that takes more would bill it or have nobody read it.
const (
	// MostSegments of an SMS: 306 characters of the GSM 7-bit alphabet, or 134 of any other.
	MostSegments = 2
	// MostPost is X's limit, the strictest of the networks: its weighted characters, links as 23
	// (https://docs.x.com/fundamentals/counting-characters). Bluesky takes 300, Mastodon 500.
	MostPost = 280
	// MostMessage is what an approved WhatsApp or RCS template of 1,024 characters leaves for the text, with
	// room for the template's own words. Telegram takes 4,096, Viber 7,000.
	MostMessage = 900
	// MostSpoken is half a minute of speech, MostPushed what a telephone shows of a notification that is opened.
	MostSpoken = 450
	MostPushed = 320
)

// Length is how long a text is, counted as its kind of channel counts.
type Length struct {
	Count int
	// Most is how long it may be; 0 where there is no bound.
	Most int
	// Unit is what is counted: "segments of UCS-2", "characters".
	Unit string
}

// Measure measures a text as it is sent on channels of a kind.
func Measure(kind channels.Kind, text string) Length {
	switch kind {
	case channels.SMS:
		n, encoding := sms.Segments(text)
		return Length{n, MostSegments, "segments of " + encoding.String()}
	case channels.Social:
		return Length{social.X().Length(text), MostPost, "characters as X counts them"}
	case channels.Messenger:
		return Length{utf8.RuneCountInString(text), MostMessage, "characters"}
	case channels.Voice:
		return Length{utf8.RuneCountInString(text), MostSpoken, "characters"}
	case channels.Push:
		return Length{utf8.RuneCountInString(text), MostPushed, "characters"}
	case channels.Email, channels.Web:
	}
	return Length{utf8.RuneCountInString(text), 0, "characters"}
}

// Over reports whether the text is too long.
func (l Length) Over() bool { return l.Most > 0 && l.Count > l.Most }

// String is "3 segments of UCS-2, at most 2".
func (l Length) String() string {
	unit := l.Unit
	if l.Count == 1 {
		unit = strings.Replace(unit, "segments", "segment", 1)
	}
	if l.Most == 0 {
		return fmt.Sprintf("%d %s", l.Count, unit)
	}
	return fmt.Sprintf("%d %s, at most %d", l.Count, unit, l.Most)
}

// TooLongError says that a text does not fit although everything that may be left out is.
type TooLongError struct {
	Kind   channels.Kind
	Status incident.Status
	Locale string
	Length Length
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s text %q in %s has %s: shorten short.%s of the update, or let the text leave more out (may)",
		e.Kind, e.Status, e.Locale, e.Length, e.Locale)
}

// LengthOf measures a rendered text as the recipients read it who read most: those of the region with the
// longest alternative.
func LengthOf(c *notification.Content, kind channels.Kind) Length {
	return Measure(kind, Fullest(c))
}

// Fullest is a content's text with the longest alternative that any region has, and else with defaults.
func Fullest(c *notification.Content) string { return fullest(c.Text, c.Recipe) }

// Fits returns a *[TooLongError] where a rendered text is longer than its kind of channel takes. In
// peacetime that is a mistake to be mended; in an outage the text goes out as it is: one that costs a
// segment more tells more than none.
func Fits(c *notification.Content, kind channels.Kind, status incident.Status, locale string) error {
	if l := LengthOf(c, kind); l.Over() {
		return &TooLongError{Kind: kind, Status: status, Locale: locale, Length: l}
	}
	return nil
}

// fullest is a text with the longest alternative that any region has, and else with defaults. Times
// of other zones are about as long, and recipients' own values are not known here.
func fullest(s notification.Segments, r *notification.Recipe) string {
	if r == nil || len(r.Alternatives) == 0 {
		return s.Sample()
	}
	longest := ""
	for _, a := range r.Alternatives {
		if utf8.RuneCountInString(a) > utf8.RuneCountInString(longest) {
			longest = a
		}
	}
	if r.Fold {
		longest = gsmFold(longest)
	}
	filled := make(notification.Segments, len(s))
	for i, seg := range s {
		if seg.Placeholder == alternative {
			seg.Default = longest
		}
		filled[i] = seg
	}
	return filled.Sample()
}
