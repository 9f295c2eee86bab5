// Package sim is what the far sides of Twilio's products share: the one account that exists, its
// password, error answers, ids, and signed callbacks.
//
// It was written from Twilio's pages "Twilio API requests" (https://www.twilio.com/docs/usage/requests-to-twilio),
// "Twilio's response" (https://www.twilio.com/docs/usage/twilios-response), "Secure webhooks"
// (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the error dictionary
// (https://www.twilio.com/docs/api/errors), without Twilio's SDK.
package sim

import (
	"net/http"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one account that exists, and its token, which is both password and signing key.
const (
	SID   = "AC7f5e1d2c3b4a59687786950413223140"
	Token = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
)

// Path is where the account's resources are.
const Path = "/2010-04-01/Accounts/" + SID

// resource is the part of an Account resource that tells whether it can be used.
type resource struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
	Status       string `json:"status"`
	Type         string `json:"type"`
}

// Serve serves the account itself, and what belongs to no resource, on mux.
func Serve(mux *http.ServeMux, d *sandbox.Desk) {
	mux.HandleFunc("GET /2010-04-01/Accounts/{file}", admitted(d, fetch))
	mux.HandleFunc("/", notFound)
}

func fetch(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("file") != SID+".json" {
		notFound(w, r)
		return
	}
	JSON(w, http.StatusOK, resource{SID: SID, FriendlyName: "Sandbox", Status: "active", Type: "Full"})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	Problem(w, http.StatusNotFound, 20404, "The requested resource "+r.URL.Path+" was not found")
}

// Admitted serves requests for the account's resources, the path of which names it as {sid}.
func Admitted(d *sandbox.Desk, serve http.HandlerFunc) http.HandlerFunc {
	return admitted(d, func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("sid") != SID {
			notFound(w, r)
			return
		}
		serve(w, r)
	})
}

// admitted reads the request whole, lets the desk say how the provider is, and checks the password.
// The body is read first: only then does the server notice that a client hangs up.
func admitted(d *sandbox.Desk, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			Problem(w, http.StatusBadRequest, 20001, "The body can't be read as a form")
			return
		}
		switch d.Gate(r.Context()) {
		case sandbox.Hanging:
			panic(http.ErrAbortHandler)
		case sandbox.Unavailable:
			w.Header().Set("Retry-After", "1")
			Problem(w, http.StatusServiceUnavailable, 20503, "Service is unavailable")
			return
		case sandbox.RateLimited:
			w.Header().Set("Retry-After", "1")
			Problem(w, http.StatusTooManyRequests, 20429, "Too Many Requests")
			return
		}
		if user, password, _ := r.BasicAuth(); user != SID || password != Token {
			Problem(w, http.StatusUnauthorized, 20003, "Authenticate")
			return
		}
		serve(w, r)
	}
}
