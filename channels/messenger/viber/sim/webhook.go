package sim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// callbackTries is how often a callback is made that isn't taken.
const callbackTries = 5

// webhook is the body of set_webhook, and where callbacks go from then on.
type webhook struct {
	URL        string   `json:"url"`
	EventTypes []string `json:"event_types"` // none means all
	SendName   bool     `json:"send_name"`
	SendPhoto  bool     `json:"send_photo"`
}

// callback is one event as it is posted to the webhook.
type callback struct {
	Event        string `json:"event"`
	Timestamp    int64  `json:"timestamp"` // milliseconds since 1970
	MessageToken uint64 `json:"message_token"`
	UserID       string `json:"user_id,omitempty"`
}

// setWebhook takes a webhook that answers the event "webhook" with a 2xx. An empty URL removes it.
func (s *server) setWebhook(w http.ResponseWriter, r *http.Request, body []byte) {
	var hook webhook
	if !decode(body, &hook) {
		fail(w, badData)
		return
	}
	if hook.URL == "" {
		s.webhook.Store(nil)
		write(w, hooked{reply: reply{ok, ok.String()}})
		return
	}
	if !mayCall(hook.URL) || !s.answers(r.Context(), &hook) {
		fail(w, invalidURL)
		return
	}
	s.webhook.Store(&hook)
	write(w, hooked{reply{ok, ok.String()}, hook.EventTypes})
}

// answers tests a webhook.
func (s *server) answers(ctx context.Context, hook *webhook) bool {
	code := s.post(ctx, hook, 1, callback{Event: "webhook", MessageToken: s.tokens.Add(1)})
	return code >= 200 && code <= 299
}

// mayCall reports whether a webhook is called at all: see the package's comment.
func mayCall(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && ownHost(u.Hostname()))
}

func ownHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	return !strings.Contains(host, ".")
}

// reporter returns what reports on one message to the webhook that is set when it has something to
// report. There is no event for a message that has only left.
func (s *server) reporter(token uint64, user string) func(context.Context, string) {
	return func(ctx context.Context, state string) {
		event := map[string]string{"delivered": "delivered", "read": "seen"}[state]
		hook := s.webhook.Load()
		if event == "" || hook == nil || (len(hook.EventTypes) > 0 && !slices.Contains(hook.EventTypes, event)) {
			return
		}
		s.post(ctx, hook, callbackTries, callback{Event: event, MessageToken: token, UserID: user})
	}
}

// post makes a signed callback, and returns the status with which it was answered, 0 for none.
func (s *server) post(ctx context.Context, hook *webhook, tries int, c callback) int {
	c.Timestamp = time.Now().UnixMilli()
	body, err := json.Marshal(c)
	if err != nil {
		return 0
	}
	return s.desk.Call(ctx, tries, func() (*http.Request, error) {
		req, err := http.NewRequest(http.MethodPost, hook.URL, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Viber-Content-Signature", sign(body))
		return req, nil
	})
}

// sign returns the signature of a callback's body.
func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(Token))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
