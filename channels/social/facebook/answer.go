package facebook

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// readID reads the id of what an answer is about.
func readID(a channels.Answer) (string, error) {
	var v struct {
		ID string `json:"id"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &v) != nil || v.ID == "" {
		return "", refusal(a)
	}
	return v.ID, nil
}

// failure is how the Graph API says what is wrong. Its message stays out of our errors, since the post may
// be quoted in it.
type failure struct {
	Code    int `json:"code"`
	Subcode int `json:"error_subcode"`
}

func failureOf(a channels.Answer) failure {
	var v struct {
		Error failure `json:"error"`
	}
	if json.Unmarshal(a.Body, &v) != nil {
		return failure{}
	}
	return v.Error
}

const (
	codeParameter = 100
	codeDuplicate = 506
	codeNoAlias   = 803
	// subcodeTooFast says of a block (368) that it is one for posting too fast.
	subcodeTooFast = 1390008
)

// refusal classifies an answer that is no success, by the code of its error
// (https://developers.facebook.com/docs/graph-api/guides/error-handling), where it has one that is known,
// else by its status. Codes 1 and 2, an unknown error and a service that is out of order, are left to the
// status: with 500 the post may be there.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	f := failureOf(a)
	if f.Code == 0 {
		return e
	}
	e.Code = strconv.Itoa(f.Code)
	if f.Subcode != 0 {
		e.Code += "/" + strconv.Itoa(f.Subcode)
	}
	if class, known := classOf(f); known {
		e.Class = class
	} else if a.Status == http.StatusOK {
		e.Class = channels.Unknown
	}
	if e.Class == channels.RateLimited && e.RetryAfter == 0 {
		e.RetryAfter = regained(a)
	}
	return e
}

func classOf(f failure) (channels.Class, bool) {
	switch c := f.Code; {
	case c == 368 && f.Subcode == subcodeTooFast,
		c == 4, c == 17, c == 32, c == 341, c == 613, // calls of the app, the user, the Page; posts
		c >= 80000 && c <= 80014: // calls of a business
		return channels.RateLimited, true
	case c == 3, c == 10, c == 102, c == 190, c >= 200 && c <= 299, // token and permissions
		c == 368: // blocked for violating policies
		return channels.Auth, true
	case c == 33, c == codeParameter, c == codeDuplicate, c == 1609005: // parameters; a link that can't be posted
		return channels.Rejected, true
	}
	return channels.Unknown, false
}

// regained is when calls are taken again: the longest estimated_time_to_regain_access, in minutes, of the
// header X-Business-Use-Case-Usage (https://developers.facebook.com/docs/graph-api/overview/rate-limiting),
// a day at most.
func regained(a channels.Answer) time.Duration {
	var by map[string][]struct {
		Minutes int `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(a.Header.Get("X-Business-Use-Case-Usage")), &by) != nil {
		return 0
	}
	longest := 0
	for _, uses := range by {
		for _, u := range uses {
			longest = max(longest, u.Minutes)
		}
	}
	return time.Duration(min(longest, 24*60)) * time.Minute
}
