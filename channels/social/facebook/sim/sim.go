// Package sim is the far side of the Facebook adapter: as much of the Graph API as a Page needs that only
// posts text. It follows https://developers.facebook.com/docs/graph-api/reference/page/feed,
// https://developers.facebook.com/docs/pages-api/posts,
// https://developers.facebook.com/docs/graph-api/results (paging),
// https://developers.facebook.com/docs/graph-api/guides/secure-requests (appsecret_proof), …/error-handling
// and https://developers.facebook.com/docs/graph-api/overview/rate-limiting.
//
// It is stricter than the original in two things: a call must carry the proof of the app's secret, and
// parameters that a request doesn't have are refused. Like the original it refuses a text that the Page
// has posted, and says of a post that was deleted that it doesn't exist or may not be seen.
package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The Pages of one organisation, and its app's secret. Any other id is somebody's Page too.
const (
	Page      = "101234567890123"
	PageEN    = "101234567890124"
	PageRU    = "101234567890125"
	AppSecret = "614fc2afde15eee07a26b2fe3eaee9b9"
	token     = "EAAGm0PX4ZCpsBAKZC"
)

// Token is a Page's access token.
func Token(page string) string { return token + page }

// version is the one that this Graph API has.
const version = "/v25.0/"

// Simulator describes the simulated Graph API.
func Simulator() sandbox.Simulator {
	pages := []string{Page, PageEN, PageRU}
	accounts := map[string]string{}
	for _, p := range pages {
		accounts[p] = Token(p)
	}
	return sandbox.Simulator{
		Provider: "facebook", HTTP: newServer, Accounts: pages,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "app_secret": AppSecret, "accounts": accounts}
		},
	}
}

type server struct {
	desk *sandbox.Desk
	mu   sync.Mutex
	all  []post // oldest first
	made int    // how many there were ever
}

func newServer(d *sandbox.Desk) http.Handler { return &server{desk: d} }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, 1, 0, "Please reduce the amount of data you're asking for")
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		refuse(w, http.StatusServiceUnavailable, 2, 0, "Service temporarily unavailable")
	case sandbox.RateLimited: // with status 400, and a header that says for how many minutes
		w.Header().Set("X-Business-Use-Case-Usage",
			`{"`+Page+`":[{"type":"pages","call_count":100,"total_cputime":25,"total_time":25,"estimated_time_to_regain_access":1}]}`)
		refuse(w, http.StatusBadRequest, 80001, 0, "There have been too many calls to this Page account")
	default:
		s.route(w, r, body)
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	params := r.URL.Query()
	if r.Method == http.MethodPost {
		params, _ = url.ParseQuery(string(body))
	}
	page, known := strings.CutPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), token)
	path, versioned := strings.CutPrefix(r.URL.Path, version)
	node, edge, _ := strings.Cut(path, "/")
	owner, _, _ := strings.Cut(node, "_")
	switch {
	case !known || page == "":
		refuse(w, http.StatusUnauthorized, 190, 0, "Invalid OAuth access token - Cannot parse access token")
	case params.Get("appsecret_proof") != proof(token+page):
		refuse(w, http.StatusUnauthorized, 190, 0, "Invalid appsecret_proof provided in the API argument")
	case !versioned || node == "":
		refuse(w, http.StatusBadRequest, 2500, 0, "Unknown path components")
	case owner != page:
		refuse(w, http.StatusForbidden, 200, 0, "(#200) The permission(s) pages_manage_posts are not available")
	case r.Method == http.MethodPost && edge == "feed":
		s.publish(w, page, params)
	case r.Method == http.MethodGet && edge == "posts":
		s.list(w, page, params)
	case r.Method == http.MethodGet && edge == "":
		s.read(w, node, params)
	case r.Method == http.MethodDelete && edge == "" && node != page:
		s.remove(w, page, node, params)
	default:
		refuse(w, http.StatusBadRequest, 2500, 0, "Unknown path components: /"+edge)
	}
}

func proof(token string) string {
	mac := hmac.New(sha256.New, []byte(AppSecret))
	_, _ = mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

func refuse(w http.ResponseWriter, status, code, subcode int, message string) {
	e := map[string]any{"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "EJplcsCHuLu"}
	if subcode != 0 {
		e["error_subcode"] = subcode
	}
	write(w, status, map[string]any{"error": e})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
