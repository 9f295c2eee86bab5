package sim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rivo/uniseg"
)

// parameters are those of POST /api/v1/statuses.
func parameters() []string {
	return []string{
		"status", "media_ids[]", "poll[options][]", "poll[expires_in]", "poll[multiple]", "poll[hide_totals]",
		"in_reply_to_id", "sensitive", "spoiler_text", "visibility", "language", "scheduled_at",
		"quoted_status_id", "quote_approval_policy",
	}
}

// readForm returns a post's parameters, and what is wrong with them, "" if nothing.
func readForm(r *http.Request, body []byte) (url.Values, string) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, "the sandbox takes application/x-www-form-urlencoded only"
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, "the form can't be read"
	}
	for name := range form {
		if !slices.Contains(parameters(), name) {
			return nil, "there is no parameter " + strconv.Quote(name)
		}
	}
	return form, check(form)
}

func check(form url.Values) string {
	switch text := form.Get("status"); {
	case strings.TrimSpace(text) == "":
		return "Text can't be blank"
	case length(text)+length(form.Get("spoiler_text")) > maxCharacters:
		return "Text character limit of " + strconv.Itoa(maxCharacters) + " exceeded"
	case !slices.Contains([]string{"", "public", "unlisted", "private", "direct"}, form.Get("visibility")):
		return "Visibility is not included in the list"
	case form.Has("scheduled_at"), form.Has("media_ids[]"), form.Has("poll[options][]"):
		return "the sandbox publishes text at once only"
	}
	return ""
}

// link is a URL for counting: more than a real one at times, since it takes all up to the next space.
var link = regexp.MustCompile(`https?://\S+`)

// length counts in grapheme clusters, 23 for a URL.
func length(text string) int {
	return uniseg.GraphemeClusterCount(link.ReplaceAllString(text, strings.Repeat("x", 23)))
}
