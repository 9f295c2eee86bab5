package social

import (
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	const link = "\nhttps://status.example.com/a/very/long/way"
	for name, tt := range map[string]struct {
		rules      Rules
		text, want string
	}{
		"what fits":            {Bluesky(), strings.Repeat("x", 60), strings.Repeat("x", 60)},
		"sentences":            {Bluesky(), "One is here. Two is here!\n\nThree is here? " + strings.Repeat("four ", 9) + ".", "One is here. Two is here!\n\nThree is here? …"},
		"sentences and a link": {X(), "One is here. Two is here. Three is here." + link, "One is here. Two is here. …" + link},
		"words":                {Bluesky(), strings.Repeat("long ", 20), strings.TrimSpace(strings.Repeat("long ", 12)) + "…"},
		"a single word":        {X(), strings.Repeat("日", 40), strings.Repeat("日", 29) + "…"},
		"a long link":          {Bluesky(), "https://" + strings.Repeat("a", 80) + ".md", "https://" + strings.Repeat("a", 51) + "…"},
		"no word but a link":   {X(), strings.Repeat("日", 40) + link, strings.Repeat("日", 29) + "…"},
	} {
		got := tt.rules.Fit(tt.text, 60)
		if got != tt.want || tt.rules.Length(got) > 60 {
			t.Errorf("%s: %q of length %d, want %q", name, got, tt.rules.Length(got), tt.want)
		}
	}
}

func FuzzFit(f *testing.F) {
	f.Add("One is here. Two is here.\nhttps://status.example.com", 20)
	f.Add("日本👩‍🚒", 3)
	f.Add("a\nb.md c.md/", 30)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 3 || limit > 500 || len(text) > 5000 {
			return
		}
		for _, r := range []Rules{Bluesky(), X(), Mastodon()} {
			got := r.Fit(text, limit)
			if n := r.Length(got); n > limit {
				t.Errorf("Fit(%q, %d) = %q of length %d", text, limit, got, n)
			}
			if again := r.Fit(got, limit); again != got {
				t.Errorf("Fit(%q, %d) = %q, then %q", text, limit, got, again)
			}
		}
	})
}
