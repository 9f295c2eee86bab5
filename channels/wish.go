package channels

import (
	"strings"
	"unicode"
)

// The words by which people leave, come back and ask, folded as [WishOf] folds what they write. The
// English ones are those that carriers and Twilio honour (CTIA Messaging Principles, 5.1.3; "Twilio
// support for opt-out keywords"); the others are what Romanian and Russian speakers write instead.
// A word stands here only if nobody would answer an outage message with it meaning something else.
const (
	optOutWords = `stop stopall stop_all unsubscribe cancel end quit optout opt_out revoke
		stopati opriti opreste oprire dezabonare dezabonati ma_dezabonez renunt anulare
		стоп отписка отписаться отпишите отпишите_меня отписать отмена прекратить прекратите хватит`
	optInWords = `start yes unstop resume subscribe
		abonare aboneaza_ma porneste reia da
		старт подписка подписаться возобновить да`
	helpWords = `help info
		ajutor informatii
		помощь инфо справка`
)

// WishOf returns what a text asks of a channel: a whole message that is one of the known words, in
// English, Romanian or Russian, whichever language the recipient is told in. Case, diacritics, and
// whatever is neither letter nor digit at its ends don't count. A sentence that holds such a word is
// not one: nothing is guessed.
func WishOf(text string) Wish {
	if len(text) > maxWish {
		return NoWish
	}
	word := foldWord(text)
	switch {
	case word == "":
		return NoWish
	case isAmong(word, optOutWords):
		return OptOut
	case isAmong(word, optInWords):
		return OptIn
	case isAmong(word, helpWords):
		return WantHelp
	}
	return NoWish
}

// maxWish is longer than any of the words, with whatever stands around it, in bytes.
const maxWish = 128

// isAmong looks a folded text up in a list. Texts have '_' for their spaces, and hold no other space.
func isAmong(word, list string) bool {
	for one := range strings.FieldsSeq(list) {
		if one == word {
			return true
		}
	}
	return false
}

// foldWord brings a text into the form of the lists: lower case, without diacritics and without what
// stands around the words, one '_' between them.
func foldWord(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	var b strings.Builder
	for i, word := range strings.FieldsFunc(text, separates) {
		if i > 0 {
			b.WriteByte('_')
		}
		for _, r := range word {
			if r = foldLetter(unicode.ToLower(r)); r >= 0 {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// separates reports whether a character stands between words: OPT-OUT is OPT OUT.
func separates(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '_' }

// foldLetter takes the diacritics off a lower case letter; a combining one is left out (-1).
func foldLetter(r rune) rune {
	switch r {
	case 'ă', 'â':
		return 'a'
	case 'î':
		return 'i'
	case 'ș', 'ş': // comma below is right, cedilla is what many keyboards give
		return 's'
	case 'ț', 'ţ':
		return 't'
	case 'ё':
		return 'е'
	case 'й':
		return 'и'
	}
	if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}
