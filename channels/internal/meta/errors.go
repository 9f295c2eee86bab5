package meta

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Classes says what a product's own error codes mean; false for those that it doesn't know. The
// subcode is 0 where there is none.
type Classes func(code, subcode int) (channels.Class, bool)

// Failure classifies an answer that is no success: by the product's codes, then by those of the Graph
// API, then by its status. Meta's text for it stays out, since anything may be quoted in it.
func Failure(a channels.Answer, classes Classes) *channels.Error {
	var r struct {
		Error struct {
			Code    int    `json:"code"`
			Subcode int    `json:"error_subcode"`
			Message string `json:"message"`
		} `json:"error"`
	}
	e := a.Refusal()
	if json.Unmarshal(a.Body, &r) != nil || (r.Error.Code == 0 && a.Status != http.StatusUnauthorized) {
		return e
	}
	e.Code = strconv.Itoa(r.Error.Code)
	if r.Error.Subcode != 0 {
		e.Code += "/" + strconv.Itoa(r.Error.Subcode)
	}
	if r.Error.Code == 100 && strings.Contains(r.Error.Message, "appsecret_proof") {
		e.Class, e.Code = channels.Auth, e.Code+" appsecret_proof" // the app's secret is wrong, and with it all messages
	} else if class, known := classes(r.Error.Code, r.Error.Subcode); known {
		e.Class = class
	} else if class, known := graphClass(r.Error.Code); known {
		e.Class = class
	}
	e.RetryAfter = retryAfter(e.Class, a)
	return e
}

// graphClass says what the codes mean that all of the Graph API has
// (https://developers.facebook.com/docs/graph-api/guides/error-handling and the page on rate limits).
// Code 1 is an unknown error, whatever the status; code 2, a service that is out of order, is left to
// the status.
func graphClass(code int) (channels.Class, bool) {
	switch {
	case code == 4, code == 17, code == 32, code == 341, code == 613, code >= 80000 && code <= 80014:
		return channels.RateLimited, true
	case code == 0, // the app user can't be authenticated
		code == 3, code == 10, code == 102, code == 190, code >= 200 && code <= 299,
		code == 368: // blocked for violating policies
		return channels.Auth, true
	case code == 33, code == 100:
		return channels.Rejected, true
	case code == 1:
		return channels.Unknown, true
	}
	return channels.Unknown, false
}

func retryAfter(class channels.Class, a channels.Answer) time.Duration {
	if class != channels.RateLimited && class != channels.Unavailable {
		return 0
	}
	if after := channels.RetryAfter(a.Header, a.Time()); after > 0 {
		return after
	}
	return regained(a.Header.Get("X-Business-Use-Case-Usage"))
}

// longestWait bounds what X-Business-Use-Case-Usage may ask for.
const longestWait = 24 * 60

// regained reads when calls are taken again: the longest estimated_time_to_regain_access, which is in
// minutes ("Rate limits", business use case rate limits, headers).
func regained(usage string) time.Duration {
	var by map[string][]struct {
		Minutes int `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(usage), &by) != nil {
		return 0
	}
	longest := 0
	for _, uses := range by {
		for _, u := range uses {
			longest = max(longest, u.Minutes)
		}
	}
	return time.Duration(min(longest, longestWait)) * time.Minute
}
