package channels

import (
	"strings"
	"testing"
)

func TestWishOf(t *testing.T) {
	for _, test := range []struct {
		want  Wish
		texts []string
	}{
		{OptOut, []string{
			"STOP", "stop", " Stop.\n", "«STOP!»", "\"stop\"", "STOPALL", "stop all", "Unsubscribe", "CANCEL", "end", "Quit", "opt-out", "OPT OUT",
			"Dezabonare", "dezabonați", "Dezabonaţi", "Mă dezabonez", "OPRIȚI", "oprițI", "Oprire", "Renunț",
			"СТОП", "стоп!", "Отписаться", "отпишите меня", "Хватит.", "🛑 stop 🛑", "sto\u200bp",
		}},
		{OptIn, []string{"START", "Yes", "unstop", "Da", "Abonare", "СТАРТ", "Да!", "Подписаться"}},
		{WantHelp, []string{"HELP", "info?", "Ajutor", "informații", "Помощь", "Справка"}},
		{NoWish, []string{
			"", "   ", "!!!", "please stop the outage", "When will it stop?", "STOP texting me and HELP", "nonstop", "stop1",
			"da, mulțumesc", "Не стоп", "не хватит ли", "end of story", "хватит денег?", "st op", strings.Repeat("stop ", 40),
		}},
	} {
		for _, text := range test.texts {
			if got := WishOf(text); got != test.want {
				t.Errorf("WishOf(%q) = %v, want %v", text, got, test.want)
			}
		}
	}
}

// TestWishWords: each word of the lists is found in the form in which it stands there.
func TestWishWords(t *testing.T) {
	seen := map[string]Wish{}
	for wish, list := range map[Wish]string{OptOut: optOutWords, OptIn: optInWords, WantHelp: helpWords} {
		for word := range strings.FieldsSeq(list) {
			if other, twice := seen[word]; twice {
				t.Errorf("%q is both %v and %v", word, other, wish)
			}
			seen[word] = wish
			if got := WishOf(strings.ReplaceAll(strings.ToUpper(word), "_", " ")); got != wish {
				t.Errorf("WishOf(%q) = %v, want %v", word, got, wish)
			}
		}
	}
}

func FuzzWishOf(f *testing.F) {
	for _, text := range []string{"STOP", "Mă dezabonez", "Отпишите меня", "a\u0306", "\xff", "opt--out"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if w := WishOf(text); len(text) <= maxWish-2 && WishOf(" "+text+"!") != w && WishOf(text) != NoWish {
			t.Errorf("%q is %v, and something else with what doesn't count around it", text, w)
		}
	})
}
