package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// kept is a post with whose it is, and what was written.
type kept struct {
	status
	account, text string
}

func (s *server) keep(p kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts = append(s.posts, p)
}

func (s *server) find(id string) (kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.posts) - 1; i >= 0; i-- { // mostly one of the last is asked for
		if s.posts[i].ID == id {
			return s.posts[i], true
		}
	}
	return kept{}, false
}

func (s *server) has(id string) bool {
	_, there := s.find(id)
	return there
}

// list gives an account's posts, newest first, of which a page has 40 at most.
func (s *server) list(w http.ResponseWriter, r *http.Request, account string) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	for name := range q {
		if name != "limit" && name != "exclude_reblogs" && name != "max_id" || err != nil {
			refuse(w, http.StatusUnprocessableEntity, "the sandbox has no such parameter")
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := []status{} // an empty list is one
	for _, p := range slices.Backward(s.posts) {
		if p.account == account && (q.Get("max_id") == "" || p.ID < q.Get("max_id")) && len(page) < min(limit, 40) {
			page = append(page, p.status)
		}
	}
	write(w, http.StatusOK, page)
}

// show gives a post, or what its author wrote.
func (s *server) show(w http.ResponseWriter, account, path string) {
	id, source := strings.CutSuffix(path, "/source")
	p, ok := s.find(id)
	switch {
	case !ok, source && p.account != account:
		refuse(w, http.StatusNotFound, notFound)
	case source:
		write(w, http.StatusOK, map[string]string{"id": id, "text": p.text, "spoiler_text": ""})
	default:
		write(w, http.StatusOK, p.status)
	}
}
