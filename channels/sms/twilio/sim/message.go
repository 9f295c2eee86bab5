package sim

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// message is a Message resource as Twilio prints it right after its creation.
type message struct {
	AccountSID          string            `json:"account_sid"`
	APIVersion          string            `json:"api_version"`
	Body                string            `json:"body"`
	DateCreated         string            `json:"date_created"`
	DateSent            *string           `json:"date_sent"`
	DateUpdated         string            `json:"date_updated"`
	Direction           string            `json:"direction"`
	ErrorCode           *int              `json:"error_code"`
	ErrorMessage        *string           `json:"error_message"`
	From                *string           `json:"from"`
	NumMedia            string            `json:"num_media"`
	NumSegments         string            `json:"num_segments"`
	Price               *string           `json:"price"`
	PriceUnit           *string           `json:"price_unit"`
	MessagingServiceSID *string           `json:"messaging_service_sid"`
	SID                 string            `json:"sid"`
	Status              string            `json:"status"`
	SubresourceURIs     map[string]string `json:"subresource_uris"`
	To                  string            `json:"to"`
	URI                 string            `json:"uri"`
}

// account is the part of an Account resource that tells whether it can be used.
type account struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
	Status       string `json:"status"`
	Type         string `json:"type"`
}

// problem is Twilio's error answer.
type problem struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

func (p *provider) newMessage(form url.Values) message {
	sid := p.ids.next()
	now := time.Now().UTC().Format(time.RFC1123Z)
	path := "/2010-04-01/Accounts/" + AccountSID + "/Messages/" + sid
	m := message{
		AccountSID: AccountSID, APIVersion: "2010-04-01", Body: form.Get("Body"),
		DateCreated: now, DateUpdated: now, Direction: "outbound-api",
		NumMedia: "0", NumSegments: "0", SID: sid, Status: "accepted",
		SubresourceURIs: map[string]string{"media": path + "/Media.json"},
		To:              form.Get("To"), URI: path + ".json",
	}
	if service := form.Get("MessagingServiceSid"); service != "" {
		m.MessagingServiceSID = &service
	}
	if from := form.Get("From"); from != "" {
		m.From, m.Status, m.NumSegments = &from, "queued", segments(m.Body)
	}
	return m
}

// segments is a rough count, enough for an answer that only people read.
func segments(body string) string {
	per := 153
	if len(body) != utf8.RuneCountInString(body) {
		per = 67
	}
	return strconv.Itoa(1 + utf8.RuneCountInString(body)/per)
}

// identifiers gives out message ids: a random half, so that runs don't repeat them, and a counter.
type identifiers struct {
	prefix string
	last   atomic.Uint64
}

func newIdentifiers() *identifiers {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return &identifiers{prefix: "SM" + hex.EncodeToString(b[:])}
}

func (i *identifiers) next() string { return fmt.Sprintf("%s%016x", i.prefix, i.last.Add(1)) }

func writeProblem(w http.ResponseWriter, status, code int, text string) {
	writeJSON(w, status, problem{
		Code: code, Message: text, Status: status,
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
