package lint

import (
	"strings"
	"unicode"
)

// letters counts a text's letters by script.
func letters(s string) (latin, cyrillic int) {
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Latin, r):
			latin++
		case unicode.Is(unicode.Cyrillic, r):
			cyrillic++
		}
	}
	return latin, cyrillic
}

// minTranslated is from how many words on two languages can't have the same text by chance.
const minTranslated = 4

// rightLanguage tells fields in the wrong script, and those that are the same in two languages.
func rightLanguage(m *message) []hit {
	var hits []hit
	for i, p := range m.fields {
		if p.lang == nil {
			continue
		}
		latin, cyrillic := letters(p.plain)
		if russian := base(p.locale) == "ru"; russian && latin > cyrillic || !russian && cyrillic > latin {
			hits = append(hits, p.hit("", "is in the letters of another language"))
			continue
		}
		for _, q := range m.fields[:i] {
			if q.field == p.field && q.lang != nil && q.lang != p.lang && len(p.words) >= minTranslated && fold(q.text) == fold(p.text) {
				hits = append(hits, p.hit("", "is the same text as "+q.place+": translate it"))
			}
		}
	}
	return hits
}

// mixedScript tells words that mix scripts. A hyphen joins words of two scripts well: "SMS-сообщение".
func mixedScript(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		for _, w := range p.words {
			word := p.text[w.at:w.end]
			for part := range strings.SplitSeq(word, "-") {
				if latin, cyrillic := letters(part); latin > 0 && cyrillic > 0 {
					hits = append(hits, p.hit(word, "mixes Latin and Cyrillic letters, which look the same and are not"))
					break
				}
			}
		}
	}
	return hits
}

// minSpelt is from how many words on Romanian has a letter with a diacritic.
const minSpelt = 12

// spelling looks at the fields only: in SMS the diacritics are left out on purpose.
func spelling(m *message) []hit {
	var hits []hit
	words, spelt := 0, false
	for _, p := range m.fields {
		if base(p.locale) != "ro" {
			continue
		}
		if strings.ContainsAny(p.text, "şţŞŢ") {
			hits = append(hits, p.hit("", "has ş or ţ with a cedilla: Romanian writes ș and ț with a comma below"))
		}
		words += len(p.words)
		spelt = spelt || strings.ContainsAny(strings.ToLower(p.text), "ăâîșțşţ")
	}
	if words >= minSpelt && !spelt {
		hits = append(hits, at("summary.ro", "and what else is said in Romanian is written without diacritics: write them, SMS go out without by themselves")...)
	}
	return hits
}
