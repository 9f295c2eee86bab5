package lint

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// digits are a long number, with the signs that people group it with.
	digits = regexp.MustCompile(`\+?[0-9](?:[ ().-]{0,2}[0-9]){6,}`)
	iban   = regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b`)
)

// personalData tells numbers of cards and accounts, of which none belongs into a message to many, and
// numbers that may be a person's (13 digits, as personal codes in Moldova and Romania).
func personalData(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		for _, n := range iban.FindAllString(p.text, -1) {
			if goodIBAN(n) {
				hits = append(hits, p.hit(n, "is an account number: give no one's in a message to many"))
			}
		}
		for _, n := range digits.FindAllString(withoutTimes(p.plain), -1) {
			plain := onlyDigits(n)
			switch {
			case len(plain) >= 14 && len(plain) <= 19 && luhn(plain):
				hits = append(hits, p.hit(n, "is a card number"))
			case len(plain) == 13:
				hits = append(hits, p.hit(n, "reads as a personal code or a card number"))
			}
		}
	}
	return hits
}

// publicPhone tells public texts' phone numbers that are not the organisation's.
func publicPhone(m *message) []hit {
	own := map[string]bool{}
	for _, phone := range m.settings.Phones {
		own[onlyDigits(phone)] = true
	}
	var hits []hit
	for _, r := range m.texts {
		if !public(r.Kind) {
			continue
		}
		p := r.text()
		for _, n := range digits.FindAllString(withoutTimes(p.plain), -1) {
			if plain := onlyDigits(n); len(plain) >= 8 && len(plain) <= 12 && !own[plain] {
				hits = append(hits, p.hit(n, "may be somebody's phone number, and everybody reads it: the organisation's own are listed in lint.phones"))
			}
		}
	}
	return hits
}

// dated finds dates and times, whose digits are no number of anybody's.
var dated = regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b|\b[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2,4}\b|\b[0-9]{1,2}:[0-9]{2}\b`)

func withoutTimes(s string) string {
	return dated.ReplaceAllStringFunc(s, func(t string) string { return strings.Repeat("_", len(t)) })
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// luhn checks the last digit of a card number (ISO/IEC 7812-1, annex B).
func luhn(n string) bool {
	sum := 0
	for i := range n {
		d := int(n[len(n)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// goodIBAN checks the check digits of an account number (ISO 13616-1: ISO 7064 MOD 97-10).
func goodIBAN(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, r := range s[4:] + s[:4] {
		switch {
		case unicode.IsDigit(r):
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}
