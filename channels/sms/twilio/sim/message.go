package sim

import (
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
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

func (p *provider) newMessage(form url.Values) message {
	sid := p.ids.Next()
	now := time.Now().UTC().Format(time.RFC1123Z)
	path := account.Path + "/Messages/" + sid
	m := message{
		AccountSID: account.SID, APIVersion: "2010-04-01", Body: form.Get("Body"),
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
