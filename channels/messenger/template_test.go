package messenger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestFill(t *testing.T) {
	ts := Templates{
		"en": {Name: "notice", Language: "en"}, "pt-BR": {Name: "notice", Language: "pt_BR"}, "zh-Hant": {Name: "notice", Language: "zh_TW", Parameter: "n"},
	}
	if err := ts.Check(); err != nil {
		t.Fatal(err)
	}
	for locale, want := range map[string]string{
		"en": "en", "en-GB": "en", "en-GB-oxendict": "en", "pt-BR": "pt_BR", "zh-Hant-TW": "zh_TW", "pt": "", "pt-PT": "", "ru": "", "": "",
	} {
		tpl, components, err := ts.Fill(channels.Message{Locale: locale, Text: "a\nb"})
		if want == "" {
			if e := channels.AsError(err); err == nil || e.Class != channels.Rejected || e.Code != "no_template" {
				t.Errorf("%s: error %v, want rejected (no_template)", locale, err)
			}
			continue
		}
		parameter := Parameter{Type: "text", Name: ts["zh-Hant"].Parameter, Text: "a · b"}
		if want != "zh_TW" {
			parameter.Name = ""
		}
		diff := cmp.Diff([]Component{{Type: "body", Parameters: []Parameter{parameter}}}, components)
		if err != nil || tpl.Language != want || diff != "" {
			t.Errorf("%s: %+v, error %v; want %s (-want +got):\n%s", locale, tpl, err, want, diff)
		}
	}
}
