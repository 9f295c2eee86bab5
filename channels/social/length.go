// Package social is what the adapters of social networks share: the accounts on which they post, how the
// networks count the length of a post, and how what is too long is cut.
package social

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// Rules say how one network counts the length of a post.
type Rules struct {
	// URL is what each URL counts as, whatever its length; 0 where it counts like any text.
	URL int
	// Bare says that what looks like a host's name is a URL too, without any scheme.
	Bare bool
	// LocalMentions says that @user@host counts as @user.
	LocalMentions bool
	// Count counts what is left.
	Count func(text string) int
}

// Mastodon returns Mastodon's rules: grapheme clusters (user-perceived characters), 23 for each URL,
// and mentions without their host. They are its StatusLengthValidator's; the limit and the 23 are
// published at /api/v2/instance (https://docs.joinmastodon.org/entities/Instance/#max_characters).
func Mastodon() Rules {
	return Rules{URL: 23, LocalMentions: true, Count: uniseg.GraphemeClusterCount}
}

// Bluesky returns Bluesky's rules: grapheme clusters, links at their full length
// (https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/post.json).
func Bluesky() Rules { return Rules{Count: uniseg.GraphemeClusterCount} }

// X returns X's rules: weighted characters of the text in normal form C, 23 for each link
// (https://docs.x.com/fundamentals/counting-characters).
func X() Rules { return Rules{URL: 23, Bare: true, Count: weighted} }

// Facebook returns Facebook's rules: characters.
func Facebook() Rules { return Rules{Count: utf8.RuneCountInString} }

// VK returns VK's rules: characters.
func VK() Rules { return Rules{Count: utf8.RuneCountInString} }

// SameText reports whether two texts are the same but for what networks change when they keep one: white
// space, and the normal form of letters.
func SameText(a, b string) bool { return plain(a) == plain(b) }

func plain(text string) string { return strings.Join(strings.Fields(norm.NFC.String(text)), " ") }

// weighted counts an emoji as two, however many code points it is made of; anything else is one or two
// for each code point: one in the ranges of most scripts that aren't written in ideographs.
func weighted(text string) int {
	n, rest, state := 0, norm.NFC.String(text), -1
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if emoji(cluster) {
			n += 2
			continue
		}
		for _, r := range cluster {
			n += weight(r)
		}
	}
	return n
}

func weight(r rune) int {
	if r <= 4351 || (r >= 8192 && r <= 8205) || (r >= 8208 && r <= 8223) || (r >= 8242 && r <= 8247) {
		return 1
	}
	return 2
}

// emoji reports whether a grapheme cluster is one: by its pictograph, or by what asks for one (U+FE0F,
// the keycap U+20E3).
func emoji(cluster string) bool {
	return strings.ContainsFunc(cluster, func(r rune) bool {
		return (r >= 0x1F000 && r <= 0x1FAFF) || r == 0xFE0F || r == 0x20E3
	})
}

// Length returns how long a post is.
//
// What is a URL is decided a little more narrowly than a network would, without its list of
// top-level domains; a text that is counted too long here is long for its readers as well.
func (r Rules) Length(text string) int {
	if r.URL > 0 {
		placeholder := strings.Repeat("x", r.URL)
		text = replaceURLs(text, placeholder)
		if r.Bare {
			text = host.ReplaceAllString(text, "${1}"+placeholder)
		}
	}
	if r.LocalMentions {
		text = mention.ReplaceAllString(text, "$1@$2")
	}
	return r.Count(text)
}

var (
	// link is a URL with its scheme, up to the next character that no URL has, and what stands
	// before it: not a letter or digit, nor one of "@", "#", "$", or it is no URL.
	link = regexp.MustCompile(`(?i)(^|[^\pL\pN@#$＠＃_])(https?://(?:[\pL\pN_-]+\.)+[\pL\pN-]{2,}(?::[0-9]+)?(?:[/?#][\pL\pN!*';:=+,.$%#\[\]_~@|&?/()–-]*)?)`)
	// host is what may be a host's name: "stare.bank.md/a", and what stands before it. It may also be the
	// end of one sentence and the beginning of the next.
	host = regexp.MustCompile(`(?i)(^|[^\pL\pN@#$＠＃_./-])(?:[\pL\pN-]+\.)+\pL{2,}(?:/[^\s]*)?`)
	// mention is @user@host, and what stands before it: not a letter, a digit or "/".
	mention = regexp.MustCompile(`(?i)(^|[^/\pL\pN_])@([a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)@[\pL\pN_.-]+[\pL\pN_]`)
)

// Link is a URL in a text, by the offsets of its bytes: [Start, End).
type Link struct {
	Start, End int
	URL        string
}

// Links finds the URLs in a text.
func Links(text string) []Link {
	var links []Link
	for from := 0; ; {
		at := link.FindStringSubmatchIndex(text[from:])
		if at == nil {
			return links
		}
		url := withoutPunctuation(text[from+at[4] : from+at[5]])
		links = append(links, Link{from + at[4], from + at[4] + len(url), url})
		from += at[4] + len(url)
	}
}

// replaceURLs puts a placeholder in the place of every URL.
func replaceURLs(text, placeholder string) string {
	var b strings.Builder
	from := 0
	for _, l := range Links(text) {
		b.WriteString(text[from:l.Start])
		b.WriteString(placeholder)
		from = l.End
	}
	b.WriteString(text[from:])
	return b.String()
}

// withoutPunctuation cuts what ends the sentence rather than the URL. A bracket belongs to the URL if
// it was opened in it.
func withoutPunctuation(url string) string {
	for url != "" {
		end := url[len(url)-1]
		opened := end == ')' && strings.Count(url, "(") >= strings.Count(url, ")")
		if opened || !strings.ContainsRune(`!*';:,.$%[]~@|&?()`, rune(end)) {
			break
		}
		url = url[:len(url)-1]
	}
	return url
}
