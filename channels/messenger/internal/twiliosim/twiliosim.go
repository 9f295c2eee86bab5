// Package twiliosim is the far side of the messengers behind Twilio: it takes messages as Twilio's
// Messages resource does, and reports on them with signed status callbacks.
//
// It was written from Twilio's pages "Messages resource"
// (https://www.twilio.com/docs/messaging/api/message-resource), "Send templates created with the Content
// Template Builder" (https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder),
// "Outbound message status in status callbacks"
// (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks), "Secure
// webhooks" (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the error dictionary
// (https://www.twilio.com/docs/api/errors), without Twilio's SDK. It is strict: a parameter that it
// doesn't know is refused. A recipient who can't be reached is refused in the answer, where the original
// says so in a status.
package twiliosim

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // Twilio signs with HMAC-SHA1
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one account that exists, and its token, which is both password and signing key.
const (
	AccountSID = "AC7f5e1d2c3b4a59687786950413223141"
	AuthToken  = "0a1b2c3d4e5f60718293a4b5c6d7e8f8"
)

// Messenger is one of the messengers behind Twilio.
type Messenger struct {
	// Name stands before numbers and the sender: "whatsapp".
	Name string
	// From is the one sender that there is, without the name.
	From string
	// Templates are the SIDs of the content templates; each has one variable, 1.
	Templates []string
	// Window says that a text is not delivered: its recipient has not written to us.
	Window bool
	// Unreachable is the error code for a recipient who is refused.
	Unreachable int
}

// Handler serves the API.
func (m Messenger) Handler(d *sandbox.Desk) http.Handler {
	p := &provider{Messenger: m, desk: d}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/{sid}/Messages.json", p.admitted(p.create))
	mux.HandleFunc("GET /2010-04-01/Accounts/{sid}", p.admitted(p.account))
	mux.HandleFunc("/", notFound)
	return mux
}

type provider struct {
	Messenger
	desk *sandbox.Desk
}

// admitted reads the request whole, lets the desk say how the provider is, and checks the password.
func (p *provider) admitted(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			fail(w, http.StatusBadRequest, 20001)
			return
		}
		switch p.desk.Gate(r.Context()) {
		case sandbox.Hanging:
			panic(http.ErrAbortHandler)
		case sandbox.Unavailable:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusServiceUnavailable, 20503)
			return
		case sandbox.RateLimited:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusTooManyRequests, 20429)
			return
		}
		if user, password, _ := r.BasicAuth(); user != AccountSID || password != AuthToken {
			fail(w, http.StatusUnauthorized, 20003)
			return
		}
		if sid, _, _ := strings.Cut(r.PathValue("sid"), "."); sid != AccountSID {
			notFound(w, r)
			return
		}
		serve(w, r)
	}
}

func (p *provider) account(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]string{"sid": AccountSID, "friendly_name": "Sandbox", "status": "active", "type": "Full"})
}

func (p *provider) create(w http.ResponseWriter, r *http.Request) {
	text, code := p.check(r.PostForm)
	if code != 0 {
		fail(w, http.StatusBadRequest, code)
		return
	}
	number := strings.TrimPrefix(r.PostForm.Get("To"), p.Name+":")
	fate := p.desk.Take(number, text)
	if fate.Refused {
		fail(w, http.StatusBadRequest, p.Unreachable)
		return
	}
	sid, form := newSID(), r.PostForm
	write(w, http.StatusCreated, answer(sid, form))
	_ = http.NewResponseController(w).Flush() // no callback before the answer is on its way
	if p.Window && !form.Has("ContentSid") {
		p.desk.Follow(number, sandbox.Fate{Lost: true}, func(ctx context.Context, _ string) { p.report(ctx, form, sid, "failed", "63016") })
		return
	}
	p.desk.Follow(number, fate, func(ctx context.Context, state string) { p.report(ctx, form, sid, state, "") })
}

// answer is the Message resource right after its creation.
func answer(sid string, form url.Values) any {
	now := time.Now().UTC().Format(time.RFC1123Z)
	return map[string]any{
		"sid": sid, "account_sid": AccountSID, "api_version": "2010-04-01", "status": "queued", "direction": "outbound-api",
		"to": form.Get("To"), "from": form.Get("From"), "body": form.Get("Body"),
		"date_created": now, "date_updated": now, "date_sent": nil, "error_code": nil, "error_message": nil,
		"num_segments": "1", "num_media": "0", "price": nil, "price_unit": nil, "messaging_service_sid": nil,
		"uri": "/2010-04-01/Accounts/" + AccountSID + "/Messages/" + sid + ".json",
	}
}

// callTries is how often a callback is made while nobody answers it.
const callTries = 3

// report tells a message's status to its callback.
func (p *provider) report(ctx context.Context, sent url.Values, sid, status, code string) {
	callback := sent.Get("StatusCallback")
	if callback == "" {
		return
	}
	form := url.Values{
		"AccountSid": {AccountSID}, "ApiVersion": {"2010-04-01"}, "From": {sent.Get("From")}, "To": {sent.Get("To")},
		"MessageSid": {sid}, "SmsSid": {sid}, "MessageStatus": {status}, "SmsStatus": {status},
		"ChannelPrefix": {p.Name}, "ChannelToAddress": {sent.Get("To")},
	}
	switch {
	case code != "":
		form.Set("ErrorCode", code)
	case status == "delivered", status == "read":
		form.Set("EventType", strings.ToUpper(status))
	}
	body, signature := form.Encode(), Sign(callback, form)
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

// Sign is X-Twilio-Signature: the URL, and each parameter's name and value in the order of names, in
// HMAC-SHA1 under the token, in base64.
func Sign(callback string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(AuthToken))
	_, _ = io.WriteString(mac, callback)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		_, _ = io.WriteString(mac, name+form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func newSID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "SM" + hex.EncodeToString(b[:])
}

func notFound(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, 20404) }

func fail(w http.ResponseWriter, status, code int) {
	more := "https://www.twilio.com/docs/errors/" + strconv.Itoa(code)
	write(w, status, map[string]any{"code": code, "message": "See " + more, "more_info": more, "status": status})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
