package lint

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// sentenceLength tells sentences that are too long, or that hold several ideas.
func sentenceLength(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		if p.lang == nil {
			continue
		}
		bound := cmp.Or(m.settings.SentenceWords[base(p.locale)], p.lang.SentenceWords)
		for i, sentence := range p.sentence {
			if n := len(p.within(i)); n > bound && !enumerates(sentence, n) {
				hits = append(hits, p.hit(beginning(sentence), fmt.Sprintf("is a sentence of %d words: at most %d, one idea in each", n, bound)))
			}
		}
	}
	return hits
}

// enumerates says whether a sentence is mostly a list of names, which is read easily however long it is.
func enumerates(sentence string, words int) bool {
	const few, short = 4, 3
	commas := strings.Count(sentence, ",")
	return commas >= few && words <= short*(commas+1)
}

// beginning is enough of a sentence to find it.
func beginning(sentence string) string {
	const enough = 6
	words := strings.Fields(sentence)
	if len(words) <= enough {
		return sentence
	}
	return strings.Join(words[:enough], " ") + " …"
}

// minReadable is from how many words on an index means something.
const minReadable = 30

// readability measures what the update's author wrote in one language, all fields together.
func readability(m *message) []hit {
	var hits []hit
	for _, summary := range m.fields {
		if summary.field != "summary" || summary.lang == nil {
			continue
		}
		var x index
		for _, f := range textFields(m.u) {
			if p := m.field(f.name, summary.locale); p != nil && f.name != "short" {
				x.add(p)
			}
		}
		bound := cmp.Or(m.settings.Lix[base(summary.locale)], summary.lang.Lix)
		if lix := x.lix(); x.words >= minReadable && lix > bound {
			hits = append(hits, summary.hit("", fmt.Sprintf("is hard to read, with what else is said in %s: index %d, at most %d; shorter sentences and shorter words",
				summary.locale, lix, bound)))
		}
	}
	return hits
}

// index counts what Björnsson's index is made of.
type index struct{ words, long, sentences int }

// longWord is from how many letters on a word is long, in Björnsson's index.
const longWord = 7

func (x *index) add(p *passage) {
	for i := range p.sentence {
		words := p.within(i)
		if len(words) > 0 {
			x.sentences++
		}
		for _, w := range words {
			x.words++
			if utf8.RuneCountInString(w.fold) >= longWord {
				x.long++
			}
		}
	}
}

// lix is the mean length of sentences in words, and the share of long words in per cent.
func (x *index) lix() int {
	if x.words == 0 {
		return 0
	}
	return (x.words+x.sentences/2)/x.sentences + (100*x.long+x.words/2)/x.words
}
