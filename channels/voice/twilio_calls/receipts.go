package twiliocalls

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// ParseCallback reads a status callback. The signature covers the URL and with it the Ref. Calls that
// people make to us give no receipts.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	form, err := s.account.Verify(c)
	if err != nil {
		return channels.Heard{}, err
	}
	status := form.Get("CallStatus")
	if status == "" || form.Get("Direction") == "inbound" {
		return channels.Heard{}, nil
	}
	state, code := s.stateOf(status, form)
	if state == "" {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "status", Err: fmt.Errorf("unknown CallStatus %.32q", status)}
	}
	sid := form.Get("CallSid")
	if sid == "" {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("no CallSid")}
	}
	r := channels.Receipt{Ref: c.Ref, ProviderID: sid, State: state, Code: code, At: timeOf(form)}
	return channels.Heard{Receipts: []channels.Receipt{r}}, nil
}

// stateOf says what a call's status means, "" where it isn't known; "Call resource", call status values.
func (s *sender) stateOf(status string, form url.Values) (state channels.ReceiptState, code string) {
	switch status {
	case "queued", "initiated", "ringing":
		return channels.ReceiptAccepted, status
	case "in-progress":
		if s.DetectMachines { // who has answered is known later
			return channels.ReceiptAccepted, status
		}
		return channels.ReceiptDelivered, status
	case "completed":
		return s.answered(form.Get("AnsweredBy"))
	case "busy", "no-answer", "canceled":
		return channels.ReceiptFailed, status
	case "failed":
		return channels.ReceiptFailed, status + detail(form)
	}
	return "", ""
}

// answered says what a call means that is over, by who answered it. "unknown" is Twilio's word where it
// couldn't tell; most of those are humans who said little.
func (s *sender) answered(by string) (state channels.ReceiptState, code string) {
	switch {
	case !s.DetectMachines || by == "":
		return channels.ReceiptDelivered, "completed"
	case by == "human", by == "unknown":
		return channels.ReceiptDelivered, "completed " + by
	case by == "fax":
		return channels.ReceiptFailed, by
	case strings.HasPrefix(by, "machine_"): // machine_start, machine_end_beep, …
		return channels.ReceiptFailed, "machine"
	}
	return channels.ReceiptDelivered, "completed"
}

// detail is why a call failed, with a blank before it: Twilio's error, else the SIP response (RFC 3261,
// section 21) of the network; "" where neither is given.
func detail(form url.Values) string {
	if code := form.Get("ErrorCode"); isDigits(code, 5) {
		return " " + code
	}
	if code := form.Get("SipResponseCode"); isDigits(code, 3) {
		return " sip " + code
	}
	return ""
}

func isDigits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

// timeOf is the time of the event, zero where it isn't given (RFC 2822).
func timeOf(form url.Values) time.Time {
	at, err := time.Parse(time.RFC1123Z, form.Get("Timestamp"))
	if err != nil || at.Year() < 2000 || at.Year() > 2100 {
		return time.Time{}
	}
	return at.UTC()
}
