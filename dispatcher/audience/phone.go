package audience

import (
	"errors"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// What Phone finds wrong with a number.
var (
	errPhone        = errors.New("is not a phone number that exists in its country's plan")
	errPhoneText    = errors.New("holds characters that don't belong in a phone number")
	errPhoneCountry = errors.New("has no country code, and there is no known default country")
	errPhonePremium = errors.New("is a premium-rate number")
)

// Phone returns the check of phone numbers: it takes them as people write them and returns E.164.
// Numbers without a country code are read as those of country, an ISO 3166 code such as "MD"; with
// "" they are refused.
//
// A number must be possible in its country's plan as libphonenumber knows it. Letters and extensions
// are refused rather than guessed at, so "3.73E+10", which spreadsheets make of a number, is caught.
// Premium-rate numbers are refused because texts to them are a known fraud (toll pumping). Fixed
// lines pass: a voice channel reaches them, and some networks read texts out.
//
// A call takes tens of microseconds: it belongs into the import, not into sending.
func Phone(country string) AddressCheck {
	country = strings.ToUpper(strings.TrimSpace(country))
	home := phonenumbers.GetCountryCodeForRegion(country) != 0
	return func(address string) (string, error) {
		if strings.ContainsFunc(address, notInPhone) {
			return "", errPhoneText
		}
		if !home && !strings.HasPrefix(strings.TrimSpace(address), "+") {
			return "", errPhoneCountry
		}
		return e164(address, country)
	}
}

func notInPhone(r rune) bool {
	return (r < '0' || r > '9') && !strings.ContainsRune("+-()./ \u00a0", r)
}

func e164(address, country string) (string, error) {
	number, err := phonenumbers.Parse(address, country)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", errPhone
	}
	if phonenumbers.GetNumberType(number) == phonenumbers.PREMIUM_RATE {
		return "", errPhonePremium
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}
