package httpapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func TestChallenge(t *testing.T) {
	st := newStage(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, tt := range []struct {
		name, url string
		key       string
		status    int
		err       error
	}{
		// The stage's parser takes an empty body for one in which nothing is said.
		{"takes what is not signed", st.URL + hook, "key", 200, httpapi.ErrUnsignedTaken},
		{"no such webhook", st.URL + "/v1/receipts/sms/other", "key", 404, httpapi.ErrNotUs},
		{"another installation", st.URL + hook, "another", 200, httpapi.ErrNotUs},
		{"another server", other.URL + hook, "key", 404, httpapi.ErrNotUs},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, err := httpapi.Challenge(t.Context(), st.Client(), tt.url, notification.NewSigner([]byte(tt.key)))
			if status != tt.status || !errors.Is(err, tt.err) {
				t.Errorf("status %d, error %v; want %d, %v", status, err, tt.status, tt.err)
			}
		})
	}
	if status, err := httpapi.Challenge(t.Context(), st.Client(), gone.URL, st.signer); status != 0 || err == nil || errors.Is(err, httpapi.ErrNotUs) {
		t.Errorf("nobody there: status %d, error %v", status, err)
	}
}

// TestChallengeOfASigningProvider: the call is refused as any other would be, but not counted as forged.
func TestChallengeOfASigningProvider(t *testing.T) {
	st := newStage(t)
	st.parser.demand(true)
	if status, err := httpapi.Challenge(t.Context(), st.Client(), st.URL+hook, st.signer); status != 403 || err != nil {
		t.Errorf("status %d, error %v; want 403, nil", status, err)
	}
	if n := testutil.CollectAndCount(st.registry, "tocsin_http_receipts_total"); n != 0 {
		t.Errorf("the call was counted: %d results", n)
	}
	resp, text := st.ask(t, "POST", hook, "", "")
	if resp.StatusCode != 403 || resp.Header.Get("Tocsin-Answer") != "" {
		t.Errorf("without a challenge: status %d, header %v: %s", resp.StatusCode, resp.Header, text)
	}
}
