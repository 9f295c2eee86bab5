// Package social is what the adapters of social networks share: how the networks count the length of
// a post.
package social

import (
	"regexp"
	"strings"

	"github.com/rivo/uniseg"
)

// Rules say how one network counts the length of a post.
type Rules struct {
	// URL is what each URL counts as, whatever its length.
	URL int
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

// Length returns how long a post is.
//
// What is a URL is decided a little more narrowly than a network would, without its list of
// top-level domains; a text that is counted too long here is long for its readers as well.
func (r Rules) Length(text string) int {
	text = replaceURLs(text, strings.Repeat("x", r.URL))
	if r.LocalMentions {
		text = mention.ReplaceAllString(text, "$1@$2")
	}
	return r.Count(text)
}

var (
	// link is a URL with its scheme, up to the next character that no URL has, and what stands
	// before it: not a letter or digit, nor one of "@", "#", "$", or it is no URL.
	link = regexp.MustCompile(`(?i)(^|[^\pL\pN@#$＠＃_])(https?://(?:[\pL\pN_-]+\.)+[\pL\pN-]{2,}(?::[0-9]+)?(?:[/?#][\pL\pN!*';:=+,.$%#\[\]_~@|&?/()–-]*)?)`)
	// mention is @user@host, and what stands before it: not a letter, a digit or "/".
	mention = regexp.MustCompile(`(?i)(^|[^/\pL\pN_])@([a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)@[\pL\pN_.-]+[\pL\pN_]`)
)

// replaceURLs puts a placeholder in the place of every URL.
func replaceURLs(text, placeholder string) string {
	var b strings.Builder
	for {
		at := link.FindStringSubmatchIndex(text)
		if at == nil {
			b.WriteString(text)
			return b.String()
		}
		url := withoutPunctuation(text[at[4]:at[5]])
		b.WriteString(text[:at[4]])
		b.WriteString(placeholder)
		text = text[at[4]+len(url):]
	}
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
