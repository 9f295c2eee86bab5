package sim

import (
	"cmp"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// What an instance says of what it doesn't have or doesn't show, and of too many requests.
const (
	notFound = "Record not found"
	tooFast  = "Too many requests"
)

// status is what of a Status entity a sender may look at.
type status struct {
	ID         string  `json:"id"`
	CreatedAt  string  `json:"created_at"`
	Visibility string  `json:"visibility"`
	Language   string  `json:"language,omitempty"`
	InReplyTo  string  `json:"in_reply_to_id,omitempty"`
	URI        string  `json:"uri"`
	URL        string  `json:"url"`
	Content    string  `json:"content"`
	Account    profile `json:"account"`

	unanswered bool // nobody is told
}

// profile is what of an Account entity a sender may look at.
type profile struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Acct     string `json:"acct"`
	URL      string `json:"url"`
}

func newProfile(account string) profile {
	return profile{ID: "14715", Username: account, Acct: account, URL: "https://sandbox.example/@" + account}
}

func newStatus(id, account string, form url.Values) status {
	p := newProfile(account)
	return status{
		ID:         id,
		CreatedAt:  time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		Visibility: cmp.Or(form.Get("visibility"), "public"),
		Language:   form.Get("language"),
		InReplyTo:  form.Get("in_reply_to_id"),
		URI:        "https://sandbox.example/users/" + account + "/statuses/" + id,
		URL:        p.URL + "/" + id,
		Content:    "<p>" + html.EscapeString(form.Get("status")) + "</p>",
		Account:    p,
	}
}

// setLimit says what is left of a rate limit, and until when.
func setLimit(w http.ResponseWriter, limit, left int, reset time.Time) {
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(limit))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(left))
	w.Header().Set("X-RateLimit-Reset", reset.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

func refuse(w http.ResponseWriter, code int, says string) {
	write(w, code, struct {
		Error string `json:"error"`
	}{says})
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
