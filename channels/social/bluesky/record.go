package bluesky

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// What https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/post.json allows.
const (
	collection   = "app.bsky.feed.post"
	maxGraphemes = 300
	maxBytes     = 3000
)

// write is the body of putRecord.
type write struct {
	Repo       string `json:"repo"`
	Collection string `json:"collection"`
	Key        string `json:"rkey"`
	Record     post   `json:"record"`
	// Swap is always null: the record is put only if there is none.
	Swap *string `json:"swapRecord"`
}

type post struct {
	Type      string   `json:"$type"`
	Text      string   `json:"text"`
	CreatedAt string   `json:"createdAt"`
	Languages []string `json:"langs,omitempty"`
	Facets    []facet  `json:"facets,omitempty"`
	Reply     *replyTo `json:"reply,omitempty"`
}

type replyTo struct {
	Root   ref `json:"root"`
	Parent ref `json:"parent"`
}

// ref names a version of a record.
type ref struct {
	URI string `json:"uri"`
	CID string `json:"cid"`
}

// facet says what a part of a text is, by the offsets of its bytes in UTF-8.
type facet struct {
	Index    span      `json:"index"`
	Features []feature `json:"features"`
}

type span struct {
	Start int `json:"byteStart"`
	End   int `json:"byteEnd"`
}

type feature struct {
	Type string `json:"$type"`
	URI  string `json:"uri"`
}

func newPost(m channels.Message, now time.Time) (post, error) {
	text := social.Bluesky().Fit(m.Text, maxGraphemes)
	if len(text) > maxBytes {
		return post{}, &channels.Error{
			Class: channels.Rejected, Code: "too_long", Err: fmt.Errorf("%d bytes, at most %d are taken", len(text), maxBytes),
		}
	}
	p := post{Type: collection, Text: text, CreatedAt: now.UTC().Format("2006-01-02T15:04:05.000Z")}
	if m.Locale != "" {
		p.Languages = []string{m.Locale}
	}
	for _, l := range social.Links(text) {
		p.Facets = append(p.Facets, facet{span{l.Start, l.End}, []feature{{"app.bsky.richtext.facet#link", l.URL}}})
	}
	return p, nil
}

const (
	tidAlphabet = "234567abcdefghijklmnopqrstuvwxyz"
	// tidEpoch is 2025-01-01 in microseconds, tidSpan 2^44 of them: somewhat more than half a year.
	tidEpoch = 1735689600000000
	tidSpan  = 1 << 44
)

// recordKey is the record key of an attempt. Posts must have a timestamp identifier
// (https://atproto.com/specs/tid): 53 bits of microseconds and 10 of a clock's id, in base 32 that sorts.
// Its time is a made-up one, always past, which the reference decides like the rest, so that a repeat has
// the same key. (When a post was made is in the post.) With 54 bits, two of 100,000 posts of an account
// have the same with a chance of one to three million; the second is refused then.
func recordKey(reference string) string {
	sum := sha256.Sum256([]byte(reference))
	n := binary.BigEndian.Uint64(sum[:8])
	tid := (tidEpoch+n%tidSpan)<<10 | n>>54
	var key [13]byte
	for i := range key {
		key[len(key)-1-i] = tidAlphabet[tid&31]
		tid >>= 5
	}
	return string(key[:])
}

var uriForm = regexp.MustCompile(`^at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/app\.bsky\.feed\.post/([A-Za-z0-9._~:-]{1,512})$`)

// parseURI reads the address of a post.
func parseURI(uri string) (did, key string, ok bool) {
	parts := uriForm.FindStringSubmatch(uri)
	if parts == nil {
		return "", "", false
	}
	return parts[1], parts[2], true
}
