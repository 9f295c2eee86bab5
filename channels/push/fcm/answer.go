package fcm

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// quotaWait is how long to wait after QUOTA_EXCEEDED where no Retry-After says
// (https://firebase.google.com/docs/cloud-messaging/scale-fcm#handling-retries).
const quotaWait = time.Minute

// readName reads the answer to messages:send: the message's name.
func readName(a channels.Answer) (string, error) {
	var sent struct {
		Name string `json:"name"`
	}
	if a.Status != http.StatusOK {
		return "", refusal(a)
	}
	if err := json.Unmarshal(a.Body, &sent); err != nil || sent.Name == "" {
		return "", a.Refusal()
	}
	return sent.Name, nil
}

// status is what is read of an error (https://cloud.google.com/apis/design/errors#error_model).
type status struct {
	Error struct {
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []struct {
			ErrorCode  string `json:"errorCode"`
			Violations []struct {
				Field string `json:"field"`
			} `json:"fieldViolations"`
		} `json:"details"`
	} `json:"error"`
}

// errorCodes are those of https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode.
//
// SENDER_ID_MISMATCH speaks of one token, which another project made; THIRD_PARTY_AUTH_ERROR of one
// platform, whose credentials the project lacks. Both are Rejected, so that the recipient's next channel
// has its turn: as Auth they would stop the channel for everybody else, and a token is not to be forgotten
// for what may be a mistake in our configuration.
func errorCodes() map[string]channels.Class {
	return map[string]channels.Class{
		"UNREGISTERED":           channels.InvalidAddress,
		"INVALID_ARGUMENT":       channels.Rejected, // unless it is the token, see refusal
		"SENDER_ID_MISMATCH":     channels.Rejected,
		"THIRD_PARTY_AUTH_ERROR": channels.Rejected,
		"QUOTA_EXCEEDED":         channels.RateLimited,
		"UNAVAILABLE":            channels.Unavailable,
		"INTERNAL":               channels.Unknown,
	}
}

// refusal classifies an error by its FCM code where it has one, else by the HTTP status. Messages stay
// out of ours, since they may quote the request.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	var s status
	if json.Unmarshal(a.Body, &s) != nil {
		return e
	}
	code := s.code()
	class, known := errorCodes()[code]
	if known {
		e.Class, e.Code = class, e.Code+" "+code
	}
	switch {
	case code == "INVALID_ARGUMENT" && s.aboutToken():
		e.Class, e.Err = channels.InvalidAddress, errors.New("not a registration token")
	case e.Class == channels.RateLimited, e.Class == channels.Unavailable:
		e.RetryAfter = channels.RetryAfter(a.Header, a.Time())
	}
	if e.Class == channels.RateLimited && e.RetryAfter == 0 {
		e.RetryAfter = quotaWait
	}
	return e
}

// code is FCM's own code for an error, "" where only the canonical status is given, which says nothing
// more than the HTTP status: NOT_FOUND alone, say, is a project that isn't there.
func (s status) code() string {
	for _, d := range s.Error.Details {
		if d.ErrorCode != "" {
			return d.ErrorCode
		}
	}
	return ""
}

// aboutToken reports whether an INVALID_ARGUMENT is the registration token: the one field of a message
// that isn't ours. One of FCM's two ways to say so is prose
// (https://firebase.google.com/docs/cloud-messaging/error-codes).
func (s status) aboutToken() bool {
	for _, d := range s.Error.Details {
		for _, v := range d.Violations {
			if v.Field == "message.token" {
				return true
			}
		}
	}
	return strings.HasPrefix(s.Error.Message, "The registration token is not a valid FCM registration token")
}
