package sim

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// post is every field of an app.bsky.feed.post.
type post struct {
	Type      string          `json:"$type"`
	Text      string          `json:"text"`
	CreatedAt string          `json:"createdAt"`
	Entities  json.RawMessage `json:"entities"`
	Facets    []facet         `json:"facets"`
	Reply     *reply          `json:"reply"`
	Embed     json.RawMessage `json:"embed"`
	Languages []string        `json:"langs"`
	Labels    json.RawMessage `json:"labels"`
	Tags      []string        `json:"tags"`
}

type facet struct {
	Type  string `json:"$type"`
	Index struct {
		Start int `json:"byteStart"`
		End   int `json:"byteEnd"`
	} `json:"index"`
	Features []struct {
		Type string `json:"$type"`
		URI  string `json:"uri"`
		DID  string `json:"did"`
		Tag  string `json:"tag"`
	} `json:"features"`
}

type reply struct {
	Root   strongRef `json:"root"`
	Parent strongRef `json:"parent"`
}

type strongRef struct {
	URI string `json:"uri"`
	CID string `json:"cid"`
}

// root is the post under which this one stands, "" if it stands by itself.
func (r *reply) root() string {
	if r == nil {
		return ""
	}
	return r.Root.URI
}

var (
	tid      = regexp.MustCompile(`^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$`)
	language = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$`)
	atURI    = regexp.MustCompile(`^at://did:[a-z]+:[A-Za-z0-9._:%-]+/[A-Za-z0-9.]+/[A-Za-z0-9._~:-]+$`)
)

// readPost returns the post of a valid request, or what is wrong with it.
func readPost(in input) (post, string) {
	var p post
	dec := json.NewDecoder(bytes.NewReader(in.Record))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, "it has other fields"
	}
	_, notTime := time.Parse(time.RFC3339Nano, p.CreatedAt)
	switch {
	case in.Collection != "app.bsky.feed.post" || p.Type != in.Collection:
		return p, "the sandbox has no other collection"
	case !tid.MatchString(in.Key):
		return p, "Invalid record key"
	case strings.TrimSpace(p.Text) == "":
		return p, "the sandbox takes text only"
	case uniseg.GraphemeClusterCount(p.Text) > 300:
		return p, "text must not be longer than 300 graphemes"
	case len(p.Text) > 3000:
		return p, "text must not be longer than 3000 bytes"
	case notTime != nil:
		return p, "createdAt must be an valid atproto datetime"
	case len(p.Languages) > 3:
		return p, "langs must not have more than 3 elements"
	}
	for _, l := range p.Languages {
		if !language.MatchString(l) {
			return p, "langs must be well-formed BCP 47 language tags"
		}
	}
	return p, checkParts(&p)
}

func checkParts(p *post) string {
	if r := p.Reply; r != nil {
		for _, ref := range []strongRef{r.Root, r.Parent} {
			if !atURI.MatchString(ref.URI) || !strings.HasPrefix(ref.CID, "baf") {
				return "reply must be strong references"
			}
		}
	}
	for _, f := range p.Facets {
		from, to := f.Index.Start, f.Index.End
		if from < 0 || to <= from || to > len(p.Text) || !utf8.ValidString(p.Text[from:to]) || len(f.Features) == 0 {
			return "facets must lie in the text, at whole characters"
		}
		for _, feature := range f.Features {
			if feature.Type != "app.bsky.richtext.facet#link" || feature.URI != p.Text[from:to] {
				return "the sandbox takes links only, which are what they show"
			}
		}
	}
	return ""
}
