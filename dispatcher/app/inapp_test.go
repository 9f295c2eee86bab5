package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/web/inapp"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/inbox"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

const (
	appKey    = "0123456789abcdef0123456789abcdef"
	appSecret = "fedcba9876543210fedcba9876543210"
)

// newInbox runs the real inbox.
func newInbox(t *testing.T) (url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	box, err := inbox.New(t.Context(), inbox.Options{Path: filepath.Join(t.TempDir(), "inbox.db"), Key: appKey, Secret: appSecret, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	front := httptest.NewServer(box)
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopping the inbox: %v", err)
		}
		front.Close()
		client.CloseIdleConnections()
		if err := box.Close(); err != nil {
			t.Errorf("closing the inbox: %v", err)
		}
	})
	return front.URL
}

// opened opens a customer's app, and returns the titles of what it shows.
func opened(t *testing.T, url, customer string) (titles []string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/inbox", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+inbox.Token(channels.Secret(appSecret), customer, time.Now().Add(time.Hour)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body struct{ Notices []struct{ Title string } }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	for _, n := range body.Notices {
		titles = append(titles, n.Title)
	}
	return titles
}

// TestNoticeInTheApp: who looks into the app is told there, and who doesn't is told by SMS. Recalled, the notice is
// gone for both, the SMS stays.
func TestNoticeInTheApp(t *testing.T) {
	url := newInbox(t)
	w := newTownOf(t, clock.Clock{}, append(specs(), inapp.Spec()), func(cfg map[string]any) {
		cfg["channels"].(map[string]any)["inapp"] = map[string]any{
			"provider": "inbox", "wait": "3s", "settings": map[string]any{"base_url": url, "key": appKey},
		}
	})
	w.customers(customer("looks", "inapp", "+37369000010", "app-looks"), customer("sleeps", "inapp", "+37369000020", "app-sleeps"))
	w.publish(incident.Investigating, 1, nil)
	for deadline := time.Now().Add(time.Minute); len(opened(t, url, "app-looks")) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no notice comes into the app")
		}
		select {
		case <-time.After(250 * time.Millisecond): // below the inbox's limit for one customer
		case <-t.Context().Done():
		}
	}
	r := w.report(1).Updates[0]
	if r.Balance.Reached != 2 || r.ReachedByFallback != 1 {
		t.Errorf("balance %+v with %d by fallback, want both reached, one by SMS", r.Balance, r.ReachedByFallback)
	}
	if got := w.witness("twilio", "+37369000010"); got.Accepted != 0 {
		t.Errorf("who was told in the app gets an SMS too: %+v", got)
	}
	if got := w.witness("twilio", "+37369000020"); got.Accepted != 1 {
		t.Errorf("who doesn't look gets %+v, want one SMS", got)
	}
	w.recall(0, 2)
	for _, customer := range []string{"app-looks", "app-sleeps"} {
		if titles := opened(t, url, customer); len(titles) > 0 {
			t.Errorf("%s still shows %q", customer, titles)
		}
	}
}
