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

var errNoSID = errors.New("the answer names no message")

// classOf says what Twilio's error codes mean for an attempt. It returns false for codes whose HTTP
// status says enough. Codes are described at https://www.twilio.com/docs/api/errors/<code>.
func classOf(code int) (channels.Class, bool) {
	switch code {
	case 21211, // invalid 'To' number
		21214, // 'To' number cannot be reached
		21217, // 'To' number does not appear to be valid
		21265, // 'To' number cannot be a short code
		21266, // 'To' and 'From' are the same
		21604, // 'To' is missing
		21610, // the recipient has opted out
		21614, // 'To' is no mobile number
		21635, // 'To' is a landline
		63003, // the channel knows no such 'To'
		63024: // the channel refuses the recipient
		return channels.InvalidAddress, true
	case 21408, // no permission to send to this region
		21602, // no text
		21606, // 'From' doesn't work for this destination
		21608, // trial account, unverified number
		21612, // this 'To' can't be reached from this 'From'
		21617, // text too long
		21659, // short code of another country
		63013, // against the channel's policy
		63016: // outside of the channel's window, a template is required
		return channels.Rejected, true
	case 10001, // account is not active
		20003, // authentication failed
		20005, // account is not active
		20006, // access denied
		20403, // forbidden
		20404, // no such account
		21212, // invalid 'From'
		21601, // 'From' is not a sender of this account
		21603, // 'From' is missing
		21660, // 'From' belongs to another account
		21661, // 'From' can't send SMS
		21703, // the messaging service has no senders
		21705, // no such messaging service
		30002: // account suspended
		return channels.Auth, true
	case 14107, // too fast for the sender
		20429, // too many requests at once; not processed
		21611, // the sender's queue is full
		30001, // queue overflow
		63018, // too fast for the channel
		63038: // daily limit of the account
		return channels.RateLimited, true
	case 20503, // service unavailable
		21730: // maintenance
		return channels.Unavailable, true
	}
	return channels.Unknown, false
}

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
	class, known := classOf(answer.Code)
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

// asError returns what a call of the SDK's failed with. What isn't an error of ours already is the
// SDK's failure to read a 2xx answer: the message was taken, for all we know.
func asError(err error) *channels.Error {
	if e, ok := errors.AsType[*channels.Error](err); ok {
		return e
	}
	return unreadable(err)
}

func unreadable(err error) *channels.Error {
	return &channels.Error{Class: channels.Unknown, Code: "unreadable_answer", Err: err}
}
