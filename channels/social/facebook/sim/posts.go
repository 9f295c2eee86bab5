package sim

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

type post struct {
	page, id, message string
	at                time.Time
}

// only reports whether there are no other parameters than those named, and answers if there are.
func only(w http.ResponseWriter, params url.Values, names ...string) bool {
	for name := range params {
		if name != "appsecret_proof" && !slices.Contains(names, name) {
			refuse(w, http.StatusBadRequest, 100, 0, "(#100) there is no parameter "+name)
			return false
		}
	}
	return true
}

func (s *server) publish(w http.ResponseWriter, page string, params url.Values) {
	if !only(w, params, "message", "link", "published", "scheduled_publish_time", "targeting", "feed_targeting", "backdated_time") {
		return
	}
	message := params.Get("message")
	if strings.TrimSpace(message) == "" || utf8.RuneCountInString(message) > 63206 || params.Has("scheduled_publish_time") {
		refuse(w, http.StatusBadRequest, 100, 0, "(#100) Missing message or attachment")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.all, func(p post) bool { return p.page == page && p.message == message }) {
		refuse(w, http.StatusBadRequest, 506, 0, "Duplicate status message")
		return
	}
	if s.desk.Fate(page).Dropped {
		panic(http.ErrAbortHandler)
	}
	fate := s.desk.Take(page, message)
	if fate.Refused { // a Page has no address that could be wrong: the post is
		refuse(w, http.StatusBadRequest, 100, 1349125, "(#100) Invalid parameter")
		return
	}
	s.made++
	id := page + "_" + strconv.Itoa(122093456788+s.made)
	s.all = append(s.all, post{page, id, message, time.Now()})
	s.desk.Follow(page, fate, nil)
	if fate.Unanswered {
		panic(http.ErrAbortHandler)
	}
	write(w, http.StatusOK, map[string]string{"id": id})
}

// list gives a Page's posts, newest first. Only the last page of them has no next.
func (s *server) list(w http.ResponseWriter, page string, params url.Values) {
	if !only(w, params, "fields", "limit", "since", "until", "after", "before") {
		return
	}
	limit, err := strconv.Atoi(params.Get("limit"))
	since, notTime := strconv.ParseInt(cmp.Or(params.Get("since"), "0"), 10, 64)
	fields := params.Get("fields")
	if err != nil || limit < 1 || limit > 100 || notTime != nil || fields != "id,message" && fields != "id" {
		refuse(w, http.StatusBadRequest, 100, 0, "(#100) Invalid parameter")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []map[string]string{} // an empty list is one
	after := params.Get("after")   // ids of a Page's posts are of one length, so that their order is that of time
	paging := map[string]any{}
	for _, p := range slices.Backward(s.all) {
		if p.page != page || p.at.Unix() < since || after != "" && "c-"+p.id >= after {
			continue
		}
		if len(found) == limit {
			paging["next"] = "https://graph.facebook.com" + version + page + "/posts?after=…"
			break
		}
		one := map[string]string{"id": p.id}
		if fields != "id" {
			one["message"] = p.message
		}
		found = append(found, one)
		paging["cursors"] = map[string]string{"before": "c-" + found[0]["id"], "after": "c-" + p.id}
	}
	write(w, http.StatusOK, map[string]any{"data": found, "paging": paging})
}

// read gives the id of a Page or of a post.
func (s *server) read(w http.ResponseWriter, node string, params url.Values) {
	if !only(w, params, "fields") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(node, "_") && !slices.ContainsFunc(s.all, func(p post) bool { return p.id == node }) {
		refuseUnseen(w, "get")
		return
	}
	write(w, http.StatusOK, map[string]string{"id": node})
}

// remove deletes a post. Its text can be posted again.
func (s *server) remove(w http.ResponseWriter, page, node string, params url.Values) {
	if !only(w, params) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(p post) bool { return p.id == node })
	if i < 0 {
		refuseUnseen(w, "delete")
		return
	}
	s.all = slices.Delete(s.all, i, i+1)
	s.desk.Recall(page)
	write(w, http.StatusOK, map[string]bool{"success": true})
}

// refuseUnseen is the answer to what is done with an object that isn't there, or that the token may not see.
func refuseUnseen(w http.ResponseWriter, method string) {
	refuse(w, http.StatusBadRequest, 100, 33, "Unsupported "+method+" request. Object with that ID does not exist, "+
		"cannot be loaded due to missing permissions, or does not support this operation")
}
