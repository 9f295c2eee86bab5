// Package sim is what the simulators of Meta's products share: the doorway of the Graph API, its
// errors, and webhooks with their handshake and signature.
//
// It follows https://developers.facebook.com/docs/graph-api/guides/secure-requests,
// https://developers.facebook.com/docs/graph-api/guides/error-handling and
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started, and was written from them,
// not from the adapters. Beyond the original it is strict: a field or parameter that it doesn't know is
// refused, not ignored. Other than the original it calls webhooks over plain http, too.
package sim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// App is the one app that exists.
type App struct {
	Desk   *sandbox.Desk
	ID     string
	Secret string
	// Busy answers a call that comes too fast.
	Busy func(http.ResponseWriter)
}

var version = regexp.MustCompile(`^/v[0-9]+\.[0-9]/`)

// Admit reads a call whole, lets the desk say how the provider is, and returns the path without its
// version, and the body. It answers, and returns false, where there is nothing more to be done.
func (a *App) Admit(w http.ResponseWriter, r *http.Request) (path string, body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	prefix := version.FindString(r.URL.Path)
	if err != nil || prefix == "" {
		Fail(w, http.StatusBadRequest, 2500, 0, "Unknown path components: "+r.URL.Path)
		return "", nil, false
	}
	switch a.Desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		Fail(w, http.StatusServiceUnavailable, 2, 0, "Service temporarily unavailable")
		return "", nil, false
	case sandbox.RateLimited:
		a.Busy(w)
		return "", nil, false
	}
	return strings.TrimPrefix(r.URL.Path, prefix), body, true
}

// Knows reports whether a call carries a token, and a proof of the app's secret that fits it; else it
// answers.
func (a *App) Knows(w http.ResponseWriter, r *http.Request, token string) bool {
	given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found || given != token {
		Fail(w, http.StatusUnauthorized, 190, 0, "Invalid OAuth access token - Cannot parse access token")
		return false
	}
	if r.URL.Query().Get("appsecret_proof") != a.sign([]byte(token)) {
		Fail(w, http.StatusBadRequest, 100, 0, "Invalid appsecret_proof provided in the API argument")
		return false
	}
	return true
}

// Decode reads one JSON object with no fields but v's; else it answers.
func Decode(w http.ResponseWriter, r *http.Request, body []byte, v any) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if r.Header.Get("Content-Type") != "application/json" || dec.Decode(v) != nil || dec.More() {
		Fail(w, http.StatusBadRequest, 100, 0, "Invalid parameter")
		return false
	}
	return true
}

// Fail answers with an error of the Graph API.
func Fail(w http.ResponseWriter, status, code, subcode int, text string) {
	problem := map[string]any{"message": text, "type": "OAuthException", "code": code, "fbtrace_id": "A1b2C3d4E5f6"}
	if subcode != 0 {
		problem["error_subcode"] = subcode
	}
	Write(w, status, map[string]any{"error": problem})
}

// Write answers with v as JSON, on its way at once: before the first status may be.
func Write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
	_ = http.NewResponseController(w).Flush()
}

// Handshake tests a webhook: it has to answer with the challenge.
func (a *App) Handshake(ctx context.Context, hook, token string) bool {
	u, err := url.Parse(hook)
	if err != nil || u.Host == "" || token == "" {
		return false
	}
	challenge := rand.Text()
	q := u.Query()
	q.Set("hub.mode", "subscribe")
	q.Set("hub.challenge", challenge)
	q.Set("hub.verify_token", token)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return err == nil && resp.StatusCode == http.StatusOK && string(body) == challenge
}

// callTries is how often a webhook is called that isn't answered with 200; the original goes on for
// days.
const callTries = 5

// Tell calls a webhook with v, signed.
func (a *App) Tell(ctx context.Context, hook string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		return
	}
	a.Desk.Call(ctx, callTries, func() (*http.Request, error) {
		req, err := http.NewRequest(http.MethodPost, hook, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "facebookexternalua")
		req.Header.Set("X-Hub-Signature-256", "sha256="+a.sign(body))
		return req, nil
	})
}

// sign is the HMAC-SHA256 of b under the app's secret, in hex.
func (a *App) sign(b []byte) string {
	mac := hmac.New(sha256.New, []byte(a.Secret))
	mac.Write(b)
	return hex.EncodeToString(mac.Sum(nil))
}
