package sim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// An account may ask for so many deletions in so long a time, whatever becomes of them.
const (
	maxDeletions    = 30
	deletionsPeriod = 30 * time.Minute
)

// deletions are those that an account has asked for since a time. (An instance's periods begin by the clock,
// a simulated one's with the first deletion.)
type deletions struct {
	since time.Time
	n     int
}

// removed is a post that is answered when it was deleted: with its source, without what it became.
type removed struct {
	status
	Content string `json:"content,omitempty"`
	Text    string `json:"text"`
}

// remove deletes an account's post. One of another's account isn't found.
func (s *server) remove(w http.ResponseWriter, r *http.Request, account string, body []byte) {
	if !s.mayDelete(w, account) {
		refuse(w, http.StatusTooManyRequests, tooFast)
		return
	}
	q := r.URL.Query()
	media := q.Get("delete_media")
	q.Del("delete_media")
	if len(q) > 0 || len(body) > 0 || !slices.Contains([]string{"", "true", "false"}, media) {
		refuse(w, http.StatusUnprocessableEntity, "the sandbox has no such parameter")
		return
	}
	p, ok := s.take(account, strings.TrimPrefix(r.URL.Path, "/api/v1/statuses/"))
	if !ok {
		refuse(w, http.StatusNotFound, notFound)
		return
	}
	s.desk.Recall(account)
	write(w, http.StatusOK, removed{status: p.status, Text: p.text})
}

// take takes an account's post out of all posts.
func (s *server) take(account, id string) (kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.posts, func(p kept) bool { return p.ID == id && p.account == account })
	if i < 0 {
		return kept{}, false
	}
	p := s.posts[i]
	s.posts = slices.Delete(s.posts, i, i+1)
	return p, true
}

// mayDelete counts a deletion, and says in the answer's header how many are left.
func (s *server) mayDelete(w http.ResponseWriter, account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(time.Duration(s.desk.Conduct().Clock))
	d := s.deletions[account]
	if d == nil || now.Sub(d.since) >= deletionsPeriod {
		d = &deletions{since: now}
		s.deletions[account] = d
	}
	d.n++
	setLimit(w, maxDeletions, max(maxDeletions-d.n, 0), d.since.Add(deletionsPeriod))
	return d.n <= maxDeletions
}
