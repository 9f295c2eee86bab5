// Package messenger is what the adapters of messengers share: calls with a JSON body, the length of a text
// as bot APIs count it, checks of addresses, and how a text goes into an approved template.
package messenger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf16"

	"github.com/tocsin-dev/tocsin/channels"
)

// PostJSON calls an API method with v as its JSON body. Errors are those of [channels.API.Call].
func PostJSON(ctx context.Context, api *channels.API, path string, header http.Header, v any) (channels.Answer, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return api.Call(ctx, http.MethodPost, path, header, body)
}

// Length counts a text in UTF-16 code units: an emoji outside the basic plane counts two.
func Length(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// CheckLength returns an *Error of class Rejected where a text is longer than limit, in UTF-16 code
// units, so that a message that can't be taken costs no request.
func CheckLength(text string, limit int) error {
	if n := Length(text); n > limit {
		return &channels.Error{
			Class: channels.Rejected,
			Code:  "too_long",
			Err:   fmt.Errorf("%d UTF-16 units, at most %d are taken", n, limit),
		}
	}
	return nil
}
