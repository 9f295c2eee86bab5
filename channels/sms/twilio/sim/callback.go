package sim

import (
	"context"
	"net/url"
	"time"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
)

// reporter returns what tells a message's fate to its status callback, nil if it has none. SMS are
// never reported as read.
func (p *provider) reporter(m message, callback string) func(context.Context, string) {
	if callback == "" {
		return nil
	}
	return func(ctx context.Context, state string) {
		if state == "read" {
			return
		}
		account.Post(ctx, p.desk, callback, statusForm(m, state))
	}
}

// statusForm is the body of a status callback.
func statusForm(m message, status string) url.Values {
	form := url.Values{
		"AccountSid":    {m.AccountSID},
		"ApiVersion":    {m.APIVersion},
		"MessageSid":    {m.SID},
		"MessageStatus": {status},
		"SmsSid":        {m.SID},
		"SmsStatus":     {status},
		"To":            {m.To},
	}
	if status == "delivered" { // the carrier's time: YYMMDDhhmm, of no zone
		form.Set("RawDlrDoneDate", time.Now().UTC().Format("0601021504"))
	}
	if m.From != nil {
		form.Set("From", *m.From)
	}
	if m.MessagingServiceSID != nil {
		form.Set("MessagingServiceSid", *m.MessagingServiceSID)
	}
	return form
}
