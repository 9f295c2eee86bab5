package twilio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/tocsin-dev/tocsin/channels"
)

// call carries out one request of the SDK's. The SDK's own client has no context, no base URL and
// few connections, and loses Retry-After and every error that isn't JSON; so each call gets a client
// of its own that has them. It is a value of two words and lives as long as the call, which is why it
// may hold a context.
type call struct {
	ctx     context.Context
	account *Account
}

var _ client.BaseClient = call{}

// Service is the SDK's API for one call, or several under the same context.
func (a *Account) Service(ctx context.Context) *api.ApiService {
	return api.NewApiServiceWithClient(call{ctx, a})
}

// SendRequest sends a request to the path of rawURL at the configured base URL. An answer outside of
// 2xx is an error, and every error is a *channels.Error.
func (c call) SendRequest(method, rawURL string, data url.Values, headers map[string]any, body ...byte) (*http.Response, error) {
	req, err := c.request(method, rawURL, data, headers, body)
	if err != nil {
		return nil, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	status, header, answer, err := channels.Exchange(c.account.http, req)
	if err != nil {
		return nil, err
	}
	if status < 200 || status > 299 {
		return nil, refusal(status, header, answer, time.Now())
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(answer))}, nil
}

func (c call) request(method, rawURL string, data url.Values, headers map[string]any, body []byte) (*http.Request, error) {
	target := c.account.BaseURL + pathOf(rawURL)
	if method == http.MethodGet && len(data) > 0 {
		target += "?" + data.Encode()
	}
	var payload io.Reader
	switch {
	case len(body) > 0:
		payload = bytes.NewReader(body)
	case method == http.MethodPost:
		payload = strings.NewReader(data.Encode())
	}
	req, err := http.NewRequestWithContext(c.ctx, method, target, payload)
	if err != nil {
		return nil, err
	}
	for name, value := range headers {
		req.Header.Set(name, fmt.Sprint(value))
	}
	req.Header.Set("User-Agent", c.account.userAgent)
	req.SetBasicAuth(c.account.AccountSID, c.account.AuthToken.Reveal())
	return req, nil
}

// pathOf drops the scheme and the host, which the SDK takes from its own constants and from the
// environment.
func pathOf(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// AccountSid is put into paths by the SDK.
func (c call) AccountSid() string { return c.account.AccountSID }

// SetTimeout does nothing: the context bounds the call.
func (c call) SetTimeout(time.Duration) {}

// SetOauth does nothing: accounts are reached with their token.
func (c call) SetOauth(client.OAuth) {}

// OAuth returns nil: accounts are reached with their token.
func (c call) OAuth() client.OAuth { return nil }
