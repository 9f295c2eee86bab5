package sim

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// TestDocumentedSignature replays the example of "Secure webhooks".
func TestDocumentedSignature(t *testing.T) {
	form := url.Values{
		"CallSid": {"CA1234567890ABCDE"},
		"Caller":  {"+14158675309"},
		"Digits":  {"1234"},
		"From":    {"+14158675309"},
		"To":      {"+18005551212"},
	}
	const want = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
	if got := Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form); got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

// TestAccount: what isn't of this account, or not with its password, is refused.
func TestAccount(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	d := sandbox.NewDesk(ctx, "twilio", sandbox.Conduct{})
	t.Cleanup(func() { cancel(); d.Wait() })
	mux := http.NewServeMux()
	Serve(mux, d)
	mux.HandleFunc("GET /2010-04-01/Accounts/{sid}/Things.json", Admitted(d, func(w http.ResponseWriter, _ *http.Request) { JSON(w, 200, 1) }))
	for _, tt := range []struct {
		path, password string
		status         int
	}{
		{Path + ".json", Token, http.StatusOK},
		{Path + ".json", "x", http.StatusUnauthorized},
		{"/2010-04-01/Accounts/AC1.json", Token, http.StatusNotFound},
		{Path + "/Things.json", Token, http.StatusOK},
		{Path + "/Things.json", "", http.StatusUnauthorized},
		{"/2010-04-01/Accounts/AC1/Things.json", Token, http.StatusNotFound},
		{"/", Token, http.StatusNotFound},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		r.SetBasicAuth(SID, tt.password)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s with %q: %d, want %d", tt.path, tt.password, w.Code, tt.status)
		}
	}
}

func TestNumbersAndURLs(t *testing.T) {
	for s, want := range map[string]bool{"+15558675310": true, "15558675310": false, "+0555867531": false, "+373 69": false, "+1555": false} {
		if IsE164(s) != want {
			t.Errorf("IsE164(%s) = %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"https://a.example/x": true, "/x": false, "https://a_b.example/x": false, "ftp://a": false} {
		if IsCallback(s) != want {
			t.Errorf("IsCallback(%s) = %v", s, !want)
		}
	}
	ids := NewIDs("SM")
	if a, b := ids.Next(), ids.Next(); a == b || len(a) != 34 {
		t.Errorf("ids %s, %s", a, b)
	}
}
