package lint

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a text.
type token struct {
	fold     string // as it is compared
	at, end  int    // where it stands, in bytes
	sentence int    // which sentence it is of
}

// fold writes a text as words are compared: in small letters, Romanian without its diacritics, as SMS go
// out, Russian with е for ё, and with one sort of apostrophe and hyphen.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		switch r {
		case 'ă', 'â':
			return 'a'
		case 'î':
			return 'i'
		case 'ș', 'ş':
			return 's'
		case 'ț', 'ţ':
			return 't'
		case 'ё':
			return 'е'
		case '’', '‘', 'ʼ':
			return '\''
		case '‑', '‐':
			return '-'
		}
		return r
	}, s)
}

// blank writes spaces over links and addresses, so that their parts aren't read as words.
func blank(s string, links []link) string {
	var b strings.Builder
	from := 0
	for _, l := range links {
		b.WriteString(s[from:l.at])
		b.WriteString(strings.Repeat(" ", len(l.text)))
		from = l.at + len(l.text)
	}
	b.WriteString(s[from:])
	return b.String()
}

// tokenize splits a text without links into words and sentences. A sentence ends with its mark, a line, or a colon:
// what a label introduces is a sentence of its own.
func tokenize(s string) (words []token, sentences []string) {
	sentence, begin := 0, 0
	finish := func(end int) {
		sentences = append(sentences, strings.TrimSpace(s[begin:end]))
		begin = end
		sentence++
	}
	for at := 0; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case isWord(r):
			end := wordEnd(s, at)
			words = append(words, token{fold(s[at:end]), at, end, sentence})
			at = end
			continue
		case r == '\n' || strings.ContainsRune(".!?…:;", r) && endsSentence(s[at+size:]):
			finish(at + size)
		}
		at += size
	}
	if strings.TrimSpace(s[begin:]) != "" {
		finish(len(s))
	}
	return words, sentences
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// endsSentence says whether what follows a mark lets it end a sentence: "13.5" and "18:00" don't.
func endsSentence(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || !isWord(r)
}

// wordEnd is where the word at a place ends. Apostrophes and hyphens inside belong to it, as do the marks
// within a number.
func wordEnd(s string, at int) int {
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		if !isWord(r) {
			next, _ := utf8.DecodeRuneInString(s[at+size:])
			if !strings.ContainsRune("'’‑-.:,", r) || !isWord(next) {
				return at
			}
			before, _ := utf8.DecodeLastRuneInString(s[:at])
			if strings.ContainsRune(".:,", r) && (!unicode.IsDigit(before) || !unicode.IsDigit(next)) {
				return at
			}
		}
		at += size
	}
	return at
}

// phrase is an entry of the word lists: words in a row.
type phrase []string

func newPhrase(entry string) phrase { return strings.Fields(fold(entry)) }

// matches says whether the phrase stands at the beginning of words, within one sentence.
func (p phrase) matches(words []token) bool {
	if len(p) == 0 || len(p) > len(words) {
		return false
	}
	for i, want := range p {
		got := words[i]
		if got.sentence != words[0].sentence {
			return false
		}
		stem, open := strings.CutSuffix(want, "*")
		if open && !strings.HasPrefix(got.fold, stem) || !open && got.fold != want {
			return false
		}
	}
	return true
}

// match is where a phrase was found: words[from:to].
type match struct{ from, to int }

// find returns where any of the phrases stands, the longest where several begin at one word.
func find(words []token, phrases []phrase) []match {
	var all []match
	for i := 0; i < len(words); i++ {
		longest := 0
		for _, p := range phrases {
			if len(p) > longest && p.matches(words[i:]) {
				longest = len(p)
			}
		}
		if longest > 0 {
			all = append(all, match{i, i + longest})
			i += longest - 1
		}
	}
	return all
}
