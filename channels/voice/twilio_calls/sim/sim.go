// Package sim is the far side of Twilio's calls: it takes them as Twilio's API does, checks their TwiML, and
// reports on them with signed status callbacks.
//
// It was written from Twilio's pages "Call resource" (https://www.twilio.com/docs/voice/api/call-resource),
// "TwiML Voice: <Say>" (https://www.twilio.com/docs/voice/twiml/say) and the error dictionary
// (https://www.twilio.com/docs/api/errors), without Twilio's SDK; what calls share with messages is in
// channels/internal/twilio/sim. It is strict: parameters and verbs that a spoken text doesn't need are
// refused. A call that is lost rings, and nobody answers.
package sim

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one account that exists.
const (
	AccountSID = account.SID
	AuthToken  = account.Token
)

// Simulator describes the far side of the provider "twilio_voice".
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "twilio_voice",
		HTTP:     func(d *sandbox.Desk) http.Handler { return newProvider(d) },
		Address:  sandbox.FakePhone,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "account_sid": AccountSID, "auth_token": AuthToken, "from": "+15005550006",
			}
		},
	}
}

// provider serves the API. Safe for concurrent use.
type provider struct {
	desk *sandbox.Desk
	ids  *account.IDs
}

func newProvider(d *sandbox.Desk) http.Handler {
	p := &provider{desk: d, ids: account.NewIDs("CA")}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/{sid}/Calls.json", account.Admitted(d, p.createCall))
	account.Serve(mux, d)
	return mux
}

func (p *provider) createCall(w http.ResponseWriter, r *http.Request) {
	if code, text := check(r.PostForm); code != 0 {
		account.Problem(w, http.StatusBadRequest, code, text)
		return
	}
	spoken, err := parse(r.PostForm.Get("Twiml"))
	if err != nil {
		account.Problem(w, http.StatusBadRequest, 12100, "Document parse failure: "+err.Error())
		return
	}
	to := r.PostForm.Get("To")
	if p.desk.Fate(to).Dropped {
		panic(http.ErrAbortHandler)
	}
	fate := p.desk.Take(to, spoken)
	if fate.Refused {
		account.Problem(w, http.StatusBadRequest, 13224, "Dial: Twilio does not support calling this number or the number is invalid")
		return
	}
	c := p.newCall(r.PostForm)
	report := p.reporter(c, r.PostForm)
	if fate.Unanswered {
		p.desk.Follow(to, fate, report)
		panic(http.ErrAbortHandler)
	}
	account.JSON(w, http.StatusCreated, c)
	_ = http.NewResponseController(w).Flush() // no callback before the answer is on its way
	p.desk.Follow(to, fate, report)
}

// call is a Call resource as Twilio prints it right after its creation.
type call struct {
	AccountSID      string            `json:"account_sid"`
	AnsweredBy      *string           `json:"answered_by"`
	APIVersion      string            `json:"api_version"`
	CallerName      *string           `json:"caller_name"`
	DateCreated     *string           `json:"date_created"`
	DateUpdated     *string           `json:"date_updated"`
	Direction       string            `json:"direction"`
	Duration        *string           `json:"duration"`
	EndTime         *string           `json:"end_time"`
	ForwardedFrom   *string           `json:"forwarded_from"`
	From            string            `json:"from"`
	FromFormatted   string            `json:"from_formatted"`
	GroupSID        *string           `json:"group_sid"`
	ParentCallSID   *string           `json:"parent_call_sid"`
	PhoneNumberSID  *string           `json:"phone_number_sid"`
	Price           *string           `json:"price"`
	PriceUnit       string            `json:"price_unit"`
	QueueTime       string            `json:"queue_time"`
	SID             string            `json:"sid"`
	StartTime       *string           `json:"start_time"`
	Status          string            `json:"status"`
	SubresourceURIs map[string]string `json:"subresource_uris"`
	To              string            `json:"to"`
	ToFormatted     string            `json:"to_formatted"`
	TrunkSID        *string           `json:"trunk_sid"`
	URI             string            `json:"uri"`
}

func (p *provider) newCall(form url.Values) call {
	sid := p.ids.Next()
	path := account.Path + "/Calls/" + sid
	return call{
		AccountSID: account.SID, APIVersion: "2010-04-01", Direction: "outbound-api", PriceUnit: "USD", QueueTime: "0",
		From: form.Get("From"), FromFormatted: form.Get("From"), To: form.Get("To"), ToFormatted: form.Get("To"),
		SID: sid, Status: "queued", URI: path + ".json",
		SubresourceURIs: map[string]string{"notifications": path + "/Notifications.json", "recordings": path + "/Recordings.json"},
	}
}

// check returns the code and the text of Twilio's complaint about a form, 0 if there is none.
func check(form url.Values) (code int, text string) {
	for name, values := range form {
		if !known(name) || (len(values) != 1 && name != "StatusCallbackEvent") {
			return 20001, "Unknown or repeated parameter: " + name
		}
	}
	ring, err := strconv.Atoi(form.Get("Timeout"))
	switch {
	case form.Get("To") == "":
		return 21201, "No 'To' number is specified"
	case !account.IsE164(form.Get("To")):
		return 21211, "The 'To' number " + form.Get("To") + " is not a valid phone number."
	case form.Get("From") == "":
		return 21213, "Caller phone number is required"
	case !account.IsE164(form.Get("From")):
		return 21212, "The 'From' number " + form.Get("From") + " is not a valid phone number."
	case form.Get("Twiml") == "":
		return 21205, "Url parameter is required."
	case form.Has("Timeout") && (err != nil || ring < 1 || ring > 600):
		return 20001, "Invalid Timeout"
	case form.Has("StatusCallback") && !account.IsCallback(form.Get("StatusCallback")):
		return 21609, "The StatusCallback URL is not a valid URL."
	case form.Has("MachineDetection") && form.Get("MachineDetection") != "Enable" && form.Get("MachineDetection") != "DetectMessageEnd":
		return 20001, "Invalid MachineDetection"
	}
	for _, event := range form["StatusCallbackEvent"] {
		if event != "initiated" && event != "ringing" && event != "answered" && event != "completed" {
			return 21626, "Call status callback events contain one or more invalid events"
		}
	}
	return 0, ""
}

func known(parameter string) bool {
	switch parameter {
	case "To", "From", "Twiml", "Timeout", "StatusCallback", "StatusCallbackEvent", "MachineDetection":
		return true
	}
	return false
}

func timestamp() string { return time.Now().UTC().Format(time.RFC1123Z) }
