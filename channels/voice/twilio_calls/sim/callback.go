package sim

import (
	"context"
	"net/url"
	"slices"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
)

// reporter returns what tells a call's fate to its status callback, nil if it has none. Of the sandbox's
// words "sent" is a phone that rings; "delivered" is a call that is answered, and then over.
func (p *provider) reporter(c call, form url.Values) func(context.Context, string) {
	callback := form.Get("StatusCallback")
	if callback == "" {
		return nil
	}
	wanted := form["StatusCallbackEvent"]
	if len(wanted) == 0 {
		wanted = []string{"completed"}
	}
	machine := form.Has("MachineDetection")
	return func(ctx context.Context, state string) {
		tell := func(event, status string, number int) {
			if slices.Contains(wanted, event) {
				account.Post(ctx, p.desk, callback, statusForm(c, status, number, machine))
			}
		}
		switch state {
		case "sent":
			tell("ringing", "ringing", 1)
		case "delivered":
			tell("answered", "in-progress", 2)
			tell("completed", "completed", 3)
		}
	}
}

// statusForm is the body of a status callback. Who answered is said when the call is over.
func statusForm(c call, status string, number int, machine bool) url.Values {
	form := url.Values{
		"AccountSid":     {c.AccountSID},
		"ApiVersion":     {c.APIVersion},
		"CallSid":        {c.SID},
		"CallStatus":     {status},
		"CallbackSource": {"call-progress-events"},
		"Called":         {c.To},
		"Caller":         {c.From},
		"Direction":      {c.Direction},
		"From":           {c.From},
		"SequenceNumber": {string(rune('0' + number))},
		"Timestamp":      {timestamp()},
		"To":             {c.To},
	}
	if status == "completed" {
		form.Set("CallDuration", "21")
		form.Set("Duration", "1")
		if machine {
			form.Set("AnsweredBy", "human")
		}
	}
	return form
}
