package vk

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// readAck reads the answer to a post on a community's wall. A post's number is its wall's own.
func readAck(a channels.Answer, community string) (channels.Ack, error) {
	var v struct {
		Response struct {
			PostID int64 `json:"post_id"`
		} `json:"response"`
	}
	if !answered(a) || json.Unmarshal(a.Body, &v) != nil || v.Response.PostID <= 0 {
		return channels.Ack{}, refusal(a)
	}
	return channels.Ack{ID: "-" + community + "_" + strconv.FormatInt(v.Response.PostID, 10), Proof: channels.Delivered}, nil
}

// answered reports whether an answer has a response: errors have the status 200 too.
func answered(a channels.Answer) bool {
	var v struct {
		Response json.RawMessage `json:"response"`
		Error    json.RawMessage `json:"error"`
	}
	return a.Status == http.StatusOK && json.Unmarshal(a.Body, &v) == nil && v.Response != nil && v.Error == nil
}

// classes says what the codes mean of https://dev.vk.com/ru/reference/errors and of wall.post. All of them
// but 1, 10 and 36, errors inside VK, say that nothing was done.
var classes = map[int]channels.Class{
	1: channels.Unknown, 10: channels.Unknown, 36: channels.Unknown, // 36: it took VK too long
	43: channels.Unavailable,
	2:  channels.Auth, 4: channels.Auth, 5: channels.Auth, 7: channels.Auth, // the app, its signature, the key, its rights
	14: channels.Auth, 15: channels.Auth, 17: channels.Auth, 18: channels.Auth, // a captcha, access, a check of the account
	27: channels.Auth, 28: channels.Auth, 30: channels.Auth, 203: channels.Auth, 210: channels.Auth, 214: channels.Auth,
	6: channels.RateLimited, 9: channels.RateLimited, 29: channels.RateLimited, // a second's, a flood, a day's
	219: channels.RateLimited, 224: channels.RateLimited, // posts that are taken for advertising
	3: channels.Rejected, 8: channels.Rejected, 100: channels.Rejected, 113: channels.Rejected,
	222: channels.Rejected, // links are not allowed
}

// failure is how VK says what is wrong.
type failure struct {
	Code    int    `json:"error_code"`
	Message string `json:"error_msg"`
}

// failureOf reads what an answer says is wrong; its code is 0 if it says nothing.
func failureOf(a channels.Answer) failure {
	var v struct {
		Error failure `json:"error"`
	}
	if json.Unmarshal(a.Body, &v) != nil {
		return failure{}
	}
	return v.Error
}

// refusal classifies an answer that is no success. VK's message stays out of our errors, since the post may
// be quoted in it; of 214 it says whether it is the day's limit that doesn't allow the post.
func refusal(a channels.Answer) *channels.Error {
	e, f := a.Refusal(), failureOf(a)
	if f.Code == 0 {
		return e
	}
	e.Code = strconv.Itoa(f.Code)
	class, known := classes[f.Code]
	switch {
	case f.Code == 214 && strings.Contains(f.Message, "day"):
		e.Class = channels.RateLimited
	case known:
		e.Class = class
	default: // VK has read the request, and did not do it
		e.Class = channels.Rejected
	}
	return e
}
