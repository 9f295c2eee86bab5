package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// emoji tells passages with too many.
func emoji(m *message) []hit {
	allowed, why := m.settings.Emoji, ""
	if m.u.Impact == incident.Critical {
		allowed, why = 0, ", since the impact is critical"
	}
	var hits []hit
	for _, p := range m.passages() {
		if found := emojiIn(p.text); len(found) > allowed {
			hits = append(hits, p.hit(strings.Join(found, ""), fmt.Sprintf("has %s: at most %d%s", list(len(found), "emoji", "emoji"), allowed, why)))
		}
	}
	return hits
}

// emojiIn lists the emoji of a text, each as its reader sees it, however many code points it is made of.
func emojiIn(text string) []string {
	var all []string
	rest, state := text, -1
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if strings.ContainsFunc(cluster, isEmoji) {
			all = append(all, cluster)
		}
	}
	return all
}

// isEmoji is true for pictographs, for the signs that most fonts show as one, and for what asks for one.
func isEmoji(r rune) bool {
	return r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF || r >= 0x2B00 && r <= 0x2BFF ||
		r == 0xFE0F || r == 0x20E3 || r >= 0x231A && r <= 0x23FF
}

var marksInARow = regexp.MustCompile(`[!?]*![!?]+|\?+!+`)

func exclamation(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		if marks := marksInARow.FindString(p.text); marks != "" {
			hits = append(hits, p.hit(marks, "shouts: one mark is enough, and a full stop is calmer"))
		}
	}
	return hits
}

// Shouting is a long word in capitals, or several of at least three letters in a row. Short ones are
// abbreviations: IBAN, ATM.
const (
	loudWord = 6
	loudRun  = 3
)

func shouting(m *message) []hit {
	names := m.properNames()
	var hits []hit
	for _, p := range m.passages() {
		for i := 0; i < len(p.words); i++ {
			run := i
			for run < len(p.words) && p.loud(p.words[run], names) {
				run++
			}
			if run == i {
				continue
			}
			words := p.quote(match{i, run})
			long := slices.ContainsFunc(p.words[i:run], func(w token) bool { return countLetters(w.fold) >= loudWord })
			if (long || run-i >= loudRun) && !p.unfilledAt(p.words[i].at) {
				hits = append(hits, p.hit(words, "shouts in capitals"))
			}
			i = run
		}
	}
	return hits
}

// loud says whether a word is in capitals and no name.
func (p *passage) loud(w token, names map[string]bool) bool {
	word := p.text[w.at:w.end]
	return countLetters(word) >= 3 && !names[w.fold] &&
		!strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLower(r) || unicode.IsDigit(r) })
}

func countLetters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// properNames are the words of the names that the organisation writes as it likes.
func (m *message) properNames() map[string]bool {
	names := map[string]bool{}
	add := func(t incident.Text) {
		for _, name := range t {
			words, _ := tokenize(name)
			for _, w := range words {
				names[w.fold] = true
			}
		}
	}
	add(m.in.Organisation)
	for _, things := range []map[string]incident.Text{m.in.Services, m.in.Regions} {
		for _, t := range things {
			add(t)
		}
	}
	return names
}

// repetition tells sentences that a text has twice.
func repetition(m *message) []hit {
	var hits []hit
	for _, r := range m.texts {
		p := r.text()
		seen := map[string]bool{}
		for i, sentence := range p.sentence {
			words := p.within(i)
			if len(words) < minTranslated {
				continue
			}
			if key := fold(sentence); seen[key] {
				hits = append(hits, p.hit(sentence, "is said twice in the same message"))
			} else {
				seen[key] = true
			}
		}
	}
	return hits
}
