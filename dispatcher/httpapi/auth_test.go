package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// TestWhoMayDoWhat asks every route with every kind of caller. What a caller may do is answered with
// anything but 401 and 403.
func TestWhoMayDoWhat(t *testing.T) {
	st := newStage(t)
	cookie := st.login(t, cardsToken)
	type answers struct{ none, session, team, admin int }
	const yes = 0
	open, read := answers{yes, yes, yes, yes}, answers{401, yes, yes, yes}
	change, manage := answers{401, 401, yes, yes}, answers{401, 401, 403, yes}
	manageByGet := answers{401, 403, 403, yes}
	for route, want := range map[string]answers{
		"GET /v1/incidents":                    read,
		"GET /v1/incidents/a/b":                read,
		"GET /v1/incidents/a/b/report":         read,
		"GET /v1/rejections":                   read,
		"POST /v1/updates":                     change,
		"POST /v1/updates/1/approve":           manage,
		"POST /v1/updates/1/refuse":            manage,
		"GET /v1/updates/1":                    read,
		"GET /v1/approvals":                    read,
		"POST /v1/orders":                      manage,
		"GET /v1/orders/x":                     read,
		"POST /v1/customers/import?format=csv": manage,
		"GET /v1/customers/export?format=csv":  manageByGet,
		"GET /v1/customers/count":              manageByGet,
		"GET /v1/customers/c-1":                manageByGet,
		"DELETE /v1/customers/c-1":             manage,
		"GET /v1/schemas/incident-update.json": open,
		"GET /healthz":                         open,
		"GET /readyz":                          open,
		"GET /metrics":                         open,
		"GET /static/x.css":                    open,
		"GET /":                                read,
		"GET /incidents/a/b":                   read,
	} {
		method, path, _ := strings.Cut(route, " ")
		for caller, want := range map[string]int{"": want.none, "session": want.session, cardsToken: want.team, adminToken: want.admin} {
			var resp *http.Response
			if caller == "session" {
				resp, _ = st.ask(t, method, path, "", "", "Cookie", cookie)
			} else {
				resp, _ = st.ask(t, method, path, caller, "")
			}
			got := resp.StatusCode
			if got != 401 && got != 403 {
				got = yes
			}
			if got != want {
				t.Errorf("%s as %q: %d", route, caller, resp.StatusCode)
			}
		}
	}
}

// login returns the cookie of a session.
func (st *stage) login(t testing.TB, token string) string {
	t.Helper()
	resp, _ := st.ask(t, "GET", "/login?token="+token, "", "")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "./" {
		t.Fatalf("login: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	cookie, _, _ := strings.Cut(resp.Header.Get("Set-Cookie"), ";")
	return cookie
}

func TestLogin(t *testing.T) {
	st := newStage(t)
	resp, _ := st.ask(t, "GET", "/login?token="+cardsToken, "", "", "X-Forwarded-Proto", "https")
	set := resp.Header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} {
		if !strings.Contains(set, part) {
			t.Errorf("cookie %q without %s", set, part)
		}
	}
	if strings.Contains(set, cardsToken) {
		t.Error("the cookie holds the token")
	}
	if resp.Header.Get("Referrer-Policy") != "no-referrer" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", resp.Header)
	}
	resp, text := st.ask(t, "GET", "/login?token=wrong", "", "")
	if resp.StatusCode != 401 || !strings.Contains(text, "tocsin dashboard") || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("wrong token: %d %v %s", resp.StatusCode, resp.Header, text)
	}
	cookie := st.login(t, adminToken)
	spoilt := cookie[:len(cookie)-4] + "AAAA"
	for _, bad := range []string{"tocsin_session=", "tocsin_session=x.y.z", spoilt} {
		if resp, _ := st.ask(t, "GET", "/", "", "", "Cookie", bad); resp.StatusCode != 401 {
			t.Errorf("cookie %q: %d", bad, resp.StatusCode)
		}
	}
	if _, text := st.ask(t, "GET", "/incidents/x/y", "", "", "Cookie", cookie); text != "page /incidents/x/y" {
		t.Errorf("page: %q", text)
	}
}

func TestNewRefuses(t *testing.T) {
	st := newStage(t)
	for name, spoil := range map[string]func(*httpapi.Options){
		"public URL without a host": func(o *httpapi.Options) { o.PublicURL = "hooks.example.org" },
		"public URL with a query":   func(o *httpapi.Options) { o.PublicURL = "https://hooks.example.org/?a" },
		"a token without a name":    func(o *httpapi.Options) { o.Tokens[0].Name = "" },
		"a name used twice":         func(o *httpapi.Options) { o.Tokens[1].Name = o.Tokens[0].Name },
		"an empty token":            func(o *httpapi.Options) { o.Tokens[0].Token = "" },
		"a receiver twice":          func(o *httpapi.Options) { o.Receivers = append(o.Receivers, o.Receivers[0]) },
	} {
		st.registry = prometheus.NewRegistry()
		o := st.options(t)
		spoil(&o)
		if _, err := httpapi.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestNoRoute(t *testing.T) {
	st := newStage(t)
	resp, text := st.ask(t, "GET", "/v1/nothing", adminToken, "")
	if resp.StatusCode != 404 {
		t.Errorf("%d", resp.StatusCode)
	}
	problemOf(t, text)
	resp, text = st.ask(t, "PUT", "/v1/customers/c-1", adminToken, "")
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, DELETE" {
		t.Errorf("%d, allowed %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	problemOf(t, text)
}
