package lint

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestTokenize(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"Cards don't work. Cash does.":       "cards don't work|cash does",
		"From 18:00 to 19:30, or 1,5 hours":  "from 18:00 to 19:30 or 1,5 hours",
		"What caused it: a disk":             "what caused it|a disk",
		"One\ntwo":                           "one|two",
		"Plăţi și bănci":                     "plati si banci",
		"Всё e-mail’ом":                      "все e-mail'ом",
		"See https://bank.example/a.b. Then": "see|then",
		"bank.example":                       "",
		"- … !":                              "",
	} {
		p := newPassage("", "en", text)
		words, sentences := p.words, p.sentence
		var got strings.Builder
		for i, w := range words {
			switch {
			case i == 0:
			case w.sentence != words[i-1].sentence:
				got.WriteByte('|')
			default:
				got.WriteByte(' ')
			}
			got.WriteString(w.fold)
			if w.sentence >= len(sentences) {
				t.Errorf("%q: word %q is of sentence %d, and there are %d", text, w.fold, w.sentence, len(sentences))
			}
		}
		if got.String() != want {
			t.Errorf("%q: %q, want %q", text, got.String(), want)
		}
	}
}

func TestPhrases(t *testing.T) {
	p := newPassage("", "en", "We failed over. As soon as we know, we write. Failing that, soon.")
	for entry, want := range map[string][]string{
		"fail*":              {"failed", "Failing"},
		"failed over":        {"failed over"},
		"over as":            nil, // in two sentences
		"soon":               {"soon", "soon"},
		"as soon as we *":    {"As soon as we know"},
		"as soon as we know": {"As soon as we know"},
		"fail":               nil,
		"":                   nil,
	} {
		var got []string
		for _, m := range find(p.words, newPhrases([]string{entry})) {
			got = append(got, p.quote(m))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", entry, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string][]string{
		"Up to 1,000 lei, or 1.000, or 1 000": {"1000"},
		"2.5 or 2,5 hours":                    {"2.5"},
		"1 000,50":                            {"1000.50"},
		"1\u00a0000\u00a0000 lei":             {"1000000"},
		"in 2026 100 lei":                     {"100", "2026"},
		"5 May at 18:00, 3 branches":          {"3", "5"},
		"until 6 pm":                          nil,
		"https://bank.example/2026":           nil,
	} {
		if got := slices.Sorted(maps.Keys(numbers(newPassage("", "en", text)))); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string][]string{
		"from 8:00 to 08:00":        {"08:00"},
		"at 6 pm and 6:30 p.m. too": {"18:00", "18:30"},
		"12 am, 12 pm, 1 a.m.":      {"00:00", "01:00", "12:00"},
		"5 apples, 3 metres":        nil,
	} {
		if got := slices.Sorted(maps.Keys(times(newPassage("", "en", text)))); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestWordLists holds the lists to be of use: nothing listed twice, and nothing that its exception always covers.
func TestWordLists(t *testing.T) {
	for tag, l := range languages() {
		for name, list := range map[string]phrases{
			"acknowledges": l.Acknowledges, "apologises": l.Apologises, "hollow": l.Hollow, "everything": l.Everything,
			"blames": l.Blames, "vague": l.Vague, "promises": l.Promises, "spans": l.Spans, "hedges": l.Hedges,
			"certain": l.Certain, "absolute": l.Absolute, "belittles": l.Belittles, "flippant": l.Flippant,
			"secrets": l.Secrets, "secrets_but": l.SecretsBut, "follows": l.Follows, "measures": l.Measures,
		} {
			seen := map[string]bool{}
			for _, p := range list {
				if key := strings.Join(p, " "); key == "" || seen[key] {
					t.Errorf("%s: %s: %q is empty, or there twice", tag, name, key)
				} else {
					seen[key] = true
				}
			}
			if len(list) == 0 {
				t.Errorf("%s: %s is empty", tag, name)
			}
		}
		if len(l.jargon) < 40 || l.SentenceWords == 0 || l.Lix == 0 || len(l.Numbers) == 0 {
			t.Errorf("%s: jargon, numbers or bounds are missing", tag)
		}
	}
}
