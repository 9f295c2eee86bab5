package social

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMastodonLength(t *testing.T) {
	const url = 23
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"Card payments are down.", 23},
		{"Плата по картам", 15},
		{"ţară", 4},
		{"t\u0327ara\u0306", 4}, // letters with combining marks
		{"👩‍🚒🇲🇩🔔", 3},           // a sequence, a flag, an emoji
		{"\r\n", 1},             // one grapheme cluster
		{"https://example.com", url},
		{"http://a.md", url},
		{"HTTPS://EXAMPLE.COM/A", url},
		{"https://status.example.com/incidents/2026-11-22?lang=ro#latest", url},
		{"https://пример.рф/путь", url},
		{"https://example.com:8443/x", url},
		{"see https://example.com.", 4 + url + 1},
		{"see https://example.com/a, or not", 4 + url + 8},
		{"(https://example.com/a)", url + 2},
		{"https://en.wikipedia.org/wiki/Tocsin_(bell)", url},
		{"https://a.example/1 https://b.example/2", 2*url + 1},
		{"a\nhttps://a.example/1\nb", url + 4},
		{"xhttps://example.com", 20}, // no URL: it has to start a word
		{"example.com/path", 16},     // no URL without its scheme
		{"https://", 8},
		{"https://localhost", 17}, // no URL: no domain
		{"@bank@social.example", 5},
		{"@bank@social.example.", 6},
		{"cc @bank@social.example, @other", 3 + 5 + 8},
		{"@bank", 5},
		{"mail@example.com", 16},
		{"a@bank@social.example", 21},
		{"https://social.example/@bank@other.example", url},
	} {
		if got := Mastodon().Length(c.text); got != c.want {
			t.Errorf("Length(%q) = %d, want %d", c.text, got, c.want)
		}
	}
}

func FuzzMastodonLength(f *testing.F) {
	f.Add("see https://example.com/a, or @bank@social.example")
	f.Add("https://a.b/((((")
	f.Add("\xff@a@b https://\xff.com")
	f.Fuzz(func(t *testing.T, text string) {
		n := Mastodon().Length(text)
		// A URL has at least 11 bytes ("http://a.bc") and counts 23.
		if n < 0 || n > 3*len(text) {
			t.Errorf("Length(%q) = %d", text, n)
		}
		if !strings.Contains(strings.ToLower(text), "://") && n > utf8.RuneCountInString(text) {
			t.Errorf("Length(%q) = %d, more than its code points", text, n)
		}
	})
}

func TestBlueskyLength(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "Ţară": 4, "👩‍🚒": 1, "a\u0301": 1, "see https://status.example.com/a": 32,
	} {
		if got := Bluesky().Length(text); got != want {
			t.Errorf("Length(%q) = %d, want %d", text, got, want)
		}
	}
}

// TestXLength has the cases of https://docs.x.com/fundamentals/counting-characters, and what that page
// says of ranges and links.
func TestXLength(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "Țară": 4, "Плата": 5, "ქართული": 7, "日本": 4, "カ": 2, "한": 2, "a\u0301": 1,
		"🔔": 2, "👩‍🚒": 2, "👨‍👩‍👧‍👦": 2, "🇲🇩": 2, "👍🏽": 2, "☎️": 2, "1️⃣": 2, "☎": 2,
		"—": 1, "’": 1, "“”": 2, "…": 2, "€": 2,
		"https://status.example.com/a/very/long/way/to/the/incident": 23, "http://a.md": 23, "see https://a.md.": 28,
		"stare.banca.md": 23, "on stare.banca.md/x now": 30, "a@banca.md": 10, "No. Yes": 7,
	} {
		if got := X().Length(text); got != want {
			t.Errorf("Length(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestLinks(t *testing.T) {
	text := "Țară: https://a.example/x(1), (http://b.example)."
	var got []string
	for _, l := range Links(text) {
		if text[l.Start:l.End] != l.URL {
			t.Errorf("%+v is %q in the text", l, text[l.Start:l.End])
		}
		got = append(got, l.URL)
	}
	if want := []string{"https://a.example/x(1)", "http://b.example"}; !slices.Equal(got, want) {
		t.Errorf("links %q, want %q", got, want)
	}
}

func TestSameText(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"a", "a", true}, {"a b", "a\n\nb ", true}, {"\u00e1", "a\u0301", true}, {"a b", "ab", false}, {"a", "A", false},
	} {
		if got := SameText(c.a, c.b); got != c.same {
			t.Errorf("SameText(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
