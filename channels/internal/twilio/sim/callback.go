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

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// callTries is how often a callback is made while nobody answers it. Twilio's own number depends on
// the connection overrides in the URL; its default is one more try.
const callTries = 3

// Post makes a signed callback.
func Post(ctx context.Context, d *sandbox.Desk, callback string, form url.Values) {
	body, signature := form.Encode(), Sign(Token, callback, form)
	d.Call(ctx, callTries, func() (*http.Request, error) {
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
func Sign(token, callback string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, callback)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		_, _ = io.WriteString(mac, name)
		_, _ = io.WriteString(mac, form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
