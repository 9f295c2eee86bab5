package messenger

import "testing"

func TestForLocale(t *testing.T) {
	by := map[string]string{"en": "en", "pt-BR": "br", "zh-Hant": "hant"}
	for locale, want := range map[string]string{
		"en": "en", "en-GB": "en", "en-GB-oxendict": "en", "pt-BR": "br", "zh-Hant-TW": "hant",
		"pt": "", "pt-PT": "", "zh": "", "ru": "", "": "", "-": "",
	} {
		if got, ok := ForLocale(by, locale); got != want || ok != (want != "") {
			t.Errorf("ForLocale(%q) = %q, %v; want %q", locale, got, ok, want)
		}
	}
}
