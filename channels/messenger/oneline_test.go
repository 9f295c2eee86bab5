package messenger

import (
	"strings"
	"testing"
)

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		" \n\t ":                        "",
		"Cards are down.":               "Cards are down.",
		"Cards are down.\nWe are on it": "Cards are down. We are on it",
		"What to do\n\n\nUse cash":      "What to do · Use cash",
		"a\r\nb\vc\u2028d":              "a · b · c · d",
		"\ta     b\tc  ":                "a b c",
		"5\u00a0000 lei":                "5\u00a0000 lei",
		"Плата не работает:\nкарты": "Плата не работает: карты",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\n\tb     c\u2029")
	f.Fuzz(func(t *testing.T, text string) {
		got := OneLine(text)
		if strings.ContainsAny(got, "\n\r\t\v\f") || strings.Contains(got, "     ") {
			t.Errorf("OneLine(%q) = %q", text, got)
		}
		if again := OneLine(got); again != got {
			t.Errorf("OneLine(%q) = %q, then %q", text, got, again)
		}
	})
}
