package sim

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio signs with HMAC-SHA1
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// callTries is how often a callback is made while nobody answers it. Twilio's own number depends on
// the connection overrides in the URL; its default is one more try.
const callTries = 3

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
		form := statusForm(m, state)
		body, signature := form.Encode(), sign(AuthToken, callback, form)
		p.desk.Call(ctx, callTries, func() (*http.Request, error) {
			req, err := http.NewRequest(http.MethodPost, callback, strings.NewReader(body))
			if err != nil {
				return nil, err
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
			req.Header.Set("User-Agent", "TwilioProxy/1.1")
			req.Header.Set("X-Twilio-Signature", signature)
			return req, nil
		})
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

// sign is X-Twilio-Signature: the URL, and each parameter's name and value in the order of names, in
// HMAC-SHA1 under the token, in base64.
func sign(token, callback string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, callback)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		_, _ = io.WriteString(mac, name)
		_, _ = io.WriteString(mac, form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
