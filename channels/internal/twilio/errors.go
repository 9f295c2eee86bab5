package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// refusal classifies an answer outside of 2xx.
//
// Twilio's text for the error is left out, because it quotes numbers; its page says the same. A 503
// says that the request was not taken. Any other 5xx may come after the message was queued, and
// there is no idempotency key to find out with.
func refusal(status int, header http.Header, body []byte, now time.Time) *channels.Error {
	var answer struct {
		Code int `json:"code"`
	}
	err := json.Unmarshal(body, &answer)
	if err != nil || answer.Code == 0 {
		e := &channels.Error{Class: classOfStatus(status), Code: strconv.Itoa(status), Err: fmt.Errorf("HTTP %d without a code of Twilio's", status)}
		e.RetryAfter = retryAfter(e.Class, header, now)
		return e
	}
	class, known := ClassOf(answer.Code)
	if !known {
		class = classOfStatus(status)
	}
	return &channels.Error{
		Class:      class,
		Code:       strconv.Itoa(answer.Code),
		RetryAfter: retryAfter(class, header, now),
		Err:        fmt.Errorf("HTTP %d, see https://www.twilio.com/docs/api/errors/%d", status, answer.Code),
	}
}

func classOfStatus(status int) channels.Class {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return channels.Auth
	case status == http.StatusTooManyRequests:
		return channels.RateLimited
	case status == http.StatusServiceUnavailable:
		return channels.Unavailable
	case status >= 400 && status < 500:
		return channels.Rejected
	}
	return channels.Unknown
}

func retryAfter(class channels.Class, header http.Header, now time.Time) time.Duration {
	if class != channels.RateLimited && class != channels.Unavailable {
		return 0
	}
	return channels.RetryAfter(header, now)
}

// AsError returns what a call of the SDK's failed with. What isn't an error of ours already is the
// SDK's failure to read a 2xx answer: the message was taken, for all we know.
func AsError(err error) *channels.Error {
	if e, ok := errors.AsType[*channels.Error](err); ok {
		return e
	}
	return Unreadable(err)
}

// Unreadable is the error of a 2xx answer that can't be read: what was asked for was done, for all we know.
func Unreadable(err error) *channels.Error {
	return &channels.Error{Class: channels.Unknown, Code: "unreadable_answer", Err: err}
}
