package lint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// locales tells the languages that have no summary.
func locales(m *message) []hit {
	if m.u.Silent() {
		return nil
	}
	var hits []hit
	for _, locale := range m.settings.Locales {
		if m.u.Summary.In(locale) == "" {
			hits = append(hits, at("summary."+locale, "is missing: its readers get another language")...)
		}
	}
	return hits
}

// sameFields tells the fields that some languages have and others don't.
func sameFields(m *message) []hit {
	var hits []hit
	for _, f := range textFields(m.u) {
		if f.name == "summary" || len(f.text) == 0 {
			continue
		}
		for _, locale := range m.locales() {
			if m.u.Summary.In(locale) != "" && f.text.In(locale) == "" {
				hits = append(hits, at(f.name+"."+locale, "is missing, and other languages have it: "+strings.Join(slices.Sorted(maps.Keys(f.text)), ", "))...)
			}
		}
	}
	return hits
}

// figures are what a passage holds of one sort, by the form in which it is compared.
type figures map[string]bool

// agree tells what a field has in one language and lacks in another.
func (m *message) agree(of func(*passage) figures, excused func(p *passage, figure string) bool) []hit {
	byField := map[string][]*passage{}
	for _, p := range m.fields {
		if p.lang != nil {
			byField[p.field] = append(byField[p.field], p)
		}
	}
	var hits []hit
	for _, f := range textFields(m.u) {
		for _, p := range byField[f.name] {
			own := of(p)
			for _, q := range byField[f.name] {
				for _, figure := range slices.Sorted(maps.Keys(of(q))) {
					if p.lang != q.lang && !own[figure] && !excused(p, figure) {
						hits = append(hits, p.hit("", fmt.Sprintf("does not have %s, which %s has", figure, q.place)))
					}
				}
			}
		}
	}
	return slices.CompactFunc(hits, func(a, b hit) bool { return a.place == b.place && a.reason == b.reason })
}

func never(*passage, string) bool { return false }

func sameTimes(m *message) []hit { return m.agree(times, never) }

func sameLinks(m *message) []hit {
	return m.agree(func(p *passage) figures {
		all := figures{}
		for _, l := range p.links {
			all[l.text] = true
		}
		return all
	}, never)
}

// sameFigures compares numbers, where a language may also write a small one as a word.
func sameFigures(m *message) []hit {
	return m.agree(numbers, func(p *passage, figure string) bool {
		n, err := strconv.Atoi(figure)
		return err == nil && p.has(p.lang.Numbers[n])
	})
}

var (
	// clock is a time of day: "6:30 p.m.", or "18:30".
	clock = regexp.MustCompile(`(?i)\b(1[0-2]|[1-9])(?:[:.]([0-5][0-9]))? ?([ap])\.?m\b\.?|\b([01]?[0-9]|2[0-4]):([0-5][0-9])\b`)
	// number is digits, grouped or with decimals.
	number = regexp.MustCompile(`[0-9]{1,3}(?:[.,\x{20}\x{A0}\x{202F}][0-9]{3}\b)+(?:[.,][0-9]+)?|[0-9]+(?:[.,][0-9]+)?`)
)

// times are the times of day in a passage, as 24-hour times.
func times(p *passage) figures {
	all := figures{}
	for _, t := range clock.FindAllStringSubmatch(p.plain, -1) {
		h, minute := t[1]+t[4], t[2]+t[5] // one or the other
		hour, _ := strconv.Atoi(h)        // it is one or two digits
		switch half := strings.ToLower(t[3]); {
		case half == "p" && hour < 12:
			hour += 12
		case half == "a" && hour == 12:
			hour = 0
		}
		if minute == "" {
			minute = "00"
		}
		all[fmt.Sprintf("%02d:%s", hour, minute)] = true
	}
	return all
}

// numbers are the other numbers in a passage, without the signs that group them.
func numbers(p *passage) figures {
	all := figures{}
	for _, n := range number.FindAllString(clock.ReplaceAllString(p.plain, " "), -1) {
		all[plainNumber(n)] = true
	}
	return all
}

// plainNumber writes a number without grouping, and with a point: "1 000,5" is "1000.5". A sign before
// three digits groups.
func plainNumber(n string) string {
	at := strings.LastIndexAny(n, ".,")
	if at >= 0 && len(n)-at-1 != 3 {
		return onlyDigits(n[:at]) + "." + n[at+1:]
	}
	return onlyDigits(n)
}
