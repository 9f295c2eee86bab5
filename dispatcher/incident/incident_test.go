package incident

import "testing"

func TestTextIn(t *testing.T) {
	text := Text{"ro": "română", "ro-MD": "", "sr-Latn-RS": "srpski", "en": "English"}
	for locale, want := range map[string]string{
		"ro": "română", "ro-MD": "română", "en-GB": "English", "sr-Latn-RS": "srpski",
		"sr-Latn": "", "fr": "", "": "", "-": "", "e": "",
	} {
		if got := text.In(locale); got != want {
			t.Errorf("%q: got %q, want %q", locale, got, want)
		}
	}
	if got := Text(nil).In("en"); got != "" {
		t.Errorf("no text at all: %q", got)
	}
}
