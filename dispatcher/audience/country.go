package audience

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Countries says of which country numbers are, and remembers it by their first digits, since to ask
// libphonenumber takes tens of microseconds. It is not safe for concurrent use.
type Countries struct {
	known map[string]string // by the country code, or where countries share it by the first digits
}

// Digits of a number that are looked at: enough to tell countries apart that share a code.
const (
	maxCountryCode = 3
	telling        = 7
	// maxCountries bounds what is remembered.
	maxCountries = 1 << 16
)

// Of returns the ISO 3166 code of a number's country, "" if it can't be told. The number is as
// [Phone] returns it.
func (c *Countries) Of(number string) string {
	digits, ok := strings.CutPrefix(number, "+")
	if !ok {
		return ""
	}
	for n := 1; n <= min(maxCountryCode, len(digits)); n++ {
		if country, ok := c.known[digits[:n]]; ok {
			return country
		}
	}
	prefix := digits[:min(telling, len(digits))]
	if country, ok := c.known[prefix]; ok {
		return country
	}
	return c.learn(number, prefix)
}

func (c *Countries) learn(number, prefix string) string {
	parsed, err := phonenumbers.Parse(number, "")
	if err != nil {
		return ""
	}
	code := parsed.GetCountryCode()
	country := phonenumbers.GetRegionCodeForNumber(parsed)
	if one := phonenumbers.GetRegionCodesForCountryCode(int(code)); len(one) == 1 {
		country, prefix = one[0], number[1:1+digitsOf(code)]
	}
	if c.known == nil || len(c.known) >= maxCountries {
		c.known = map[string]string{}
	}
	c.known[prefix] = country
	return country
}

func digitsOf(code int32) int {
	n := 1
	for ; code >= 10; code /= 10 {
		n++
	}
	return n
}

// Country reports whether a code is that of a country with telephone numbers (ISO 3166).
func Country(code string) bool {
	return code == strings.ToUpper(code) && phonenumbers.GetCountryCodeForRegion(code) != 0
}
