package sim

import (
	"cmp"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"time"
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
