package audience_test

import (
	"fmt"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func TestCountries(t *testing.T) {
	var c audience.Countries
	for range 2 { // what is remembered says the same
		for number, want := range map[string]string{
			"+37369123456": "MD", "+40722123456": "RO", "+380501234567": "UA",
			"+79161234567": "RU", "+77012345678": "KZ", "+12125550123": "US", "+14165550123": "CA", "+447400123456": "GB",
			"": "", "37369123456": "", "+": "", "+3": "", "+999123": "", "someone": "",
		} {
			if got := c.Of(number); got != want {
				t.Errorf("country of %q is %q, want %q", number, got, want)
			}
		}
	}
}

// TestCountriesOfMany: what is remembered is bounded, and stays right.
func TestCountriesOfMany(t *testing.T) {
	var c audience.Countries
	for i := range 200_000 {
		if got := c.Of(fmt.Sprintf("+1212%03d%04d", 200+i%800, i%10000)); got != "US" && got != "" {
			t.Fatalf("number %d is of %q", i, got)
		}
	}
	if got := c.Of("+37369123456"); got != "MD" {
		t.Errorf("then a number of Moldova is of %q", got)
	}
}

func TestCountry(t *testing.T) {
	for code, want := range map[string]bool{"MD": true, "RO": true, "md": false, "XX": false, "": false, "001": false} {
		if got := audience.Country(code); got != want {
			t.Errorf("Country(%q) = %v", code, got)
		}
	}
}

func BenchmarkCountries(b *testing.B) {
	var c audience.Countries
	for b.Loop() {
		c.Of("+37369123456")
	}
}
