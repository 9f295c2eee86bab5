package sim

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"unique"
)

// firstID is below the ids of all messages.
const firstID = 1_000_000_000_000_000_000

// place is where a message stands: a webhook's id, and the thread's, "" in the channel itself.
type place struct{ webhook, thread string }

func placeOf(webhook string, r *http.Request) place {
	return place{webhook, r.URL.Query().Get("thread_id")}
}

// memory is what is remembered of messages: their places, which many of them share.
type memory struct {
	mu   sync.Mutex
	byID []unique.Handle[place] // from firstID+1; the zero handle once it is deleted
}

// add remembers a message, and returns its id.
func (m *memory) add(at place) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID = append(m.byID, unique.Make(at))
	return strconv.FormatInt(firstID+int64(len(m.byID)), 10)
}

// remove deletes a message, and reports whether it was at that place.
func (m *memory) remove(at place, id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := id - firstID - 1
	if n < 0 || n >= int64(len(m.byID)) || m.byID[n] != unique.Make(at) {
		return false
	}
	m.byID[n] = unique.Handle[place]{}
	return true
}

// method is that for a webhook, or for what is below it.
func method(below bool) string {
	if below {
		return http.MethodDelete
	}
	return http.MethodPost
}

// deleteMessage takes https://discord.com/developers/docs/resources/webhook#delete-webhook-message. A message
// in a thread is found with the thread's id only.
func (s *server) deleteMessage(w http.ResponseWriter, r *http.Request, webhook, message string) {
	id, err := strconv.ParseInt(message, 10, 64)
	switch {
	case err != nil || !onlyThread(r.URL.Query()):
		answer(w, http.StatusBadRequest, problem{Message: "Invalid Form Body", Code: 50035})
	case s.desk.Fate(webhook).Refused:
		answer(w, http.StatusNotFound, problem{Message: "Unknown Webhook", Code: 10015})
	case !s.messages.remove(placeOf(webhook, r), id):
		answer(w, http.StatusNotFound, problem{Message: "Unknown Message", Code: 10008})
	default:
		s.desk.Recall(webhook)
		w.WriteHeader(http.StatusNoContent)
	}
}

// onlyThread reports whether there is no parameter but a thread.
func onlyThread(query url.Values) bool {
	delete(query, "thread_id")
	return len(query) == 0
}
