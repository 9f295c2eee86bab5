package messenger

import (
	"errors"
	"strings"
)

var errNoNumber = errors.New("is not a number with + and the country's code")

// CheckNumber checks an address that is a phone number, and returns it as E.164 has it: a plus and 8
// to 15 digits. Spaces, hyphens, dots and parentheses are dropped. Whether there is such a number is
// for the messenger to know.
func CheckNumber(address string) (string, error) {
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()", r) {
			return -1
		}
		return r
	}, address)
	digits, plus := strings.CutPrefix(number, "+")
	if !plus || len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return "", errNoNumber
	}
	return number, nil
}

// CheckID checks an address that is a number by which a messenger knows somebody: 1 to 20 digits.
func CheckID(address string) (string, error) {
	id := strings.TrimSpace(address)
	if id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" {
		return "", errors.New("is not an id of 1 to 20 digits")
	}
	return id, nil
}
