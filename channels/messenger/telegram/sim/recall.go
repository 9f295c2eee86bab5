package sim

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strings"
	"sync"
	"time"
)

// deletable is how old a message may be to be deleted.
const deletable = 48 * time.Hour

// memory is what is remembered of the messages taken: eight bytes of each, since in benchmarks a million
// come.
type memory struct {
	mu    sync.Mutex
	byID  []trace // from 1
	clock func() time.Time
}

// trace is a message: a hash of its chat, and when it came, in seconds since 1970. The zero trace is that
// of one which was deleted.
type trace struct{ chat, at uint32 }

func traceOf(chat string, at time.Time) trace {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(chat))) // names are the same in any case
	return trace{h.Sum32(), uint32(at.Unix())}
}

// add remembers a message, and returns its id and time.
func (m *memory) add(chat string) (id int64, at time.Time) {
	at = m.clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID = append(m.byID, traceOf(chat, at))
	return int64(len(m.byID)), at
}

// has reports whether there is such a message in the chat.
func (m *memory) has(chat string, id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(chat, id) != nil
}

func (m *memory) find(chat string, id int64) *trace {
	if id < 1 || id > int64(len(m.byID)) {
		return nil
	}
	if t := &m.byID[id-1]; t.at != 0 && t.chat == traceOf(chat, time.Time{}).chat {
		return t
	}
	return nil
}

// remove deletes a message, or says what is wrong with that.
func (m *memory) remove(chat string, id int64) (problem string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.find(chat, id)
	switch {
	case t == nil:
		return "message to delete not found"
	case m.clock().Sub(time.Unix(int64(t.at), 0)) >= deletable:
		return "message can't be deleted for everyone"
	}
	*t = trace{}
	return ""
}

// deletion is every field of deleteMessage (https://core.telegram.org/bots/api#deletemessage).
type deletion struct {
	ChatID    json.RawMessage `json:"chat_id"`
	MessageID int64           `json:"message_id"`
}

func (s *server) deleteMessage(w http.ResponseWriter, r *http.Request, body []byte) {
	var d deletion
	if !decode(r, body, &d) {
		refuse(w, http.StatusBadRequest, "Bad Request: want a JSON object with fields of deleteMessage only", nil)
		return
	}
	chat := plain(d.ChatID)
	if chat == MigratedFrom {
		refuseMigrated(w)
		return
	}
	problem := d.check(chat)
	if problem == "" {
		problem = s.taken.remove(chat, d.MessageID)
	}
	if problem != "" {
		refuse(w, http.StatusBadRequest, "Bad Request: "+problem, nil)
		return
	}
	s.desk.Recall(chat)
	answer(w, true)
}

// check says what the API would find wrong before it looks for the message, "" if nothing.
func (d deletion) check(chat string) string {
	switch {
	case chat == "":
		return "chat identifier is not specified"
	case d.MessageID <= 0:
		return "message identifier is not specified"
	}
	return checkChat(chat)
}
