// Package sms is what SMS providers share: how many segments a text takes.
//
// A text is sent in the GSM 7-bit default alphabet where all its characters are in it, and in UCS-2
// otherwise; one Cyrillic letter, or one typographic quote, makes the whole text UCS-2 and more than
// halves what fits. A text that doesn't fit into one segment is sent in parts, each of which gives
// up seven septets (or three units) to the header that joins them.
//
// Some providers replace characters on the way (Twilio's "smart encoding"); what is counted here is
// the text as it stands.
package sms

import "unicode/utf16"

// Encoding is how the characters of a text are sent.
type Encoding uint8

// The encodings of 3GPP TS 23.038 that texts are sent in.
const (
	GSM7 Encoding = iota // septets of the default alphabet and its extension table
	UCS2                 // UTF-16 units
)

func (e Encoding) String() string {
	if e == GSM7 {
		return "GSM-7"
	}
	return "UCS-2"
}

// How much fits: into a text's only segment, and into each of several. 140 octets are 160 septets
// or 70 units; the concatenation header of six octets leaves 153 and 67 (3GPP TS 23.040, section
// 9.2.3.24.1).
const (
	gsmSingle, gsmPart = 160, 153
	ucsSingle, ucsPart = 70, 67
)

// Segments returns how many segments a text takes, at least 1, and how it is encoded. A character
// that takes two septets or two units is never split over two segments. Bytes that aren't UTF-8 count
// as U+FFFD, as which they'd be sent. It allocates nothing.
func Segments(text string) (n int, encoding Encoding) {
	if n, ok := fit(text, septets, gsmSingle, gsmPart); ok {
		return n, GSM7
	}
	n, _ = fit(text, units, ucsSingle, ucsPart)
	return n, UCS2
}

// fit packs a text's characters, of the width given, into segments. It reports false when it meets
// a character without a width.
func fit(text string, width func(rune) int, single, part int) (n int, ok bool) {
	total, used := 0, 0
	n = 1
	for _, r := range text {
		w := width(r)
		if w == 0 {
			return 0, false
		}
		total += w
		if used += w; used > part {
			n++
			used = w
		}
	}
	if total <= single {
		return 1, true
	}
	return n, true
}

// units returns how many UTF-16 units a character takes.
func units(r rune) int { return utf16.RuneLen(r) }

// septets returns how many septets a character takes in the GSM 7-bit default alphabet (3GPP TS
// 23.038, section 6.2.1): one, two if it is in the extension table (section 6.2.1.1), 0 if it is in
// neither.
func septets(r rune) int {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', ' ' <= r && r <= '?':
		return 1
	}
	switch r {
	case '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
		'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', 'Æ', 'æ', 'ß', 'É', '¤',
		'¡', 'Ä', 'Ö', 'Ñ', 'Ü', '§', '¿', 'ä', 'ö', 'ñ', 'ü', 'à':
		return 1
	case '\f', '^', '{', '}', '\\', '[', '~', ']', '|', '€':
		return 2
	}
	return 0
}
