package messenger

import (
	"strings"
	"unicode/utf8"
)

// OneLine returns a text as templates take it for a parameter: on one line, without tabs, and without
// runs of spaces. Lines are joined by a space after a mark of punctuation, else by a middle dot, so
// that what was a line of its own still reads as one. A space that doesn't break is kept.
//
// Meta refuses parameters with line ends, tabs or more than four spaces in a row (error 132018 of
// https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes).
func OneLine(text string) string {
	var b strings.Builder
	for line := range strings.FieldsFuncSeq(text, isLineEnd) {
		words := strings.Join(strings.FieldsFunc(line, isBlank), " ")
		if words == "" {
			continue
		}
		if last, _ := utf8.DecodeLastRuneInString(b.String()); b.Len() > 0 {
			b.WriteString(joint(last))
		}
		b.WriteString(words)
	}
	return b.String()
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

func joint(last rune) string {
	if strings.ContainsRune(".,;:!?…", last) {
		return " "
	}
	return " · "
}
