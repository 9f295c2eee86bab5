package social

import (
	"regexp"
	"strings"

	"github.com/rivo/uniseg"
)

// Fit returns a text as it is posted where posts may be at most limit long. What is too long loses
// sentences from its end, then words, which a "…" says; a link that stands alone on the last line, where
// to read on, stays. A post that was refused for its length would tell nobody anything.
//
// The same text is always cut in the same way.
func (r Rules) Fit(text string, limit int) string {
	if r.Length(text) <= limit {
		return text
	}
	body, link := splitLink(text)
	fits := func(end int, mark string) (string, bool) {
		cut := strings.TrimRight(body[:end], " \n") + mark + link
		return cut, r.Length(cut) <= limit
	}
	for _, by := range []struct {
		ends *regexp.Regexp
		mark string
	}{{sentenceEnd, " …"}, {wordEnd, "…"}} {
		ends := by.ends.FindAllStringIndex(body, -1)
		for i := len(ends) - 1; i >= 0; i-- {
			if cut, ok := fits(ends[i][1]-1, by.mark); ok {
				return cut
			}
		}
	}
	return r.cutAnywhere(text, limit)
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?]\s`)
	wordEnd     = regexp.MustCompile(`\S\s`)
)

// splitLink splits off a link that is the last line.
func splitLink(text string) (body, link string) {
	text = strings.TrimRight(text, " \n")
	at := strings.LastIndexByte(text, '\n')
	if links := Links(text[at+1:]); at < 0 || len(links) != 1 || links[0].URL != text[at+1:] {
		return text, ""
	}
	return text[:at], text[at:]
}

// cutAnywhere cuts a text that has no words, between two user-perceived characters.
func (r Rules) cutAnywhere(text string, limit int) string {
	cut, rest, state := "", text, -1
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if r.Length(cut+cluster+"…") > limit {
			break
		}
		cut += cluster
	}
	return cut + "…"
}
