package x

import (
	"encoding/json"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// readAck reads the answer to a post.
func readAck(a channels.Answer) (channels.Ack, error) {
	p, err := readPost(a)
	if err != nil {
		return channels.Ack{}, err
	}
	return channels.Ack{ID: p.ID, Proof: channels.Delivered}, nil
}

// readPost reads an answer whose data has an id.
func readPost(a channels.Answer) (post, error) {
	var v struct {
		Data   post              `json:"data"`
		Errors []json.RawMessage `json:"errors"`
	}
	success := a.Status == http.StatusOK || a.Status == http.StatusCreated
	if !success || json.Unmarshal(a.Body, &v) != nil {
		return post{}, refusal(a)
	}
	if v.Data.ID == "" && len(v.Errors) > 0 { // success, and yet it isn't there
		return post{}, &channels.Error{Class: channels.Rejected, Code: "not_found"}
	}
	if !idForm.MatchString(v.Data.ID) {
		return post{}, refusal(a)
	}
	return v.Data, nil
}

// problem is how X says what is wrong (https://docs.x.com/x-api/fundamentals/response-codes-and-errors).
type problem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

func problemOf(a channels.Answer) problem {
	var p problem
	if a.Status < 400 || json.Unmarshal(a.Body, &p) != nil {
		return problem{}
	}
	p.Detail = strings.ToLower(p.Detail)
	return p
}

// What X says of refusals that it gives no type.
const (
	duplicate        = "duplicate content"
	nothingToReplyTo = "deleted or not visible"
	tooLong          = "too long"
)

// says reports whether an answer is a refusal for a certain reason.
func says(a channels.Answer, reason string) bool {
	refused := a.Status == http.StatusBadRequest || a.Status == http.StatusForbidden
	return refused && strings.Contains(problemOf(a).Detail, reason)
}

// typeForm is the last part of a problem's type, a URL.
var typeForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// refusal classifies an answer that is no success, by its status (see [channels.Answer.Refusal]) and by
// the type of its problem. Details stay out of our errors, since a post may be quoted in them. 403 is
// about the app or the account where it isn't about the text. A limit that lasts has no Retry-After.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	p := problemOf(a)
	if kind := path.Base(p.Type); strings.HasPrefix(p.Type, "https://") && typeForm.MatchString(kind) {
		e.Code += " " + kind
	}
	switch {
	case says(a, duplicate):
		e.Class, e.Code = channels.Rejected, e.Code+" duplicate"
	case says(a, tooLong):
		e.Class, e.Code = channels.Rejected, e.Code+" too_long"
	case a.Status == http.StatusPaymentRequired: // credits are used up
		e.Class = channels.Auth
	case e.Class == channels.RateLimited && e.RetryAfter == 0:
		e.RetryAfter = social.UntilReset(a, resetHeader(a))
	}
	return e
}

// resetHeader is the header that says when the limit ends that was reached: the day's, or that of a
// quarter of an hour.
func resetHeader(a channels.Answer) string {
	for _, limit := range []string{"x-user-limit-24hour", "x-app-limit-24hour"} {
		if a.Header.Get(limit+"-remaining") == "0" {
			return limit + "-reset"
		}
	}
	return "x-rate-limit-reset"
}
