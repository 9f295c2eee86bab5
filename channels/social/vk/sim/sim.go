// Package sim is the far side of the VK adapter: as much of VK's API as a community needs that only posts
// text on its wall. It follows https://dev.vk.com/ru/method/wall.post, …/method/wall.delete,
// …/method/groups.getById,
// https://dev.vk.com/ru/api/api-requests and https://dev.vk.com/ru/reference/errors, and
// https://github.com/VKCOM/vk-api-schema for the names of parameters.
//
// It is stricter than the original in one thing: parameters that a method doesn't have are refused. Like
// the original it answers errors with status 200, knows a guid again, and lets only users delete.
package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The communities of one organisation. Any other number is somebody's community too.
const (
	Community   = "123456789"
	CommunityEN = "123456790"
	CommunityRU = "123456791"
	token       = "vk1.a.example-"
	userToken   = "vk1.a.manager-"
)

// Token is a community's own access key, which can post only.
func Token(community string) string { return token + community }

// UserToken is the access key of a user who manages a community.
func UserToken(community string) string { return userToken + community }

// holder returns whose key it is, "" if nobody's.
func holder(key string) (community string, user bool) {
	if c, ok := strings.CutPrefix(key, userToken); ok {
		return c, true
	}
	community, ok := strings.CutPrefix(key, token)
	if !ok {
		return "", false
	}
	return community, false
}

// Simulator describes the simulated VK.
func Simulator() sandbox.Simulator {
	communities := []string{Community, CommunityEN, CommunityRU}
	accounts := map[string]string{}
	for _, c := range communities {
		accounts[c] = UserToken(c)
	}
	return sandbox.Simulator{
		Provider: "vk", HTTP: newServer, Accounts: communities,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "accounts": accounts}
		},
	}
}

type server struct {
	desk *sandbox.Desk
	mu   sync.Mutex
	last int
	// posts are the numbers of posts by community and guid; nothing is forgotten after an hour.
	posts map[string]int
	// walls have the numbers of the posts that are there, by community.
	walls map[string]map[int]struct{}
}

func newServer(d *sandbox.Desk) http.Handler {
	return &server{desk: d, posts: map[string]int{}, walls: map[string]map[int]struct{}{}}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "413 Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		http.Error(w, "503 Service Temporarily Unavailable", http.StatusServiceUnavailable)
	case sandbox.RateLimited:
		refuse(w, 6, "Too many requests per second")
	default:
		s.route(w, r, body)
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	params, err := url.ParseQuery(string(body))
	community, user := holder(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	method, _ := strings.CutPrefix(r.URL.Path, "/method/")
	names, exists := map[string][]string{
		"wall.post": {"owner_id", "friends_only", "from_group", "message", "attachments", "signed", "publish_date", "guid",
			"mark_as_ads", "close_comments", "mute_notifications", "copyright"},
		"wall.delete":    {"owner_id", "post_id"},
		"groups.getById": {"group_ids", "group_id", "fields"},
	}[method]
	switch {
	case community == "":
		refuse(w, 5, "User authorization failed: invalid access_token (4).")
	case !exists:
		refuse(w, 3, "Unknown method passed")
	case err != nil || params.Get("v") != "5.199":
		refuse(w, 8, "Invalid request: v is required")
	case unknown(params, names) != "":
		refuse(w, 100, "One of the parameters specified was missing or invalid: there is no "+unknown(params, names))
	case method == "wall.post":
		s.post(w, community, params)
	case method == "wall.delete" && !user:
		refuse(w, 27, "Group authorization failed: method is unavailable with group auth.")
	case method == "wall.delete":
		s.remove(w, community, params)
	default:
		write(w, map[string]any{"response": map[string]any{"groups": []map[string]any{{"id": community, "name": "sandbox"}}}})
	}
}

func unknown(params url.Values, names []string) string {
	for name := range params {
		if name != "v" && !slices.Contains(names, name) {
			return name
		}
	}
	return ""
}

func (s *server) post(w http.ResponseWriter, community string, params url.Values) {
	message, guid := params.Get("message"), params.Get("guid")
	switch {
	case params.Get("owner_id") != "-"+community:
		refuse(w, 15, "Access denied")
		return
	case params.Get("from_group") != "1", strings.TrimSpace(message) == "", utf8.RuneCountInString(message) > 15895:
		refuse(w, 100, "One of the parameters specified was missing or invalid")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, again := s.posts[community+"/"+guid]; again && guid != "" {
		write(w, map[string]any{"response": map[string]int{"post_id": id}})
		return
	}
	fate := s.desk.Take(community, message)
	if fate.Refused { // a community has no address that could be wrong: the post is
		refuse(w, 222, "Hyperlinks are forbidden")
		return
	}
	s.last++
	s.posts[community+"/"+guid] = s.last
	if s.walls[community] == nil {
		s.walls[community] = map[int]struct{}{}
	}
	s.walls[community][s.last] = struct{}{}
	s.desk.Follow(community, fate, nil)
	write(w, map[string]any{"response": map[string]int{"post_id": s.last}})
}

// remove deletes a post. Its guid remains known.
func (s *server) remove(w http.ResponseWriter, community string, params url.Values) {
	id, err := strconv.Atoi(params.Get("post_id"))
	switch {
	case err != nil || id < 1:
		refuse(w, 100, "One of the parameters specified was missing or invalid: post_id not integer")
		return
	case params.Get("owner_id") != "-"+community:
		refuse(w, 210, "Access to wall's post denied")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.walls[community][id]; !there {
		refuse(w, 104, "Not found")
		return
	}
	delete(s.walls[community], id)
	s.desk.Recall(community)
	write(w, map[string]int{"response": 1})
}

// refuse answers with an error, and with the request's parameters as VK does: texts in them are quoted.
func refuse(w http.ResponseWriter, code int, message string) {
	write(w, map[string]any{"error": map[string]any{
		"error_code": code, "error_msg": message, "request_params": []map[string]string{{"key": "code", "value": strconv.Itoa(code)}},
	}})
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}
