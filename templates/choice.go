package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A choice is a stretch of a text that has two forms: one that is said where there is room, and one that
// is said, or nothing, where there is not. Every choice has a rank: 1 is given room first.

// optional is the template function {{may 3 .Advice}}: text that is left out where there is no room for it.
func optional(rank int, text string) (string, error) { return rather(rank, text, "") }

// rather is the template function {{rather 2 .Summary .Brief}}: the first text where there is room for
// it, and else the second.
func rather(rank int, long, short string) (string, error) {
	if rank < 1 || rank > 9 {
		return "", fmt.Errorf("a rank is a number from 1 to 9, not %d", rank)
	}
	if strings.ContainsRune(long+short, openChoice) {
		return "", fmt.Errorf("what may be left out can't hold a part that may be left out itself")
	}
	if long == short {
		return long, nil
	}
	return string(openChoice) + strconv.Itoa(rank) + long + string(orChoice) + short + string(closeChoice), nil
}

// choice is one found in a text.
type choice struct {
	rank        int
	long, short string
	taken       bool // the long form is
}

// choose makes the choices of a text: all long where that fits; else every one is short at first, and
// then long, one after the other by rank, where the text fits with it.
func choose(text string, fits func(string) bool) string {
	literals, choices := readChoices(text)
	if len(choices) == 0 {
		return text
	}
	byRank := make([]*choice, len(choices))
	for i := range choices {
		byRank[i], choices[i].taken = &choices[i], true
	}
	if whole := put(literals, choices); fits(whole) {
		return whole
	}
	for i := range choices {
		choices[i].taken = false
	}
	slices.SortStableFunc(byRank, func(a, b *choice) int { return a.rank - b.rank })
	for _, c := range byRank {
		c.taken = true
		c.taken = fits(put(literals, choices))
	}
	return put(literals, choices)
}

// readChoices splits a text into choices and the literals around them: one more than choices.
func readChoices(text string) (literals []string, choices []choice) {
	for {
		before, rest, found := strings.Cut(text, string(openChoice))
		literals = append(literals, before)
		if !found {
			return literals, choices
		}
		inside, after, _ := strings.Cut(rest, string(closeChoice))
		long, short, _ := strings.Cut(inside[1:], string(orChoice))
		choices = append(choices, choice{rank: int(inside[0] - '0'), long: long, short: short})
		text = after
	}
}

func put(literals []string, choices []choice) string {
	var b strings.Builder
	for i, l := range literals {
		b.WriteString(l)
		switch {
		case i == len(choices):
		case choices[i].taken:
			b.WriteString(choices[i].long)
		default:
			b.WriteString(choices[i].short)
		}
	}
	return b.String()
}
