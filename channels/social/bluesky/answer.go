package bluesky

import (
	"encoding/json"
	"net/http"
	"regexp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// nameForm keeps what isn't a name out of our errors; messages stay out altogether.
var nameForm = regexp.MustCompile(`^[A-Za-z]{1,40}$`)

// name is the name of the error that an answer brings, "" if none: the body's field error
// (https://atproto.com/specs/xrpc#error-responses).
func name(a channels.Answer) string {
	var e struct {
		Error string `json:"error"`
	}
	if a.Status < 400 || json.Unmarshal(a.Body, &e) != nil || !nameForm.MatchString(e.Error) {
		return ""
	}
	return e.Error
}

// refusal classifies an answer that is no success: by its status (see [channels.Answer.Refusal]), where
// the error's name doesn't say better. Servers use 400 for most, about tokens and accounts too. Rate
// limits have no Retry-After, but RateLimit-Reset.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	n := name(a)
	if n != "" {
		e.Code += " " + n
	}
	switch n {
	case "ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired", "AuthFactorTokenRequired", "BadJwt",
		"AccountTakedown", "AccountDeactivated", "RepoTakendown", "RepoSuspended", "RepoDeactivated":
		e.Class = channels.Auth
	case "RateLimitExceeded":
		e.Class = channels.RateLimited
	}
	if a.Status == http.StatusNotImplemented || n == "MethodNotImplemented" {
		e.Class = channels.Auth // it is not the server of accounts
	}
	if e.Class == channels.RateLimited && e.RetryAfter == 0 {
		e.RetryAfter = social.UntilReset(a, "RateLimit-Reset")
	}
	return e
}
