package sim

import (
	"net/http"
	"slices"
)

// remove deletes an account's post.
func (s *server) remove(w http.ResponseWriter, r *http.Request, account, id string, body []byte) {
	if r.URL.RawQuery != "" || len(body) > 0 {
		refuse(w, http.StatusBadRequest, "invalid-request", "One or more parameters to your request was invalid.")
		return
	}
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	i := slices.IndexFunc(s.posts.all, func(t tweet) bool { return t.id == id })
	if i >= 0 && s.posts.all[i].user != userID(account) {
		refuse(w, http.StatusForbidden, "", "You are not permitted to delete this Tweet.")
		return
	}
	if i >= 0 {
		s.posts.all = slices.Delete(s.posts.all, i, i+1)
		s.desk.Recall(account)
	}
	write(w, http.StatusOK, map[string]any{"data": map[string]bool{"deleted": i >= 0}})
}
